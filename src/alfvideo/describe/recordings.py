"""The recordings in a folder, whatever they are called: videos, data of frames, files of a DAQ."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alfvideo.daq import spellings
from alfvideo.daq.formats import BY_NAME, FORMATS, TABLE, Format
from alfvideo.files import inputs, regular, text_tables
from alfvideo.files.errors import DataError
from alfvideo.session import folders
from alfvideo.session.pulse_files import ARRAYS
from alfvideo.session.rigs import NIDQ

MAX_FILES = 200_000
"""A folder with more is not that of one recording."""

MAX_TABLES = 100
"""So many tables in text are opened to see what they are."""

VIDEOS = (".avi", ".mp4", ".m4v", ".mov", ".mkv", ".wmv", ".webm", ".mpg", ".mpeg", ".mj2", ".ts")
_RESULTS = ("alf", "qc", "snapshot", "registration")
"""Folders of a session that hold what alfvideo made."""
_TABLES = (".csv", ".tsv", ".txt")
_FRAME_DATA = re.compile(
    r"_iblrig_(\w+?)Camera\.(frameData|timestamps|GPIO|frame_counter)\b.*\.(bin|ssv)",
    re.IGNORECASE,
)
_SYNC = re.compile(rf"_({'|'.join(NIDQ.software)})_sync\.({'|'.join(ARRAYS)})\..*npy")
_BPOD = re.compile(r"_iblrig_task(Data|Settings)\.raw.*")
_WIRING = "*.wiring*.json"
_META = ("*.nidq*.meta", "*.imec*.meta", "*.obx*.meta", "_timeline_DAQdata.meta*.json")


@dataclass(frozen=True)
class Daq:
    """A recording of a DAQ: its raw file, or the sync arrays that were made from one."""

    file: Path
    """The raw file, or the times of the fronts."""
    beside: tuple[Path, ...]
    """Files that are read with it."""
    format: Format | None
    """None if it is sync arrays."""
    software: str
    """A name of `rigs.NIDQ.software`."""

    @property
    def has_analog(self) -> bool:
        """True if lines from `sync.FIRST_ANALOG` on are analog: of arrays, if of all raw files."""
        if self.format:
            return self.format.has_analog
        return all(each.has_analog for each in FORMATS if each.software == self.software)

    @property
    def kind(self) -> str:
        """For people."""
        return self.format.name if self.format else f"sync arrays of {self.software}"


@dataclass(frozen=True)
class Files:
    """The files in a folder, by what they are. Each is in one of the fields."""

    videos: tuple[Path, ...] = ()
    frame_data: Mapping[tuple[Path, str], tuple[Path, ...]] = field(default_factory=dict)
    """Those that cameras of IBL write, by folder and label."""
    camlogs: tuple[Path, ...] = ()
    tables: tuple[Path, ...] = ()
    """Tables in text that may be logs of frames."""
    daqs: tuple[Daq, ...] = ()
    """Raw files first."""
    wiring: tuple[Path, ...] = ()
    bpod: tuple[Path, ...] = ()
    """Trials and settings that a Bpod recorded."""
    others: Counter[str] = field(default_factory=Counter)
    """Numbers of other files, by the ending of their names."""
    problems: tuple[str, ...] = ()
    """A sentence for each thing that is no file that can be read."""


def walk(folder: Path) -> tuple[list[Path], list[str]]:
    """List the files below a folder, sorted, and what is in place of a file, in sentences.

    Names that begin with a dot are none, nor are results of alfvideo. Links to folders are
    followed, each folder once.

    Raises
    ------
    DataError
        If it is no folder, holds sessions, or more files than one recording.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder. Name the folder with the files of one recording.")
    files: list[Path] = []
    problems: list[str] = []
    seen: set[str] = set()
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        real = os.path.realpath(place)
        if real in seen:
            continue
        seen.add(real)
        if place != folder and folders.is_session_folder(place):
            raise DataError(
                f"{folder} holds sessions, as {place.relative_to(folder)}. Name the folder of one."
            )
        try:
            entries = folders.listing(place)
        except OSError as error:
            problems.append(f"{place} cannot be read: {error.strerror}.")
            continue
        for name, entry in sorted(entries.items()):
            path = place / name
            if folders.is_folder(entry):
                if not (place == folder and name in _RESULTS):
                    waiting.append(path)
            elif regular.is_regular(path):
                files.append(path)
            else:
                problems.append(_not_a_file(path))
        if len(files) > MAX_FILES:
            raise DataError(
                f"{folder} holds more than {MAX_FILES:,} files. Name the folder of one recording."
            )
    return sorted(files), problems


