"""The result of a check, and the report of all checks of a camera."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from one.alf.spec import QC


@dataclass(frozen=True)
class Check:
    """The result of one check.

    `values` are the numbers that ibllib reports with the outcome, in its order; None for a number
    that there is not. `sentence` says why the outcome is not PASS; it is empty if it is.
    """

    outcome: QC
    values: tuple[float | None, ...] = ()
    sentence: str = ""

    def __post_init__(self) -> None:
        if (self.outcome == QC.PASS) == bool(self.sentence):
            raise ValueError(f"{self.outcome.name} with the sentence {self.sentence!r}")


def judged(outcome: QC, sentence: str, *values: float | None) -> Check:
    """Make a check with its sentence, which is left out if it passed."""
    return Check(outcome, values, "" if outcome == QC.PASS else sentence)


def not_set(reason: str) -> Check:
    """Make a check that could not be judged."""
    return Check(QC.NOT_SET, (), reason)


def report(
    kind: str, camera: str, checks: Mapping[str, Check], ignored: Collection[str] = ()
) -> dict[str, Any]:
    """Return the checks of a camera as they are written to `_ibl_{camera}Camera.{kind}QC.json`.

    The overall outcome is the worst one, those of `ignored` checks left out. `extended_qc` has
    ibllib's keys: an outcome, or a list of the outcome and its numbers. `reasons` has the sentences
    of all checks that are not PASS.

    >>> checks = {"framerate": Check(QC.PASS, (60.0,)), "brightness": not_set("No video.")}
    >>> report("video", "left", checks)
    {'outcome': 'PASS',
     'extended_qc': {'_videoLeft_brightness': 'NOT_SET', '_videoLeft_framerate': ['PASS', 60.0]},
     'reasons': {'_videoLeft_brightness': 'No video.'}}
    """
    named = {f"_{kind}{camera.capitalize()}_{name}": checks[name] for name in sorted(checks)}
    counted = [check.outcome for name, check in checks.items() if name not in ignored]
    return {
        "outcome": max(counted, default=QC.NOT_SET).name,
        "extended_qc": {
            key: [check.outcome.name, *map(_number, check.values)]
            if check.values
            else check.outcome.name
            for key, check in named.items()
        },
        "reasons": {key: check.sentence for key, check in named.items() if check.sentence},
    }


def _number(value: float | None) -> float | int | None:
    """Convert a number for JSON: numpy types become Python's, and what is not finite None."""
    if value is None or not np.isfinite(value):
        return None
    return int(value) if isinstance(value, int | np.integer) else float(value)
