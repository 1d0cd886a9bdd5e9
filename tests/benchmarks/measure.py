"""Measures two ways to do the same thing in turn, and prints what it found as a table."""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Timed = Callable[[], float]
"""Does something and returns the seconds that it took."""

HEADER = ("what", "unit", "alfvideo", "compared with", "", "times as fast")


@dataclass(frozen=True)
class Row:
    """One comparison: medians, and how many frames or other things were done.

    `ours` and `theirs` are seconds, bytes if the unit is MB, or parts of 1 if it is %.
    """

    what: str
    unit: str
    count: int
    ours: float
    other: str
    theirs: float

    def cells(self) -> tuple[str, ...]:
        """The comparison as text, in the columns of `HEADER`."""
        ours, theirs = (self._value(measured) for measured in (self.ours, self.theirs))
        # A device that is used more is no gain by itself.
        times = "" if self.unit == "%" else f"{self.theirs / self.ours:.2f}"
        return self.what, self.unit, ours, self.other, theirs, times

    def _value(self, measured: float) -> str:
        match self.unit:
            case "MB":
                return f"{measured / 1e6:.0f}"
            case "%":
                return f"{100 * measured:.0f}"
            case "s":
                return f"{measured:.1f}"
            case "ms" | "CPU ms":
                return f"{1000 * measured:.1f}"
            case "CPU ms/frame":
                return f"{1000 * measured / self.count:.2f}"
        return f"{self.count / measured:.0f}"


def timed(action: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> Timed:
    """Time an action of this process."""

    def run() -> float:
        start = clock()
        action()
        return clock() - start

    return run


def compare(
    what: str, unit: str, count: int, ours: Timed, others: Mapping[str, Timed], repeats: int
) -> list[Row]:
    """Compare ours with others by medians of rounds."""
    rounds = in_turn(what, (ours, *others.values()), repeats)
    our_seconds, *theirs = map(statistics.median, rounds)
    return [
        Row(what, unit, count, our_seconds, other, their_seconds)
        for other, their_seconds in zip(others, theirs, strict=True)
    ]


def in_turn(what: str, ways: Sequence[Callable[[], Any]], repeats: int) -> list[list[Any]]:
    """Return the results of each way in each round.

    Every other round goes backwards, so that all meet the same load of the machine.
    """
    returned: list[list[Any]] = [[] for _ in ways]
    for i in range(repeats):
        for way in range(len(ways))[:: -1 if i % 2 else 1]:
            returned[way].append(ways[way]())
    print(f"measured: {what}", file=sys.stderr)
    return returned


def table(rows: Sequence[Row]) -> str:
    """Rows as a table in Markdown with aligned columns."""
    lines = [HEADER, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)
