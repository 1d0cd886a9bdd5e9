"""Checks of counts, times, rates and pulses; how checks are reported; what is known of rigs."""

import json

import numpy as np
import pytest
from one.alf.spec import QC

from alfvideo.qc import recording, rigs
from alfvideo.qc.outcome import Check, judged, not_set, report
from alfvideo.timing import encoder
from alfvideo.timing.sync import Fronts


def outcome_and_values(check):
    assert bool(check.sentence) == (check.outcome != QC.PASS)
    return check.outcome.name, *check.values


@pytest.mark.parametrize(
    ("n_times", "expected"), [(100, ("PASS", 0)), (103, ("WARNING", 3)), (60, ("WARNING", -40))]
)
def test_camera_times(n_times, expected):
    assert outcome_and_values(recording.camera_times(n_times, 100)) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (np.arange(3000), ("PASS", 0, 0)),
        (np.arange(3000) + (np.arange(3000) > 9), ("PASS", 1, 0)),
        (np.arange(3000) + 3 * (np.arange(3000) > 9), ("FAIL", 3, 0)),
        (np.arange(3004), ("WARNING", 0, 4)),
        (np.arange(2995), ("FAIL", 0, -5)),
        (np.r_[0:1000, 500:2500], ("CRITICAL", 1, 0)),
        (np.r_[0:1000, 999:2998, 0], ("CRITICAL", 2, 0)),
    ],
)
def test_dropped_frames(count, expected):
    assert outcome_and_values(recording.dropped_frames(count, 3000)) == expected


def test_a_counter_that_goes_back_says_where():
    check = recording.dropped_frames(np.r_[0:10, 5:15], 20)
    assert "first is frame 10" in check.sentence


@pytest.mark.parametrize("size", [0, 1])
def test_a_counter_without_steps_is_not_judged(size):
    assert recording.dropped_frames(np.arange(size), 20).outcome == QC.NOT_SET


@pytest.mark.parametrize(
    ("rate", "fps", "outcome"),
    [
        (60, 60, "PASS"),
        (29.97, 30, "PASS"),  # ibllib: 29
        (59.99, 60, "PASS"),
        (149.93, 149.93, "PASS"),
        (30, 60, "FAIL"),
        (0, 60, "FAIL"),
        (60, None, "NOT_SET"),
    ],
)
def test_file_headers(rate, fps, outcome):
    assert outcome_and_values(recording.file_headers(rate, fps)) == (outcome,)


@pytest.mark.parametrize(("rate", "fps"), [(29.97, 30), (60.004, 60), (149.93, 150)])
@pytest.mark.parametrize("grid", [1e-6, 1 / 30000, 1e-3])
def test_the_rate_is_that_of_the_camera_on_every_clock_grid(rate, fps, grid):
    # The median interval is a whole number of grid steps: at 1 kHz 60 Hz reads 58.8.
    times = np.round(np.arange(3000) / rate / grid) * grid
    outcome, found = outcome_and_values(recording.framerate(times, fps))
    assert outcome == "PASS"
    assert found == pytest.approx(rate, abs=5e-3)


def test_dropped_frames_and_missing_times_do_not_change_the_rate():
    times = np.delete(np.arange(3000) / 60, [5, 6, 7, 1000, 2000])
    times[50] = np.nan
    assert outcome_and_values(recording.framerate(times, 60)) == ("PASS", 60.0)
    assert outcome_and_values(recording.framerate(times, 30)) == ("FAIL", 60.0)


@pytest.mark.parametrize("times", [[], [1.0], [np.nan, np.nan], [2.0, 2.0], [3.0, 2.0, 1.0]])
def test_no_usable_times_have_no_rate(times):
    assert recording.framerate(np.array(times), 60).outcome == QC.NOT_SET


def pin(n_frames, n_pulses):
    level = np.zeros(n_frames, bool)
    level[10 : 10 + 4 * n_pulses : 4] = True
    return level


@pytest.mark.parametrize(
    ("n_states", "n_seen", "n_ttl", "expected"),
    [
        (100, 10, 10, ("PASS", 0, 0)),
        (100, 10, 14, ("PASS", 4, 0)),
        (100, 10, 15, ("WARNING", 5, 0)),
        (100, 10, 3, ("WARNING", -7, 0)),
        (104, 10, 10, ("WARNING", 0, 4)),
        (95, 10, 10, ("FAIL", 0, -5)),
        (100, 0, 20, ("WARNING", 20, 0)),
    ],
)
def test_pin_state(n_states, n_seen, n_ttl, expected):
    check = recording.pin_state(pin(n_states, n_seen), np.arange(n_ttl, dtype=float), 100)
    assert outcome_and_values(check) == expected


