"""Checks of a pose: what each outcome means, and what cannot be judged."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from one.alf.spec import QC

from alfvideo.behaviour import features
from alfvideo.files.errors import DataError
from alfvideo.qc import outcome, pose
from alfvideo.session.trials import Trials
from alfvideo.trackers import TRACKERS
from alfvideo.video.region import Region
from rigsim.pose import SIDE_PARTS

RATE = 60.0
N = 3600
BOX = Region(301, 181, 399, 289, (1280, 1024))
PLACES = {part: (400.0 + 10 * i, 300.0 - 10 * i) for i, part in enumerate(SIDE_PARTS)}


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def trials_at(*onsets: float) -> Trials:
    stimulus = np.array(onsets)
    return Trials(stimulus, stimulus + 1, np.ones(stimulus.size), np.ones(stimulus.size))


@pytest.fixture
def healthy() -> pose.Pose:
    """A minute of a left camera: the tongue is out a third of the time, the pupil changes."""
    rng = np.random.default_rng(0)
    columns = {}
    for part, (x, y) in PLACES.items():
        columns[f"{part}_x"], columns[f"{part}_y"] = rng.normal((x, y), 1, (N, 2)).T
        columns[f"{part}_likelihood"] = np.ones(N)
    diameter = 30 + 5 * np.sin(np.arange(N) / 100)
    for name, axis, sign in (
        *(("top", "y", -1), ("bottom", "y", 1)),
        *(("left", "x", -1), ("right", "x", 1)),
    ):
        for other, value in (("x", 450.0), ("y", 250.0)):
            columns[f"pupil_{name}_r_{other}"] = value + rng.normal(0, 0.1, N)
        columns[f"pupil_{name}_r_{axis}"] += sign * diameter / 2
    for part in ("tongue_end_l", "tongue_end_r"):
        columns[f"{part}_likelihood"] = np.where(np.arange(N) % 3 == 0, 1.0, 0.0)
    return pose.Pose(
        tracker="dlc",
        camera="left",
        columns=pd.DataFrame(columns),
        times=5 + np.arange(N) / RATE,
        rate=RATE,
        features=features.features(pd.DataFrame(columns), "left", RATE)[0],
        trials=trials_at(10, 20, 30, 40),
        box=BOX,
    )


def with_features(changed: pose.Pose) -> pose.Pose:
    """With the features that the changed pose has."""
    found, _ = features.features(changed.columns, changed.camera, changed.rate)
    return replace(changed, features=found)


def hidden(healthy: pose.Pose, part: str, frames: slice | np.ndarray) -> pose.Pose:
    columns = healthy.columns.copy()
    columns.loc[columns.index[frames], f"{part}_likelihood"] = 0.89
    return replace(healthy, columns=columns)


def without(healthy: pose.Pose, *parts: str) -> pose.Pose:
    names = [name for name in healthy.columns if not name.startswith(parts)]
    return replace(healthy, columns=healthy.columns[names])


CHECKS = {
    "lick_detection",
    "mean_in_bbox",
    "paw_close_nan",
    "paw_far_nan",
    "pupil_blocked",
    "pupil_diameter_snr",
    "time_trace_length_match",
    "trace_all_nan",
}


def test_healthy_camera_passes_all(healthy: pose.Pose):
    checks = pose.inspect(healthy)
    assert {name: check.outcome for name, check in checks.items()} == dict.fromkeys(CHECKS, QC.PASS)


def test_lightning_pose_has_four_checks(healthy: pose.Pose):
    checks = pose.inspect(replace(healthy, tracker="lightningPose"))
    assert set(checks) == {
        "lick_detection",
        "mean_in_bbox",
        "time_trace_length_match",
        "trace_all_nan",
    }


def test_body_camera_has_no_eye(healthy: pose.Pose):
    seen = without(healthy, "pupil", "tongue", "paw")
    checks = pose.inspect(replace(seen, camera="body", features=None))
    unset = {name for name, check in checks.items() if check.outcome == QC.NOT_SET}
    assert set(checks) == CHECKS
    assert unset == CHECKS - {"mean_in_bbox", "time_trace_length_match", "trace_all_nan"}


@pytest.mark.parametrize("more", [-1, 1])
def test_number_of_times(healthy: pose.Pose, more: int):
    times = 5 + np.arange(N + more) / RATE
    check = pose.inspect(replace(healthy, times=times))["time_trace_length_match"]
    assert check.outcome == QC.FAIL
    assert f"{N + more} camera times for the poses of {N} frames" in check.sentence


def test_no_times(healthy: pose.Pose):
    checks = pose.inspect(replace(healthy, times=np.empty(0)))
    unset = {name for name, check in checks.items() if check.outcome == QC.NOT_SET}
    assert unset == {"time_trace_length_match", "paw_close_nan", "paw_far_nan"}


def test_part_that_is_never_likely(healthy: pose.Pose):
    check = pose.inspect(hidden(healthy, "paw_l", slice(None)))["trace_all_nan"]
    assert check.outcome == QC.FAIL
    assert check.sentence.startswith("paw_l: ")
    tube = pose.inspect(hidden(healthy, "tube_top", slice(None)))["trace_all_nan"]
    assert tube.outcome == QC.PASS


def test_nothing_is_likely(healthy: pose.Pose):
    columns = healthy.columns.copy()
    columns[[name for name in columns if name.endswith("likelihood")]] = 0.0
    checks = pose.inspect(with_features(replace(healthy, columns=columns)))
    assert checks["trace_all_nan"].outcome == QC.FAIL
    assert checks["pupil_blocked"].outcome == QC.FAIL
    assert checks["mean_in_bbox"].outcome == QC.NOT_SET
    assert checks["pupil_diameter_snr"].outcome == QC.NOT_SET


@pytest.mark.parametrize(
    ("x", "inside"), [(300.9, False), (301.0, True), (699.9, True), (700.0, False)]
)
def test_mean_of_all_parts(healthy: pose.Pose, x: float, inside: bool):
    """The mean of the parts' means, however often each is seen."""
    columns = pd.DataFrame(
        {
            **{"nose_tip_x": [x - 50, 5e3, 5e3], "nose_tip_y": 200.0},
            **{"nose_tip_likelihood": [1.0, 0.5, 0.5]},
            **{"tail_start_x": [x + 50] * 3, "tail_start_y": 200.0, "tail_start_likelihood": 1.0},
        }
    )
    check = pose.mean_in_bbox(replace(healthy, columns=columns))
    assert (check.outcome == QC.PASS) == inside
    assert inside or f"x {x:.0f}, y 200, expected x 301 to 700" in check.sentence


