"""The simulation of Snakemake's scheduler, on schedules that can be worked out by hand."""

import logging
import math
import random
from types import SimpleNamespace

import pytest
from alfvideo.views.plan.schedule import Job, ends
from snakemake.scheduling import greedy

MACHINE = {"_cores": 2, "gpu": 1, "io_charge": 100}
SMALL = {"_cores": 1, "gpu": 0, "io_charge": 5}
POSE = {"_cores": 1, "gpu": 1, "io_charge": 10}


def jobs(count: int, uses: dict, seconds: float = 10, priority: float = 0) -> list[Job]:
    return [Job(seconds, priority, uses)] * count


@pytest.mark.parametrize(
    ("work", "limits", "expected"),
    [
        pytest.param([], MACHINE, 0, id="nothing"),
        pytest.param(jobs(5, SMALL), MACHINE, 30, id="cores"),
        pytest.param(jobs(5, SMALL), {**MACHINE, "_cores": 5}, 10, id="cores for all"),
        pytest.param(jobs(3, POSE), {**MACHINE, "_cores": 8}, 30, id="one GPU"),
        pytest.param(jobs(3, POSE), {**MACHINE, "_cores": 8, "gpu": 2}, 20, id="two GPUs"),
        pytest.param(jobs(5, {**SMALL, "io_charge": 40}), {**MACHINE, "_cores": 8}, 30, id="disks"),
        pytest.param(
            jobs(4, {**SMALL, "mem_mb": 3000}),
            {**MACHINE, "_cores": 8, "mem_mb": 8000},
            20,
            id="memory",
        ),
        pytest.param(jobs(3, POSE) + jobs(3, SMALL), MACHINE, 30, id="beside the GPU"),
        pytest.param(jobs(3, {"_cores": 4}), MACHINE, 30, id="wants more cores than there are"),
        pytest.param(jobs(7, SMALL), {"io_charge": math.inf}, 10, id="no limit"),
        pytest.param([Job(1, 0, SMALL), *jobs(2, SMALL)], MACHINE, 11, id="starts in between"),
    ],
)
def test_jobs_share_what_there_is(work: list[Job], limits: dict, expected: float):
    assert max(ends(work, limits), default=0) == pytest.approx(expected)


def test_a_job_waits_for_those_that_it_needs():
    chain = [Job(1, 0, SMALL, (1,)), Job(2, 0, SMALL, (2,)), Job(4, 0, SMALL)]
    assert ends(chain, MACHINE) == [7, 6, 4]
    diamond = [
        Job(1, 0, SMALL),
        Job(5, 0, SMALL, (0,)),
        Job(2, 0, SMALL, (0,)),
        Job(1, 0, SMALL, (1, 2)),
    ]
    assert ends(diamond, MACHINE) == [1, 6, 3, 7]


def test_jobs_that_take_no_time_hold_nothing_up():
    assert ends([Job(0, 0, SMALL), Job(0, 0, SMALL, (0,)), Job(3, 0, SMALL, (1,))], MACHINE) == [
        0,
        0,
        3,
    ]


def test_higher_priority_starts_first_and_then_the_first_in_the_list():
    work = [Job(10, priority, SMALL) for priority in (1, 3, 2, 3)]
    assert ends(work, {"_cores": 1}) == [40, 10, 30, 20]
    after = [Job(1, 0, SMALL), Job(10, 1, SMALL, (0,)), Job(10, 2, SMALL, (0,))]
    assert ends(after, {"_cores": 1}) == [1, 21, 11]


def test_a_large_job_is_overtaken_by_small_ones_of_lower_priority():
    small = [Job(seconds, 5, SMALL) for seconds in (1, 2, 4)]
    assert ends([Job(10, 9, {"_cores": 2}), *small], MACHINE) == [10, 11, 12, 15]
    # Not ready at once, it finds a small job on one of the cores until there are none left.
    late = Job(10, 9, {"_cores": 2}, (0,))
    assert ends([Job(0, 99, SMALL), late, *small], MACHINE) == [0, 15, 1, 2, 5]


def test_starts_what_snakemake_would_start():
    randomly = random.Random(0)
    settings = greedy.SchedulerSettings(omit_prioritize_by_temp_and_input=True)
    scheduler = greedy.Scheduler(None, settings, logging.getLogger())
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
        selected = {job.place for job in scheduler.select_jobs(ready, ready, limits, {})}
        work = [Job(1, priority, use) for use, priority in zip(uses, priorities, strict=True)]
        assert {place for place, end in enumerate(ends(work, limits)) if end == 1} == selected


def test_twenty_thousand_jobs_keep_two_cores_busy():
    work = []
    for _ in range(4000):
        first = len(work)
        work += [Job(1, 9, SMALL), Job(2, 8, SMALL, (first,)), Job(1, 7, SMALL, (first,))]
        work += [Job(2, 6, SMALL, (first + 1, first + 2)), Job(2, 5, SMALL, (first + 3,))]
    assert len(work) == 20000
    assert max(ends(work, MACHINE)) == 4000 * 8 / 2
