"""Smoothing of samples with and without gaps."""

import numpy as np
import pytest
from scipy.signal import savgol_filter

from alfvideo.behaviour import smoothing


@pytest.mark.parametrize("window", [5, 31])
def test_even_samples_are_smoothed_as_by_scipy(window: int):
    y = np.random.default_rng(0).normal(size=200)
    smoothed = smoothing.smooth(np.arange(200), y, window, 3)
    np.testing.assert_allclose(smoothed, savgol_filter(y, window, 3), atol=1e-12)


@pytest.mark.parametrize("gap", [1, 30, 100_000, 400_000])
def test_polynomials_stay_as_they_are_over_gaps(gap: int):
    x = np.flatnonzero(np.random.default_rng(1).random(300) > 0.3)
    x[100:] += gap
    scaled = (x - x.mean()) / 100
    y = 5 + scaled - 0.3 * scaled**2 + 0.01 * scaled**3
    np.testing.assert_allclose(smoothing.smooth(x, y, 31, 3), y, rtol=1e-6)


def test_each_value_is_that_of_a_fit_to_its_window():
    rng = np.random.default_rng(2)
    x = np.cumsum(rng.integers(1, 4, 80))
    y = rng.normal(size=80)
    smoothed = smoothing.smooth(x, y, 9, 3)
    for i in range(80):
        first = np.clip(i - 4, 0, 80 - 9)
        window = slice(first, first + 9)
        fit = np.polynomial.Polynomial.fit(x[window], y[window], 3)
        assert smoothed[i] == pytest.approx(fit(x[i]), abs=1e-9)


def test_as_many_samples_as_the_window():
    x, y = np.arange(7), np.arange(7.0) ** 3
    np.testing.assert_allclose(smoothing.smooth(x, y, 7, 3), y, atol=1e-9)
