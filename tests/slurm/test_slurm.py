"""The workflow on a real SLURM, through sbatch."""

import json
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

from alfvideo.jobs import runs
from tests.slurm.conftest import CUT, WHOLE, Campaign
from tests.slurm.runs import LIMITS
from tests.workflow.runs import hashes, temporary_files

pytestmark = [pytest.mark.slurm, pytest.mark.engines, pytest.mark.slow]


def test_the_runs_end_well(campaign: Campaign):
    assert campaign.local.status == 0, campaign.local.text
    assert campaign.grouped.status == 0, campaign.grouped.text
    assert campaign.until_pose.failed == {"video_compress": 3}, campaign.until_pose.text


def test_outputs_equal_those_of_a_local_run(campaign: Campaign):
    made = results(campaign.session)
    assert made == results(campaign.local_session)
    assert {path.suffix for path in made} >= {".mp4", ".npy", ".pqt", ".json", ".png"}
    for name in made:
        assert_equal(campaign.session / name, campaign.local_session / name)


def test_the_workstation_finds_them_done(campaign: Campaign):
    assert campaign.again.nothing_to_do, campaign.again.text


@pytest.mark.parametrize(
    ("rule", "partition", "cpus", "gpus", "memory_mb", "minutes"),
    [
        ("video_register_raw", "short", 1, 0, 500, 10),
        ("video_compress", "long", 2, 0, 4000, 24 * 60),
        ("dlc", "gpu", 4, 1, 16000, 24 * 60),
    ],
)
def test_resources_of_rules_are_those_of_jobs(
    campaign: Campaign,
    rule: str,
    partition: str,
    cpus: int,
    gpus: int,
    memory_mb: int,
    minutes: int,
):
    jobs = campaign.jobs_of(rule, "KB001")
    assert len(jobs) == 2
    for job in jobs:
        assert job.state == "COMPLETED"
        assert (job.partition, job.cpus, job.gpus) == (partition, cpus, gpus)
        assert (job.memory_mb, job.minutes) == (memory_mb, minutes)


def test_gpu_jobs_wait_for_each_other(campaign: Campaign):
    first, second = sorted(campaign.jobs_of("dlc"), key=lambda job: job.start)
    assert second.submitted < first.end, "they did not have to wait"
    assert second.start >= first.end


def test_io_charge_of_submitted_jobs_is_limited(campaign: Campaign):
    costs = dict.fromkeys(campaign.jobs_of("dlc"), 10)
    costs |= dict.fromkeys(campaign.jobs_of_group("timing"), 5)
    for subject in (WHOLE.subject, CUT.subject):
        costs |= dict.fromkeys(campaign.jobs_of("video_compress", subject), 5)
    sums = [
        sum(cost for job, cost in costs.items() if job.submitted <= moment < job.end)
        for moment in (job.submitted for job in costs)
    ]
    assert max(sums) == LIMITS["io_charge"]


def test_bad_data_are_reported_and_not_tried_for_long(campaign: Campaign):
    (log,) = campaign.workflow.workdir.glob("logs/video_compress/**/KB009/**/body.log")
    avi = campaign.cut / "raw_video_data" / "_iblrig_bodyCamera.raw.avi"
    assert "not tried again: nothing has changed" in log.read_text()
    said = campaign.until_pose.text
    assert said.count(f"video_compress: {avi} holds 43 frames, expected 90") == 1
    assert "Transfer it again from the rig" in said
    assert "Traceback" not in said


def test_bad_data_do_not_stop_other_sessions(campaign: Campaign):
    finished = campaign.until_pose.finished
    assert finished["dlc"] == finished["video_qc"] == finished["video_compress"] == 2


def test_attempts_get_more_within_the_limit(campaign: Campaign):
    jobs = campaign.jobs_of("video_compress", "KB009")
    assert [job.memory_mb for job in jobs] == [4000, 8000, 12000]
    assert [job.minutes for job in jobs] == [24 * 60, 2 * 24 * 60, LIMITS["runtime"]]
    assert [job.partition for job in jobs] == ["long"] * 3


def test_after_the_time_limit_more_time_is_given(campaign: Campaign):
    jobs = campaign.jobs_of("video_compress", "KB021")
    assert [(job.state, job.minutes) for job in jobs] == [("TIMEOUT", 1), ("COMPLETED", 10)]
    (mp4,) = campaign.late.rglob("*.mp4")
    assert mp4.stat().st_size > 0


def test_after_the_last_attempt_the_time_limit_is_reported(campaign: Campaign):
    jobs = campaign.jobs_of("video_compress", "KB022")
    assert [(job.state, job.minutes) for job in jobs] == [("TIMEOUT", 1), ("TIMEOUT", 2)]
    assert campaign.slow.status != 0
    for job in jobs:
        assert campaign.slow.row(f"SLURM-job '{job.number}' failed", "TIMEOUT")
    assert not list(campaign.never.rglob("*.mp4"))


def test_status_shows_jobs_of_the_cluster_at_work(campaign: Campaign):
    row = campaign.at_work.row(",video,running,")
    assert "logs/video_compress/" in row
    slowly = campaign.slowly
    (run,) = runs.last(slowly.root, file=slowly.workdir / runs.FILE)
    assert (run.done, run.failed) == (1, 1)


def test_a_group_is_one_job(campaign: Campaign):
    assert len(campaign.jobs_of_group("timing")) == 2, "one for each camera"
    (job,) = campaign.jobs_of_group("after_pose")
    assert (job.partition, job.gpus) == ("short", 0)
    assert set(campaign.grouped.finished) > {"motion_energy", "licks", "dlc_qc_plot"}


def test_after_the_node_has_failed_its_job_is_started_again(campaign: Campaign):
    (job,) = campaign.jobs_of_group("after_pose")
    assert job.restarts == 1
    assert job.state == "COMPLETED"


def test_no_temporary_files_are_left(campaign: Campaign):
    assert temporary_files(campaign.session) == []
    assert temporary_files(campaign.late) == []


def results(session: Path) -> set[Path]:
    """Files of a session, but for records, which hold times of day."""
    return {Path(name) for name in hashes(session)} - {Path("provenance.json"), Path("failed.json")}


def assert_equal(one: Path, other: Path) -> None:
    """Fail if two results say different things."""
    if one.suffix == ".npy":
        np.testing.assert_array_equal(np.load(one), np.load(other))
    elif one.suffix == ".pqt":
        pd.testing.assert_frame_equal(pd.read_parquet(one), pd.read_parquet(other))
    elif one.suffix == ".json":
        assert json.loads(one.read_text()) == json.loads(other.read_text())
    elif one.suffix == ".mp4":
        for mine, theirs in zip(frames(one), frames(other), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    else:
        assert one.read_bytes() == other.read_bytes(), one.name


def frames(video: Path) -> list[np.ndarray]:
    with av.open(str(video)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]
