"""How long a machine takes for all pending jobs."""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from alfvideo.views.plan import schedule
from alfvideo.views.plan.work import Job

TAKES_ALL_CORES = "video_compress"
FASTEST_WITH = 8
"""Cores beyond which the compression of one video is taken to gain no speed."""


@dataclass(frozen=True)
class Rule:
    """What a job of a rule uses of each resource, and its priority for a session."""

    uses: Mapping[str, float]
    priority: Callable[[Path], float]


def makespan(
    jobs: Iterable[Job],
    rules: Mapping[str, Rule],
    limits: Mapping[str, float],
    seconds: Callable[[Job], float] = attrgetter("seconds"),
) -> float:
    """Seconds until all jobs are done.

    `limits` is how much there is of each resource, under Snakemake's names (`_cores`, `_nodes` for
    jobs at a time on a cluster) and those of the rules. What is not in it has no limit. Past
    compressions are taken to have had the cores of this machine.
    """
    cores = limits.get("_cores", math.inf)
    slower = min(os.cpu_count() or 1, FASTEST_WITH) / min(cores, FASTEST_WITH)
    planned = []
    for job in jobs:
        rule = rules[job.rule]
        takes, uses = seconds(job), rule.uses
        if job.rule == TAKES_ALL_CORES and math.isfinite(cores):
            takes, uses = takes * slower, {**uses, "_cores": cores}
        planned.append(schedule.Job(takes, rule.priority(job.session), uses, job.needs))
    return max(schedule.ends(planned, limits), default=0.0)
