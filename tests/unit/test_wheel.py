"""Speed of the wheel against movements that are known, and wheels that cannot be used."""

import numpy as np
import pytest

from alfvideo.files.errors import DataError
from alfvideo.timing.wheel import checked, velocity, velocity_at


def test_velocity_of_an_even_turn():
    position = 3.0 * np.arange(4000) / 1000
    np.testing.assert_allclose(velocity(position)[1000:-1000], 3.0, atol=1e-6)
    assert velocity(position)[0] == 0


def test_velocity_follows_slow_turns_and_not_fast_ones():
    time = np.arange(5000) / 1000
    slow, fast = (np.sin(2 * np.pi * hertz * time) for hertz in (2, 100))
    expected = 4 * np.pi * np.cos(4 * np.pi * (time - 0.0005))
    np.testing.assert_allclose(velocity(slow)[500:-500], expected[500:-500], atol=1e-3)
    assert np.abs(velocity(fast)[500:-500]).max() < 1e-3


@pytest.mark.parametrize("n", [0, 1, 2, 5, 27, 28, 29])
def test_velocity_of_few_samples(n):
    result = velocity(np.arange(n, dtype=float))
    assert result.shape == (n,)
    assert np.isfinite(result).all()


def test_velocity_at_frames_is_the_same_in_blocks():
    rng = np.random.default_rng(0)
    timestamps = 7.3 + np.cumsum(rng.exponential(0.05, 20_000))  # 1000 s, more than three blocks
    position = np.cumsum(rng.choice([-1, 1], timestamps.size)) * 0.0015
    grid = timestamps[0] + np.arange(int(np.ptp(timestamps) * 1000) + 1) / 1000
    expected = velocity(np.interp(grid, timestamps, position))
    times = np.arange(0.0, timestamps[-1] + 5, 1 / 60)
    result = velocity_at(times, timestamps, position)
    inside = (times >= grid[0]) & (times <= grid[-1])
    np.testing.assert_allclose(
        result[inside], np.interp(times[inside], grid, expected), rtol=0, atol=1e-9
    )
    outside = (times < timestamps[0]) | (times > timestamps[-1])
    assert np.isnan(result[outside]).all()
    assert outside.sum() > 600


def test_checked_leaves_out_nan():
    times, position = checked(np.array([0, 1, np.nan, 3]), np.array([5, np.nan, 7, 8]))
    assert times.tolist() == [0, 3]
    assert position.tolist() == [5, 8]


@pytest.mark.parametrize(
    ("timestamps", "position", "message"),
    [
        ([], [], "0 usable samples of 0"),
        ([1.0], [1.0], "1 usable samples of 1"),
        ([np.nan] * 3, [1.0] * 3, "0 usable samples of 3"),
        ([1.0, 2.0], [1.0], "2 timestamps but 1 positions"),
        ([1.0, 3.0, 2.0], [0.0, 0.0, 0.0], "go back after 3.000 s"),
    ],
)
def test_wheels_that_cannot_be_used(timestamps, position, message):
    with pytest.raises(DataError, match=message):
        checked(np.array(timestamps), np.array(position))
