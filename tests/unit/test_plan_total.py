"""The sum over resources: what can be worked out by hand, and against a simulated scheduler."""

import logging
import os
import random
from collections.abc import Mapping
from types import SimpleNamespace

import pytest
from snakemake.scheduling import greedy
from tests.unit import scheduler

from alfvideo.planning.resources import MAX_THREADS, RESOURCES
from alfvideo.views.plan.work import PendingJob, total

MACHINE = {"cores": 4, "gpu": 1, "io_charge": 100, "mem_mb": 64000}
CLUSTER = {"jobs": 200, "gpu": 4, "io_charge": 100}


@pytest.fixture(autouse=True)
def cores_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: MAX_THREADS)


def job(rule: str, seconds: float, *needs: int) -> PendingJob:
    return PendingJob(rule, (seconds, seconds / 2, seconds * 2), needs)


def jobs(count: int, rule: str, seconds: float = 10) -> list[PendingJob]:
    return [job(rule, seconds)] * count


@pytest.mark.parametrize(
    ("work", "limits", "expected"),
    [
        pytest.param([], MACHINE, 0, id="nothing"),
        pytest.param(jobs(1, "licks"), MACHINE, 10, id="one"),
        pytest.param(jobs(40, "licks"), MACHINE, 100 + 10 * 3 / 4 / 2, id="cores"),
        pytest.param(jobs(7, "dlc"), {**MACHINE, "cores": 64}, 70, id="one GPU"),
        pytest.param(jobs(6, "dlc"), {**MACHINE, "cores": 64, "gpu": 2}, 32.5, id="two GPUs"),
        pytest.param(jobs(6, "dlc"), {**MACHINE, "gpu": 2}, 60, id="more GPUs need cores"),
        pytest.param(
            jobs(4, "dlc"), {**MACHINE, "cores": 64, "gpu": 8, "mem_mb": 24000}, 40, id="memory"
        ),
        pytest.param(
            jobs(40, "licks"), {**MACHINE, "cores": 64, "io_charge": 10}, 202.5, id="disks"
        ),
        pytest.param(
            [*jobs(2, "video_compress", 30), *jobs(2, "dlc")],
            {**MACHINE, "cores": MAX_THREADS},
            60 + 20,
            id="nothing beside compression",
        ),
        pytest.param(jobs(3, "dlc"), {**MACHINE, "cores": 2}, 30, id="wants more than there is"),
        pytest.param(jobs(12, "dlc"), {**CLUSTER, "jobs": 1}, 120, id="one job at a time"),
        pytest.param(jobs(12, "dlc"), CLUSTER, 30 + 10 * 3 / 4 / 2, id="GPUs of a cluster"),
    ],
)
def test_what_can_be_worked_out_by_hand(work: list[PendingJob], limits: dict, expected: float):
    assert total(work, limits) == pytest.approx(expected)


def test_jobs_that_wait_for_each_other_are_a_chain():
    chain = [job("video_qc", 1), job("video_qc", 2, 0), job("video_qc", 4, 1)]
    assert total(chain, {**MACHINE, "cores": 64}) == 7


def test_fast_and_slow():
    assert [total(jobs(1, "licks"), MACHINE, which) for which in range(3)] == [10, 5, 20]


@pytest.mark.parametrize(
    ("here", "cores", "seconds"), [(2, 2, 80), (2, 8, 20), (2, 32, 20), (16, 32, 80)]
)
def test_compression_is_faster_with_more_cores_up_to_eight(
    monkeypatch: pytest.MonkeyPatch, here: int, cores: int, seconds: float
):
    monkeypatch.setattr(os, "cpu_count", lambda: here)
    work = jobs(2, "video_compress", 80)
    assert total(work, {"cores": cores}) == 2 * seconds
    assert total(work[:1], CLUSTER) == 80


