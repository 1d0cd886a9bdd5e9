"""Sessions with known truth, and the times that both alfvideo and ibllib find for them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rigsim import Rig, load_truth, render
from tests.parity import client, rules

collect_ignore_glob = ["peer*"]


@pytest.fixture(scope="session")
def peer_python() -> Path:
    """The Python of an environment with ibllib, installed on first use."""
    try:
        return client.install()
    except client.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def peer(peer_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[client.Peer]:
    """ibllib, started once for all tests."""
    with client.Peer(peer_python, tmp_path_factory.mktemp("peer")) as peer:
        yield peer


@dataclass(frozen=True)
class Comparison:
    """Times of one camera by alfvideo and by ibllib, and the true ones, (n_frames,) seconds."""

    truth: np.ndarray
    ours: np.ndarray
    ibllib: np.ndarray
    pulses: np.ndarray
    """(m,) true times of the pulses from the first to the last that was recorded."""
    notes: str

    @property
    def ours_off(self) -> np.ndarray:
        """Return the delay of our times, (n_frames,), in frames."""
        return self._off(self.ours)

    @property
    def ibllib_off(self) -> np.ndarray:
        """Return the delay of ibllib's times, (n_frames,), in frames."""
        return self._off(self.ibllib)

    @property
    def before_pulses(self) -> np.ndarray:
        """Frames before the first recorded pulse, (n_frames,) bool."""
        return self.truth < self.pulses[0] - 1e-9

    @property
    def after_pulses(self) -> np.ndarray:
        """Frames after the last recorded pulse, (n_frames,) bool."""
        return self.truth > self.pulses[-1] + 1e-9

    def _off(self, times: np.ndarray) -> np.ndarray:
        assert times.shape == self.truth.shape
        return (times - self.truth) / np.median(np.diff(self.truth))

    def assert_ours_true(self) -> None:
        """Every frame has a time within half a frame of its exposure."""
        assert np.abs(self.ours_off).max() < 0.5

    def assert_equal(self, frames: np.ndarray | slice = slice(None)) -> None:
        """The times are those of ibllib, for all frames or some."""
        assert self.ours.shape == self.ibllib.shape
        np.testing.assert_allclose(self.ours[frames], self.ibllib[frames], rtol=0, atol=1e-6)


@dataclass(frozen=True)
class Recorded:
    """A rendered session with its mp4s."""

    path: Path
    rig: Rig
    peer: client.Peer

    def compare(self, camera: str) -> Comparison:
        """Let both find the times of a camera."""
        ours = rules.camera_times(self.path, camera)
        ibllib = self.peer.ask("camera_times", session=self.path, camera=camera)
        truth = load_truth(self.path, camera)
        pulses = truth["pulses"]
        if self.rig.kind == "bpod":
            pulses = pulses[pulses[:, 1] <= truth["trial_ends"][-1]]
        return Comparison(
            truth=truth["times"][: ours.times.size],
            ours=ours.times,
            ibllib=ibllib.arrays["times"],
            pulses=pulses[:, 0],
            notes=ours.notes,
        )


@pytest.fixture
def record(peer: client.Peer, tmp_path: Path) -> Callable[[Rig], Recorded]:
    """Render a session and make its mp4s."""

    def record(rig: Rig) -> Recorded:
        path = render(tmp_path, rig)
        rules.make_mp4s(path)
        return Recorded(path, rig, peer)

    return record
