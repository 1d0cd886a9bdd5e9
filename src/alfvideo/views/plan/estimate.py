"""How long a job will take, from past jobs of its rule."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.views.plan import history
from alfvideo.views.plan.history import Past
from alfvideo.views.plan.videos import Lengths

FEW = 5
"""With fewer past jobs no line is fitted, and their spread says nothing."""
UNSURE = (0.5, 2.0)
"""The spread that is taken with few past jobs."""
RANGE = 2.0
"""A line is fitted if the longest video is so many times as long as the shortest."""


@dataclass(frozen=True)
class Estimate:
    """Seconds of a job: `fixed`, and `per_frame` of the videos that it reads.

    `low` and `high` are the 10th and 90th percentile of what past jobs took, as parts of what is
    estimated for them, and `past` is their number.
    """

    fixed: float
    per_frame: float
    low: float
    high: float
    past: int

    def seconds(self, frames: float) -> float:
        """Time of a job that reads so many frames."""
        return self.fixed + self.per_frame * frames


class Estimates:
    """Estimates for every kind of job, from past jobs.

    Best are those of the same rule, camera and settings, then those of the same rule and camera; if
    they are fewer than `FEW`, those of the rule are taken.
    """

    def __init__(self, past: Iterable[Past], lengths: Lengths) -> None:
        self._lengths = lengths
        self._groups: dict[tuple[str, ...], list[Past]] = defaultdict(list)
        for job in past:
            for key in _keys(job.rule, job.camera, job.settings):
                self._groups[key].append(job)
        self._found: dict[tuple[str, ...], Estimate] = {}

    def find(self, rule: str, camera: str, settings: str) -> Estimate | None:
        """The estimate for a job, None if no job of its rule ended well yet."""
        *special, general = _keys(rule, camera, settings)
        key = next((key for key in special if len(self._groups.get(key, ())) >= FEW), general)
        if key not in self._found and key in self._groups:
            self._found[key] = of(self._groups[key], self._lengths)
        return self._found.get(key)


def _keys(rule: str, camera: str, settings: str) -> Sequence[tuple[str, ...]]:
    return (rule, camera, settings), (rule, camera), (rule,)


def of(past: Sequence[Past], lengths: Lengths) -> Estimate:
    """The estimate from past jobs, at least one, of one kind."""
    start_up = history.start_up(past) or 0.0
    frames = np.array([sum(map(lengths.frames, job.videos)) for job in past], float)
    seconds = np.array([job.seconds + start_up * (job.start_up is None) for job in past])
    fixed, per_frame = line(frames, seconds, start_up)
    low, high = UNSURE
    estimated = fixed + per_frame * frames
    if len(past) >= FEW and np.all(estimated > 0):
        low, high = np.percentile(seconds / estimated, [10, 90])
    return Estimate(fixed, per_frame, float(low), float(high), len(past))


def line(frames: Floats, seconds: Floats, start_up: float) -> tuple[float, float]:
    """A fixed time and one per frame, neither below zero, that outliers do not move.

    The line of Theil and Sen (the median of all slopes) if there are enough jobs of different
    lengths; else the time beyond the start-up is taken to grow with the length. Jobs that read no
    video have only a fixed time.

    Parameters
    ----------
    frames, seconds
        (n,) length of the videos read, and time, of each past job.
    start_up
        What a job needs however little it reads, in seconds.
    """
    if np.any(frames <= 0):
        return float(np.median(seconds)), 0.0
    if len(frames) >= FEW and frames.max() >= RANGE * frames.min():
        # Slow to load, and the rules load this module at each start of Snakemake.
        from scipy import stats

        slope = stats.theilslopes(seconds, frames).slope
        fixed = np.median(seconds - slope * frames)
        if slope >= 0 and fixed >= 0:
            return float(fixed), float(slope)
        if slope < 0:
            return float(np.median(seconds)), 0.0
    return start_up, max(0.0, float(np.median((seconds - start_up) / frames)))
