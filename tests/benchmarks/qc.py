"""Reading the frames that the checks look at, and the alignment by the wheel."""

import subprocess
import time
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from alfvideo.configuration import WHEEL_REGIONS
from alfvideo.qc.frames import read_samples
from alfvideo.timing import wheel
from alfvideo.timing.wheel_alignment import shifts
from alfvideo.video import compress
from alfvideo.video.motion_energy import gray_regions, motion_energy
from alfvideo.video.region import from_configuration
from rigsim import Rig, render
from tests.benchmarks.measure import Row, Timed, compare, timed
from tests.benchmarks.videos import NAME, SETTINGS, pyav
from tests.parity.client import Peer

RATE = 60.0


def run(peer: Peer, folder: Path, quick: bool) -> list[Row]:
    """Compare at the full size and rate of a left camera, by CPU time: cv2 uses all cores."""
    video, frames = long_video(folder, seconds=2 if quick else 10, times=6 if quick else 12)
    region = from_configuration(WHEEL_REGIONS["left"].model_dump())
    repeats = 1 if quick else 3
    return [
        *compare(
            f"read 100 frames out of {frames:,}, 1280x1024",
            "CPU ms",
            frames,
            timed(lambda: read_samples(video), time.process_time),
            {"ibllib": _cpu(peer, "sampled_frames", video=video)},
            repeats,
        ),
        *compare(
            f"motion energy of the wheel, {frames:,} frames",
            "CPU ms",
            frames,
            timed(lambda: motion_energy(gray_regions(video, region)), time.process_time),
            {
                "PyAV, decoding only": timed(lambda: pyav(video), time.process_time),
                "ibllib": _cpu(peer, "wheel_motion_energy", video=video, frames=frames),
            },
            repeats,
        ),
        *_shifts(peer, folder, minutes=6 if quick else 60, repeats=repeats),
    ]


def _shifts(peer: Peer, folder: Path, minutes: int, repeats: int) -> list[Row]:
    rng = np.random.default_rng(0)
    times = 1 + np.arange(int(60 * RATE * minutes)) / RATE
    timestamps = np.arange(int((times[-1] + 2) * wheel.RATE)) / wheel.RATE
    knots = np.arange(0, timestamps[-1] + 3, 3)
    position = np.interp(timestamps, knots, np.cumsum(rng.normal(size=knots.size)))
    speed = np.abs(wheel.velocity_at(times, timestamps, position))
    energy = np.roll(speed, 4) + rng.normal(0, 0.1, times.size) + 1
    arrays = folder / "wheel.npz"
    np.savez(arrays, times=times, energy=energy, timestamps=timestamps, position=position)

    def ours() -> None:
        velocity = np.abs(wheel.velocity_at(times, timestamps, position))
        _, found = shifts.window_shifts(energy, velocity, RATE)
        shifts.cleaned(found)

    return compare(
        f"shifts of {minutes} minutes at 60 Hz",
        "CPU ms",
        times.size,
        timed(ours, time.process_time),
        {"ibllib": _cpu(peer, "wheel_shifts", arrays=arrays)},
        repeats,
    )


def _cpu(peer: Peer, call: str, **arguments: object) -> Timed:
    return lambda: peer.ask(call, load=False, **arguments).cpu_seconds


def long_video(folder: Path, seconds: float, times: int) -> tuple[Path, int]:
    """An mp4 as the workflow makes it, repeated without encoding again; and its frames."""
    rig = Rig(cameras=("left",), seconds=seconds, wheel=False)
    avi = render(folder, rig) / "raw_video_data" / NAME
    short, long = folder / "short.mp4", folder / "long.mp4"
    source = compress.encode(avi, short, **SETTINGS, threads=2)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-stream_loop"]
    subprocess.run([*command, str(times - 1), "-i", short, "-c", "copy", long], check=True)
    return long, source.frames * times
