"""The files that tell the pulses of a session, for each kind of rig: which of them are there.

A function for each list of files, named as jobs have them among their inputs.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from alfvideo.files.errors import Blocked, DataError
from alfvideo.timing import sync

if TYPE_CHECKING:
    # It reads the table of rigs, which has these functions.
    from alfvideo.session.description import Camera, Session


def sync_arrays(session: "Session", camera: "Camera") -> list[Path]:
    """List times, channels and polarities of the fronts that the DAQ recorded.

    Old sessions have them in the folders of the probes instead of the sync collection.

    Raises
    ------
    Blocked
        If they are not there, or not all three.
    """
    name = f"_{session.namespace}_sync"
    found = session.find(session.sync_collection, f"{name}.*.npy")
    if {"times", "channels", "polarities"} <= {file.name.split(".")[1] for file in found}:
        return found
    # `sync.find` looks into these folders, so the session has seen them, too.
    for name_inside, entry in session.listing(session.sync_collection).items():
        if entry.is_dir():
            session.listing(f"{session.sync_collection}/{name_inside}")
    try:
        folder = sync.find(session.path, session.sync_collection, session.namespace)
    except DataError:
        raise Blocked(
            f"sync missing: {session.sync_collection} has no {name}.times.npy, .channels.npy and "
            ".polarities.npy; extract the sync pulses first"
        ) from None
    return sync.files(folder, session.namespace)


def wiring(session: "Session", camera: "Camera") -> list[Path]:
    """List the files that say which device is on which DAQ channel, as far as they are there."""
    folder = sync_arrays(session, camera)[0].parent.relative_to(session.path).as_posix()
    return session.find(folder, "*.wiring*.json", "*.meta", "*.meta.json")


def task_data(session: "Session", camera: "Camera") -> list[Path]:
    """List the Bpod's record of the trials and its settings.

    Raises
    ------
    Blocked
        If there is no record of the trials.
    """
    names = ("_iblrig_taskData.raw*", "_iblrig_taskSettings.raw*")
    found = session.find(session.task_collection, *names)
    if not any(".raw" in file.name and "taskData" in file.name for file in found):
        raise Blocked(f"sync missing: {session.task_collection}/_iblrig_taskData.raw.jsonable")
    return found
