"""One folder with sessions of each kind, blocked ones and a cut avi: what can be done is done."""

from collections import Counter

import pytest

from tests.workflow.conftest import BLOCKED, HEALTHY, Campaign
from tests.workflow.runs import error_in_frames, temporary_files

pytestmark = pytest.mark.slow

CUT_AVI = "raw_video_data/_iblrig_bodyCamera.raw.avi"
AFTER_THE_CUT = {"video_compress": 1, "video_sync_qc_nidq": 1, "video_qc": 1}
"""Jobs that wait for the cut avi."""

CAMERAS = [(kind, camera) for kind, rig in HEALTHY.items() for camera in rig.labels]


def test_dry_run_shows_the_table_and_changes_nothing(campaign: Campaign):
    assert campaign.preview.status == 0
    assert campaign.preview.row("session", "camera", "why")
    assert campaign.preview.row("KB004", "left", "pending")
    assert campaign.files_after_preview == campaign.files_before_preview


@pytest.mark.parametrize("subject", BLOCKED)
def test_each_blocked_session_is_shown_with_its_reason(campaign: Campaign, subject: str):
    reason = BLOCKED[subject][2]
    for run in (campaign.preview, campaign.first):
        assert run.row(subject, reason)


@pytest.mark.parametrize(("kind", "camera"), CAMERAS)
def test_times_are_true(campaign: Campaign, kind: str, camera: str):
    assert error_in_frames(campaign.sessions[kind], camera) < 0.5


def test_the_cut_avi_fails_with_a_clear_message(campaign: Campaign):
    assert campaign.first.status != 0
    assert campaign.first.failed == {"video_compress": 1}
    line = campaign.first.row("[KB009/2026-01-01/001 body] video_compress:", "expected 90")
    for text in (line, campaign.log_of_the_cut):
        assert f"{campaign.cut / CUT_AVI} holds" in text
        assert "Transfer it again from the rig" in text
    assert "Traceback" not in campaign.first.text


def test_the_first_run_does_all_else(campaign: Campaign):
    planned, finished = campaign.first.planned, campaign.first.finished
    left_out = planned - finished
    assert left_out == AFTER_THE_CUT
    assert finished == planned - Counter(left_out)
    blocked = sum(rig.kind != "camlog" for rig, _, _ in BLOCKED.values())
    assert finished["video_register_raw"] <= len(CAMERAS) + blocked


def test_what_a_blocked_camera_can_do_is_done(campaign: Campaign):
    """Without sync there are no times, but the video is compressed."""
    root = campaign.workflow.root
    for subject in ("KB108", "KB109"):
        path = root / subject / "2026-01-01" / "001"
        assert (path / "raw_video_data" / "_iblrig_bodyCamera.raw.mp4").exists()
    assert not (path / "alf" / "_ibl_bodyCamera.times.npy").exists(), "KB109 has no sync"


def test_nothing_raw_is_lost(campaign: Campaign):
    after = campaign.raw_after_first
    assert [name for name in campaign.raw if after.get(name) != campaign.raw[name]] == []


def test_the_next_run_repeats_only_the_failed_job(campaign: Campaign):
    assert campaign.again.status != 0
    assert campaign.again.planned == AFTER_THE_CUT
    assert campaign.again.failed == {"video_compress": 1}
    assert campaign.again.finished == {}


def test_after_a_new_transfer_the_rest_is_done(campaign: Campaign):
    assert campaign.fixed.status == 0, campaign.fixed.text
    assert campaign.fixed.finished == AFTER_THE_CUT
    assert error_in_frames(campaign.cut, "body") < 0.5


def test_then_nothing_is_to_be_done(campaign: Campaign):
    assert campaign.last.status == 0
    assert campaign.last.nothing_to_do
    assert " 0 pending" in campaign.last.text


def test_no_temporary_files_are_left(campaign: Campaign):
    assert temporary_files(campaign.workflow.root) == []


def test_each_job_has_a_log_and_a_benchmark(campaign: Campaign):
    for kind in ("logs", "benchmarks"):
        names = [path.as_posix() for path in (campaign.workflow.workdir / kind).rglob("*.*")]
        for rule in campaign.first.finished:
            assert sum(f"/{rule}/" in name for name in names) >= campaign.first.finished[rule]
