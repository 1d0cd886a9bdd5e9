"""Features, licks, checks, pictures and clips in real runs, on poses that real networks found."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from one.api import One

from alfvideo.video import probe
from rigsim import Rig, load_truth
from rigsim.behaviour import LICK_DURATION
from tests.workflow.runs import REPO, Outcome, Workflow, hashes, temporary_files

pytestmark = [pytest.mark.engines, pytest.mark.slow]

EPHYS = Rig(seconds=6, scale=0.25, subject="KB001")
TRAINING = Rig(kind="bpod", seconds=15, scale=0.25, subject="KB002")
RIGS = {rig.subject: rig for rig in (EPHYS, TRAINING)}
EYES = [("KB001", "left"), ("KB001", "right"), ("KB002", "left")]

Render = Callable[[Path, Rig], Path]


@dataclass(frozen=True)
class Campaign:
    """An ephys session, all of it, and a training session; tracked by the networks of the demo."""

    workflow: Workflow
    sessions: dict[str, Path]
    first: Outcome
    again: Outcome


@pytest.fixture(scope="module")
def campaign(
    tmp_path_factory: pytest.TempPathFactory,
    rendered: Render,
    engine_python: Callable[[str], Path],
) -> Campaign:
    folder = tmp_path_factory.mktemp("after_pose")
    config = yaml.safe_load((REPO / "config" / "demo.yaml").read_text())
    config["trackers"] = ["dlc"]
    config["cascades"] = {
        "dlc": {camera: str(REPO / file) for camera, file in config["cascades"]["dlc"].items()}
    }
    config["environments"] = {"dlc": str(engine_python("dlc"))}
    config["pose_clips"] = True
    workflow = Workflow(folder / "work", folder / "data", config)
    sessions = {subject: rendered(workflow.root, rig) for subject, rig in RIGS.items()}
    return Campaign(workflow, sessions, first=workflow.run(), again=workflow.run())


def test_all_is_done_once(campaign: Campaign):
    assert campaign.first.status == 0, campaign.first.text
    assert campaign.first.finished == campaign.first.planned
    expected = {"ephys_post_dlc": 3, "dlc_qc": 4, "pose_clip": 4, "licks": 2, "dlc_qc_plot": 2}
    assert {rule: campaign.first.finished[rule] for rule in expected} == expected
    assert campaign.again.nothing_to_do, campaign.again.text
    assert temporary_files(campaign.workflow.root) == []


@pytest.mark.parametrize(("subject", "camera"), EYES)
def test_pupil_is_as_wide_as_it_was_drawn(campaign: Campaign, subject: str, camera: str):
    session = campaign.sessions[subject]
    truth = load_truth(session, camera)["pupil_diameter"]
    features = pd.read_parquet(session / "alf" / f"_ibl_{camera}Camera.features.pqt")
    assert len(features) == len(truth)
    for column in ("pupilDiameter_raw", "pupilDiameter_smooth"):
        assert (features[column] / truth - 1).abs().quantile(0.95) < 0.1


@pytest.mark.parametrize("subject", ["KB001", "KB002"])
def test_licks_are_when_the_tongue_was_out(campaign: Campaign, subject: str):
    session = campaign.sessions[subject]
    found = np.load(session / "alf" / "licks.times.npy")
    truth = load_truth(session, "left")
    licks, times = truth["lick_times"], truth["times"]
    frames = 2 * np.median(np.diff(times))
    whole = licks[(licks > times[0]) & (licks + LICK_DURATION < times[-1])]
    assert whole.size > 2
    assert (np.diff(found) >= 0).all()
    begins = np.abs(found - whole[:, None]).min(axis=1) < frames
    # At 30 Hz the tongue may be out in two frames, equally far: by definition that is no lick.
    assert begins.mean() >= (1 if subject == "KB001" else 0.8), "a lick begins with a lick time"
    since = found - licks[:, None]
    during = (since > -frames) & (since < LICK_DURATION + frames)
    assert during.any(axis=0).all(), "each lick time is in a lick"


def test_both_cameras_give_licks(campaign: Campaign):
    found = np.load(campaign.sessions["KB001"] / "alf" / "licks.times.npy")
    left, right = (
        np.load(campaign.sessions["KB001"] / "alf" / f"_ibl_{camera}Camera.times.npy")
        for camera in ("left", "right")
    )
    assert np.isin(found, left).sum() > 3
    assert np.isin(found, right).sum() > 3
    assert np.isin(found, np.r_[left, right]).all()


def test_checks(campaign: Campaign):
    for subject, camera in (*EYES, ("KB001", "body")):
        file = campaign.sessions[subject] / "qc" / f"_ibl_{camera}Camera.dlcQC.json"
        report = json.loads(file.read_text())
        prefix = f"_dlc{camera.capitalize()}_"
        found = {key.removeprefix(prefix): value for key, value in report["extended_qc"].items()}
        for check in ("mean_in_bbox", "time_trace_length_match", "trace_all_nan"):
            assert found[check] == "PASS", (subject, camera, check)
        eye = "NOT_SET" if camera == "body" else "PASS"
        for check in ("lick_detection", "paw_close_nan", "paw_far_nan", "pupil_blocked"):
            assert found[check] == eye, (subject, camera, check)
        assert report["outcome"] == "PASS"


def test_pictures_and_clips(campaign: Campaign):
    for subject, session in campaign.sessions.items():
        picture = (session / "snapshot" / "dlc_qc_plot.png").read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 50_000
        for camera in RIGS[subject].labels:
            clip = probe.probe_whole(session / "snapshot" / f"{camera}Camera.pose.mp4")
            assert clip.frames > 100
            assert clip.rate <= 30


@contextmanager
def moved(file: Path) -> Iterator[None]:
    aside = file.with_name(f".{file.name}.aside")
    file.rename(aside)
    try:
        yield
    finally:
        aside.rename(file)


def test_missing_licks_are_made_again(campaign: Campaign):
    """And the picture, which shows them."""
    with moved(campaign.sessions["KB001"] / "alf" / "licks.times.npy"):
        run = campaign.workflow.run("-n")
    assert run.planned == {"licks": 1, "dlc_qc_plot": 1}
    assert run.row("KB001", "(all)", "pending")


def test_fewer_cameras_leave_the_licks_of_all(campaign: Campaign):
    """The pose of the other camera is there: nothing is to be made of one camera alone."""
    run = campaign.workflow.run("-n", cameras=["left"])
    assert run.nothing_to_do, run.text


def test_cameras_that_are_not_selected_are_left_alone(campaign: Campaign):
    """Although the video of one of them is newer than what was made of it."""
    session = campaign.sessions["KB001"]
    mp4 = session / "raw_video_data" / "_iblrig_rightCamera.raw.mp4"
    stat = mp4.stat()
    mp4.touch()
    try:
        with moved(session / "alf" / "licks.times.npy"):
            run = campaign.workflow.run("-n", cameras=["left"])
    finally:
        os.utime(mp4, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert run.planned == {"licks": 1, "dlc_qc_plot": 1}


def test_one_loads_all_of_it(campaign: Campaign):
    """From the tables that each run leaves."""
    one = One(cache_dir=campaign.workflow.root, mode="local")
    (eid,) = one.search(subject="KB001")
    camera = one.load_object(eid, "leftCamera", collection="alf")
    assert {"times", "dlc", "features", "ROIMotionEnergy"} <= set(camera)
    assert len({len(values) for values in camera.values()}) == 1
    assert one.load_object(eid, "licks", collection="alf")["times"].size


def test_other_boxes_are_checked_again(campaign: Campaign):
    box = {"x": 0, "y": 0, "width": 1, "height": 1, "frame_width": 10, "frame_height": 10}
    run = campaign.workflow.run("-n", pose_boxes={"body": box})
    assert run.planned == {"dlc_qc": 1}


def test_trials_that_come_later(campaign: Campaign):
    """Without trials the rest is done; with them what shows them is regenerated."""
    session = campaign.sessions["KB002"]
    trials = session / "alf" / "_ibl_trials.table.pqt"
    before = hashes(session)
    with moved(trials):
        run = campaign.workflow.run()
        assert run.status == 0, run.text
        assert run.finished == {"dlc_qc": 1, "dlc_qc_plot": 1, "pose_clip": 1}
        report = json.loads((session / "qc" / "_ibl_leftCamera.dlcQC.json").read_text())
        assert report["extended_qc"]["_dlcLeft_paw_close_nan"] == "NOT_SET"
        assert report["reasons"]["_dlcLeft_paw_close_nan"] == "There are no trials."
    run = campaign.workflow.run()
    assert run.finished == {"dlc_qc": 1, "dlc_qc_plot": 1, "pose_clip": 1}
    name = "qc/_ibl_leftCamera.dlcQC.json"
    assert hashes(session)[name] == before[name]


def test_broken_trials(campaign: Campaign):
    """Each picture and check says what is wrong with them; none is lost for it."""
    session = campaign.sessions["KB002"]
    trials = session / "alf" / "_ibl_trials.table.pqt"
    whole = trials.read_bytes()
    trials.write_bytes(whole[: len(whole) // 2])
    try:
        run = campaign.workflow.run(pose_clips=False)
    finally:
        trials.write_bytes(whole)
    assert run.status == 0, run.text
    assert run.row("dlc_qc:", f"{trials}: expected a trials table", "Extract the trials again.")
    assert run.row("dlc_qc_plot:", f"{trials}: expected a trials table")
    assert "Traceback" not in run.text
    run = campaign.workflow.run()
    assert run.status == 0, run.text
