"""Reading frames from the middle of a real video, as they are when it is read from its start."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from alfvideo.video import frames

COLOUR_444 = (
    Path(__file__).parents[3] / "shared" / "data" / "dlc-openfield" / "videos" / "m3v1mp4.mp4"
)
pytestmark = pytest.mark.skipif(not COLOUR_444.is_file(), reason="shared test data are not there")


@pytest.fixture(scope="module")
def plain() -> list[np.ndarray]:
    """The first frames of a video that x264 148 wrote with full colour, read in order."""
    return [frames.picture(frame) for frame in islice(frames.from_number(COLOUR_444, 0), 320)]


def test_single_frames(plain: list[np.ndarray]):
    numbers = [120, 311, 319]
    for number, frame in zip(numbers, frames.read(COLOUR_444, numbers), strict=True):
        np.testing.assert_array_equal(frames.picture(frame), plain[number])


def test_all_frames_from_one_on(plain: list[np.ndarray]):
    found = islice(frames.from_number(COLOUR_444, 300), 20)
    for number, frame in enumerate(found, 300):
        np.testing.assert_array_equal(frames.picture(frame), plain[number])
