"""The plan for people: work of each rule, when all is done, how much sooner with more machines."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table

from alfvideo.configuration import Configuration
from alfvideo.jobs.duration import in_words
from alfvideo.planning import tasks
from alfvideo.planning.pending import State, Status
from alfvideo.planning.resources import MAX_THREADS, RESOURCES
from alfvideo.views import history
from alfvideo.views.plan import work
from alfvideo.views.plan.work import PendingJob
from alfvideo.views.status import table

GPUS = (1, 2, 4, 8)
TIMES = (1, 2, 4)
"""So many times as many cores (or jobs at a time) are compared."""


def parts(
    statuses: Sequence[Status], config: Configuration, limits: Mapping[str, int], now: datetime
) -> Iterator[RenderableType]:
    """Yield the plan for what a scan found pending, newest sessions first: tables and sentences.

    `limits` are as in `work.total`. Benchmarks are read from the current folder.
    """
    past = history.read(dict.fromkeys(status.session for status in statuses), Path())
    jobs, known = work.jobs(statuses, config, past), Counter(job.rule for job in past)
    unknown = [rule for rule in tasks.BY_RULE if rule in {job.rule for job in jobs} - known.keys()]
    yield _of_rules(jobs, known) if jobs else "Nothing is pending."
    if any(job.rule in known for job in jobs):
        expected, fast, slow = (work.total(jobs, limits, which) for which in range(3))
        yield (
            f"\nWith {_machine(limits)}: {'more than ' if unknown else ''}{in_words(expected)}; "
            f"started now, it is done {'after' if unknown else 'by'} "
            f"{now + timedelta(seconds=expected):%a %d %b %H:%M}.\n{in_words(fast)} if all jobs "
            f"were as fast as the fastest tenth of the past ones, {in_words(slow)} if as slow as "
            f"the slowest; for kinds with fewer than {work.MIN_JOBS}, half and twice.\n"
        )
        yield _alternatives(jobs, limits)
        yield (
            "\nOf the jobs only video_compress is taken to become faster with more cores, up to "
            f"{MAX_THREADS}. The disks stay as they are, and memory is enough.\nLearned from "
            f"{len(past)} past jobs on {', '.join(sorted({job.host for job in past}))}."
        )
    if unknown:
        yield (
            f"Not counted, because there is no past job: {', '.join(unknown)}. All times are too "
            "short until one session went through them."
        )
    if blocked := {status.session for status in statuses if status.state is State.BLOCKED}:
        yield f"Not counted: what is blocked, in {len(blocked)} session{'s' * (len(blocked) > 1)}."
    yield (
        "Not counted: preparing the environments of pose engines, looking for what is pending, the "
        "ONE tables, and sessions still to come."
    )


def _of_rules(jobs: Sequence[PendingJob], known: Mapping[str, int]) -> Table:
    rules = table.columns("rule", "jobs", "work", "past jobs", "these took, of the estimate")
    for rule in tasks.BY_RULE:
        if of_rule := [job.seconds for job in jobs if job.rule == rule]:
            total, fast, slow = map(sum, zip(*of_rule, strict=True))
            spread = f"{fast / total:.1f} to {slow / total:.1f}" if total else ""
            took = in_words(total) if known[rule] else "not counted"
            rules.add_row(rule, str(len(of_rule)), took, str(known[rule]), spread)
    return rules


def _alternatives(jobs: Sequence[PendingJob], limits: Mapping[str, int]) -> Table:
    """One row a number of GPUs, one column a number of cores (or of jobs on a cluster)."""
    width = "cores" if "cores" in limits else "jobs"
    enough = {name: limit for name, limit in limits.items() if name != "mem_mb"}
    machines = [{width: limits[width] * times} for times in TIMES]
    gpus = {*GPUS, limits["gpu"]} if any(RESOURCES[job.rule].gpu for job in jobs) else {1}
    compared = table.columns("", *map(_machine, machines))
    for gpu in ({"gpu": count} for count in sorted(gpus)):
        times = (work.total(jobs, {**enough, **gpu, **machine}) for machine in machines)
        compared.add_row(_machine(gpu), *map(in_words, times))
    return compared


def _machine(limits: Mapping[str, int]) -> str:
    """Name what there is of what a person would buy.

    >>> _machine({"cores": 16, "gpu": 1, "io_charge": 100}), _machine({"jobs": 200})
    ('16 cores, 1 GPU', '200 jobs at a time')
    """
    units = {"cores": "core{}", "jobs": "job{} at a time", "gpu": "GPU{}"}
    there = {unit: limits[name] for name, unit in units.items() if name in limits}
    return ", ".join(f"{n} {unit.format('s' * (n != 1))}" for unit, n in there.items())
