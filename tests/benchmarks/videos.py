"""Compression of a raw video, and the check that decodes the mp4 to its last frame."""

import os
import subprocess
from pathlib import Path

import av
import imageio_ffmpeg

from alfvideo.video import compress, probe
from rigsim import Rig, render
from tests.benchmarks.measure import Row, Timed, compare, timed
from tests.parity.client import Peer

SETTINGS = {"preset": "slow", "crf": 17}
NAME = "_iblrig_leftCamera.raw.avi"


def run(peer: Peer, folder: Path, quick: bool) -> list[Row]:
    """Compare at the full size of a left camera."""
    rig = Rig(cameras=("left",), seconds=0.5 if quick else 1, wheel=False)
    avi = render(folder, rig) / "raw_video_data" / NAME
    mp4 = folder / "checked.mp4"
    frames = round(60 * rig.seconds)

    compressed = compare(
        "compress 1280x1024, slow, crf 17, and check",
        "frames/s",
        frames,
        timed(lambda: compress.encode(avi, mp4, **SETTINGS, threads=os.cpu_count())),
        {"ibllib, no check": _ibllib(peer, avi, folder)},
        repeats=1 if quick else 7,
    )
    checked = compare(
        "check an mp4 of 1280x1024",
        "frames/s",
        frames,
        timed(lambda: probe.count_decoded(mp4)),
        {
            "ffmpeg, decoding only": timed(lambda: _ffmpeg(mp4)),
            "PyAV, decoding only": timed(lambda: pyav(mp4)),
        },
        repeats=3 if quick else 9,
    )
    return compressed + checked


def _ibllib(peer: Peer, avi: Path, folder: Path) -> Timed:
    """Compression by ibllib of a copy, because it removes what it has compressed."""
    session = folder / "ibllib"
    videos = session / "raw_video_data"
    videos.mkdir(parents=True)

    def run() -> float:
        (videos / NAME).hardlink_to(avi)
        return peer.ask("compress", load=False, session=session, **SETTINGS).seconds

    return run


def _ffmpeg(mp4: Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-i", mp4]
    subprocess.run([*command, "-f", "null", "-"], check=True)


def pyav(mp4: Path) -> None:
    """Decode a video with PyAV and leave the frames alone."""
    with av.open(str(mp4)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for _ in container.decode(video=0):
            pass