def test_no_box(healthy: pose.Pose):
    check = pose.mean_in_bbox(replace(healthy, box=None, camera="belly"))
    assert check.outcome == QC.NOT_SET
    assert "belly" in check.sentence
    assert "pose_boxes" in check.sentence


@pytest.mark.parametrize(("share", "passes"), [(0.09, False), (0.1, True)])
def test_tongue_that_is_always_out(healthy: pose.Pose, share: float, passes: bool):
    columns = healthy.columns.copy()
    for part in ("tongue_end_l", "tongue_end_r"):
        columns[f"{part}_likelihood"] = np.where(np.arange(N) < share * N, 0.0, 1.0)
    check = pose.lick_detection(replace(healthy, columns=columns))
    assert (check.outcome == QC.PASS) == passes


@pytest.mark.parametrize(
    ("share", "expected"), [(0.1, QC.PASS), (0.15, QC.WARNING), (0.2, QC.WARNING), (0.25, QC.FAIL)]
)
@pytest.mark.parametrize(("check", "paw"), [("paw_close_nan", "paw_r"), ("paw_far_nan", "paw_l")])
def test_paws_around_the_stimulus(
    healthy: pose.Pose, share: float, expected: QC, check: str, paw: str
):
    """Hidden in a share of the 120 frames from 0.5 s before each stimulus, and at no other time."""
    starts = ((healthy.trials.stimulus_onsets - 5.5) * RATE).round().astype(int)
    frames = (starts[:, None] + np.arange(round(120 * share))).ravel()
    assert pose.inspect(hidden(healthy, paw, frames))[check].outcome == expected
    outside = np.setdiff1d(np.arange(N), (starts[:, None] + np.arange(120)).ravel())
    assert pose.inspect(hidden(healthy, paw, outside))[check].outcome == QC.PASS


def test_windows_are_in_seconds_of_the_session(healthy: pose.Pose):
    """At 150 Hz the same frames last 0.8 s."""
    times = 5 + np.arange(N) / 150
    fast = replace(healthy, times=times, rate=150.0, trials=trials_at(10.0))
    frames = slice(round(4.5 * 150), round(4.5 * 150) + 120)
    assert pose.paw_nan(hidden(fast, "paw_r", frames), "paw_r").outcome == QC.FAIL
    assert "40%" in pose.paw_nan(hidden(fast, "paw_r", frames), "paw_r").sentence


def test_trials_without_stimulus_or_outside_are_left_out(healthy: pose.Pose):
    start = round(4.5 * RATE)
    with_others = replace(healthy, trials=trials_at(np.nan, 0.0, 10.0, 1000.0))
    worse = hidden(with_others, "paw_r", slice(start, start + 60))
    assert "50%" in pose.paw_nan(worse, "paw_r").sentence


