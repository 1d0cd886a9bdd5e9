"""The files that tell the pulses of a session, for each kind of rig: which of them are there.

A function for each list of files, named as jobs have them among their inputs.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from alfvideo.files.errors import Blocked, DataError
from alfvideo.session.folders import is_folder
from alfvideo.timing import decision

if TYPE_CHECKING:
    # It reads the table of rigs, which has these functions.
    from alfvideo.session.cameras import Camera, Session


def sync_arrays(session: "Session", camera: "Camera") -> list[Path]:
    """List times, channels and polarities of the fronts that the DAQ recorded.

    It is those of the sync collection, or of a folder in it on old sessions, which recorded the
    sync with the probes: of the nidq if there is one, else of the probe with the most fronts.

    Raises
    ------
    Blocked
        If they are not there, or not all three.
    """
    top, pattern = session.sync_collection, f"_{session.namespace}_sync.*.npy"
    found = session.find(top, pattern)
    if _has_all(found):
        return found
    folders = (f"{top}/{name}" for name, entry in session.listing(top).items() if is_folder(entry))
    by_folder = {
        folder: found
        for folder in sorted(folders)
        if _has_all(found := session.find(folder, pattern))
    }
    if not by_folder:
        raise Blocked(
            f"sync missing: {top} has no {pattern.replace('*', 'times')}, .channels.npy and "
            ".polarities.npy; extract the sync pulses first"
        )
    return max(
        by_folder.values(), key=lambda found: (_beside_nidq(session, found), _size(session, found))
    )


def _has_all(files: list[Path]) -> bool:
    return {"times", "channels", "polarities"} <= {file.name.split(".")[1] for file in files}


def _beside_nidq(session: "Session", files: list[Path]) -> bool:
    return any(".nidq" in name for name in session.siblings(files[0]))


def _size(session: "Session", files: list[Path]) -> int:
    """Return the bytes of the times of the fronts."""
    entries = session.siblings(files[0])
    return max(entries[file.name].stat().st_size for file in files if ".times." in file.name)


def wiring(session: "Session", camera: "Camera") -> list[Path]:
    """List the files that say which device is on which DAQ channel, as far as they are there."""
    folder = sync_arrays(session, camera)[0].parent.relative_to(session.path).as_posix()
    return session.find(folder, "*.wiring*.json", "*.meta", "*.meta.json")


def timing_decision(session: "Session", camera: "Camera") -> list[Path]:
    """List the file in which a person decided about the timing of cameras, if it is there.

    Raises
    ------
    Blocked
        If it cannot be read, or speaks of a camera that the session does not have.
    """
    found = session.find(".", decision.FILE)
    try:
        for path in found:
            decision.check(path, session.cameras)
    except DataError as error:
        raise Blocked(str(error)) from None
    return found


def task_data(session: "Session", camera: "Camera") -> list[Path]:
    """List the Bpod's record of the trials and its settings.

    Raises
    ------
    Blocked
        If there is no record of the trials, or it has the pulses of another camera.
    """
    if camera.label and len(session.cameras) > 1 and camera.label != _on_port_1(session):
        raise Blocked(
            f"a Bpod records the pulses of one camera, on Port 1, which is not {camera.label}: "
            "nothing tells its times. If it is, give it 'sync_label: Port1' in the description"
        )
    names = ("_iblrig_taskData.raw*", "_iblrig_taskSettings.raw*")
    found = session.find(session.task_collection, *names)
    if not any(".raw" in file.name and "taskData" in file.name for file in found):
        raise Blocked(f"sync missing: {session.task_collection}/_iblrig_taskData.raw.jsonable")
    return found


def _on_port_1(session: "Session") -> str:
    """Return the label of the camera whose pulses a Bpod has: the one so described, else left.

    As in ibllib, which knows no other camera on training rigs.
    """
    cameras = session.cameras.values()
    named = [camera.label for camera in cameras if _names_port_1(camera.sync_label)]
    return named[0] if len(named) == 1 else "left"


def _names_port_1(sync_label: str | None) -> bool:
    return re.sub("[ _]", "", sync_label or "").lower() in ("port1", "port1in")
