"""Cameras, videos and sessions that no task is for, named so that nothing vanishes silently."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePath
from typing import NamedTuple

from alfvideo.configuration import DEFAULT_CAMERAS, Configuration
from alfvideo.files import labels
from alfvideo.files.errors import DataError
from alfvideo.session import datasets, folders
from alfvideo.session.cameras import VIDEO_COLLECTION, Camera, Session

_VIDEO = re.compile(
    r".*\.(avi|mp4|mkv|mov|mpe?g|mj2|wmv|webm|m4v|ts)"
    r"(\.(gz|bz2|xz|zst|zip|7z|rar|tar|part|filepart|tmp|bak|old))*",
    re.IGNORECASE | re.DOTALL,
)
"""Names of videos, packed, half and copied ones, too."""

MAX_NAMED = 10
"""Of folders and subjects that a sentence names."""

SESSION = "SUBJECT/YYYY-MM-DD/NNN"

_RAW_VIDEO = re.compile(rf"_iblrig_({labels.PATTERN})Camera\.raw\.(avi|mp4)")


class LeftOut(NamedTuple):
    """Something of a session that no task is for; `is_mistake` if somebody has to repair it."""

    camera: str
    reason: str
    is_mistake: bool = False


def in_session(session: Session, config: Configuration) -> Iterator[LeftOut]:
    """Yield what of a session no task is for: cameras, videos that belong to none."""
    for label in session.cameras:
        if label not in config.cameras:
            yield LeftOut(label, "described, and not in `cameras` of the configuration")
    yield from _camlogs(session)
    found = list(_videos(session, config))
    yield from found
    if not session.cameras and not any(each.is_mistake for each in found):
        yield LeftOut("", "no cameras are described")


def _camlogs(session: Session) -> Iterator[LeftOut]:
    """Yield the cameras that have a camlog which the description says nothing of."""
    for camera in session.cameras.values():
        names = (f"{camera.label}_cam*.camlog", f"_iblrig_{camera.label}Camera.raw.camlog")
        if not camera.compressed and (logs := session.find(camera.collection, *names)):
            reason = (
                f"{camera.collection}/{logs[0].name} is the log of a rig that compresses while it "
                "records: add `compressed: true` to the camera in the description"
            )
            yield LeftOut(camera.label, reason, True)


def _videos(session: Session, config: Configuration) -> Iterator[LeftOut]:
    """Yield the videos that are not those of a camera of the description."""
    collections = dict.fromkeys(camera.collection for camera in session.cameras.values())
    top = session.listing(".")
    collections |= dict.fromkeys(
        name
        for name in sorted(top)
        if name.lower().startswith(VIDEO_COLLECTION) and folders.is_folder(top[name])
    )
    for collection in (".", *collections):
        for name in sorted(session.listing(collection)):
            if _VIDEO.fullmatch(name) and not _is_known(name, collection, session):
                place = name if collection == "." else f"{collection}/{name}"
                yield _stray(name, place, session, config)


def _is_known(name: str, collection: str, session: Session) -> bool:
    """Return whether a video is that of a camera that the description has in this collection."""
    return any(
        camera.collection == collection and (name in _names(camera) or _is_camlogs(name, camera))
        for camera in session.cameras.values()
    )


def _names(camera: Camera) -> tuple[str, ...]:
    names = (PurePath(pattern).name for pattern in (datasets.RAW_AVI, datasets.RAW_MP4))
    return tuple(name.format(camera=camera.label) for name in names)


def _is_camlogs(name: str, camera: Camera) -> bool:
    return camera.compressed and name.startswith(f"{camera.label}_cam") and name.endswith(".avi")


def _stray(name: str, place: str, session: Session, config: Configuration) -> LeftOut:
    named = _RAW_VIDEO.fullmatch(name)
    label = named[1] if named else ""
    if not named:
        return LeftOut(
            "", f"{place} may be a raw video, and is not called _iblrig_LABELCamera.raw.avi"
        )
    if label in session.cameras:
        described = session.cameras[label].collection
        return LeftOut(label, f"{place} is not in {described}, where the camera is described", True)
    if label in config.cameras:
        return LeftOut(
            label, f"{place} is there, and the description has no such camera: add it", True
        )
    return LeftOut(label, "has a raw video, and is neither described nor in `cameras`")


def nearly(root: Path, paths: Iterable[Path], config: Configuration) -> list[str]:
    """Say which folders hold the data of a session or stand for one, and are none by their names.

    `paths` are those of `folders.walk` that are not called as sessions are.
    """
    links: list[str] = []
    files: list[str] = []
    others: list[str] = []
    for path in paths:
        place = path.relative_to(root)
        if config.subjects and set(config.subjects).isdisjoint(path.parts):
            continue
        if any(fnmatch(place.as_posix(), glob) for glob in config.sessions):
            kind = files if path.is_file() else others if path.exists() else links
            kind.append(repr(str(path if path == root else place)))
    sentences = []
    if others:
        sentences.append(
            f"Left out below {root}, because sessions are called {SESSION}: {_some(others)}. "
            "Rename them."
        )
    if files:
        sentences.append(
            f"Left out below {root}, as they are files, not folders of sessions: {_some(files)}. "
            "Unpack them, or move them elsewhere."
        )
    if links:
        sentences.append(f"Left out below {root}, as they are links to nothing: {_some(links)}.")
    return sentences


def check_choice(
    root: Path,
    found: Sequence[Path],
    chosen: Sequence[Path],
    others: Sequence[str],
    config: Configuration,
) -> None:
    """See that there are sessions to choose from, and that the choice leaves some.

    Raises
    ------
    DataError
        If there are no sessions, or the data folder is in one, or nothing is chosen of what is
        there. `others` are sentences about what is nearly a session.
    """
    if not found:
        for path in (root, *root.parents):
            if folders.is_session_folder(path):
                raise DataError(
                    f"{root} is {'' if path == root else 'in '}a session: set `root` to the folder "
                    f"of all subjects, {path.parents[2]}."
                )
        none = f"No sessions found below {root}: their folders are called {SESSION}."
        raise DataError(" ".join((none, *others)))
    if chosen:
        return
    filters = {
        "subjects": list(config.subjects),
        "sessions": list(config.sessions) if config.sessions != ("*",) else [],
        "from_date": config.from_date,
        "to_date": config.to_date,
    }
    given = ", ".join(f"{name}: {value}" for name, value in filters.items() if value)
    days = sorted(path.parts[-2] for path in found)
    subjects = sorted({path.parts[-3] for path in found})
    raise DataError(
        f"None of the {len(found)} sessions below {root} is chosen by {given}. There are those of "
        f"{_some(subjects)}, from {days[0]} to {days[-1]}."
    )


def check_folders(root: Path, sessions: Collection[Path], chosen: Iterable[Path]) -> None:
    """See that each folder that was chosen on the command line has a session.

    Raises
    ------
    DataError
        If one has none of these.
    """
    for folder in chosen:
        if not any(session.is_relative_to(folder) for session in sessions):
            raise DataError(
                f"{folder} has none of the selected sessions below {root}. Name a folder that has, "
                "or look at another data folder: --config root=FOLDER"
            )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more


def missing(root: Path, found: Iterable[Path], config: Configuration) -> Iterator[str]:
    """Name the subjects that are chosen and have no session."""
    there = {path.parts[-3] for path in found} if config.subjects else ()
    if absent := [subject for subject in config.subjects if subject not in there]:
        yield f"There are no sessions of {', '.join(absent)} below {root}."


def missing_cameras(root: Path, labels: Collection[str], config: Configuration) -> Iterator[str]:
    """Name the cameras that are chosen and in no session; `labels` are those of all sessions.

    No rig has all cameras of the defaults.

    Raises
    ------
    DataError
        If there are cameras, and none of them is chosen.
    """
    absent = [label for label in config.cameras if label not in labels]
    if labels and absent == list(config.cameras):
        raise DataError(
            f"No session below {root} has one of the `cameras` {', '.join(absent)}. There are "
            f"{', '.join(sorted(labels))}: name those to process."
        )
    unusual = [label for label in absent if label not in DEFAULT_CAMERAS]
    if labels and unusual:
        yield f"No session below {root} has a camera {', '.join(unusual)}."


def advice(root: Path, sessions: Iterable[Path]) -> list[str]:
    """Say so if the data folder is one too low or too high for all sessions."""
    places = [session.relative_to(root).parts for session in sessions]
    depths = {len(place) for place in places}
    if len(depths) != 1:
        return []
    (depth,) = depths
    if depth < 3 and len(root.parts) > 3 - depth:
        better = root.parents[2 - depth]
        what = "subject" if depth == 2 else "day"
        return [f"`root` is the folder of a {what}: set it to {better}, which holds the subjects."]
    firsts = {place[: depth - (3 if depth == 4 else 5)] for place in places}
    if (depth == 4 or depth > 5) and len(firsts) == 1:
        better = root.joinpath(*firsts.pop())
        return [f"`root` is too high: set it to {better}, so that ONE finds the sessions, too."]
    return []