def test_trial_that_begins_before_the_recording(healthy: pose.Pose):
    """0.25 s are not filmed: of the window 105 frames are left, the first 30 are hidden."""
    first = replace(healthy, trials=trials_at(5.25))
    check = pose.paw_nan(hidden(first, "paw_r", slice(0, 30)), "paw_r")
    assert "29%" in check.sentence
    assert pose.paw_nan(hidden(first, "paw_r", slice(105, None)), "paw_r").outcome == QC.PASS


@pytest.mark.parametrize(
    ("trials", "reason"),
    [
        (None, "There are no trials."),
        (trials_at(), "There is no trial in the recording"),
        (trials_at(np.nan, 1000), "There is no trial in the recording"),
        (DataError("The table is broken."), "The table is broken."),
    ],
)
def test_no_trials(healthy: pose.Pose, trials: Trials | DataError | None, reason: str):
    checks = pose.inspect(replace(healthy, trials=trials))
    for name in ("paw_close_nan", "paw_far_nan"):
        assert checks[name].outcome == QC.NOT_SET
        assert reason in checks[name].sentence


def test_missing_parts(healthy: pose.Pose):
    checks = pose.inspect(without(healthy, "paw_r", "tongue_end_l", "pupil"))
    assert "paw_r" in checks["paw_close_nan"].sentence
    assert checks["paw_far_nan"].outcome == QC.PASS
    assert checks["lick_detection"].outcome == QC.NOT_SET
    assert "no point of the pupil" in checks["pupil_blocked"].sentence
    assert checks["pupil_diameter_snr"].outcome == QC.NOT_SET


def test_broken_features(healthy: pose.Pose):
    checks = pose.inspect(replace(healthy, features=DataError("The features are broken.")))
    assert checks["pupil_blocked"].sentence == "The features are broken."
    assert checks["pupil_diameter_snr"].outcome == QC.NOT_SET
    assert checks["paw_close_nan"].outcome == QC.PASS


def test_blocked_pupil():
    raw = np.r_[np.full(901, np.nan), np.full(99, 30.0)]
    check = pose.pupil_blocked(raw, "left")
    assert check.outcome == QC.FAIL
    assert "90%" in check.sentence
    raw[0] = 30
    assert pose.pupil_blocked(raw, "left").outcome == QC.PASS


@pytest.mark.parametrize(("camera", "most"), [("left", 10), ("right", 5)])
def test_unsteady_pupil(camera: str, most: int):
    swing = np.tile([-1.0, 1.0], 500)
    assert pose.pupil_blocked(30 + most * 0.99 * swing, camera).outcome == QC.PASS
    assert pose.pupil_blocked(30 + most * 1.01 * swing, camera).outcome == QC.FAIL


@pytest.mark.parametrize(("camera", "least"), [("left", 10), ("right", 5)])
def test_signal_to_noise(camera: str, least: int):
    smooth, noise = np.tile([-1.0, -1, 1, 1], 250), np.tile([-1.0, 1], 500)
    good = pose.pupil_diameter_snr(smooth + noise / np.sqrt(least * 1.01), smooth, camera)
    assert (good.outcome, good.values) == (QC.PASS, (pytest.approx(least * 1.01, abs=1e-3),))
    bad = pose.pupil_diameter_snr(smooth + noise / np.sqrt(least * 0.99), smooth, camera)
    assert bad.outcome == QC.FAIL


def test_signal_to_noise_is_not_counted(healthy: pose.Pose):
    checks = {"pupil_diameter_snr": pose.pupil_diameter_snr(*np.eye(2), "left")}
    assert checks["pupil_diameter_snr"].outcome == QC.FAIL
    report = outcome.report("dlc", "left", checks, TRACKERS["dlc"].ignored_checks)
    assert report["outcome"] == "NOT_SET"
    assert report["extended_qc"]["_dlcLeft_pupil_diameter_snr"][0] == "FAIL"
    report = outcome.report("dlc", "left", pose.inspect(healthy), TRACKERS["dlc"].ignored_checks)
    assert report["outcome"] == "PASS"


@pytest.mark.parametrize("change", [lambda table: table[:-1], lambda table: pd.concat([table] * 2)])
def test_features_of_another_length_fail(healthy: pose.Pose, change):
    changed = replace(healthy, features=change(healthy.features))
    checks = pose.inspect(changed)
    for name in ("pupil_blocked", "pupil_diameter_snr"):
        assert checks[name].outcome == QC.FAIL
        assert f"rows for the poses of {N} frames" in checks[name].sentence
    assert checks["paw_close_nan"] == pose.inspect(healthy)["paw_close_nan"]
