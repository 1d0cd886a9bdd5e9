"""The plan as text: work of each rule, when all is done, and how much sooner with more machines."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path

from alfvideo.configuration import Configuration
from alfvideo.jobs.duration import in_words
from alfvideo.planning import tasks
from alfvideo.planning.pending import State, Status
from alfvideo.views.plan import history, work
from alfvideo.views.plan.estimate import FEW, Estimates
from alfvideo.views.plan.history import Past
from alfvideo.views.plan.makespan import FASTEST_WITH, TAKES_ALL_CORES, Rule, makespan
from alfvideo.views.plan.videos import Lengths
from alfvideo.views.plan.work import Job

GPUS = (1, 2, 4, 8)
TIMES_AS_MANY_CORES = (1, 2, 4)
SECONDS = tuple(map(attrgetter, ("seconds", "fast", "slow")))


def of(
    statuses: Sequence[Status],
    config: Configuration,
    rule: Callable[[str], Rule],
    limits: Mapping[str, float],
    now: datetime,
) -> str:
    """The plan for what a scan found pending, newest sessions first, as text for people.

    `rule` gives what is declared of a rule. `limits` are Snakemake's, of resources that the run has
    only so much of: `_cores` on this machine, or else `_nodes`, the jobs at a time on a cluster;
    and those that rules name. Benchmarks are read from the current folder.
    """
    past = history.read(dict.fromkeys(status.session for status in statuses), Path.cwd())
    lengths = Lengths(video for job in past for video in job.videos)
    jobs = work.jobs(statuses, config, Estimates(past, lengths), lengths)
    rules = {name: rule(name) for name in {job.rule for job in jobs}}
    lines = [*_aligned(_of_rules(jobs, past)), ""] if jobs else ["Nothing is pending."]
    if any(job.estimate for job in jobs):
        hosts = ", ".join(sorted({job.host for job in past}))
        lines += [*_this_run(jobs, rules, limits, now), ""]
        lines += [*_aligned(_alternatives(jobs, rules, limits)), ""]
        lines += [
            f"More cores run more jobs side by side; of the jobs only {TAKES_ALL_CORES} is taken "
            f"to become faster itself, up to {FASTEST_WITH} cores. The disks stay as they are, and "
            "memory is enough.",
            f"Learned from {len(past)} past jobs on {hosts}.",
        ]
    return "\n".join(lines + _not_counted(statuses, jobs, past))


def _of_rules(jobs: Iterable[Job], past: Iterable[Past]) -> list[list[str]]:
    counts = Counter(job.rule for job in past)
    by_rule: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        by_rule[job.rule].append(job)
    rows = [["rule", "jobs", "work", "past jobs", "these took, of the estimate"]]
    for rule in filter(by_rule.get, tasks.BY_RULE):
        of_rule = by_rule[rule]
        row = [rule, str(len(of_rule))]
        estimates = {job.estimate for job in of_rule if job.estimate}
        if not estimates:
            rows.append([*row, "not counted", "0", ""])
            continue
        total, fast, slow = (sum(map(seconds, of_rule)) for seconds in SECONDS)
        few = not total or any(estimate.past < FEW for estimate in estimates)
        spread = "" if few else f"{fast / total:.1f} to {slow / total:.1f}"
        rows.append([*row, in_words(total), str(counts[rule]), spread])
    return rows


def _this_run(
    jobs: Sequence[Job], rules: Mapping[str, Rule], limits: Mapping[str, float], now: datetime
) -> list[str]:
    total, fast, slow = (makespan(jobs, rules, limits, seconds) for seconds in SECONDS)
    missing = any(job.estimate is None for job in jobs)
    done = now + timedelta(seconds=total)
    return [
        f"With {_machine(limits)}: {'more than ' if missing else ''}{in_words(total)}; started "
        f"now, it is done {'after' if missing else 'by'} {done:%a %d %b %H:%M}.",
        f"{in_words(fast)} if all jobs were as fast as the fastest tenth of the past ones, "
        f"{in_words(slow)} if as slow as the slowest; for kinds with fewer than {FEW}, half and "
        "twice the estimate.",
    ]


def _alternatives(
    jobs: Sequence[Job], rules: Mapping[str, Rule], limits: Mapping[str, float]
) -> list[list[str]]:
    """One row a number of GPUs, one column a number of cores (or of jobs on a cluster)."""
    width = next((name for name in ("_cores", "_nodes") if name in limits), None)
    uses_gpus = any(rules[job.rule].uses.get("gpu") for job in jobs)
    gpus = sorted({*GPUS, limits["gpu"]}) if uses_gpus and "gpu" in limits else [None]
    widths = [limits[width] * times for times in TIMES_AS_MANY_CORES] if width else [None]
    others = {name: limit for name, limit in limits.items() if name != "mem_mb"}
    rows = [["", *(_machine({width: count}) for count in widths)]]
    for gpu in gpus:
        row = [_machine({"gpu": gpu}) if gpu is not None else ""]
        for count in widths:
            changed = {name: n for name, n in (("gpu", gpu), (width, count)) if n is not None}
            row.append(in_words(makespan(jobs, rules, {**others, **changed})))
        rows.append(row)
    return rows


def _machine(limits: Mapping[str | None, float]) -> str:
    """What there is of what a person would buy, in words.

    >>> _machine({"_cores": 16, "gpu": 1, "io_charge": 100})
    '16 cores, 1 GPU'
    """
    units = {"_cores": "core", "_nodes": "job", "gpu": "GPU"}
    words = [
        _counted(limits[name], unit) + " at a time" * (unit == "job")
        for name, unit in units.items()
        if name in limits
    ]
    return ", ".join(words) or "any number of cores"


def _counted(number: float, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"


def _not_counted(
    statuses: Iterable[Status], jobs: Iterable[Job], past: Iterable[Past]
) -> list[str]:
    lines = []
    unknown = dict.fromkeys(job.rule for job in jobs if job.estimate is None)
    if unknown:
        lines.append(
            f"Not counted, because there is no past job: {', '.join(unknown)}. All times are too "
            "short until one session went through them."
        )
    with_start_up = {job.rule for job in past if job.start_up is not None}
    without = dict.fromkeys(job.rule for job in jobs if job.rule not in {*unknown, *with_start_up})
    if without:
        lines.append(
            "Not counted, because this folder has no benchmark: what each job needs to start, of "
            f"{', '.join(without)}."
        )
    blocked = [status for status in statuses if status.state is State.BLOCKED]
    if blocked:
        sessions = len({status.session for status in blocked})
        lines.append(f"Not counted: what is blocked, in {_counted(sessions, 'session')}.")
    lines.append(
        "Not counted: preparing the environments of pose engines, looking for what is pending, the "
        "ONE tables, and sessions still to come."
    )
    return lines


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Each row as a line in which its cells stand below those of the others.

    >>> _aligned([["a", "b"], ["long", ""]])
    ['a     b', 'long']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