def test_a_pin_that_is_high_from_the_start_has_not_risen():
    level = np.array([True, True, False, True])
    assert outcome_and_values(recording.pin_state(level, np.zeros(1), 4)) == ("PASS", 0, 0)


def test_resolution():
    assert recording.resolution((640, 512), (640, 512)).outcome == QC.PASS
    check = recording.resolution((640, 480), (640, 512))
    assert check.outcome == QC.FAIL
    assert "640x480 pixels, expected 640x512" in check.sentence
    assert recording.resolution((640, 480), (640, None)).outcome == QC.NOT_SET


@pytest.mark.parametrize(
    ("times", "outcome", "sentence"),
    [
        ([0, 1, 2, 3], "PASS", ""),
        ([0, 1, 2], "FAIL", "3 camera times for 4"),
        ([0, 1, np.nan, 3], "FAIL", "1 camera times are not numbers"),
        ([0, 2, 1, 3], "FAIL", "do not increase"),
        ([0, 1, 1, 3], "FAIL", "do not increase"),
        ([], "NOT_SET", "no camera times"),
    ],
)
def test_timestamps(times, outcome, sentence):
    check = recording.timestamps(np.array(times, float), 4)
    assert outcome_and_values(check) == (outcome,)
    assert sentence in check.sentence


# report


def test_report_has_the_keys_and_numbers_of_ibllib_and_the_worst_outcome():
    checks = {
        "focus": judged(QC.FAIL, "Not sharp."),
        "dropped_frames": Check(QC.PASS, (np.int64(0), 0)),
        "framerate": Check(QC.PASS, (np.float64(60.0),)),
        "wheel_alignment": not_set("There is no wheel."),
        "brightness": Check(QC.PASS),
        "camera_times": judged(QC.WARNING, "Odd.", float("nan")),
    }
    written = json.loads(json.dumps(report("video", "left", checks), allow_nan=False))
    assert written == {
        "outcome": "FAIL",
        "extended_qc": {
            "_videoLeft_brightness": "PASS",
            "_videoLeft_camera_times": ["WARNING", None],
            "_videoLeft_dropped_frames": ["PASS", 0, 0],
            "_videoLeft_focus": "FAIL",
            "_videoLeft_framerate": ["PASS", 60.0],
            "_videoLeft_wheel_alignment": "NOT_SET",
        },
        "reasons": {
            "_videoLeft_camera_times": "Odd.",
            "_videoLeft_focus": "Not sharp.",
            "_videoLeft_wheel_alignment": "There is no wheel.",
        },
    }
    assert list(written["extended_qc"]) == sorted(written["extended_qc"])


def test_no_checks_are_not_set():
    assert report("video", "left", {})["outcome"] == "NOT_SET"


@pytest.mark.parametrize(("outcome", "sentence"), [(QC.PASS, "Why?"), (QC.FAIL, "")])
def test_a_check_has_a_sentence_unless_it_passed(outcome, sentence):
    with pytest.raises(ValueError, match=outcome.name):
        Check(outcome, (), sentence)


# rigs


@pytest.mark.parametrize(
    ("camera", "sync", "described", "expected"),
    [
        ("left", "nidq", {}, (1280, 1024, 60)),
        ("right", "nidq", {"collection": "raw_video_data"}, (640, 512, 150)),
        ("body", "nidq", {"fps": None}, (640, 512, 30)),
        ("left", "bpod", {}, (1280, 1024, 30)),
        ("left", "bpod", {"fps": 25, "width": 100}, (100, 1024, 25)),
        ("belly", "nidq", {}, (None, None, None)),
        ("right", "bpod", {"fps": 25}, (None, None, 25)),
    ],
)
def test_the_description_comes_before_the_known_rigs(camera, sync, described, expected):
    assert rigs.expected(camera, sync, described) == rigs.Expected(*expected)


# encoder


def test_the_encoder_turns_both_ways():
    turns = np.concatenate((np.arange(1, 41), np.arange(39, 9, -1)))
    times = np.arange(turns.size) / 100.0
    # Each count changes one line, in the order 00 01 11 10.
    code = np.array([[0, 0], [0, 1], [1, 1], [1, 0]])[np.r_[0, turns] % 4]
    changed = np.diff(code, axis=0)
    a, b = (Fronts(times[changed[:, i] != 0], changed[changed[:, i] != 0, i]) for i in (0, 1))
    found_times, position = encoder.position(a, b)
    np.testing.assert_array_equal(found_times, times)
    step = 2 * np.pi / 4096
    np.testing.assert_allclose(np.abs(position - position[0]), step * (turns - 1), atol=1e-12)


def test_an_encoder_without_fronts_has_no_position():
    none = Fronts(np.empty(0), np.empty(0))
    assert encoder.position(none, none)[0].size == 0
