"""Lengths of videos, told from what records say and from sizes of files."""

from pathlib import Path

import numpy as np
import pytest
from alfvideo.views.plan.videos import Lengths, Video

from alfvideo.views.plan import videos

MADE = {"crf": 17}
ENTRIES = {
    "raw_video_data/_iblrig_leftCamera.raw.mp4": {"params": MADE, "output": {"size": 500}},
    "alf/_ibl_leftCamera.times.npy": {"params": {}, "output": {"size": 128 + 8 * 60}},
    "alf/_ibl_leftCamera.dlc.pqt": {"params": {"crf": 99}, "output": {"size": 7}},
    "snapshot/leftCamera.pose.mp4": {"params": {"crf": 99}, "output": {"size": 7}},
}


def test_frames_by_the_size_of_the_times(tmp_path: Path):
    path = tmp_path / "_ibl_leftCamera.times.npy"
    for count in (0, 1, 324001):
        np.save(path, np.arange(count, dtype=float))
        assert videos.frames_of(path.stat().st_size) == count


def test_records_say_how_long_a_video_is_and_how_it_was_made():
    recorded = videos.recorded(ENTRIES)
    mp4 = recorded.video("raw_video_data/_iblrig_leftCamera.raw.mp4", "", 500)
    assert mp4 == Video("left", ".raw.mp4", '{"crf": 17}', 500, 60)
    assert recorded.video("raw_video_data/left_cam3.1.avi", "left", 9) == Video(
        "left", ".avi", "", 9, 60
    )
    avi = recorded.video("raw_video_data/_iblrig_leftCamera.raw.avi", "", 9)
    assert avi == Video("left", ".raw.avi", "", 9, 60)
    other = recorded.video("raw_video_data/_iblrig_bodyCamera.raw.mp4", "body", 500)
    assert other == Video("body", ".raw.mp4", "", 500, None)


def video(camera: str, suffix: str, settings: str, size: int, frames: int | None = None) -> Video:
    return Video(camera, suffix, settings, size, frames)


KNOWN = [
    video("left", ".raw.mp4", "a", 100, 10),
    video("left", ".raw.mp4", "a", 100, 30),
    video("left", ".raw.mp4", "a", 100, 900),
    video("left", ".raw.mp4", "b", 100, 1),
    video("right", ".raw.mp4", "a", 100, 60),
    video("left", ".raw.avi", "", 1000, 5),
    video("left", ".raw.avi", "", 1000),
]


@pytest.mark.parametrize(
    ("asked", "frames"),
    [
        pytest.param(video("left", ".raw.mp4", "a", 200, 77), 77, id="known"),
        pytest.param(video("left", ".raw.mp4", "a", 200), 60, id="alike"),
        pytest.param(video("left", ".raw.mp4", "b", 200), 2, id="other settings"),
        pytest.param(video("left", ".raw.mp4", "new", 200), 40, id="same camera"),
        pytest.param(video("body", ".raw.mp4", "a", 200), 60, id="same suffix"),
        pytest.param(video("body", ".raw.avi", "", 200), 1, id="raw"),
        pytest.param(video("body", ".avi", "", 200), 20, id="nothing alike: a typical one"),
    ],
)
def test_an_unknown_length_follows_from_videos_alike(asked: Video, frames: float):
    assert Lengths(KNOWN).frames(asked) == pytest.approx(frames)


def test_if_no_length_is_known_sizes_stand_for_them():
    assert Lengths([video("left", ".avi", "", 5)]).frames(video("left", ".avi", "", 200)) == 200
