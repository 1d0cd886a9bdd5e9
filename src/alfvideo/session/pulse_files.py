"""The files that tell the pulses of a session, for each kind of rig: which of them are there.

A function for each list of files, named as jobs have them among their inputs.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from alfvideo.daq.formats import FORMATS, Format
from alfvideo.files.errors import Blocked, Broken, DataError
from alfvideo.session.folders import is_folder
from alfvideo.timing import decision

if TYPE_CHECKING:
    # It reads the table of rigs, which has these functions.
    from alfvideo.session.cameras import Camera, Session


ARRAYS = ("times", "channels", "polarities")
"""The attributes of the sync arrays."""


class RawDaq(NamedTuple):
    """The raw file of a DAQ, what is read with it, and its format."""

    file: Path
    beside: list[Path]
    format: Format


def sync_arrays(session: "Session", camera: "Camera") -> list[Path]:
    """List times, channels and polarities of the fronts that the DAQ recorded.

    It is those of the sync collection, or of a folder in it on old sessions, which recorded the
    sync with the probes: of the nidq if there is one, else of the probe with the most fronts. If
    none are there, it is those that will be made from the raw file of the DAQ.

    Raises
    ------
    Blocked
        If they are not there, or not all three, and cannot be made.
    """
    if found := _extracted(session):
        return found
    prefix = _prefix(session, find_raw_daq(session).file.parent)
    return [session.path / f"{prefix}_sync.{name}.npy" for name in ARRAYS]


def _extracted(session: "Session") -> list[Path]:
    """List the sync arrays that are there, as `sync_arrays`; empty if they are not all there."""
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
    return max(
        by_folder.values(),
        key=lambda found: (_beside_nidq(session, found), _size(session, found)),
        default=[],
    )


def raw_daq(session: "Session", camera: "Camera") -> list[Path]:
    """List the raw file of the DAQ that the sync arrays are made from, and what is read with it.

    Raises
    ------
    Blocked
        As `find_raw_daq`.
    """
    found = find_raw_daq(session)
    return [found.file, *found.beside]


def is_made_here(session: "Session") -> bool:
    """Return whether the sync arrays are, or may be, made from a raw file of the DAQ.

    Those that are there under other names or elsewhere are of other programs, and so are those
    without a raw file beside them. Of those that cannot be read the cameras say what is wrong.
    """
    try:
        return _is_made_here(session, _extracted(session))
    except Blocked:
        return False


def _is_made_here(session: "Session", found: list[Path]) -> bool:
    if not found:
        return has_raw_daq(session)
    names = {f"_{session.namespace}_sync.{name}.npy" for name in ARRAYS}
    if {file.name for file in found} != names:
        return False
    folder = _within(session, found[0].parent)
    if folder == session.sync_collection:
        return has_raw_daq(session)
    patterns = [pattern.rpartition("/")[2] for each in FORMATS for pattern in each.patterns]
    return bool(session.find(folder, *patterns))


def has_raw_daq(session: "Session") -> bool:
    """Return whether there is a raw file of the DAQ, or several."""
    try:
        find_raw_daq(session)
    except Blocked as reason:
        return not isinstance(reason, NoRawDaq)
    return True


class NoRawDaq(Blocked):
    """Says that there are neither sync arrays nor a raw file of the DAQ."""


def find_raw_daq(session: "Session") -> RawDaq:
    """Find the raw file of the DAQ, in the sync collection or a folder in it.

    Raises
    ------
    NoRawDaq
        If there is none.
    Blocked
        If several could be it.
    """
    top = session.sync_collection
    for each in FORMATS:
        matching = (_matching(session, top, pattern.split("/")) for pattern in each.patterns)
        found = list(chain.from_iterable(matching))
        if not found:
            continue
        recordings: dict[str, list[RawDaq]] = {}
        for file in found:
            raw = RawDaq(file, _beside(session, file, each), each)
            recordings.setdefault(each.recording(file), []).append(raw)
        if len(recordings) > 1:
            names = ", ".join(_within(session, raws[0].file) for raws in recordings.values())
            raise Blocked(
                f"several raw files could hold the sync: {names}. If the DAQ was started again, "
                "move all but the recording in which the cameras ran to another folder; if they "
                "are of several probes, name the folder of the one with the cameras as "
                "`collection` of the sync in the description"
            )
        # What is compressed already goes before what it was made from, as its pattern does.
        (raws,) = recordings.values()
        return max(raws, key=lambda raw: _bytes(session, raw.beside))
    raise NoRawDaq(
        f"sync missing: {top} has no _{session.namespace}_sync.times.npy, .channels.npy and "
        ".polarities.npy, and no raw file of a DAQ that they could be made from "
        f"({', '.join(each.name for each in FORMATS)})"
    )


def prefix_of_made(session: "Session") -> str:
    """Return how the names of sync arrays that are made here begin, below the session.

    They are beside the raw file, if that is in the sync collection or a folder in it.
    """
    place = session.path / session.sync_collection
    with suppress(Blocked):
        found = _extracted(session)
        place = (found[0] if found else find_raw_daq(session).file).parent
    return _prefix(session, place)


def _prefix(session: "Session", place: Path) -> str:
    folder, top = _within(session, place), session.sync_collection
    is_near = folder == top or folder.rpartition("/")[0] == top
    return f"{folder if is_near else top}/_{session.namespace}"


def _matching(session: "Session", folder: str, pattern: list[str]) -> Iterator[Path]:
    """Yield files by a glob pattern, of which the parts but the last are those of folders."""
    name, *rest = pattern
    if not rest:
        yield from session.find(folder, name)
        return
    for each, entry in sorted(session.listing(folder).items()):
        if fnmatch(each, name) and is_folder(entry):
            yield from _matching(session, f"{folder}/{each}", rest)


def _beside(session: "Session", file: Path, each: Format) -> list[Path]:
    """List what is read with a raw file."""
    folder = _within(session, file.parent)
    matching = (_matching(session, folder, pattern.split("/")) for pattern in each.beside)
    return sorted(set(chain.from_iterable(matching)) - {file})


def _bytes(session: "Session", files: list[Path]) -> int:
    return sum(session.stat(str(file)).st_size for file in files)


def _within(session: "Session", path: Path) -> str:
    """Return a path below the session, as text: `Path.relative_to` is slow."""
    return str(path).removeprefix(f"{session.path}/")


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
    Broken
        If it cannot be read, or speaks of a camera that the session does not have.
    """
    found = session.find(".", decision.FILE)
    try:
        for path in found:
            decision.check(path, session.cameras)
    except DataError as error:
        raise Broken(str(error)) from None
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
