"""Estimates from past jobs that were generated with known times."""

import numpy as np
import pytest
from alfvideo.views.plan.estimate import UNSURE, Estimates, line, of
from alfvideo.views.plan.history import Past
from alfvideo.views.plan.videos import Lengths, Video

K = 1000
FRAMES = np.array([100, 120, 180, 240, 300, 420, 700]) * K
UNKNOWN = Lengths([])


def past(
    seconds: float,
    *videos: Video,
    camera: str = "left",
    settings: str = "{}",
    start_up: float | None = 0.0,
) -> Past:
    return Past("dlc", camera, settings, videos, seconds, start_up, "ws1")


def test_finds_the_line_in_spite_of_outliers():
    seconds = 30 + 0.5e-3 * FRAMES
    seconds[2] *= 5
    assert line(FRAMES, seconds, start_up=3) == pytest.approx((30, 0.5e-3))


@pytest.mark.parametrize(
    "frames", [FRAMES[[0, 3, 6]], np.full(9, 100 * K), np.linspace(100, 190, 9) * K]
)
def test_few_jobs_or_jobs_of_like_size_give_a_rate_beyond_the_start_up(frames: np.ndarray):
    seconds = 10 + 2e-3 * frames
    fixed, per_frame = line(frames, seconds, start_up=4)
    assert fixed == 4
    assert per_frame == pytest.approx(2e-3 + np.median(6 / frames))


def test_a_rate_is_that_of_the_median_job():
    frames = np.full(3, 10 * K)
    assert line(frames, np.array([20.0, 30, 900]), start_up=0) == pytest.approx((0, 3e-3))


def test_nothing_is_below_zero():
    shrinking = 100 - 0.1e-3 * FRAMES
    assert line(FRAMES, shrinking, start_up=3) == (np.median(shrinking), 0)
    from_below = 1e-3 * FRAMES - 50
    fixed, per_frame = line(FRAMES, from_below, start_up=3)
    assert fixed == 3
    assert 0 < per_frame < 1e-3
    assert line(FRAMES[:2], np.array([1.0, 1.0]), start_up=5) == (5, 0)


def test_jobs_without_a_video_have_a_fixed_time():
    assert line(np.zeros(4), np.array([1.0, 2, 3, 40]), start_up=0) == (2.5, 0)


def test_start_up_is_added_where_no_benchmark_has_it():
    known = [past(10, start_up=6.0), past(12, start_up=8.0)]
    assert of([*known, past(3, start_up=None)], UNKNOWN).fixed == 10  # of 10, 12 and 3 + 7
    assert of([past(3, start_up=None)], UNKNOWN).fixed == 3


def test_spread_is_that_of_past_jobs():
    jobs = [past(seconds) for seconds in range(50, 151)]
    estimate = of(jobs, UNKNOWN)
    assert estimate.fixed == 100
    assert (estimate.low, estimate.high) == pytest.approx((0.6, 1.4))
    assert estimate.past == 101


def test_few_jobs_say_nothing_of_the_spread():
    estimate = of([past(10), past(11)], UNKNOWN)
    assert (estimate.low, estimate.high) == UNSURE


def test_lengths_are_those_of_all_videos_of_a_job():
    pairs = [(100, 300), (500, 500), (50, 150), (1000, 2000), (10, 40)]
    jobs = [
        past(5 + 0.01 * (one + 2 * other), *map(video, (one, 2 * other))) for one, other in pairs
    ]
    estimate = of(jobs, UNKNOWN)
    assert estimate.seconds(700) == pytest.approx(12)


def video(frames: int) -> Video:
    return Video("left", ".raw.mp4", "", 1, frames)


def test_the_most_alike_jobs_are_taken_if_there_are_enough():
    left = [past(10, camera="left", settings="old")] * 5
    new = [past(20, camera="left", settings="new")] * 4
    right = [past(90, camera="right")] * 11
    of_left = Estimates(left + new + right, UNKNOWN)
    assert of_left.find("dlc", "left", "old").fixed == 10
    assert of_left.find("dlc", "left", "new").fixed == 10  # 5 of 10 s and 4 of 20 s
    assert of_left.find("dlc", "body", "old").fixed == 90  # the median of all
    enough = Estimates([*left, *new, new[0], *right], UNKNOWN)
    assert enough.find("dlc", "left", "new").fixed == 20


def test_a_rule_without_past_jobs_has_no_estimate():
    estimates = Estimates([past(10)], UNKNOWN)
    assert estimates.find("lightning_pose", "left", "{}") is None