def backlog(randomly: random.Random) -> list[PendingJob]:
    """The jobs of some sessions that are much as those of a lab, of different length."""
    found: list[PendingJob] = []
    trackers = randomly.choice([(), ("dlc",), ("dlc", "lightning_pose")])
    compressed, scale = randomly.random() < 0.3, randomly.choice([0.01, 0.1, 1])

    def add(rule: str, seconds: float, *needs: int) -> int:
        found.append(job(rule, 4 + seconds * scale * randomly.uniform(0.8, 1.25), *needs))
        return len(found) - 1

    for _ in range(randomly.choice([1, 2, 3, 5, 10, 20])):
        poses: list[int] = []
        for _ in range(randomly.choice([1, 3])):
            long = randomly.uniform(0.5, 2)
            mp4 = () if compressed else (add("video_compress", 1500 * long),)
            times = add("video_sync_qc_nidq", 60 * long, *mp4)
            add("video_qc", 300 * long, times, *mp4)
            for tracker in trackers:
                poses.append(add(tracker, 2500 * long, *mp4))
                if tracker == "dlc":
                    add("motion_energy", 300 * long, poses[-1], *mp4)
                add("dlc_qc", 30 * long, poses[-1], times)
        if poses:
            add("dlc_qc_plot", 60, *poses)
    return found


def simulated(work: list[PendingJob], limits: Mapping[str, int]) -> float:
    """Seconds until the last of the jobs is done, started one by one."""
    cores = limits.get("cores", 0)
    planned = []
    for place, each in enumerate(work):
        row, seconds = RESOURCES[each.rule], each.seconds[0]
        uses = {"gpu": row.gpu, "io_charge": row.io_charge, "mem_mb": row.mem_mb, "jobs": 1}
        uses["cores"] = row.threads or cores
        if cores and row.threads is None:
            seconds *= MAX_THREADS / min(cores, MAX_THREADS)
        # Of newer sessions, which are listed first, those of a rule are started first.
        planned.append(
            scheduler.SimulatedJob(seconds, row.priority - place / 1e6, uses, each.needs)
        )
    return max(scheduler.ends(planned, limits))


def test_it_is_within_thirty_percent_of_a_scheduler():
    randomly = random.Random(0)
    deviations = []
    for _ in range(400):
        gpus, work = randomly.choice([1, 4]), backlog(randomly)
        machine = {"cores": randomly.choice([2, 8, 32]), "mem_mb": randomly.choice([16000, 64000])}
        limits = {**randomly.choice([machine, {"jobs": 4}, {"jobs": 200}]), "gpu": gpus}
        limits["io_charge"] = 100
        deviations.append(total(work, limits) / simulated(work, limits) - 1)
    within = sorted(map(abs, deviations))[: round(0.99 * len(deviations))]
    assert within[-1] < 0.3
    assert max(deviations) < 0.4
    assert abs(sum(deviations) / len(deviations)) < 0.05


def test_the_simulation_starts_what_snakemake_would_start():
    randomly = random.Random(0)
    settings = greedy.SchedulerSettings(omit_prioritize_by_temp_and_input=True)
    snakemakes = greedy.Scheduler(None, settings, logging.getLogger())
    for _ in range(200):
        limits = {"_cores": 8, "gpu": randomly.randint(1, 3), "io_charge": 40}
        uses = [
            {"_cores": randomly.choice([1, 2, 4, 8]), "gpu": randomly.choice([0, 0, 1])}
            | {"io_charge": randomly.choice([5, 10, 20])}
            for _ in range(12)
        ]
        priorities = randomly.sample(range(1, 100), 12)
        ready = [
            SimpleNamespace(scheduler_resources=use, priority=priority, place=place)
            for place, (use, priority) in enumerate(zip(uses, priorities, strict=True))
        ]
        selected = {job.place for job in snakemakes.select_jobs(ready, ready, limits, {})}
        work = [
            scheduler.SimulatedJob(1, each, use) for use, each in zip(uses, priorities, strict=True)
        ]
        ends = scheduler.ends(work, limits)
        assert {place for place, end in enumerate(ends) if end == 1} == selected


def test_a_backlog_of_a_thousand_sessions():
    rules = ("video_register_raw", "video_compress", "video_sync_qc_nidq", "video_qc")
    work = []
    for _ in range(5000):
        first = len(work)
        needs = [(), (), (first + 1,), (first + 1, first + 2)]
        work += [job(rule, 10, *need) for rule, need in zip(rules, needs, strict=True)]
    # One compression at a time, all else beside each other.
    expected = 5000 * 10 * MAX_THREADS / 4 + 5000 * 30 / 4
    assert total(work, MACHINE) == pytest.approx(expected, rel=0.001)
