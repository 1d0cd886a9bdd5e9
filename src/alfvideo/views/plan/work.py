"""The pending work: what each job takes, judged by past jobs, and what all take together."""

import logging
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from alfvideo.configuration import Configuration
from alfvideo.planning import task_inputs, tasks
from alfvideo.planning.pending import State, Status
from alfvideo.planning.resources import MAX_THREADS, RESOURCES
from alfvideo.session import description, quarantine
from alfvideo.session.cameras import ALL_CAMERAS, Session
from alfvideo.views.history import Past

log = logging.getLogger(__name__)

MIN_JOBS = 5
"""With fewer past jobs no line is fitted, and their spread says nothing."""
UNSURE = (0.5, 2.0)
"""The spread that is taken with few past jobs."""
MIN_RANGE = 2.0
"""A line is fitted if the longest video is so many times as long as the shortest."""

BYTES_PER_FRAME = {"frameData": 32, "timestamps": 40, "camlog": 15}


class PendingJob(NamedTuple):
    """A pending job: `seconds` as estimated, as the fastest tenth and as the slowest tenth.

    `needs` are the places in the list of the jobs that must end before it.
    """

    rule: str
    seconds: tuple[float, float, float]
    needs: tuple[int, ...] = ()


class Estimate(NamedTuple):
    """Seconds of a job: `fixed` and what grows with its length, from `low` to `high` times that."""

    fixed: float
    slope: float
    low: float
    high: float

    def seconds(self, length: float) -> tuple[float, float, float]:
        """Return what a job of a length takes, as in `PendingJob`."""
        expected = self.fixed + self.slope * length
        return expected, expected * self.low, expected * self.high


def estimate(seconds: Sequence[float], lengths: Sequence[float]) -> Estimate:
    """Estimate from past jobs of one kind, at least one; lengths in any unit, 0 if not known.

    The line of Theil and Sen, which outliers do not move, if there are enough jobs of different
    lengths; else the time grows with the length. The spread is the 10th to 90th percentile.
    """
    took, long = np.array(seconds, float), np.array(lengths, float)
    fixed, slope = float(np.median(took)), 0.0
    if long.min() > 0:
        fixed, slope = 0.0, float(np.median(took / long))
        if len(long) >= MIN_JOBS and long.max() >= MIN_RANGE * long.min():
            from scipy import stats  # slow to load

            # It also estimates an error, which cannot be done for a few jobs of the same length.
            with np.errstate(invalid="ignore"):
                slope = max(0.0, float(stats.theilslopes(took, long).slope))
            fixed = max(0.0, float(np.median(took - slope * long)))
    ratios = took / np.maximum(fixed + slope * long, 1e-9)
    low, high = np.percentile(ratios, [10, 90]) if len(long) >= MIN_JOBS else UNSURE
    return Estimate(fixed, slope, float(low), float(high))


@cache
def _length(session: Path, camera: str) -> float:
    """About how many frames a camera (or the fastest) recorded, by what it wrote beside its video.

    Unlike videos and times that is there before and after all jobs.
    """
    names = re.compile(rf".*{re.escape(camera)}.*\.({'|'.join(BYTES_PER_FRAME)})\b.*")
    longest = 0.0
    for file in session.glob("raw_video_data*/*"):
        if name := names.match(file.name):
            # Of a link to nothing.
            with suppress(OSError):
                longest = max(longest, file.stat().st_size / BYTES_PER_FRAME[name[1]])
    return longest


def jobs(
    statuses: Iterable[Status], config: Configuration, past: Iterable[Past]
) -> list[PendingJob]:
    """Return the jobs of everything that is pending, in the order of the statuses of a scan.

    Their times are judged by past jobs of the same rule and camera, or else of the rule.
    """
    kinds: dict[tuple[str, ...], list[Past]] = defaultdict(list)
    for job in past:
        kinds[job.rule, job.camera].append(job)
        kinds[job.rule,].append(job)

    @cache
    def known(*kind: str) -> Estimate:
        like = kinds[kind] if len(kinds[kind]) >= MIN_JOBS else kinds[kind[:1]]
        lengths = [_length(job.session, job.camera) for job in like]
        return estimate([job.seconds for job in like], lengths) if like else Estimate(0, 0, 0, 0)

    found: list[PendingJob] = []
    makers: dict[Path, int] = {}
    session: Session | None = None
    for status in (status for status in statuses if status.state is State.PENDING):
        try:
            if session is None or session.path != status.session:
                session = description.read(status.session)
            camera = session.cameras.get(status.camera, ALL_CAMERAS)
            task = tasks.of_stage(status.stage, session, camera, config)
            inputs = list(chain(*task_inputs.find(task, session, camera, config).values()))
        # Something changed since the scan; whatever it is, the others are planned.
        except Exception as error:
            reason = quarantine.reason(error, status.session)
            log.warning("Not counted: %s of %s: %s", status.stage, status.session, reason)
            continue
        needs = tuple({makers[file] for file in inputs if file in makers})
        makers.update(dict.fromkeys(status.outputs, len(found)))
        seconds = known(task.rule, status.camera).seconds(_length(status.session, status.camera))
        found.append(PendingJob(task.rule, seconds, needs))
    return found


def total(jobs: Iterable[PendingJob], limits: Mapping[str, int], which: int = 0) -> float:
    """Seconds until all jobs are done: what the busiest resource or the longest chain takes.

    `limits` is how much there is of `gpu`, `io_charge`, `cores` and `mem_mb` of a machine or `jobs`
    at a time of a cluster; `which` is a place in `PendingJob.seconds`. While a job has all cores,
    nothing else runs. Past compressions are taken to have had the cores of this machine.
    """
    cores = limits.get("cores", 0)
    busy, idle = dict.fromkeys(limits, 0.0), dict.fromkeys(limits, 0.0)
    ends: list[float] = []
    for job in jobs:
        row, seconds = RESOURCES[job.rule], job.seconds[which]
        uses = {"gpu": row.gpu, "io_charge": row.io_charge, "mem_mb": row.mem_mb, "jobs": 1}
        uses["cores"] = row.threads or cores
        if cores and row.threads is None:
            seconds *= min(os.cpu_count() or 1, MAX_THREADS) / min(cores, MAX_THREADS)
        alone = 0 < cores <= uses["cores"]
        for name, limit in limits.items():
            if alone or uses[name]:
                beside = 1 if alone else max(1, limit // uses[name])
                busy[name] += seconds / beside
                # The last ones end at different times: half of the longest is a fair guess.
                idle[name] = max(idle[name], seconds * (1 - 1 / beside) / 2)
        ends.append(seconds + max((ends[place] for place in job.needs), default=0.0))
    return max([*(busy[name] + idle[name] for name in limits), *ends], default=0.0)
