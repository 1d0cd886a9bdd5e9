"""Raw files of SpikeGLX: what the lines of a DAQ were at each of its samples."""

from collections.abc import Mapping
from pathlib import Path

import mtscomp
import numpy as np

from rigsim.specification import Rig

NIDQ = {"niMAGain": "1", "niMNGain": "200"}
PROBE = {"nSavedChans": "3", "snsApLfSy": "2,0,1", "typeEnabled": "imec"}
"""Two channels of the probe are saved, so that the file is small, and the sync word."""

_FIRST_ANALOG = 16
_HIGH = 3.3
"""Volts of an analog line that is high; the other level is `_LOW`."""
_LOW = 0.1
_NOISE = 0.01
_STEPS_PER_VOLT = 32768 / 5


def write(
    file: Path,
    rig: Rig,
    fronts: Mapping[str, np.ndarray],
    seconds: float,
    meta: Mapping[str, str],
) -> None:
    """Write a raw file (`.bin`, or `.cbin` and `.ch`) and its metadata.

    `fronts` are times, channels and polarities as in sync arrays. Digital lines are bits of the
    last value of a sample; before that is the first analog line, or the noise of a probe.
    """
    rate = float(meta.get("niSampRate") or meta["imSampRate"])
    n_samples, n_channels = round(seconds * rate), int(meta["nSavedChans"])
    values = np.zeros((n_samples, n_channels), np.int16)
    rng = rig.random("raw daq")
    values[:, :-1] = rng.normal(0, _NOISE * _STEPS_PER_VOLT, (n_samples, n_channels - 1))
    word = np.zeros(n_samples, np.uint16)
    for channel in np.unique(fronts["channels"]).tolist():
        here = fronts["channels"] == channel
        high = _levels(fronts["times"][here], fronts["polarities"][here], rate, n_samples)
        if channel < _FIRST_ANALOG:
            word |= high.astype(np.uint16) << np.uint16(channel)
        else:
            volts = np.where(high, _HIGH, _LOW)
            values[:, channel - _FIRST_ANALOG] += (volts * _STEPS_PER_VOLT).astype(np.int16)
    values[:, -1] = word.view(np.int16)
    values.tofile(file)
    size = {"fileSizeBytes": str(values.nbytes), "fileTimeSecs": repr(n_samples / rate)}
    write_meta(file.with_suffix(".meta"), {**meta, **size})
    if rig.daq == "cbin":
        _compress(file, rate, n_channels)


def write_meta(file: Path, values: Mapping[str, str]) -> None:
    """Write metadata as SpikeGLX does, a line for each value."""
    file.write_text("".join(f"{key}={value}\n" for key, value in values.items()))


def _levels(times: np.ndarray, polarities: np.ndarray, rate: float, n_samples: int) -> np.ndarray:
    """Return whether a line is high at each sample, (n_samples,) bool."""
    changes = np.zeros(n_samples, np.int8)
    samples = np.rint(times * rate).astype(np.int64)
    np.add.at(changes, samples[samples < n_samples], polarities[samples < n_samples])
    start = 1 if polarities.size and polarities[0] < 0 else 0
    return start + np.cumsum(changes) > 0


def _compress(file: Path, rate: float, n_channels: int) -> None:
    mtscomp.compress(
        file,
        file.with_suffix(".cbin"),
        file.with_suffix(".ch"),
        sample_rate=rate,
        n_channels=n_channels,
        dtype=np.int16,
        n_threads=1,
        check_after_compress=False,
        quiet=True,
    )
    file.unlink()
