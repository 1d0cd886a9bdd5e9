"""Measures two ways to do the same thing in turn, and prints what it found as a table."""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Timed = Callable[[], float]
"""Does something and returns the seconds that it took."""

HEADER = ("what", "unit", "alfvideo", "compared with", "", "times as fast")


@dataclass(frozen=True)
class Row:
    """One comparison: medians of seconds, and how many frames or other things were done."""

    what: str
    unit: str
    count: int
    ours: float
    other: str
    theirs: float

    def cells(self) -> tuple[str, ...]:
        """The comparison as text, in the columns of `HEADER`."""
        ours, theirs = (self._value(seconds) for seconds in (self.ours, self.theirs))
        return self.what, self.unit, ours, self.other, theirs, f"{self.theirs / self.ours:.2f}"

    def _value(self, seconds: float) -> str:
        if self.unit.endswith("ms"):
            return f"{1000 * seconds:.1f}"
        return f"{self.count / seconds:.0f}"


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
    """Compare ours with others by medians of rounds.

    Every other round goes backwards, so that all meet the same load of the machine.
    """
    ways = (ours, *others.values())
    rounds = []
    for i in range(repeats):
        order = range(len(ways))[:: -1 if i % 2 else 1]
        seconds = {way: ways[way]() for way in order}
        rounds.append([seconds[way] for way in range(len(ways))])
    our_seconds, *theirs = map(statistics.median, zip(*rounds, strict=True))
    print(f"measured: {what}", file=sys.stderr)
    return [
        Row(what, unit, count, our_seconds, other, their_seconds)
        for other, their_seconds in zip(others, theirs, strict=True)
    ]


def table(rows: Sequence[Row]) -> str:
    """Rows as a table in Markdown with aligned columns."""
    lines = [HEADER, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)
