"""Recordings laid out as a session under IBL's names, by links or moves, overwriting nothing."""

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

import imageio_ffmpeg

from alfvideo.describe.look import Camera, Seen
from alfvideo.describe.names import DATE
from alfvideo.describe.recordings import Daq
from alfvideo.files.errors import DataError
from alfvideo.session import folders
from alfvideo.session.cameras import VIDEO_COLLECTION

SYNC_COLLECTION = "raw_ephys_data"
TIMELINE_COLLECTION = "raw_sync_data"
TASK_COLLECTION = "raw_task_data_00"

_CONTAINERS = {".avi": "avi", ".mp4": "mp4", ".m4v": "mp4", ".mov": "mp4"}
"""The ending under which a container can be read as it is."""


class Collections(NamedTuple):
    """Folders in a session."""

    videos: dict[str, str]
    """By label of the camera."""
    sync: str
    """With the recording of the DAQ, or of the Bpod."""
    wiring: str
    """With the wiring file."""
    task: str
    """With what a Bpod recorded; empty if it recorded nothing."""


class Placed(NamedTuple):
    """A file, or the folder of a recording, and its place in the session."""

    source: Path
    target: PurePosixPath


def collections(seen: Seen) -> Collections:
    """Return the folders of a session that is laid out."""
    sync = SYNC_COLLECTION
    if seen.daq is None:
        sync = TASK_COLLECTION
    elif seen.daq.software == "timeline":
        sync = TIMELINE_COLLECTION
    videos = {camera.label: VIDEO_COLLECTION for camera in seen.cameras}
    return Collections(videos, sync, sync, TASK_COLLECTION if seen.files.bpod else "")


def collections_now(seen: Seen) -> Collections:
    """Return the folders that files are in, if they can stay there under the names that they have.

    Raises
    ------
    DataError
        If one has another name, or is not in a folder of the session.
    """
    videos = {camera.label: _video_collection(camera, seen.folder) for camera in seen.cameras}
    bpod = seen.files.bpod
    task = _below(bpod[0].parent, seen.folder) if bpod else ""
    if seen.daq is None:
        return Collections(videos, task, task, task)
    sync = _daq_collection(seen.daq, seen.folder)
    near = seen.daq.file.parent
    # Sync arrays are beside the raw file, if that is in the folder or in one of its folders.
    is_near = seen.folder / sync in (near, near.parent)
    return Collections(videos, sync, _below(near, seen.folder) if is_near else sync, task)


def _video_collection(camera: Camera, folder: Path) -> str:
    first, label = camera.videos[0], camera.label
    names = {f"_iblrig_{label}Camera.raw.{ending}" for ending in ("avi", "mp4")}
    is_log = re.compile(rf"_iblrig_{label}Camera\..*|{label}([_.-].*|[cC]am.*)?\.csv").fullmatch
    is_video = camera.camlog is not None or (len(camera.videos) == 1 and first.name in names)
    wrong = [] if is_video and first.parent != folder else [first]
    for log in camera.log.files if camera.log else ():
        if log.parent != first.parent or not is_log(log.name):
            wrong.append(log)
    if wrong:
        raise DataError(
            f"{_below(wrong[0], folder)} has not the name and place of a file of camera {label}, "
            f"{VIDEO_COLLECTION}/_iblrig_{label}Camera.raw.avi (or .mp4) and "
            f"{VIDEO_COLLECTION}/{label}.csv. --into ROOT lays out a session in which all have."
        )
    return _below(first.parent, folder)


