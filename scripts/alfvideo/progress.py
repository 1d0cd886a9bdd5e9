"""How far a long job is, in its log: frames done, frames per second, time left."""

import logging
import time

log = logging.getLogger(__name__)

SECONDS_BETWEEN_REPORTS = 10


class Progress:
    """Reports every ten seconds; call it with the number of frames done so far, as often as liked.

    `verb` says what is done to the frames, `total` how many there are, `done` how many an earlier
    run has done.
    """

    def __init__(self, verb: str, total: int, done: int = 0) -> None:
        self.verb, self.total, self.done_before = verb, total, done
        self.start = self.last_report = time.monotonic()

    def rate(self, frames: int) -> float:
        """Frames per second of this run, with so many frames done."""
        return (frames - self.done_before) / max(time.monotonic() - self.start, 1e-9)

    def __call__(self, frames: int) -> None:
        """Log a line if it is time for one."""
        now = time.monotonic()
        if now - self.last_report < SECONDS_BETWEEN_REPORTS or frames <= self.done_before:
            return
        self.last_report = now
        rate = self.rate(frames)
        left = time.strftime("%H:%M:%S", time.gmtime((self.total - frames) / rate))
        log.info(
            "%s %d of %d frames, %.0f frames/s, %s left", self.verb, frames, self.total, rate, left
        )
