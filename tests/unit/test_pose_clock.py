"""The times of a pose and its rate."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from alfvideo.files.errors import DataError
from alfvideo.pose import clock


@pytest.fixture
def mp4(tmp_path: Path, ffmpeg: Callable[..., None]) -> Path:
    path = tmp_path / "video.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x32:r=30000/1001:d=1", path)
    return path


def test_rate_is_that_of_the_times(mp4: Path):
    times = np.arange(100) / 149.4
    times[50:] += 20
    times[3] = np.nan
    assert clock.rate(times, mp4) == pytest.approx(149.4)


@pytest.mark.parametrize("times", [[], [3.0], [np.nan, np.nan, 3.0], [0.0] * 9, [3.0, 2.0, 1.0]])
def test_without_times_it_is_that_of_the_video(mp4: Path, times: list[float]):
    assert clock.rate(np.array(times), mp4) == pytest.approx(29.97, abs=1e-3)


def test_times(tmp_path: Path):
    np.save(tmp_path / "times.npy", [1.0, 2.0])
    np.testing.assert_array_equal(clock.times([str(tmp_path / "times.npy")]), [1.0, 2.0])
    assert clock.times([]).shape == (0,)
    (tmp_path / "times.npy").write_bytes(b"no")
    with pytest.raises(DataError, match=r"camera times\. Remove the file and run again"):
        clock.times([tmp_path / "times.npy"])
