"""All checks of a camera of a rendered session, healthy, with faults, and with broken inputs."""

from dataclasses import replace

import numpy as np
import pytest

from alfvideo.files.errors import DataError
from alfvideo.qc import camera as qc
from alfvideo.qc import reference, rigs
from alfvideo.qc.frames import read_samples
from alfvideo.qc.outcome import report
from alfvideo.timing import embedded, sync
from alfvideo.timing.evidence import Evidence, Witness
from alfvideo.timing.frame_data import FrameData
from alfvideo.video import compress
from rigsim import Rig, load_truth, render

CHECKS = {
    "alignment",
    "brightness",
    "camera_times",
    "dropped_frames",
    "file_headers",
    "focus",
    "framerate",
    "pin_state",
    "position",
    "resolution",
    "timestamps",
    "wheel_alignment",
}


@pytest.fixture(scope="module")
def left(tmp_path_factory) -> qc.CameraInputs:
    """A healthy left camera with a reference frame of its own lab."""
    rig = Rig(kind="spikeglx", seconds=8, scale=0.25, cameras=("left",), seed=3)
    session = render(tmp_path_factory.mktemp("session"), rig)
    raw = session / "raw_video_data"
    video = raw / "_iblrig_leftCamera.raw.mp4"
    avi = video.with_suffix(".avi")
    compress.encode(avi, video, preset="veryfast", crf=17, threads=2)
    fronts = sync.sync_line(sorted((session / "raw_ephys_data").iterdir()), "spikeglx", "audio")
    truth = load_truth(session, "left")
    return qc.CameraInputs(
        label="left",
        video=video,
        times=truth["times"],
        evidence=Evidence(0.0, "", 0.0, (Witness("gpio", 16, 2), Witness("clock", 20.5, 3.5))),
        frame_data=embedded.load(raw.iterdir()),
        ttl_rises=fronts.rises,
        wheel=(truth["wheel_timestamps"], truth["wheel_position"]),
        reference=reference.make(read_samples(video).frames),
        expected=rigs.expected("left", "nidq", {"width": 320, "height": 256}),
    )


@pytest.fixture(scope="module")
def healthy(left) -> qc.Inspection:
    return qc.inspect(left)


def reported(camera, **changes):
    """Outcome of each check, and the checks."""
    checks = qc.inspect(replace(camera, **changes)).checks
    return {name: check.outcome.name for name, check in checks.items()}, checks


def test_a_healthy_camera_passes_every_check(healthy):
    assert set(healthy.checks) == CHECKS
    assert report("video", "left", healthy.checks)["reasons"] == {}
    values = {name: check.values for name, check in healthy.checks.items() if check.values}
    assert values == {
        "alignment": (0.0, 2, 16, 2, 0.0),
        "camera_times": (0,),
        "dropped_frames": (0, 0),
        "framerate": (pytest.approx(60.004, abs=1e-3),),
        "pin_state": (0, 0),
        "wheel_alignment": values["wheel_alignment"],
    }
    assert abs(values["wheel_alignment"][0]) <= 1


def test_what_the_figure_needs_is_there(healthy):
    n = healthy.samples.numbers.size
    assert n == healthy.brightness.size == len(healthy.samples.frames) > 90
    np.testing.assert_array_equal(healthy.matched.offset, [0, 0])
    assert healthy.motion.times.size == healthy.motion.energy.size + 2


@pytest.mark.parametrize("shift", [-9, 9])
def test_times_that_are_shifted_are_found_by_the_wheel(left, healthy, shift):
    outcomes, checks = reported(left, times=left.times + shift / 60.004)
    assert outcomes["wheel_alignment"] == "WARNING"
    (offset,) = checks["wheel_alignment"].values
    (before,) = healthy.checks["wheel_alignment"].values
    assert offset - before == pytest.approx(shift, abs=1)


def test_expectations_that_are_not_met_or_not_known(left):
    wrong = rigs.Expected(1280, 1024, 150)
    outcomes, _ = reported(left, expected=wrong)
    names = ("file_headers", "framerate", "resolution")
    assert [outcomes[name] for name in names] == ["FAIL"] * 3
    outcomes, checks = reported(left, expected=rigs.Expected())
    assert [outcomes[name] for name in names] == ["NOT_SET"] * 3
    assert "not known" in checks["framerate"].sentence


def test_without_a_reference_position_is_not_judged_but_focus_is(left):
    outcomes, checks = reported(left, reference=None)
    assert outcomes["position"] == "NOT_SET"
    assert "no reference frame of the left camera" in checks["position"].sentence
    assert outcomes["focus"] == "PASS"


def test_a_reference_of_another_size_is_not_compared(left):
    outcomes, checks = reported(left, reference=np.zeros((512, 640), np.uint8))
    assert outcomes["position"] == "NOT_SET"
    assert "640x512 pixels, the video 320x256" in checks["position"].sentence


