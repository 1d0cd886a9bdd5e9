"""Savitzky-Golay filter of samples that are not evenly spaced."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.polynomial.polynomial import polyval

from alfvideo.array_types import Floats, Integers

_BATCH = 10_000
"""Windows fitted at a time, to bound memory."""


def smooth(x: Integers, y: Floats, window: int, order: int) -> Floats:
    """Smooth samples by a polynomial fitted to the window of samples around each, (n,) float64.

    Up to half a window from either end the polynomial of the first or last whole window is taken,
    as `scipy.signal.savgol_filter` does for even samples.

    Parameters
    ----------
    x
        (n,) whole numbers, increasing: where the samples are. n is at least `window`.
    y
        (n,) float64, the samples.
    window
        Number of samples in a window, odd.
    order
        Of the polynomial, less than `window`.
    """
    # Takes 1.6 s to load.
    from scipy.signal import savgol_filter

    half, last = window // 2, x.size - window
    smoothed = savgol_filter(y, window, order)
    uneven = np.flatnonzero(x[window - 1 :] - x[: last + 1] != window - 1)
    for batch in np.array_split(uneven, 1 + uneven.size // _BATCH):
        smoothed[batch + half] = _polynomials(x, y, batch, window, order)[:, 0]
    for first, border in ((0, slice(0, half)), (last, slice(x.size - half, x.size))):
        (polynomial,) = _polynomials(x, y, np.array([first]), window, order)
        smoothed[border] = polyval(x[border] - x[first + half], polynomial)
    return smoothed


def _polynomials(x: Integers, y: Floats, first: Integers, window: int, order: int) -> Floats:
    """Return coefficients (m, order + 1), from the constant on, of fits to windows that begin at
    `first` (m,); x counts from the sample in the middle of the window."""
    apart = sliding_window_view(x, window)[first] - x[first + window // 2, None]
    reach = np.abs(apart).max(axis=1, keepdims=True).astype(float)
    powers = (apart / reach)[..., None] ** np.arange(order + 1)
    samples = sliding_window_view(y, window)[first][..., None]
    # Normal equations, as ibllib solves them, are singular over gaps of some 100,000 samples.
    orthogonal, triangular = np.linalg.qr(powers)
    fitted = np.linalg.solve(triangular, orthogonal.swapaxes(1, 2) @ samples)[..., 0]
    coefficients: Floats = fitted / reach ** np.arange(order + 1)
    return coefficients