def _daq_collection(daq: Daq, folder: Path) -> str:
    """Return the folder in which the recording of a DAQ is looked for."""
    for pattern in daq.format.patterns if daq.format else ("*",):
        above = daq.file.parents[pattern.count("/")]
        if daq.file.match(pattern) and above != folder and above.is_relative_to(folder):
            return _below(above, folder)
    raise DataError(
        f"{_below(daq.file, folder)} is not called as a file of a DAQ in a folder of the session. "
        "--into ROOT lays out a session in which it is."
    )


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def places(seen: Seen) -> list[Placed]:
    """Give each file that is used a place below the session."""
    placed: list[Placed] = []
    sync = PurePosixPath(collections(seen).sync)
    for camera in seen.cameras:
        placed += _of_camera(camera)
    if seen.daq is not None:
        placed += _of_daq(seen.daq, seen.folder, sync)
    if seen.wiring is not None:
        placed.append(Placed(seen.wiring, sync / seen.wiring.name))
    placed += [Placed(path, PurePosixPath(TASK_COLLECTION) / path.name) for path in seen.files.bpod]
    return list(dict.fromkeys(placed))


def _of_camera(camera: Camera) -> Iterator[Placed]:
    folder = PurePosixPath(VIDEO_COLLECTION)
    if camera.camlog is not None:
        yield from (Placed(path, folder / path.name) for path in (*camera.videos, camera.camlog))
        return
    if can_be_used(camera):
        ending = _CONTAINERS[camera.videos[0].suffix.lower()]
        yield Placed(camera.videos[0], folder / f"_iblrig_{camera.label}Camera.raw.{ending}")
    for path in camera.log.files if camera.log else ():
        is_of_ibl = path.name.startswith("_iblrig_")
        rest = path.name.partition("Camera.")[2]
        name = f"_iblrig_{camera.label}Camera.{rest}" if is_of_ibl else f"{camera.label}.csv"
        yield Placed(path, folder / name)


def can_be_used(camera: Camera) -> bool:
    """Return whether the video is one file in a container that is read as it is."""
    return len(camera.videos) == 1 and camera.videos[0].suffix.lower() in _CONTAINERS


def to_convert(camera: Camera, session: Path) -> str:
    """Say how a video is put into the session that cannot be used as it is; empty if it can."""
    if camera.camlog is not None or can_be_used(camera):
        return ""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    target = session / VIDEO_COLLECTION / f"_iblrig_{camera.label}Camera.raw.mp4"
    first = camera.videos[0]
    if len(camera.videos) == 1:
        return (
            f"{first.name} is to be put into another container, which does not encode it again: "
            f"{ffmpeg} -i {first} -c copy {target}"
        )
    return (
        f"{first.name} and {len(camera.videos) - 1} more are parts of one recording: join them, "
        f"which does not encode them again, to {target} ({ffmpeg} -f concat -safe 0 -i LIST -c "
        "copy, where LIST has a line \"file 'PATH'\" for each)."
    )


def _of_daq(daq: Daq, folder: Path, collection: PurePosixPath) -> Iterator[Placed]:
    if daq.software == "openephys" and daq.format is not None:
        # The recording as it was saved, with the folders above it that are named in a pattern.
        recording = daq.file.parent
        node = recording.parents[1]
        above = [node.name] if node.name.startswith("Record Node") and node != folder else []
        inside = PurePosixPath(*above, recording.parent.name, recording.name)
        yield Placed(recording, collection / inside)
        return
    for path in (daq.file, *daq.beside):
        if not path.match("*.wiring*.json"):
            yield Placed(path, collection / _daq_name(path, daq))


def _daq_name(path: Path, daq: Daq) -> str:
    patterns = daq.format.patterns if daq.format else ()
    is_known = path != daq.file or any(PurePath(path.name).match(each) for each in patterns)
    is_known = is_known or any("/" in each for each in patterns) or not patterns
    return path.name if is_known else f"daq_{path.name}"


