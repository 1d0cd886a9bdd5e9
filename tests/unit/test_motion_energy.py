"""Gray frames and motion energy, against OpenCV and against numbers that are known."""

import subprocess
import weakref

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from alfvideo.files.errors import DataError
from alfvideo.video.motion_energy import gray_regions, motion_energy
from alfvideo.video.probe import opened
from alfvideo.video.region import Region

REGION = Region(101, 51, 80, 61)

GRAY_LIMITED = ["-vf", "hue=s=0,scale=out_range=limited,format=yuv420p", "-color_range", "tv"]
GRAY_FULL = ["-vf", "hue=s=0,scale=out_range=full,format=yuvj420p", "-color_range", "pc"]
H264 = ["-c:v", "libx264", "-preset", "fast", "-g", "30", "-bf", "2"]


def make_video(path, *options, seconds=1.5):
    source = f"testsrc2=size=320x256:rate=60:duration={seconds}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-f", "lavfi"]
    subprocess.run([*command, "-i", source, *options, str(path)], check=True)
    return path


def by_opencv(path, region):
    capture, frames = cv2.VideoCapture(str(path)), []
    rows = slice(region.y, region.y + region.height)
    columns = slice(region.x, region.x + region.width)
    while (read := capture.read())[0]:
        frames.append(cv2.cvtColor(read[1][rows, columns], cv2.COLOR_BGR2GRAY))
    return np.array(frames)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("full.mp4", [*GRAY_FULL, *H264]),
        ("limited.mp4", [*GRAY_LIMITED, *H264]),
        ("colour.mp4", ["-vf", "format=yuv420p", *H264]),
        ("colour_full.mp4", ["-vf", "format=yuvj444p", *H264]),
        ("rig.avi", ["-vf", "hue=s=0,format=yuvj422p", "-c:v", "mjpeg", "-q:v", "3"]),
        ("reordered.avi", ["-vf", "format=yuv420p", *H264]),
    ],
)
def test_gray_is_that_of_opencv(tmp_path, name, options):
    path = make_video(tmp_path / name, *options)
    expected = by_opencv(path, REGION)
    assert len(expected) == 90
    np.testing.assert_array_equal(np.array(list(gray_regions(path, REGION))), expected)


def test_a_damaged_frame_keeps_its_place(tmp_path):
    path = make_video(tmp_path / "damaged.mp4", *GRAY_FULL, *H264)
    whole = list(gray_regions(path, REGION))
    with opened(path) as (container, stream):
        packets = [packet for packet in container.demux(stream) if packet.size]
        damaged = packets[65]
        position, size = damaged.pos, damaged.size
        period = packets[1].duration
        number = round(damaged.pts / period)
    content = bytearray(path.read_bytes())
    content[position + 5 : position + size] = b"\xff" * (size - 5)
    path.write_bytes(content)

    frames = list(gray_regions(path, REGION))
    assert len(frames) == len(whole)
    assert [i for i, frame in enumerate(frames) if frame is None] == [number]
    # up to the keyframe before the damage, and from the next one on, nothing changes
    for i in (*range(60), *range(90, len(whole))):
        np.testing.assert_array_equal(frames[i], whole[i])
    energy = motion_energy(iter(frames))
    assert np.flatnonzero(np.isnan(energy)).tolist() == [number - 1, number]


def test_region_scales_with_the_frame():
    region = Region(850, 900, 160, 124, (1280, 1024)).within(320, 256)
    assert region == Region(212, 225, 40, 31, (320, 256))
    assert Region(3, 4, 10, 20).within(640, 512)[:4] == (3, 4, 10, 20)


@pytest.mark.parametrize(
    "region",
    [Region(300, 0, 40, 10), Region(0, 250, 10, 10), Region(-1, 0, 5, 5), Region(4, 4, 0, 5)],
)
def test_region_outside_of_the_frame(region):
    with pytest.raises(DataError, match="not inside a frame of 320x256 pixels"):
        region.within(320, 256)


def test_motion_energy_is_the_mean_difference():
    frames = np.random.default_rng(0).integers(0, 256, (20, 9, 7)).astype(np.uint8)
    expected = np.abs(np.diff(frames.astype(float), axis=0)).mean(axis=(1, 2))
    energy = motion_energy(frames)
    assert energy.dtype == np.float64
    np.testing.assert_allclose(energy[:-1], expected, rtol=1e-12)
    assert energy[-1] == energy[-2]


@pytest.mark.parametrize("n", [0, 1, 2, 9_999, 10_000, 10_001, 19_999, 20_000])
def test_motion_energy_has_one_value_for_each_frame(n):
    images = np.array([[[10, 20]], [[13, 21]]], np.uint8)
    energy = motion_energy(images[i % 2] for i in range(n))
    assert energy.shape == (n,)
    assert np.isnan(energy).all() if n == 1 else (energy == 2).all()


def test_motion_energy_holds_two_frames():
    alive = weakref.WeakSet()
    most = 0

    class Image(np.ndarray):
        __hash__ = object.__hash__

    def images():
        nonlocal most
        for _ in range(100):
            image = np.zeros((5, 5), np.uint8).view(Image)
            alive.add(image)
            most = max(most, len(alive))
            yield image

    assert motion_energy(images()).size == 100
    assert 2 <= most <= 3