def _not_a_file(path: Path) -> str:
    try:
        inputs.check(path)
    except (DataError, OSError) as error:
        return str(error)
    return f"{path} is no file."


def sort(paths: Sequence[Path], problems: Iterable[str] = ()) -> Files:
    """Tell by names, and tables by their columns, what files are."""
    rest = dict.fromkeys(paths)

    def take(found: Iterable[Path]) -> tuple[Path, ...]:
        taken = tuple(path for path in found if path in rest)
        for path in taken:
            del rest[path]
        return taken

    videos = take(path for path in paths if path.suffix.lower() in VIDEOS)
    frame_data: dict[tuple[Path, str], tuple[Path, ...]] = {}
    for path in paths:
        if named := _FRAME_DATA.fullmatch(path.name):
            key = path.parent, named[1]
            frame_data[key] = frame_data.get(key, ()) + take([path])
    camlogs = take(path for path in paths if path.suffix == ".camlog")
    wiring = take(path for path in paths if path.match(_WIRING))
    bpod = [path for path in paths if _BPOD.fullmatch(path.name)]
    has_pulses = any("taskData" in path.name for path in bpod)
    daqs = [*_raw(list(rest)), *_arrays(list(rest))]
    for daq in daqs:
        take([daq.file, *daq.beside])
    take(path for path in paths if any(path.match(pattern) for pattern in _META))
    texts = [path for path in rest if path.suffix.lower() in _TABLES]
    task = take(bpod) if has_pulses else ()
    others = Counter(path.suffix.lower() or "(no ending)" for path in rest)
    others -= Counter(path.suffix.lower() for path in texts)
    return Files(
        videos,
        frame_data,
        camlogs,
        tuple(texts),
        tuple(daqs),
        wiring,
        task,
        others,
        tuple(problems),
    )


def _raw(paths: Sequence[Path]) -> Iterator[Daq]:
    """Yield the recordings of DAQs, of files of one that with the most beside it."""
    for each in FORMATS:
        names = {pattern.rpartition("/")[2] for pattern in each.patterns}
        near = [path for path in paths if any(path.match(name) for name in names)]
        found = [path for path in near if any(path.match(pattern) for pattern in each.patterns)]
        recordings: dict[tuple[Path | None, str], list[Daq]] = {}
        for file in found:
            key = _acquisition(file), each.recording(file)
            recordings.setdefault(key, []).append(raw_daq(file, each))
        for daqs in recordings.values():
            yield max(daqs, key=lambda daq: sum(path.stat().st_size for path in daq.beside))


def _acquisition(file: Path) -> Path | None:
    """Return the folder that Open Ephys made when it was started; None for other files."""
    if file.name != "structure.oebin":
        return None
    above = file.parents[2]
    return above.parent if above.name.startswith("Record Node") else above


def raw_daq(file: Path, form: Format) -> Daq:
    """Return a raw file with what is read with it."""
    beside = {
        path
        for pattern in form.beside
        for path in folders.matching(file.parent, pattern)
        if regular.is_regular(path)
    }
    return Daq(file, tuple(sorted(beside - {file})), form, form.software)


def _arrays(paths: Sequence[Path]) -> Iterator[Daq]:
    """Yield the sync arrays that are whole, of each folder."""
    found: dict[tuple[Path, str], dict[str, Path]] = {}
    for path in paths:
        if named := _SYNC.fullmatch(path.name):
            found.setdefault((path.parent, named[1]), {})[named[2]] = path
    for (folder, software), arrays in found.items():
        if arrays.keys() == set(ARRAYS):
            beside = {path for glob in _META for path in folders.matching(folder, glob)}
            others = (arrays["channels"], arrays["polarities"], *sorted(beside))
            yield Daq(arrays["times"], others, None, software)


def is_table_of_events(path: Path) -> bool:
    """Return whether a table in text has columns for time and line, whatever it is called.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    table, has_names = text_tables.read(path, [])
    names = [str(name) for name in table.columns]
    return (
        has_names
        and any(map(spellings.time_unit, names))
        and sum(map(spellings.is_line, names)) == 1
    )


def daq_table(path: Path) -> Daq:
    """Return a table of events as a recording of a DAQ."""
    return raw_daq(path, BY_NAME[TABLE])
