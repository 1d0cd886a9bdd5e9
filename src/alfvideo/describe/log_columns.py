"""Columns of a log of frames whose names say nothing, by what is in them."""

from typing import TYPE_CHECKING

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.timing.frame_log import PERIODS

if TYPE_CHECKING:
    import pandas as pd

_MIN_ROWS = 10
_MIN_SHARE = 0.9
"""Part of the rows in which a column must do as its kind does."""


def proposed(table: "pd.DataFrame") -> dict[str, str | list[str]]:
    """Propose which column is the frame counter, which the clock, and which are input lines.

    A counter goes up by one nearly always, a clock by about the same, and a line is 0 or 1. Of
    several of a kind the first is taken; the rest of a counter or clock is left out.
    """
    import pandas as pd

    found: dict[str, str | list[str]] = {}
    pins: list[str] = []
    for name in map(str, table.columns):
        values = pd.to_numeric(table[name].replace({"True": 1, "False": 0}), errors="coerce")
        numbers = values.to_numpy(np.float64)
        numbers = numbers[np.isfinite(numbers)]
        if numbers.size < max(_MIN_ROWS, _MIN_SHARE * len(table)):
            continue
        kind = _kind(numbers)
        if kind == "pins":
            pins.append(name)
        elif kind:
            found.setdefault(kind, name)
    return found | ({"pins": pins} if pins else {})


def _kind(numbers: Floats) -> str:
    steps = np.diff(numbers)
    if np.isin(numbers, (0, 1)).all():
        return "pins" if steps.any() else ""
    if np.mean(steps == 1) >= _MIN_SHARE:
        return "frame"
    typical = float(np.median(steps))
    regular = np.abs(steps - typical) < 0.5 * typical
    has_unit = any(low <= typical <= high for low, high in PERIODS.values())
    return "time" if has_unit and np.mean(regular) >= _MIN_SHARE else ""
