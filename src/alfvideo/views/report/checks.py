"""The checks of a camera, read back from its QC files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from one.alf import spec
from one.alf.path import filename_parts

from alfvideo.files import documents
from alfvideo.session import datasets, folders
from alfvideo.trackers import TRACKERS

UNREADABLE = "UNREADABLE"
"""Stands in place of an outcome where a QC file cannot be read."""
NO_CHECKS = "no checks"
"""Stands in place of an outcome where there is no QC file."""
OUTCOMES = (NO_CHECKS, *(outcome.name for outcome in sorted(spec.QC)), UNREADABLE)
"""From the best to the worst."""
KINDS = {
    "video": "camera QC",
    **{name: f"{tracker.label} QC" for name, tracker in TRACKERS.items()},
}
"""Titles of the checks, by the beginning of the attribute of their QC file."""
_WRONG = ("WARNING", "FAIL", "CRITICAL", UNREADABLE)


@dataclass(frozen=True)
class Check:
    """One check as the QC file has it; `counts` is whether the overall outcome goes by it, too."""

    name: str
    outcome: str
    numbers: tuple[float | None, ...] = ()
    sentence: str = ""
    counts: bool = True


@dataclass(frozen=True)
class Quality:
    """A QC file of a camera: its overall outcome and its checks, by name."""

    kind: str
    outcome: str
    checks: tuple[Check, ...] = ()

    @property
    def wrong(self) -> tuple[Check, ...]:
        """The checks that were made and did not pass."""
        return tuple(check for check in self.checks if check.outcome in _WRONG)

    def numbers(self, name: str) -> tuple[float | None, ...]:
        """Return the numbers of a check; none if it was not made or is CRITICAL: they differ."""
        usable = (c for c in self.checks if c.name == name and c.outcome != "CRITICAL")
        return next((check.numbers for check in usable), ())


def worst(outcomes: Iterable[str]) -> str:
    """Return the worst of some outcomes.

    >>> worst(["PASS", "NOT_SET", "WARNING"])
    'WARNING'
    >>> worst([])
    'no checks'
    """
    return max(outcomes, key=OUTCOMES.index, default=NO_CHECKS)


def qualities(path: Path) -> dict[str, dict[str, Quality]]:
    """Read the QC files of a session, by camera and by what was checked, in order of `KINDS`."""
    found: dict[str, dict[str, Quality]] = {}
    names = sorted(filter(spec.is_valid, folders.listing(path / "qc")))
    for kind in KINDS:
        for name in names:
            if filename_parts(name)[2] == f"{kind}QC" and name.endswith(".json"):
                file = path / "qc" / name
                found.setdefault(datasets.camera_of(file), {})[kind] = read(file, kind)
    return found


def read(file: Path, kind: str) -> Quality:
    """Read a QC file; if it is broken, the only check is that it cannot be read."""
    try:
        content = documents.parse_json(documents.read(file))
        prefix = f"_{kind}{datasets.camera_of(file).capitalize()}_"
        reasons = content.get("reasons", {})
        checks = [
            _check(kind, key.removeprefix(prefix), value, str(reasons.get(key, "")))
            for key, value in content["extended_qc"].items()
        ]
        return Quality(kind, _outcome(content["outcome"]), tuple(checks))
    # Whatever it holds: it must not hide the other files.
    except Exception as error:
        sentence = (
            f"{file.name} cannot be read ({type(error).__name__}: {error}). Remove it and run "
            "again: it is then regenerated."
        )
        return Quality(kind, UNREADABLE, (Check("file", UNREADABLE, sentence=sentence),))


def _check(kind: str, name: str, value: Any, sentence: str) -> Check:
    outcome, *numbers = value if isinstance(value, list) else [value]
    counts = kind not in TRACKERS or name not in TRACKERS[kind].ignored_checks
    return Check(name, _outcome(outcome), tuple(map(_number, numbers)), sentence, counts)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _outcome(name: Any) -> str:
    return str(spec.QC[name].name)
