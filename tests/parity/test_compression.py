"""Damaged videos: ibllib loses frames and raw data without an error; alfvideo does not."""

from pathlib import Path

import pytest

from alfvideo.files.errors import DataError
from alfvideo.session import datasets, description
from alfvideo.video import compress, probe
from rigsim import Fault, Rig, render
from tests.parity.client import Peer, PeerError

pytestmark = pytest.mark.parity

SETTINGS = {"preset": "ultrafast", "crf": 29}


def rendered(root: Path, faults: dict[str, tuple[Fault, ...]]) -> tuple[Path, dict[str, Path]]:
    """A session of a left and a body camera, and their avi files."""
    rig = Rig(cameras=("left", "body"), seconds=20, scale=0.1, wheel=False, faults=faults)
    recorded = description.read(path := render(root, rig))
    avis = {label: datasets.avi(recorded, camera)[0] for label, camera in recorded.cameras.items()}
    return path, avis


def test_truncated_avi(peer: Peer, tmp_path: Path) -> None:
    path, avis = rendered(tmp_path, {"body": (Fault.TRUNCATED_AVI,)})
    avi, mp4 = avis["body"], avis["body"].with_suffix(".mp4")
    with pytest.raises(DataError, match=r"holds 30\d frames, expected 600"):
        compress.encode(avi, mp4, **SETTINGS, threads=1)
    assert avi.exists()
    assert not mp4.exists()

    peer.ask("compress", session=path, **SETTINGS)
    assert 300 <= probe.count_decoded(mp4) < 310
    assert not avi.exists()


def test_empty_avi_beside_a_good_one(peer: Peer, tmp_path: Path) -> None:
    path, avis = rendered(tmp_path, {"body": (Fault.EMPTY_AVI,)})
    with pytest.raises(PeerError, match="compression failed"):
        peer.ask("compress", session=path, **SETTINGS)

    with pytest.raises(DataError, match="is empty"):
        compress.encode(avis["body"], avis["body"].with_suffix(".mp4"), **SETTINGS, threads=1)
    good = avis["left"].with_suffix(".mp4")
    compress.encode(avis["left"], good, **SETTINGS, threads=1)
    assert probe.count_decoded(good) == 1200
    assert all(avi.exists() for avi in avis.values())
