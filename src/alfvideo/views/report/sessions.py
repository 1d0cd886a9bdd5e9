"""The content of the QC page of a session: work, checks, times, pictures and provenance."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from types import MappingProxyType

from alfvideo.configuration import Configuration
from alfvideo.files import arrays, regular
from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance
from alfvideo.jobs.provenance import Entry
from alfvideo.planning import up_to_date
from alfvideo.planning.pending import State, Status
from alfvideo.session import datasets, quarantine
from alfvideo.views.report import pictures
from alfvideo.views.report.checks import Quality, qualities, worst
from alfvideo.views.report.pictures import Picture
from alfvideo.views.status import certainty
from alfvideo.views.status.rows import failure

STATES = (State.DONE, State.PENDING, State.BLOCKED, State.FAILED)
"""From the best to the worst."""


@dataclass(frozen=True)
class Stage:
    """The state of a stage of a camera, and why if it is blocked or failed."""

    name: str
    state: State
    reason: str = ""


@dataclass(frozen=True)
class Times:
    """The camera times: number of frames, first and last in seconds, mean rate in Hz.

    `certainty` says how well they are known, `problem` why they cannot be read.
    """

    n_frames: int = 0
    start: float = 0.0
    end: float = 0.0
    rate: float | None = None
    problem: str = ""
    certainty: str = ""


@dataclass(frozen=True)
class CameraReport:
    """A camera of a session; `label` is empty for the work on all cameras together."""

    label: str
    stages: tuple[Stage, ...] = ()
    qualities: Mapping[str, Quality] = field(default_factory=dict)
    times: Times | None = None

    @property
    def state(self) -> str:
        """The worst state of its stages."""
        states = [stage.state for stage in self.stages]
        return max(states, key=STATES.index, default=State.DONE)

    @property
    def outcome(self) -> str:
        """The worst outcome of its QC files."""
        return worst(quality.outcome for quality in self.qualities.values())

    @property
    def reasons(self) -> dict[tuple[str, str], list[str]]:
        """Why stages are pending, blocked or failed: the stages, by state and reason."""
        found: dict[tuple[str, str], list[str]] = {}
        for stage in self.stages:
            if stage.reason and not up_to_date.follows(stage.reason):
                found.setdefault((stage.state, stage.reason), []).append(stage.name)
        return found


@dataclass(frozen=True)
class RecordedJob:
    """A job that made outputs; what it read is in `inputs`. Paths are relative to the session."""

    rule: str
    camera: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    finished: str
    seconds: float | None
    host: str
    software: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """A session as its page shows it; `page` is the name of its folder."""

    path: Path
    page: str
    cameras: Sequence[CameraReport]
    pictures: Sequence[Picture] = ()
    jobs: Sequence[RecordedJob] = ()
    n_licks: int | None = None
    problem: str = ""

    @property
    def name(self) -> str:
        """Subject, date and number, as a person names the session."""
        return "/".join(self.path.parts[-3:])

    def without_contents(self, problem: str) -> "Report":
        """Return it with nothing but the states of its cameras, and why."""
        cameras = [replace(camera, qualities={}, times=None) for camera in self.cameras]
        return Report(self.path, self.page, cameras, problem=problem)


def page_name(path: Path, root: Path) -> str:
    """Return a name for the folder of a session's page that every file system and link can have.

    >>> page_name(Path("/data/lab/KB #1/2026-01-05/001"), Path("/data"))
    'KB-1_2026-01-05_001_d2290252'
    """
    subject, date, number = path.parts[-3:]
    # Two labs may have sessions of the same name, and subjects may differ in odd characters only.
    unique = hashlib.md5(os.fsencode(path.relative_to(root))).hexdigest()[:8]
    return f"{re.sub('[^A-Za-z0-9-]+', '-', subject)}_{date}_{number}_{unique}"


def reports(statuses: Iterable[Status], root: Path, config: Configuration) -> Iterator[Report]:
    """Each session of a scan, in its order. Nothing that is broken in a session stops it."""
    for path, group in groupby(statuses, key=lambda status: status.session):
        of_session = [status for status in group if status.state is not State.LEFT_OUT]
        try:
            yield report(path, root, of_session, config)
        except Exception as error:
            labels = dict.fromkeys(status.camera for status in of_session)
            cameras = [_camera(label, of_session) for label in labels]
            problem = f"{quarantine.reason(error, path)}."
            yield Report(path, page_name(path, root), cameras, problem=problem)


def report(path: Path, root: Path, statuses: Sequence[Status], config: Configuration) -> Report:
    """Gather what there is of a session and of the selected cameras."""
    made, no_provenance = provenance.readable(path, provenance.FILE_NAME)
    failed, _ = provenance.readable(path, provenance.FAILED)
    checked = qualities(path)
    labels = dict.fromkeys(status.camera for status in statuses)
    labels |= dict.fromkeys(label for label in checked if label in config.cameras)
    cameras = [
        _camera(label, statuses, failed, checked.get(label, {}), _times_of(path, label))
        for label in sorted(labels, key=bool, reverse=True)
    ]
    return Report(
        path=path,
        page=page_name(path, root),
        cameras=[camera for camera in cameras if camera.label or camera.state != State.DONE],
        pictures=pictures.pictures(path, config.cameras),
        jobs=jobs(made, config.cameras),
        n_licks=_n_licks(datasets.newest(datasets.LICKS, path)),
        problem=" ".join(filter(None, (no_provenance, *pictures.problems(path)))),
    )


def _camera(
    label: str,
    statuses: Iterable[Status],
    failed: Mapping[str, Entry] = MappingProxyType({}),
    checked: Mapping[str, Quality] = MappingProxyType({}),
    times: Times | None = None,
) -> CameraReport:
    stages = tuple(_stage(status, failed) for status in statuses if status.camera == label)
    return CameraReport(label, stages, checked, times)


def _stage(status: Status, failed: Mapping[str, Entry]) -> Stage:
    if status.state is State.PENDING:
        entry = failure(status, failed)
        if entry is not None:
            return Stage(status.stage, State.FAILED, str(entry.get("message", "")))
    return Stage(status.stage, status.state, status.reason)


def _times_of(path: Path, label: str) -> Times | None:
    file = datasets.newest(datasets.TIMES, path, label)
    if not (label and file.exists()):
        return None
    return replace(times(file), certainty=certainty.of_camera(path, label))


def times(file: Path) -> Times:
    """Return what there is to say of a file of camera times, (n,) float64, seconds."""
    try:
        # Only its ends are read.
        found = arrays.mapped(file)
        if found.ndim != 1 or found.size == 0:
            raise ValueError(f"its shape is {found.shape}")
        start, end = float(found[0]), float(found[-1])
    # Whatever it holds: it must not hide the rest of the session.
    except Exception as error:
        return Times(problem=f"{file.name}: expected one time for each frame ({error}).")
    return Times(found.size, start, end, (found.size - 1) / (end - start) if end > start else None)


def _n_licks(file: Path) -> int | None:
    try:
        return arrays.load(file).size if regular.is_regular(file) else None
    except (DataError, AttributeError):
        return None


def jobs(made: Mapping[str, Entry], cameras: Iterable[str]) -> list[RecordedJob]:
    """List the jobs of a provenance record, of these cameras and of all together, in order."""
    entries: dict[tuple[str, ...], Entry] = {}
    outputs: dict[tuple[str, ...], list[str]] = {}
    for output, entry in sorted(made.items()):
        key = tuple(str(entry.get(name, "")) for name in ("finished", "rule", "camera"))
        entries[key] = entry
        outputs.setdefault(key, []).append(output)
    return [
        RecordedJob(
            rule=key[1],
            camera=key[2],
            outputs=tuple(outputs[key]),
            inputs=tuple(sorted(entry.get("inputs", ()))),
            finished=key[0],
            seconds=_number(entry.get("seconds")),
            host=str(entry.get("host", "")),
            software=entry.get("software", {}),
            notes=tuple(map(str, entry.get("notes", ()))),
        )
        for key, entry in sorted(entries.items(), key=lambda item: item[0])
        if key[2] in ("", *cameras)
    ]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
