"""Raw files of SpikeGLX: alfvideo and ibllib find the same fronts, and they are true."""

from pathlib import Path

import numpy as np
import pytest

from alfvideo.daq import spikeglx
from rigsim import Rig, load_truth, render
from rigsim.session import plan, sync_arrays
from tests.parity import rules
from tests.parity.client import Peer
from tests.parity.sessions import healthy

pytestmark = pytest.mark.parity

RIGS = {
    "nidq": healthy("spikeglx", cameras=("body",), daq="bin"),
    "compressed": healthy("spikeglx", cameras=("body",), daq="cbin"),
    "several windows": healthy("spikeglx", seconds=205, cameras=("body",), daq="bin"),
    "camlog": healthy("camlog", cameras=("body",), daq="bin"),
}
PROBE = healthy("spikeglx", cameras=("body",), neuropixel="3A", daq="cbin")


@pytest.mark.parametrize("rig", RIGS.values(), ids=RIGS.keys())
def test_fronts(peer: Peer, tmp_path: Path, rig: Rig) -> None:
    path = render(tmp_path, rig)
    theirs = peer.ask("raw_sync", session=path).arrays
    for file in path.rglob("_spikeglx_sync.*.npy"):
        file.unlink()
    rules.make_pulses(path)
    (folder,) = {file.parent for file in path.rglob("_spikeglx_sync.*.npy")}
    ours = {name: np.load(folder / f"_spikeglx_sync.{name}.npy") for name in theirs}
    for name, values in theirs.items():
        assert np.array_equal(ours[name], values), name

    true = sync_arrays(rig, plan(rig))
    assert ours["times"].size == true["times"].size
    for channel in np.unique(true["channels"]):
        here, there = ours["channels"] == channel, true["channels"] == channel
        assert np.array_equal(ours["polarities"][here], true["polarities"][there])
        np.testing.assert_allclose(ours["times"][here], true["times"][there], rtol=0, atol=1e-9)


def test_fronts_of_a_3a_probe(peer: Peer, tmp_path: Path) -> None:
    """A file with all channels of the probe, which ibllib expects."""
    rng, n_samples, n_channels = np.random.default_rng(0), 9000, 385
    values = rng.integers(-500, 500, (n_samples, n_channels)).astype(np.int16)
    values[:, -1] = np.repeat(rng.integers(-(2**15), 2**15, 300), 30)
    path = tmp_path / "KB001" / "2026-01-01" / "001"
    file = path / "raw_ephys_data" / "probe00" / "x_g0_t0.imec.ap.bin"
    file.parent.mkdir(parents=True)
    values.tofile(file)
    meta = {
        "fileSizeBytes": values.nbytes,
        "fileTimeSecs": n_samples / 30_000,
        "imAiRangeMax": 0.6,
        "imSampRate": 30_000,
        "nSavedChans": n_channels,
        "snsApLfSy": "384,0,1",
        "typeEnabled": "imec",
        "typeThis": "imec",
        "~imroTbl": "(1,3,384)" + "".join(f"({n} 0 0 500 250)" for n in range(384)),
    }
    text = "".join(f"{key}={value}\n" for key, value in meta.items())
    file.with_suffix(".meta").write_text(text)
    theirs = peer.ask("raw_sync", session=path).arrays
    ours = spikeglx.read(file)
    assert ours.times.size > 2000
    for name, values in theirs.items():
        assert np.array_equal(getattr(ours, name), values), name


@pytest.mark.parametrize(
    "rig", [RIGS["compressed"], RIGS["camlog"], PROBE], ids=["compressed", "camlog", "probe"]
)
def test_times_of_a_camera(tmp_path: Path, rig: Rig) -> None:
    path = render(tmp_path, rig)
    rules.make_pulses(path)
    rules.make_mp4s(path)
    times, truth = rules.camera_times(path, "body").times, load_truth(path, "body")["times"]
    assert np.abs(times - truth).max() < 0.5 * np.median(np.diff(truth))
