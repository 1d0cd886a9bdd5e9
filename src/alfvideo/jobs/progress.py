"""Progress of a long job, in its log and on the screen: frames done, frames/s, time left."""

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from alfvideo.jobs import duration

log = logging.getLogger(__name__)

Item = TypeVar("Item")

SECONDS_BETWEEN_REPORTS = 10
REPORTS_PER_SCREEN_LINE = 6
"""Many jobs share a screen: each comes there after ten seconds, then once a minute."""


class Progress:
    """Reports every ten seconds; call it with the number of frames done so far, as often as liked.

    `verb` says what is done to the frames, `total` how many there are, `done` how many an earlier
    run has done.
    """

    def __init__(self, verb: str, total: int, done: int = 0) -> None:
        self.verb, self.total, self.done_before = verb, total, done
        self.start = self.last_report = time.monotonic()
        self._reports = 0

    def rate(self, frames: int) -> float:
        """Return frames per second of this run, with so many frames done."""
        return (frames - self.done_before) / max(time.monotonic() - self.start, 1e-9)

    def __call__(self, frames: int) -> None:
        """Log a line if it is time for one."""
        now = time.monotonic()
        if now - self.last_report < SECONDS_BETWEEN_REPORTS or frames <= self.done_before:
            return
        self.last_report = now
        rate = self.rate(frames)
        left = duration.in_words(max(self.total - frames, 0) / rate)
        # The screen shows INFO, the log of the job all.
        level = logging.DEBUG if self._reports % REPORTS_PER_SCREEN_LINE else logging.INFO
        self._reports += 1
        log.log(
            level,
            "%s %d of %d frames (%d %%), %.0f frames/s, %s left",
            *(self.verb, frames, self.total, 100 * frames // max(self.total, 1), rate, left),
        )


def watched(items: Iterable[Item], verb: str, total: int) -> Iterator[Item]:
    """Yield the items, one a frame, with a report on how many were taken.

    >>> list(watched("abc", "read", total=3))
    ['a', 'b', 'c']
    """
    progress = Progress(verb, total)
    for done, item in enumerate(items, 1):
        yield item
        progress(done)