def session_folder(
    root: Path, folder: Path, videos: Iterable[Path], subject: str, day: str, number: str
) -> Path:
    """Return the folder of the session: what is not given is from the names, if they say it.

    Raises
    ------
    DataError
        If subject or date are not known, or no session can be called so.
    """
    if folders.is_session_folder(folder):
        subject = subject or folder.parents[1].name
        day = day or folder.parent.name
        number = number or folder.name
    if not subject:
        raise DataError(f"Nothing says which animal {folder} is of: give --subject.")
    if not day:
        found = _dates([folder.name]) or _dates(path.name for path in videos)
        if len(found) != 1:
            known = " and ".join(map(str, sorted(found)))
            raise DataError(
                f"{f'The names say {known}' if found else 'No name says'} when {folder.name} was "
                "recorded: give --date YYYY-MM-DD."
            )
        day = str(found.pop())
    path = root / subject / day / (number or "001")
    is_whole = PurePath(subject).name == subject and _is_day(day) and folders.is_session(path)
    is_whole = is_whole and folders.is_session_folder(path)
    if not is_whole or folders.unusable(str(path)):
        raise DataError(
            f"{path.relative_to(root)} can be no session: these are called SUBJECT/YYYY-MM-DD/NNN, "
            "with letters, digits, '.', '-' and '_' in SUBJECT. Give --subject, --date and "
            "--number so."
        )
    return path


def _is_day(text: str) -> bool:
    with suppress(ValueError):
        return date.fromisoformat(text).isoformat() == text
    return False


def _dates(names: Iterable[str]) -> set[date]:
    """Return the days that are in some names.

    >>> sorted(map(str, _dates(["M1_20260203-101500", "2026-02-04_x", "12026020", "2026-13-01"])))
    ['2026-02-03', '2026-02-04']
    """
    found = set()
    for name in names:
        for year, _, month, day in DATE.findall(name):
            with suppress(ValueError):
                found.add(date(int(year), int(month), int(day)))
    return found


def check(session: Path, placed: Iterable[Placed], texts: Iterable[str], folder: Path) -> None:
    """See that nothing is in the way before anything is done.

    Raises
    ------
    DataError
        If something is in the place of a file, or two files would have the same place.
    """
    if session != folder and (session.is_relative_to(folder) or folder.is_relative_to(session)):
        raise DataError(
            f"{session} and {folder} are in each other: name a ROOT outside the recordings, or the "
            "folder of all subjects if the recordings are in that of their session."
        )
    taken: dict[PurePosixPath, Path] = {}
    for source, target in placed:
        if target in taken:
            raise DataError(
                f"{source} and {taken[target]} would both be {target}. Move the one that is not of "
                "this recording elsewhere."
            )
        taken[target] = source
    if session != folder and any(_is_content(path) for path in session.rglob("*")):
        raise DataError(
            f"{session} is there already, and nothing is overwritten or mixed with it. Give "
            "another --number, or remove it."
        )
    for place in (*map(str, taken), *texts):
        if os.path.lexists(session / place):
            raise DataError(
                f"{session / place} is there already, and nothing is overwritten: remove it, or "
                "move it elsewhere."
            )


def _is_content(path: Path) -> bool:
    return path.is_symlink() or not path.is_dir()


def carry_out(session: Path, placed: Iterable[Placed], *, move: bool) -> int:
    """Link or move files to their places; returns the number of them.

    A link that is to be moved is linked: it may lead elsewhere from its new place. If one of them
    fails, those before it are undone.

    Raises
    ------
    DataError
        If files are to be moved to another disk.
    OSError
        If something is in the way by now, or the disk fails.
    """
    done: list[tuple[Path, Path, bool]] = []
    try:
        for source, place in placed:
            target = session / place
            target.parent.mkdir(parents=True, exist_ok=True)
            is_moved = move and not source.is_symlink()
            if is_moved:
                _move(source, target)
            else:
                target.symlink_to(source.resolve())
            done.append((source, target, is_moved))
    except BaseException:
        for source, target, is_moved in reversed(done):
            if is_moved:
                target.rename(source)
            else:
                target.unlink()
        raise
    return len(done)


def _move(source: Path, target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        raise DataError(
            f"{source} is on another disk than {target.parent}, and raw data is not copied: lay it "
            "out by links, or name a ROOT on the same disk."
        ) from None


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there.

    Raises
    ------
    FileExistsError
        If it is there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
