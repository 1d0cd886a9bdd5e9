"""Movements of the wheel, and by how many frames a video is off from it."""

import numpy as np
import pytest
from one.alf.spec import QC

from alfvideo.qc import movement, wheel
from alfvideo.qc.outcome import Check

FPS = 60


def turning(start=10.0, end=15.0, duration=30.0):
    """A wheel that turns unevenly from start to end: timestamps and position."""
    times = np.arange(0, duration, 0.005)
    during = (times > start) & (times < end)
    speed = np.where(during, 3 + 2 * np.sin(9 * times) + np.sin(23 * times), 0)
    return times, np.cumsum(speed) * 0.005


def speed_of(times, shift, timestamps, position):
    """Wheel speed at frames whose pictures were taken `shift` frames later than their times."""
    return np.interp(
        times + shift / FPS, timestamps, np.abs(np.gradient(position, timestamps)), 0, 0
    )


def moving_frames(speed):
    """Frames of a striped wheel that turns by that speed, gray (n, 20, 40)."""
    phase = (np.cumsum(speed) - speed / 2) / FPS * 8
    stripes = 128 + 100 * np.sin(np.arange(40) / 3 + phase[:, None])
    return np.repeat(stripes[:, None, :], 20, axis=1).astype(np.uint8)


def test_the_movement_is_found():
    start, end = movement.active_period(movement.sample(*turning()))
    assert start == pytest.approx(10, abs=0.3)
    assert end == pytest.approx(15, abs=0.3)


@pytest.mark.parametrize("end", [10.5, 32.0])
def test_movements_that_are_too_short_or_too_long_are_not_taken(end):
    assert movement.active_period(movement.sample(*turning(end=end, duration=40))) is None


def test_the_middle_movement_is_taken():
    pieces = [turning(3, 8, 12) for _ in range(3)]
    times = np.concatenate([t + 12 * i for i, (t, _) in enumerate(pieces)])
    position = np.concatenate([p + pieces[0][1][-1] * i for i, (_, p) in enumerate(pieces)])
    start, end = movement.active_period(movement.sample(times, position))
    assert 14 < start < end < 21


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        (np.zeros(3000), []),
        (np.zeros(5), []),
        (np.r_[np.zeros(1000), np.full(2000, 5.0)], []),  # one step, no duration
        (
            np.r_[np.zeros(1000), 5 * np.sin(np.arange(500) / 9), np.zeros(1500)],
            [(1000, 1500)],
        ),
        (  # a pause of less than 0.2 s is within the window
            np.r_[np.zeros(1000), np.tile(np.r_[9 * np.sin(np.arange(300) / 9), np.zeros(150)], 3)],
            [(1000, 2200)],
        ),
    ],
)
def test_movements(trace, expected):
    onsets, offsets = movement.movements(trace)
    assert len(onsets) == len(offsets) == len(expected)
    for onset, offset, (start, end) in zip(onsets, offsets, expected, strict=True):
        assert abs(onset - start) < 10
        assert abs(offset - end) < 30


@pytest.mark.parametrize(("pause", "n_movements"), [(250, 1), (350, 2)])
def test_pauses_of_less_than_the_window_and_the_gap_are_filled(pause, n_movements):
    # The window looks 200 samples ahead, and what is then left of the pause is a gap from 100 on.
    burst = 9 * np.sin(np.arange(300) / 9)
    burst[-20:] = 0
    trace = np.r_[np.zeros(1000), burst, np.zeros(pause - 20), burst, np.zeros(900)]
    assert len(movement.movements(trace)[0]) == n_movements


@pytest.mark.parametrize("shift", [0, 1, -1, 2, 7, -12])
def test_a_shift_is_found_with_its_sign(shift):
    timestamps, position = turning()
    found_wheel, (start, end) = wheel.period(np.arange(0, 30, 1 / FPS), timestamps, position)
    times = np.arange(start, end, 1 / FPS)
    frames = moving_frames(speed_of(times, shift, timestamps, position))
    motion = wheel.compare(wheel.motion_energy(frames), times, found_wheel)
    # A video whose pictures are late must be shifted backwards.
    assert motion.offset == -shift
    check = wheel.alignment(motion)
    assert check.values == (-shift,)
    assert check.outcome == (QC.PASS if abs(shift) <= 1 else QC.WARNING)
    assert (f"shifted by {-shift} frames" in check.sentence) == (abs(shift) > 1)


def test_motion_energy_is_that_of_frames_two_apart():
    frames = np.zeros((5, 4, 4), np.uint8)
    frames[2, 0, 0] = 200
    frames[3:, :2] = 10
    energy = wheel.motion_energy(frames)
    assert energy.size == 3
    np.testing.assert_allclose(energy[[0, 1]], [200, 80], atol=8)
    assert wheel.motion_energy(frames[:2]).size == 0


TIMES = np.arange(5, 25, 1 / FPS)
WHEEL = turning()


@pytest.mark.parametrize(
    ("times", "timestamps", "position", "reason"),
    [
        (TIMES, np.empty(0), np.empty(0), "0 usable samples"),
        (TIMES, WHEEL[0][:1], WHEEL[1][:1], "1 usable samples"),
        (TIMES, WHEEL[0], WHEEL[1][:-1], "positions"),
        (TIMES, WHEEL[0], np.full_like(WHEEL[1], np.nan), "0 usable samples"),
        (TIMES, WHEEL[0][::-1], WHEEL[1], "go back"),
        (TIMES, WHEEL[0][:20], WHEEL[1][:20], "too short"),
        (TIMES, WHEEL[0], np.zeros_like(WHEEL[1]), "no movement of 3 to 20 s"),
        (TIMES + 14, *WHEEL, "not during the video"),
        (np.empty(0), *WHEEL, "no camera times"),
        (np.full(9, np.nan), *WHEEL, "no camera times"),
    ],
)
def test_a_wheel_that_cannot_be_compared_is_not_judged(times, timestamps, position, reason):
    check = wheel.period(times, timestamps, position)
    assert isinstance(check, Check)
    assert check.outcome == QC.NOT_SET
    assert reason in check.sentence


def test_a_video_of_another_time_fails():
    check = wheel.period(TIMES + 1000, *WHEEL)
    assert check.outcome == QC.FAIL
    assert "1005.0 to 1025.0 s" in check.sentence


def test_a_few_bad_samples_of_the_wheel_do_not_matter():
    timestamps, position = WHEEL[0].copy(), WHEEL[1].copy()
    position[500], timestamps[700] = np.nan, np.nan
    assert not isinstance(wheel.period(TIMES, timestamps, position), Check)


@pytest.mark.parametrize(
    ("energy", "timestamps", "position", "reason"),
    [
        (np.zeros(118), *WHEEL, "Nothing moves"),
        (np.arange(118.0), WHEEL[0], np.zeros_like(WHEEL[1]), "does not move"),
    ],
)
def test_without_motion_there_is_no_shift(energy, timestamps, position, reason):
    times = 11 + np.arange(120) / FPS
    check = wheel.compare(energy, times, movement.sample(timestamps, position))
    assert check.outcome == QC.NOT_SET
    assert reason in check.sentence
