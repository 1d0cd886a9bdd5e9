"""Times of drawn sessions by ibllib and by alfvideo, side by side.

uv run python -m tests.campaign.beside_ibllib [NUMBER]
"""

import sys
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from alfvideo.files.errors import DataError
from alfvideo.timing.timestamps import camera_times
from rigsim import clock
from tests.campaign import drawn
from tests.campaign.__main__ import SEED
from tests.campaign.sessions import Recorded, Setup, record
from tests.parity.client import Peer, PeerError, install

NUMBER = 200
CAMERA = "left"
CHANNELS = {f"{CAMERA}_camera": 0, "audio": 7, "frame2ttl": 4, "imec_sync": 3}


@dataclass
class Sums:
    """Numbers of sessions by what became of them."""

    exact: int = 0
    off: int = 0
    """By half a frame or more."""
    none: int = 0
    """Without times."""
    furthest: float = 0.0
    """Frames."""

    def add(self, off: float | None) -> None:
        """Count a session whose times are off by so many frames; None without times."""
        self.none += off is None
        if off is not None:
            self.exact += off < 0.5
            self.off += not off < 0.5
            self.furthest = max(self.furthest, off)

    def __str__(self) -> str:
        return (
            f"{self.exact} exact, {self.off} off (by up to {self.furthest:,.0f} frames), "
            f"{self.none} without times"
        )


def has_files(setup: Setup) -> bool:
    """Return whether frame data in one file can hold it: counter, clock and pins are all there."""
    faults = setup.faults
    return not (faults.no_counter or faults.no_clock)


def write(recorded: Recorded, setup: Setup, folder: Path) -> tuple[Path, Path]:
    """Write the frame data and the fronts of all lines; returns the session and the fronts."""
    session = folder / "KB001" / "2026-01-01" / "001"
    video = session / "raw_video_data"
    video.mkdir(parents=True, exist_ok=True)
    data = recorded.frame_data
    n = data.count.size
    pins = np.zeros(n) if data.gpio is None else clock.gpio_values(data.gpio[:, 3])
    table = np.column_stack(
        [
            clock.system_ticks(data.timestamps, "2026-01-01", np.random.default_rng(setup.seed)),
            clock.camera_timestamps(data.timestamps + 100),
            data.count + 1000.0,
            pins,
        ]
    )
    table.tofile(video / f"_iblrig_{CAMERA}Camera.frameData.bin")
    pulses = recorded.pulses
    width = 0.4 / setup.rate
    times = [np.column_stack((pulses, pulses + width)).ravel()]
    signs, numbers = [np.tile([1, -1], pulses.size)], [np.zeros(2 * pulses.size, int)]
    for name, line in recorded.daq.lines.items():
        times.append(line.times)
        signs.append(line.polarities)
        numbers.append(np.full(line.times.size, CHANNELS[name]))
    order = np.argsort(np.concatenate(times), kind="stable")
    fronts = folder / "fronts.npz"
    np.savez(
        fronts,
        times=np.concatenate(times)[order],
        polarities=np.concatenate(signs)[order],
        channels=np.concatenate(numbers)[order],
    )
    return session, fronts


def run(number: int) -> tuple[Sums, Sums]:
    """Draw sessions, and sum up ours and ibllib's."""
    ours, theirs = Sums(), Sums()
    with tempfile.TemporaryDirectory() as name, Peer(install(), Path(name) / "peer") as peer:
        for setup in islice(drawn.sessions(SEED, has_files), number):
            recorded = record(setup)
            session, fronts = write(recorded, setup, Path(name))
            label = next(iter(recorded.daq.lines))
            ours.add(_off(setup, recorded, _times(recorded)))
            theirs.add(_off(setup, recorded, _ask(peer, session, fronts, label, recorded)))
    return ours, theirs


def _times(recorded: Recorded) -> np.ndarray | None:
    try:
        return camera_times(
            recorded.pulses, recorded.n_frames, recorded.frame_data, daq=recorded.daq
        ).times
    except DataError:
        return None


def _ask(
    peer: Peer, session: Path, fronts: Path, label: str, recorded: Recorded
) -> np.ndarray | None:
    try:
        return peer.ask(
            "times_of_arrays",
            session=session,
            camera=CAMERA,
            sync=fronts,
            channels=CHANNELS,
            sync_label=label,
            n_frames=recorded.n_frames,
        ).arrays["times"]
    except PeerError:
        return None


def _off(setup: Setup, recorded: Recorded, times: np.ndarray | None) -> float | None:
    """Return by how many frames times are off; None if there are none, or not one for each."""
    if times is None or times.size != recorded.n_frames or not np.isfinite(times).all():
        return None
    return float(np.abs(times - recorded.truth).max()) * setup.rate


if __name__ == "__main__":
    alfvideo, ibllib = run(int(sys.argv[1]) if sys.argv[1:] else NUMBER)
    print(f"alfvideo: {alfvideo}\nibllib:   {ibllib}")
