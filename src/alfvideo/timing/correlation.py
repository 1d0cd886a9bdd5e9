"""Cross-correlation by FFT of what has numbers of frames with what has numbers of pulses."""

import numpy as np

from alfvideo.array_types import Floats


def fft_size(n_counts: int, n_pulses: int) -> int:
    """Return the size of transforms for so many numbers on each side.

    A power of two is fast by numpy, too; scipy would find a smaller size but takes 0.5 s to load.
    """
    return 1 << (n_counts + n_pulses - 2).bit_length()


def by_start(product: np.ndarray, size: int, n_counts: int, n_pulses: int) -> Floats:
    """Return the correlation of each start, (n_counts + n_pulses - 1,), from 1 - n_counts on.

    `product` is the spectrum of the pulses by the conjugate one of the frames.
    """
    correlation = np.fft.irfft(product, size)
    return np.concatenate((correlation[size - n_counts + 1 :], correlation[:n_pulses]))
