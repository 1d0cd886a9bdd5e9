"""Raw files of real rigs: alfvideo and ibllib read the same from them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from alfvideo.timing import bpod, embedded, frame_data
from tests.parity.client import Peer

DATA = Path(__file__).parents[1] / "data" / "ibl"

pytestmark = pytest.mark.parity


@pytest.fixture(params=["frameData", "ssv"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A session with the frame data of one camera, and the camera's label."""
    if request.param == "ssv":
        return DATA / "session_ephys", "body"
    shutil.copytree(DATA / "frame_data", tmp_path / "raw_video_data")
    return tmp_path, "left"


def test_frame_data(peer: Peer, session: tuple[Path, str]) -> None:
    path, camera = session
    theirs = peer.ask("frame_data", session=path, camera=camera).arrays
    ours = embedded.load((path / "raw_video_data").glob(f"*{camera}*"))
    assert np.array_equal(ours.count, theirs["count"])
    # ibllib leaves out the part below 1/8000 s
    since_first = theirs["timestamps"] - theirs["timestamps"][0]
    np.testing.assert_allclose(ours.timestamps, since_first, rtol=0, atol=1 / 8000)
    # ibllib takes a pin that is high in the first frame for a rise there
    changes = theirs["front_indices"] > 0
    fronts = frame_data.gpio_fronts(ours.gpio[:, frame_data.SYNC_PIN])
    assert np.array_equal(fronts.indices, theirs["front_indices"][changes])
    assert np.array_equal(fronts.polarities, theirs["front_polarities"][changes])


def test_bpod(peer: Peer) -> None:
    path, collection = DATA / "session_training_ge5", "raw_behavior_data"
    theirs = peer.ask("bpod_events", session=path, collection=collection).arrays
    trials = bpod.load(bpod.task_data((path / collection).iterdir())).events
    pulses, notes = bpod.camera_pulses(trials)
    assert notes == ()
    assert pulses.size == 3165
    np.testing.assert_allclose(pulses, theirs["pulses"], rtol=0, atol=1e-6)
    fronts = bpod.sync_fronts(trials)
    np.testing.assert_allclose(fronts.times, theirs["front_times"], rtol=0, atol=1e-6)
    assert np.array_equal(fronts.polarities, theirs["front_polarities"])
