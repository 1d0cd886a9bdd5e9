"""The wheel as its encoder recorded it: whether it can be used, and how fast it turned."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.files import arrays, inputs
from alfvideo.files.errors import DataError
from alfvideo.timing import encoder, sync

RATE = 1000
"""Samples per second at which the wheel's position is resampled, as in brainbox.behavior.wheel."""

CORNER = 20
"""Corner of the low-pass filter of the velocity in Hz, as in brainbox.behavior.wheel."""

MIN_TURN = 8 * 2 * np.pi / 4096
"""The least turn that counts as a movement, in radians: 8 counts of the encoder, as in
brainbox.behavior.wheel.movements."""

_ENCODER_LINES = ("rotary_encoder_0", "rotary_encoder_1")
_MAX_TURN = 1e9
"""Radians that no wheel turns in a session."""
_ORDER = 8
_BLOCK = 300 * RATE
_MARGIN = 2 * RATE
"""In 2 s the response of the filter falls below 1e-20."""


def load(
    alf_files: Sequence[Path], daq_files: Sequence[Path] = (), namespace: str = ""
) -> tuple[Floats, Floats] | None:
    """Load timestamps in seconds and position in radians, (n,) each; None without a source.

    From the ALF files, else from the lines of the rotary encoder in the sync arrays of the DAQ.

    Raises
    ------
    DataError
        If a file is there that cannot be read.
    """
    if alf_files:
        by_attribute = {path.name.split(".")[1]: arrays.vector(path) for path in alf_files}
        return by_attribute["timestamps"], by_attribute["position"]
    if not daq_files:
        return None
    channels = sync.channel_map(daq_files, namespace)
    lines = [channels[name] for name in _ENCODER_LINES if name in channels]
    if len(lines) < len(_ENCODER_LINES):
        return None
    a, b = map(sync.load(daq_files).fronts, lines)
    return encoder.position(a, b)


def checked(timestamps: Floats, position: Floats) -> tuple[Floats, Floats]:
    """Return the samples of the wheel that can be used; those that are no numbers are left out.

    Parameters
    ----------
    timestamps
        (n,) seconds, increasing.
    position
        (n,) radians, unwrapped.

    Raises
    ------
    DataError
        If the lengths differ, times go back, or less than two samples are left.
    """
    timestamps, position = np.ravel(timestamps), np.ravel(position)
    if timestamps.size != position.size:
        raise DataError(
            f"The wheel has {timestamps.size} timestamps but {position.size} positions. Extract "
            "the wheel again."
        )
    n_samples = timestamps.size
    known = (np.abs(timestamps) < inputs.MAX_SECONDS) & (np.abs(position) < _MAX_TURN)
    if not known.all():
        timestamps, position = timestamps[known], position[known]
    if timestamps.size < 2:
        raise DataError(
            f"The wheel has {timestamps.size} usable samples of {n_samples}, expected at least 2. "
            "Check the cable of the encoder, or extract the wheel again."
        )
    if (backwards := np.flatnonzero(np.diff(timestamps) < 0)).size:
        raise DataError(
            f"The wheel's timestamps go back after {timestamps[backwards[0]]:.3f} s. Extract the "
            "wheel again."
        )
    return timestamps, position


def velocity(position: Floats, rate: float = RATE) -> Floats:
    """Compute the velocity of an evenly sampled position (n,), per second, (n,) float64.

    The position passes a Butterworth low-pass of order 8 at 20 Hz, forwards and backwards. Each
    value is the change since the sample before, and the first is 0. A position of fewer than 2
    samples has velocity 0.
    """
    # Slow to load: jobs that only read the wheel do without.
    from scipy.signal import butter, sosfiltfilt

    if position.size < 2:
        return np.zeros(position.size)
    sections = butter(_ORDER, CORNER, fs=rate, output="sos")
    # the default padding of sosfiltfilt, shortened for short signals
    padding = min(3 * (2 * len(sections) + 1), position.size - 1)
    smooth = sosfiltfilt(sections, position, padlen=padding)
    return np.diff(smooth, prepend=smooth[0]) * rate


def velocity_at(times: Floats, timestamps: Floats, position: Floats) -> Floats:
    """Return the wheel's velocity at some times, rad/s, (n,) float64; NaN outside its data.

    The wheel is resampled at 1 kHz in blocks, so that memory does not grow with the session.

    Parameters
    ----------
    times
        (n,) seconds, increasing.
    timestamps, position
        As returned by `checked`.
    """
    result = np.full(times.size, np.nan)
    n_samples = int((timestamps[-1] - timestamps[0]) * RATE) + 1
    sample = (times - timestamps[0]) * RATE
    inside = sample[(sample >= 0) & (sample < n_samples)]
    for start in (np.unique(inside // _BLOCK) * _BLOCK).astype(np.int64).tolist():
        here = slice(*np.searchsorted(sample, (start, min(start + _BLOCK, n_samples))))
        first = max(start - _MARGIN, 0)
        grid = np.arange(first, min(start + _BLOCK + _MARGIN, n_samples))
        block = np.interp(timestamps[0] + grid / RATE, timestamps, position)
        result[here] = np.interp(sample[here], grid, velocity(block))
    return result
