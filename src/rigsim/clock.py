"""Exposures, pulses and sync TTLs on the true clock, and how camera and DAQ write them down.

The true clock is that of the DAQ, in seconds, 0 when the DAQ starts.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

JITTER = 2e-5
"""Standard deviation of an exposure's time in seconds; clipped at 9e-5."""

DUTY = 0.4
"""Part of the frame period for which the camera's TTL is high."""

SYNC_PIN = 4
"""The GPIO pin that carries the sync line."""

TICKS_PER_SECOND = 10_000_000
TICKS_EPOCH = datetime(1, 1, 1, tzinfo=UTC)


class Recording(NamedTuple):
    """Exposures, frames and pulses of one camera.

    Attributes:
        exposures: true times of all exposures in seconds, (n_exposures,).
        saved: indices into `exposures` of the frames in the avi as recorded, (n_frames,).
        dropped: indices into `exposures` of frames lost on the way to the disk.
        counter_start: the embedded frame counter at exposure 0.
        clock_start: the camera's clock at true time 0, in seconds.
        clock_ppm: how much faster than the DAQ's clock the camera's clock runs.
        width: seconds for which the TTL of an exposure is high.
    """

    exposures: np.ndarray
    saved: np.ndarray
    dropped: np.ndarray
    counter_start: int
    clock_start: float
    clock_ppm: float
    width: float

    @property
    def times(self) -> np.ndarray:
        """True times of the saved frames, (n_frames,), seconds."""
        return self.exposures[self.saved]

    @property
    def pulses(self) -> np.ndarray:
        """Rise and fall of the TTL of every exposure, (n_exposures, 2), seconds."""
        return self.exposures[:, None] + [0, self.width]


def record(
    start: float,
    rate: float,
    unsaved: int,
    n_saved: int,
    trailing: int,
    n_dropped: int,
    rng: np.random.Generator,
) -> Recording:
    """Run a camera: `unsaved` exposures, `n_saved` that the workflow receives, `trailing` more.

    Exposure k is at start + k / rate, plus a jitter of less than 0.1 ms. Dropped frames are
    taken from the middle half of the saved ones, so that fewer than `n_saved` may be left.
    """
    k = np.arange(unsaved + n_saved + trailing)
    exposures = start + k / rate + np.clip(rng.normal(0, JITTER, k.size), -9e-5, 9e-5)
    received = k[unsaved : unsaved + n_saved]
    middle = received[n_saved // 4 : n_saved - n_saved // 4]
    dropped = np.sort(rng.choice(middle, n_dropped, replace=False))
    return Recording(
        exposures=exposures,
        saved=np.setdiff1d(received, dropped),
        dropped=dropped,
        counter_start=int(rng.integers(1_000, 1_000_000)),
        clock_start=float(rng.uniform(100, 128)),
        clock_ppm=float(rng.uniform(-30, 30)),
        width=DUTY / rate,
    )


def on_grid(times: np.ndarray, rate: float) -> np.ndarray:
    """Return the time of the first DAQ sample at or after each time, in seconds."""
    return np.ceil(np.asarray(times, float) * rate - 1e-6) / rate


def fronts(pulses: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return times and polarities (1, -1) of the fronts of pulses (n, 2) on the grid of the DAQ."""
    times = on_grid(pulses, rate).ravel()
    return times, np.tile(np.array([1, -1], np.int16), len(pulses))


def clear_of(times: np.ndarray, exposures: np.ndarray, guard: float) -> np.ndarray:
    """Move times later until each is at least `guard` seconds from every exposure.

    So the sample grid of the DAQ never hides whether a front came before or after an exposure.
    `exposures` is sorted.
    """
    moved = np.array(times, float)
    while (near := gap(moved, exposures) < guard).any():
        moved[near] += guard / 4
    return moved


def gap(times: np.ndarray, exposures: np.ndarray) -> np.ndarray:
    """Return the distance (s) of each time from the nearest exposure; `exposures` is sorted."""
    padded = np.r_[-np.inf, exposures, np.inf]
    after = np.searchsorted(padded, times)
    return np.minimum(padded[after] - times, times - padded[after - 1])


def level_at(times: np.ndarray, pulses: np.ndarray) -> np.ndarray:
    """Return the state of a line with pulses (n, 2) at each time; True from rise up to fall."""
    flat = np.sort(np.asarray(pulses, float).ravel())
    return np.searchsorted(flat, times, side="right") % 2 == 1


def gpio_values(high: np.ndarray) -> np.ndarray:
    """Return pin states as rigs store them: pins 1 to 4 in the top 4 bits of a uint32, as float64.

    >>> gpio_values(np.array([False, True])).tolist()
    [0.0, 268435456.0]
    """
    return (np.asarray(high, np.uint32) << np.uint32(32 - SYNC_PIN)).astype(np.float64)


def camera_timestamps(seconds: np.ndarray) -> np.ndarray:
    """Return PointGrey cycle times, uint32: 7 bits of seconds, 13 of 1/8000 s, 12 of 1/24.576 MHz.

    >>> camera_timestamps(np.array([0.0, 1.0, 128.0])).tolist()
    [0, 33554432, 0]
    """
    whole, part = np.divmod(np.asarray(seconds, float), 1)
    cycles, rest = np.divmod(part * 8000, 1)
    fields = ((whole % 128).astype(np.uint32), cycles.astype(np.uint32))
    return fields[0] << 25 | fields[1] << 12 | (rest * 3072).astype(np.uint32)


def system_ticks(times: np.ndarray, date: str, rng: np.random.Generator) -> np.ndarray:
    """Return the computer's time of each frame: 100 ns UTC ticks since year 1, 3 to 6 ms late."""
    noon = datetime.fromisoformat(f"{date}T12:00:00+00:00") - TICKS_EPOCH
    late = rng.uniform(0.003, 0.006, np.size(times))
    ticks = np.round((np.asarray(times) + late) * TICKS_PER_SECOND)
    return ticks + (noon.days * 86400 + noon.seconds) * float(TICKS_PER_SECOND)


def frame_table(
    recording: Recording, sync: np.ndarray, date: str, rng: np.random.Generator
) -> np.ndarray:
    """Return the frame data of the saved frames, (n_frames, 4) float64.

    Columns: computer time in ticks, camera timestamp, frame counter, GPIO value. `sync` holds
    the pulses (n, 2) of the sync line.
    """
    times = recording.times
    camera = recording.clock_start + times * (1 + recording.clock_ppm * 1e-6)
    return np.column_stack(
        [
            system_ticks(times, date, rng),
            camera_timestamps(camera),
            recording.counter_start + recording.saved,
            gpio_values(level_at(times, sync)),
        ]
    )
