"""A simulation of Snakemake's greedy scheduler, as the truth that the plan is compared with."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SimulatedJob:
    """A job of `seconds` that takes `uses` of the resources and waits for the jobs in `needs`.

    `needs` are places in the list of all jobs.
    """

    seconds: float
    priority: float
    uses: Mapping[str, float]
    needs: tuple[int, ...] = ()


def ends(jobs: Sequence[SimulatedJob], limits: Mapping[str, float]) -> list[float]:
    """Seconds from the start at which each job ends.

    As Snakemake's greedy scheduler: whenever a job ends, the ready job of the highest priority that
    fits into what is free is started, and again, until none fits; a large job may be overtaken by
    small ones of lower priority. A job that wants more than there is takes all of it. Among equals
    the first in the list is started first.
    """
    waits_for = [len(job.needs) for job in jobs]
    followers: list[list[int]] = [[] for _ in jobs]
    for place, job in enumerate(jobs):
        for needed in job.needs:
            followers[needed].append(place)
    uses = [tuple(min(job.uses.get(name, 0), limits[name]) for name in limits) for job in jobs]
    # Jobs that use the same compete only by priority, so that only the first of them is looked at.
    ready: dict[tuple[float, ...], list[tuple[float, int]]] = {use: [] for use in uses}
    for place, job in enumerate(jobs):
        if not job.needs:
            heapq.heappush(ready[uses[place]], (-job.priority, place))
    free = tuple(limits.values())
    running: list[tuple[float, int]] = []
    end = [0.0] * len(jobs)
    now = 0.0
    while True:
        while queue := _first(ready, free):
            _, place = heapq.heappop(queue)
            free = tuple(f - u for f, u in zip(free, uses[place], strict=True))
            end[place] = now + jobs[place].seconds
            heapq.heappush(running, (end[place], place))
        if not running:
            return end
        now = running[0][0]
        while running and running[0][0] == now:
            _, place = heapq.heappop(running)
            free = tuple(f + u for f, u in zip(free, uses[place], strict=True))
            for follower in followers[place]:
                waits_for[follower] -= 1
                if not waits_for[follower]:
                    job = jobs[follower]
                    heapq.heappush(ready[uses[follower]], (-job.priority, follower))


def _first(
    ready: Mapping[tuple[float, ...], list[tuple[float, int]]], free: tuple[float, ...]
) -> list[tuple[float, int]]:
    """The queue with the job to start next; empty if none fits into what is free."""
    fitting = (
        queue
        for uses, queue in ready.items()
        if queue and all(use <= left for use, left in zip(uses, free, strict=True))
    )
    return min(fitting, key=lambda queue: queue[0], default=[])
