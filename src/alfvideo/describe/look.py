"""Look at a folder of recordings: its cameras, their logs, the DAQ, and what belongs together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from alfvideo.describe import log_columns, names, recordings, wiring
from alfvideo.describe.recordings import Daq, Files
from alfvideo.describe.wiring import Filmed, Line, Sure, Wired
from alfvideo.files import text_tables
from alfvideo.files.errors import DataError
from alfvideo.timing import embedded, frame_log, sync
from alfvideo.timing.frame_data import FrameData
from alfvideo.timing.pulses import period
from alfvideo.timing.sync import Sync
from alfvideo.video import probe

T = TypeVar("T")

MAX_VIDEOS = 32
MAX_DAQS = 8
"""So many recordings of DAQs are read to see which is that of the cameras."""

_MAX_ROWS_APART, _MAX_PART_APART = 10, 0.01
"""Rows, and part of the frames, by which a log may differ from its video."""
_ORDER = (".avi", ".mp4", ".m4v", ".mov")
"""Of videos of one name that is taken which comes first."""


@dataclass(frozen=True)
class FrameLog:
    """Data of frames, and the camera that they are of."""

    files: tuple[Path, ...]
    data: FrameData
    rows: int
    columns: Mapping[str, str | list[str]] = field(default_factory=dict)
    """For `frame_logs` of the configuration; empty if the names of the columns say it."""
    sure: Sure = Sure.UNKNOWN
    why: str = ""


@dataclass(frozen=True)
class Camera:
    """A video, or several that are one recording, and what belongs to it."""

    label: str
    is_named: bool
    """True if the label is from the name of the video."""
    videos: tuple[Path, ...]
    frames: int
    rate: float
    """Frames per second as the video says."""
    width: int
    height: int
    log: FrameLog | None = None
    camlog: Path | None = None

    @property
    def filmed(self) -> Filmed:
        """As it is compared with lines."""
        return Filmed(self.label, self.frames, self.rate, self.log.data if self.log else None)

    @property
    def true_rate(self) -> float:
        """Frames per second by the clock of the camera, if there is one."""
        clock = None if self.log is None else self.log.data.timestamps
        return self.rate if clock is None or clock.size < 3 else 1 / period(clock)


@dataclass(frozen=True)
class Seen:
    """The recordings in a folder, as far as they can be understood."""

    folder: Path
    files: Files
    cameras: tuple[Camera, ...] = ()
    daq: Daq | None = None
    """The recording that the cameras are in."""
    lines: tuple[Line, ...] = ()
    wired: tuple[Wired, ...] = ()
    wiring: Path | None = None
    """The wiring file that there is for it."""
    named: Mapping[str, int] = field(default_factory=dict)
    """Channels by the names of that, or those that are usual."""
    notes: tuple[str, ...] = ()
    """Sentences about what does not belong together, or cannot be read."""


def look(folder: Path, tell: Callable[[str], None] = lambda sentence: None) -> Seen:
    """Look at a folder; `tell` is called before a file is read that may take long.

    Raises
    ------
    DataError
        If it is not the folder of one recording.
    """
    files = recordings.sort(*recordings.walk(folder))
    notes = list(files.problems)
    cameras = _cameras(folder, files, tell, notes)
    cameras, tables = _with_logs(folder, cameras, files, notes)
    daqs = [*files.daqs, *map(recordings.daq_table, tables)]
    seen = _with_daq(Seen(folder, files, tuple(cameras)), daqs, tell, notes)
    return replace(seen, notes=tuple(notes))


def _cameras(
    folder: Path, files: Files, tell: Callable[[str], None], notes: list[str]
) -> list[Camera]:
    recorded = names.parts(_one_of_each(files.videos, notes))
    if len(recorded) > MAX_VIDEOS:
        raise DataError(
            f"{folder} holds {len(recorded)} videos. Name the folder of one recording, whose "
            "cameras ran at the same time."
        )
    probed: dict[Path, list[tuple[int, float, int, int]]] = {}
    for first, parts in recorded.items():
        tell(f"Reading {first.name}")
        if read := _read(notes, lambda parts: list(map(_probed, parts)), parts):
            probed[first] = read
    labels = names.labels_of([path.relative_to(folder) for path in probed])
    found = []
    for first, read in probed.items():
        label, is_named = labels[first.relative_to(folder)]
        near = (log for log in files.camlogs if log.parent == first.parent)
        camlog = next((log for log in near if log.name.startswith(f"{label}_cam")), None)
        _, rate, width, height = read[0]
        frames = sum(n for n, *_ in read)
        camera = Camera(
            label, is_named, recorded[first], frames, rate, width, height, camlog=camlog
        )
        found.append(camera)
        if not is_named:
            notes.append(f"{first.name}: nothing in its name is a label: it is called {label}.")
    return found


def _one_of_each(videos: Iterable[Path], notes: list[str]) -> list[Path]:
    """Leave out a video that is there in a second container."""
    by_stem: dict[Path, list[Path]] = {}
    for path in videos:
        by_stem.setdefault(path.with_suffix(""), []).append(path)
    order = {suffix: n for n, suffix in enumerate(_ORDER)}
    chosen = []
    for same in by_stem.values():
        first, *others = sorted(same, key=lambda path: order.get(path.suffix.lower(), len(order)))
        chosen.append(first)
        for other in others:
            notes.append(f"{other.name} is taken for the same recording as {first.name}.")
    return sorted(chosen)


def _probed(path: Path) -> tuple[int, float, int, int]:
    """Return frames, rate, width and height; packets are counted only if the index is not whole."""
    with probe.opened(path) as (_, stream):
        indexed, announced = len(stream.index_entries), stream.frames
        rate = float(stream.average_rate or 0)
        coded = stream.codec_context.width, stream.codec_context.height
    if announced and indexed == announced and rate:
        # An avi has no display matrix.
        width, height = coded if path.suffix.lower() == ".avi" else probe.size(path)
        return announced, rate, width, height
    video = probe.probe(path)
    return video.frames, float(video.rate), video.width, video.height


def _with_logs(
    folder: Path, cameras: Sequence[Camera], files: Files, notes: list[str]
) -> tuple[list[Camera], list[Path]]:
    """Give each camera its log; returns tables of events, too."""
    videos = {camera.label: camera.videos[0].relative_to(folder) for camera in cameras}
    named: dict[str, list[FrameLog]] = {}
    rest: list[FrameLog] = []
    events: list[Path] = []
    for (_, label), paths in files.frame_data.items():
        data = _read(notes, embedded.load, paths)
        if data is not None:
            log = FrameLog(paths, data, _rows(data))
            (named.setdefault(label, []) if label in videos else rest).append(log)
    if len(files.tables) > recordings.MAX_TABLES:
        notes.append(
            f"{len(files.tables)} tables in text are there: the first {recordings.MAX_TABLES} were "
            "looked at."
        )
    for path in files.tables[: recordings.MAX_TABLES]:
        label = names.named_alike(path.relative_to(folder), videos)
        if not label and _read([], recordings.is_table_of_events, path):
            events.append(path)
            continue
        # Notes and settings are called after a camera, too.
        is_meant = label and path.suffix.lower() == ".csv"
        found = _table_log(path, notes if is_meant else [])
        if found is not None:
            (named.setdefault(label, []) if label else rest).append(found)
    return _matched(cameras, named, rest, notes), events


def _read(notes: list[str], load: Callable[..., T], *args: object) -> T | None:
    """Read a file that can be done without; a sentence says why it cannot be read."""
    try:
        return load(*args)
    except DataError as error:
        notes.append(str(error))
    return None


def _table_log(path: Path, notes: list[str]) -> FrameLog | None:
    """Read a log of frames, by the names of its columns or else by what is in them."""
    try:
        data = frame_log.load(path)
        return FrameLog((path,), data, _rows(data))
    except DataError as error:
        reason = str(error)
    try:
        columns = log_columns.proposed(text_tables.read(path, []).table)
        if columns:
            data = frame_log.load(path, columns)
            return FrameLog((path,), data, _rows(data), columns)
    except DataError:
        pass
    notes.append(reason)
    return None


def _rows(data: FrameData) -> int:
    columns = (data.count, data.timestamps, data.gpio, data.computer)
    return max((len(column) for column in columns if column is not None), default=0)


def _matched(
    cameras: Sequence[Camera],
    named: Mapping[str, Sequence[FrameLog]],
    rest: Sequence[FrameLog],
    notes: list[str],
) -> list[Camera]:
    """Match logs with videos: by names and numbers of rows, or else by these alone."""
    result = [_with_named(camera, named.get(camera.label, ()), notes) for camera in cameras]
    left = [camera for camera in result if camera.log is None]
    for log in rest:
        fitting = [camera for camera in left if camera.frames == log.rows]
        same = [each for each in rest if each.rows == log.rows]
        if len(fitting) == len(same) == 1:
            (camera,) = fitting
            why = f"it has {log.rows} rows, and only this video as many frames"
            at = result.index(camera)
            result[at] = replace(camera, log=replace(log, sure=Sure.LIKELY, why=why))
        elif fitting:
            labels = " and ".join(camera.label for camera in fitting)
            notes.append(
                f"{log.files[0].name} has {log.rows} rows, which fits {labels}: which is not known."
            )
        else:
            notes.append(
                f"{log.files[0].name} has {log.rows} rows, and no video that is left as many "
                "frames. If it is the file of a DAQ, have 'daq' in its name."
            )
    return result


def _with_named(camera: Camera, logs: Sequence[FrameLog], notes: list[str]) -> Camera:
    fitting = [log for log in logs if _as_many(log.rows, camera.frames)]
    if len(fitting) == 1:
        (log,) = fitting
        same = log.rows == camera.frames
        why = f"its name, and {log.rows} rows{'' if same else f' for {camera.frames} frames'}"
        sure = Sure.SHOWN if same else Sure.LIKELY
        return replace(camera, log=replace(log, sure=sure, why=why))
    for log in logs:
        found = f"{log.files[0].name} has {log.rows} rows, and {camera.videos[0].name}"
        if fitting:
            notes.append(f"{found} {camera.frames} frames, as other logs: which is not known.")
        else:
            notes.append(f"{found} {camera.frames} frames: they do not belong together.")
    return camera


def _as_many(rows: int, frames: int) -> bool:
    return abs(rows - frames) <= max(_MAX_ROWS_APART, _MAX_PART_APART * frames)


def _with_daq(
    seen: Seen, daqs: Sequence[Daq], tell: Callable[[str], None], notes: list[str]
) -> Seen:
    """Read the recordings of DAQs, and take the one in which most cameras are."""
    # Arrays were made from the raw files, and are read faster.
    arrays = [daq for daq in daqs if daq.format is None]
    candidates = arrays or list(daqs)
    if len(candidates) > MAX_DAQS:
        notes.append(
            f"{len(candidates)} recordings of DAQs are there: the first {MAX_DAQS} were read."
        )
    found: list[tuple[tuple[int, int], Seen]] = []
    for daq in candidates[:MAX_DAQS]:
        tell(f"Reading {daq.file.name}")
        recorded = _read(notes, _fronts, daq)
        if recorded is None:
            continue
        notes += recorded.notes
        path, named = _names(daq, seen.files.wiring, notes)
        lines = wiring.wired(recorded, [camera.filmed for camera in seen.cameras], named)
        shown = sum(each.sure is Sure.SHOWN for each in lines)
        score = shown, sum(each.line is not None for each in lines)
        of_daq = replace(
            seen,
            daq=daq,
            lines=tuple(wiring.lines(recorded)),
            wired=tuple(lines),
            wiring=path,
            named=named,
        )
        found.append((score, of_daq))
    if not found:
        return seen
    best = max(score for score, _ in found)
    chosen = [each for score, each in found if score == best]
    if len(found) > 1 and chosen[0].daq is not None:
        others = ", ".join(
            str(each.daq.file.relative_to(seen.folder))
            for _, each in found
            if each is not chosen[0] and each.daq
        )
        doubt = "" if len(chosen) == 1 else ", and nothing shows that it is this one"
        notes.append(
            f"Of several recordings {chosen[0].daq.file.relative_to(seen.folder)} is taken for "
            f"that of the cameras{doubt}: not {others}."
        )
    return chosen[0]


def _fronts(daq: Daq) -> Sync:
    if daq.format is None:
        return sync.load([daq.file, *daq.beside])
    found = daq.format.read(daq.file)
    return Sync(
        found.times.astype(np.float64), found.polarities, found.channels, tuple(found.notes)
    )


def _names(daq: Daq, files: Sequence[Path], notes: list[str]) -> tuple[Path | None, dict[str, int]]:
    """Return the wiring file of a recording, and the channels by name."""
    beside = [path for path in files if path.parent == daq.file.parent] or list(files)
    if len(beside) > 1:
        notes.append(
            f"Several wiring files are there, {' and '.join(path.name for path in beside)}: which "
            "is right is not known, and neither was used."
        )
        beside = []
    path = beside[0] if beside else None
    near = [daq.file, *(file for file in daq.beside if not file.match("*.wiring*.json"))]
    named = _read(notes, sync.channel_map, [*near, *beside], daq.software)
    return path, named or {}
