"""The results of sessions that are on record and there as they were recorded."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from alfvideo.files import arrays
from alfvideo.files.errors import DataError, attempt
from alfvideo.jobs import provenance
from alfvideo.jobs.provenance import Entry
from alfvideo.planning.tasks import BY_RULE
from alfvideo.pose import table
from alfvideo.session import datasets, quarantine
from alfvideo.timing import record
from alfvideo.timing.record import TimingRecord
from alfvideo.trackers import TRACKERS
from alfvideo.views.verify import is_inside


class Result(NamedTuple):
    """A result of a job, and its record."""

    session: Path
    file: Path
    entry: Entry

    @property
    def rule(self) -> str:
        """The rule that made it."""
        return str(self.entry.get("rule", ""))

    @property
    def camera(self) -> str:
        """The label of its camera; empty for a result of the session."""
        return str(self.entry.get("camera", ""))

    @property
    def params(self) -> Mapping[str, Any]:
        """The settings that it depends on."""
        return self.entry.get("params", {})

    @property
    def software(self) -> Mapping[str, str]:
        """Versions of what made it."""
        return self.entry.get("software", {})

    def timing(self) -> TimingRecord | None:
        """Read how camera times were found, if that is on record and can be read."""
        file = datasets.timing_of(self.file, self.camera)
        found = attempt(record.load, file) if file.exists() else None
        return None if isinstance(found, DataError) else found

    def n_frames(self) -> int | None:
        """Count the frames of camera times or poses; None if they cannot be read."""
        try:
            if self.file.suffix == ".npy":
                return int(arrays.mapped(self.file).shape[0])
            return table.Columns(self.file).n_frames
        except (DataError, OSError):
            return None


@dataclass
class Results:
    """The results of some sessions, by rule, and a sentence for all that is left out."""

    by_rule: dict[str, list[Result]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def of_rules(self, *rules: str) -> list[Result]:
        """List the results of some rules."""
        return [result for rule in rules for result in self.by_rule.get(rule, ())]

    @property
    def all(self) -> list[Result]:
        """All results."""
        return self.of_rules(*self.by_rule)


def collect(sessions: Iterable[Path]) -> Results:
    """Collect the results that are on record; of a result with revisions the newest.

    A job counts once, however many files it writes. Left out and named are sessions whose record
    cannot be read, results that are gone or have another size than was recorded, and those that are
    not on record, as files of other programs are.
    """
    found = Results()
    gone: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for session in sessions:
        try:
            entries = provenance.read(session)
        # Whatever is wrong with it must not keep the others out.
        except Exception as error:
            found.left_out.append(f"{session} is left out: {quarantine.reason(error, session)}.")
            continue
        for name in _newest(name for name in entries if is_inside(name)):
            result = Result(session, session / name, entries[name])
            if not _is_first_of_job(result):
                continue
            if _is_as_recorded(result):
                found.by_rule.setdefault(result.rule, []).append(result)
            else:
                gone[result.rule] += 1
        for file in _of_cameras(session):
            if provenance.relative(file, session) not in entries:
                unknown[file.name.partition("Camera.")[2]] += 1
    for rule, n in sorted(gone.items()):
        found.left_out.append(
            f"{n} of {rule} on record {'is' if n == 1 else 'are'} gone or changed since, and left "
            "out: uv run alfvideo verify names them."
        )
    for name, n in sorted(unknown.items()):
        found.left_out.append(
            f"{n} {name} {'is' if n == 1 else 'are'} not on record, as files of other programs: "
            f"the text says nothing of {'it' if n == 1 else 'them'}."
        )
    return found


def _newest(names: Iterable[str]) -> list[str]:
    """Choose of the revisions of each output the newest.

    >>> _newest(["alf/a.npy", "alf/#2026-01-31#/a.npy", "alf/b.npy"])
    ['alf/#2026-01-31#/a.npy', 'alf/b.npy']
    """
    by_original: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (Path(name).parent.name[:1] == "#", name)):
        path = Path(name)
        folder = path.parent.parent if path.parent.name[:1] == "#" else path.parent
        by_original[str(folder / path.name)] = name
    return list(by_original.values())


def _is_first_of_job(result: Result) -> bool:
    """Return whether it is the first of the files that its job writes."""
    task = BY_RULE.get(result.rule)
    if task is None:
        return False
    name = task.outputs[0].rpartition("/")[2].format(camera=result.camera, sync="")
    return result.file.name.endswith(name)


def _is_as_recorded(result: Result) -> bool:
    """Return whether it is there with the size that was recorded."""
    try:
        size = result.file.stat().st_size
    except OSError:
        return False
    return size == result.entry.get("output", {}).get("size", size)


def _of_cameras(session: Path) -> list[Path]:
    """List times, poses, features and motion energy of a session, whoever made them."""
    names = [pattern.rpartition("/")[2].format(camera="*") for pattern in datasets.OF_FRAMES]
    return [file for name in names for file in session.glob(f"alf/{name}")]


def tracker_of(rule: str) -> str:
    """Return the name of the tracker whose poses or features a rule makes; else empty.

    >>> tracker_of("ephys_post_lightning_pose"), tracker_of("licks")
    ('lightningPose', '')
    """
    rules = {
        rule: name for name, each in TRACKERS.items() for rule in (each.rule, each.features_rule)
    }
    return rules.get(rule, "")
