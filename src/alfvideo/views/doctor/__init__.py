"""Looks whether a machine has what a run needs, and says how to get what is missing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from alfvideo.configuration import Configuration
from alfvideo.files.errors import DataError


class State(StrEnum):
    """The state of one thing that a run needs."""

    GOOD = "good"
    NOTE = "note"
    """A run works, but slower or with less than one would think."""
    MISSING = "MISSING"
    """Runs will fail, or give wrong results."""


@dataclass(frozen=True)
class Finding:
    """The state of one thing, and a sentence on it that says what to do if it is not good."""

    what: str
    state: State
    sentence: str


Examination = Callable[[Configuration], Iterable[tuple[State, str]]]


def examine(examinations: Mapping[str, Examination], config: Configuration) -> list[Finding]:
    """Make all examinations; what raises DataError or an error of the system is missing."""
    findings = []
    for what, look in examinations.items():
        try:
            findings += [Finding(what, state, sentence) for state, sentence in look(config)]
        except (DataError, OSError) as error:
            findings.append(Finding(what, State.MISSING, str(error)))
    return findings


def text(findings: Iterable[Finding]) -> str:
    """Return a line for each finding, and one that sums up."""
    findings = list(findings)
    width = max((len(finding.what) for finding in findings), default=0)
    lines = [f"{each.state:7}  {each.what:{width}}  {each.sentence}" for each in findings]
    bad = sum(finding.state is State.MISSING for finding in findings)
    lines.append(
        f"{bad} of {len(findings)} must be fixed." if bad else "All that a run needs is there."
    )
    return "\n".join(lines)
