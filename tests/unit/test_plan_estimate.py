"""Estimates from past jobs that were generated with known times."""

import numpy as np
import pytest

from alfvideo.views.plan.work import UNSURE, estimate

K = 1000
FRAMES = np.array([100, 120, 180, 240, 300, 420, 700]) * K


def line(frames: np.ndarray, seconds: np.ndarray) -> tuple[float, float]:
    return estimate(seconds, frames)[:2]


def test_finds_the_line_in_spite_of_outliers():
    seconds = 30 + 0.5e-3 * FRAMES
    seconds[2] *= 5
    assert line(FRAMES, seconds) == pytest.approx((30, 0.5e-3))


@pytest.mark.parametrize(
    "frames", [FRAMES[[0, 3, 6]], np.full(9, 100 * K), np.linspace(100, 190, 9) * K]
)
def test_few_jobs_or_jobs_of_like_length_grow_with_it(frames: np.ndarray):
    assert line(frames, 2e-3 * frames) == pytest.approx((0, 2e-3))


def test_a_rate_is_that_of_the_median_job():
    assert line(np.full(3, 10 * K), np.array([20.0, 30, 900])) == pytest.approx((0, 3e-3))


def test_nothing_is_below_zero():
    shrinking = 100 - 0.1e-3 * FRAMES
    assert line(FRAMES, shrinking) == (np.median(shrinking), 0)
    fixed, slope = line(FRAMES, 1e-3 * FRAMES - 50)
    assert (fixed, slope) == (0, pytest.approx(1e-3))


def test_jobs_of_unknown_length_take_the_median():
    assert line(np.array([0.0, 5, 5, 5]), np.array([1.0, 2, 3, 40])) == (2.5, 0)


def test_spread_is_that_of_past_jobs():
    found = estimate(range(50, 151), [0] * 101)
    assert found.fixed == 100
    assert (found.low, found.high) == pytest.approx((0.6, 1.4))
    assert found.seconds(7) == pytest.approx((100, 60, 140))


def test_few_jobs_say_nothing_of_the_spread():
    found = estimate([10, 11], [0, 0])
    assert (found.low, found.high) == UNSURE


def test_many_jobs_of_the_same_length_and_one_longer(recwarn: pytest.WarningsRecorder):
    assert line(np.array([100.0] * 5 + [200]), np.array([10.0] * 5 + [20])) == pytest.approx(
        (0, 0.1)
    )
    assert not recwarn.list
