"""The needs of jobs: the figures that the design promises."""

import pytest

from alfvideo.planning import tasks
from alfvideo.planning.resources import MAX_THREADS, RESOURCES, Resources
from alfvideo.trackers import TRACKERS

DESIGN = {
    "video_register_raw": (100, "small", 0, 1, 5),
    "video_compress": (90, "large", 0, None, 5),
    "video_convert": (90, "small", 0, 1, 5),
    "video_sync_qc_bpod": (40, "small", 0, 1, 5),
    "video_sync_qc_nidq": (40, "small", 0, 1, 5),
    "video_sync_qc_camlog": (40, "small", 0, 1, 5),
    "dlc": (30, "large", 1, 4, 10),
    "lightning_pose": (30, "large", 1, 4, 10),
    "ephys_post_dlc": (30, "small", 0, 1, 5),
}


@pytest.mark.parametrize("rule", DESIGN)
def test_resources_of_the_nine_tasks(rule: str):
    needs = RESOURCES[rule]
    found = (needs.priority, needs.job_size, needs.gpu, needs.threads, needs.io_charge)
    assert found == DESIGN[rule]
    assert MAX_THREADS == 8


def test_every_task_has_its_resources():
    environments = {tracker.environment_rule for tracker in TRACKERS.values()}
    assert set(RESOURCES) == {*tasks.BY_RULE, *environments}
    for needs in RESOURCES.values():
        assert 0 < needs.io_charge <= 100
        # minutes, at most a day; MB, no more than a small workstation has
        assert 10 <= needs.runtime <= 24 * 60
        assert 500 <= needs.mem_mb <= 16_000


def test_most_jobs_are_small_and_need_no_gpu():
    assert Resources(1, 2, 3) == Resources(1, 2, 3, threads=1, gpu=0, io_charge=5, job_size="small")