def test_checks_that_do_not_apply_are_left_out(left):
    habituation = qc.checks_to_skip("_iblrig_tasks_habituationChoiceWorld", camlog=False)
    assert set(qc.inspect(replace(left, skip=habituation)).checks) == CHECKS - {"wheel_alignment"}
    camlog = qc.checks_to_skip("_iblrig_tasks_biasedChoiceWorld", camlog=True)
    assert set(qc.inspect(replace(left, skip=camlog)).checks) == CHECKS - {"pin_state"}


@pytest.mark.parametrize("label", ["body", "belly", "top"])
def test_other_cameras_have_no_wheel_check(left, label):
    outcomes, checks = reported(left, label=label)
    assert outcomes["wheel_alignment"] == "NOT_SET"
    assert label in checks["wheel_alignment"].sentence
    assert outcomes["focus"] in ("PASS", "FAIL")


BROKEN = DataError("This file is damaged.")


@pytest.mark.parametrize(
    ("changes", "not_set"),
    [
        ({"wheel": None}, {"wheel_alignment"}),
        ({"wheel": BROKEN}, {"wheel_alignment"}),
        ({"wheel": (np.empty(0), np.empty(0))}, {"wheel_alignment"}),
        ({"wheel": (np.arange(9.0), np.full(9, np.nan))}, {"wheel_alignment"}),
        ({"ttl_rises": None}, {"pin_state"}),
        ({"ttl_rises": BROKEN}, {"pin_state"}),
        (
            {"frame_data": FrameData(None, None, None)},
            {"camera_times", "dropped_frames", "pin_state"},
        ),
        ({"frame_data": BROKEN}, {"camera_times", "dropped_frames", "pin_state"}),
        (
            {"frame_data": FrameData(np.empty(0), np.empty(0, np.int64), np.empty((0, 4), bool))},
            {"dropped_frames"},
        ),
        ({"times": None}, {"framerate", "timestamps", "wheel_alignment"}),
        ({"times": BROKEN}, {"framerate", "timestamps", "wheel_alignment"}),
        ({"times": np.empty(0)}, {"framerate", "timestamps", "wheel_alignment"}),
        ({"times": np.full(480, np.nan)}, {"framerate", "wheel_alignment"}),
        ({"reference": BROKEN}, {"position"}),
        ({"evidence": None}, {"alignment"}),
        ({"evidence": BROKEN}, {"alignment"}),
    ],
)
def test_broken_inputs_are_not_set_with_the_reason(left, changes, not_set):
    outcomes, checks = reported(left, **changes)
    assert {name for name, outcome in outcomes.items() if outcome == "NOT_SET"} == not_set
    assert all(checks[name].sentence for name in not_set)
    if any(value is BROKEN for value in changes.values()):
        assert {checks[name].sentence for name in not_set} == {str(BROKEN)}


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_a_video_that_cannot_be_read_leaves_only_the_rate_of_the_times(left, tmp_path, content):
    video = tmp_path / "video.mp4"
    if content is not None:
        video.write_bytes(content)
    outcomes, checks = reported(left, video=video)
    assert {name for name, outcome in outcomes.items() if outcome != "NOT_SET"} == {
        "alignment",
        "framerate",
    }
    assert str(video) in checks["brightness"].sentence


def test_more_times_than_frames_fail_but_do_not_stop_the_wheel_check(left):
    longer = np.r_[left.times, left.times[-1] + np.arange(1, 300) / 60]
    outcomes, _ = reported(left, times=longer)
    assert outcomes["timestamps"] == "FAIL"
    assert outcomes["wheel_alignment"] == "PASS"


@pytest.mark.parametrize(
    ("bound", "outcome"),
    [
        (0.0, "PASS"),
        (0.4, "PASS"),
        (0.5, "WARNING"),
        (2, "FAIL"),
        (300, "FAIL"),
        (None, "CRITICAL"),
    ],
)
def test_times_are_worth_what_shows_them_to_be_right(left, bound, outcome):
    evidence = Evidence(bound, "Nothing shows it.", 0.25)
    _, checks = reported(left, evidence=evidence)
    assert checks["alignment"].outcome.name == outcome
    assert checks["alignment"].values == (bound, 0, None, None, 0.25)
    assert ("Nothing shows it." in checks["alignment"].sentence) is (outcome != "PASS")


def test_times_of_another_clock_fail(left):
    outcomes, checks = reported(left, times=left.times + 3600)
    assert outcomes["wheel_alignment"] == "FAIL"
    assert "not recorded at the same time" in checks["wheel_alignment"].sentence


def test_a_counter_that_goes_back_is_critical_for_the_camera(left):
    count = left.frame_data.count.copy()
    count[100:] -= 50
    broken = replace(left.frame_data, count=count)
    inspected = qc.inspect(replace(left, frame_data=broken))
    result = report("video", "left", inspected.checks)
    assert result["outcome"] == "CRITICAL"
    assert result["extended_qc"]["_videoLeft_dropped_frames"] == ["CRITICAL", 1, 0]
    assert "frame 100" in result["reasons"]["_videoLeft_dropped_frames"]
