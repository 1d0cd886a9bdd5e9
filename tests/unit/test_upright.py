"""Videos that are to be shown turned, and 10-bit ones, as OpenCV and the pose engines read them."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from alfvideo.files.errors import DataError
from alfvideo.qc import frames as qc_frames
from alfvideo.video import frames, probe
from alfvideo.video.motion_energy import gray_regions
from alfvideo.video.region import Region

REGION = Region(5, 10, 20, 31)
"""With odd edges, and outside of the frame if width and height are mixed up."""

FORMATS = {"colour": "yuv420p", "gray": "gray", "full colour": "yuv444p", "10 bit": "yuv420p10le"}


@pytest.fixture(scope="module")
def videos(
    tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None]
) -> dict[str, Path]:
    """A short video 64 pixels wide and 48 high in each format."""
    folder = tmp_path_factory.mktemp("videos")
    for pixels in FORMATS.values():
        ffmpeg(
            *("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.5"),
            *("-vf", f"hue=s=0,format={pixels}" if pixels == "gray" else f"format={pixels}"),
            *("-c:v", "libx264", "-pix_fmt", pixels, folder / f"{pixels}.mp4"),
        )
    return {name: folder / f"{pixels}.mp4" for name, pixels in FORMATS.items()}


@pytest.fixture
def shown(
    videos: dict[str, Path], tmp_path: Path, ffmpeg: Callable[..., None]
) -> Callable[..., Path]:
    """Copies of a video with a display matrix; nothing is encoded again."""

    def copy(name: str, *options: object) -> Path:
        ffmpeg(*options, "-i", videos[name], "-c", "copy", tmp_path / "shown.mp4")
        return tmp_path / "shown.mp4"

    return copy


def by_opencv(path: Path) -> list[np.ndarray]:
    video, found = cv2.VideoCapture(str(path)), []
    while (read := video.read())[0]:
        found.append(read[1])
    return found


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("name", FORMATS)
def test_all_readers_see_what_opencv_sees(name: str, degrees: int, shown: Callable[..., Path]):
    path = shown(name, "-display_rotation", degrees)
    expected = by_opencv(path)
    height, width = expected[0].shape[:2]

    video = probe.probe_whole(path)
    assert (video.width, video.height) == (width, height) == probe.size(path)
    for each in (frames.from_number(path, 0), frames.read(path, range(5))):
        for picture, bgr in zip(map(frames.picture, each), expected, strict=True):
            rgb = picture if picture.ndim == 3 else np.stack([picture] * 3, axis=-1)
            np.testing.assert_array_equal(rgb[..., ::-1], bgr)
    for region, bgr in zip(gray_regions(path, REGION), expected, strict=True):
        gray = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
        np.testing.assert_array_equal(region, gray[REGION.slices])
    samples = qc_frames.read_samples(path)
    for number, channel in zip(samples.numbers, samples.frames, strict=True):
        np.testing.assert_array_equal(channel, expected[number][..., 0])


@pytest.mark.parametrize("option", [["-display_hflip"], ["-display_vflip"]])
def test_mirrored_is_refused(option: list[str], shown: Callable[..., Path]):
    with pytest.raises(DataError, match=r"shown mirrored .* -i shown\.mp4 -crf 17 upright\.mp4"):
        probe.probe_whole(shown("gray", *option))


def test_an_odd_angle_is_refused(shown: Callable[..., Path]):
    with pytest.raises(DataError, match="at an angle"):
        probe.probe_whole(shown("gray", "-display_rotation", 30))
