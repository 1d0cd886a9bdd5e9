"""Pupil diameter from a pose: against circles that were drawn."""

import warnings

import numpy as np
import pandas as pd
import pytest

from alfvideo.behaviour import features
from alfvideo.files.errors import DataError

RATE = 60.0


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def slow_diameter(n: int) -> np.ndarray:
    return 30 + 5 * np.sin(np.arange(n) / 200)


def noisy_diameter(n: int) -> np.ndarray:
    return slow_diameter(n) + np.random.default_rng(0).normal(0, 0.3, n)


def pose_of(diameter: np.ndarray, suffix: str = "") -> pd.DataFrame:
    """A pose whose four points lie on a circle that wanders."""
    centre = np.column_stack([400 + diameter, 120 - diameter])
    directions = {"top": (0, -1), "bottom": (0, 1), "left": (-1, 0), "right": (1, 0)}
    pose = {}
    for name, direction in directions.items():
        part = f"pupil_{name}_r"
        xy = centre + diameter[:, None] / 2 * direction
        pose[f"{part}_x{suffix}"], pose[f"{part}_y{suffix}"] = xy.T
        pose[f"{part}_likelihood"] = np.ones(len(diameter))
    return pd.DataFrame(pose)


def hide(pose: pd.DataFrame, frames: slice, *points: str) -> None:
    for point in points or ("top", "bottom", "left", "right"):
        column = f"pupil_{point}_r_likelihood"
        pose.loc[pose.index[frames], column] = 0.89


def test_diameter_of_a_circle():
    diameter = slow_diameter(500)
    np.testing.assert_allclose(features.pupil_diameter(pose_of(diameter)), diameter, rtol=1e-12)


@pytest.mark.parametrize("hidden", [("top",), ("left", "right"), ("top", "left")])
def test_two_points_are_enough(hidden: tuple[str, ...]):
    diameter = slow_diameter(50)
    pose = pose_of(diameter)
    hide(pose, slice(10, 20), *hidden)
    np.testing.assert_allclose(features.pupil_diameter(pose), diameter, rtol=1e-12)


def test_one_point_is_not_enough():
    pose = pose_of(slow_diameter(50))
    hide(pose, slice(10, 20), "top", "left", "right")
    np.testing.assert_array_equal(
        np.flatnonzero(np.isnan(features.pupil_diameter(pose))), np.arange(10, 20)
    )


def test_median_of_all_distances():
    """One point of four that is wrong spoils three of the six distances."""
    pose = pose_of(np.full(5, 20.0))
    pose["pupil_top_r_y"] -= 100
    top_bottom, sides = 120, np.sqrt(2) * np.hypot(10, 110)
    expected = np.median([top_bottom, sides, sides, 20, 20, 20])
    np.testing.assert_allclose(features.pupil_diameter(pose), expected)


def test_likelihood_of_exactly_the_bound_counts():
    pose = pose_of(np.full(5, 20.0))
    pose.loc[:, [c for c in pose if c.endswith("likelihood")]] = 0.9
    assert not np.isnan(features.pupil_diameter(pose)).any()


def test_missing_point_is_as_never_seen():
    pose = pose_of(slow_diameter(50)).drop(columns=["pupil_top_r_x"])
    np.testing.assert_allclose(features.pupil_diameter(pose), slow_diameter(50), rtol=1e-12)


def test_smoothing_follows_a_slow_pupil_and_leaves_out_what_jumps():
    truth, raw = slow_diameter(3000), noisy_diameter(3000)
    raw[[100, 101, 2000]] += 50
    smooth = features.smooth_pupil_diameter(raw, 31, RATE)
    assert np.abs(smooth - truth).max() < 0.6
    assert np.abs(smooth - truth).mean() < np.abs(raw - truth).mean() / 2


def test_gaps_of_up_to_a_second_are_interpolated():
    raw = noisy_diameter(1000)
    raw[400:460] = np.nan
    smooth = features.smooth_pupil_diameter(raw, 31, RATE)
    np.testing.assert_allclose(smooth, slow_diameter(1000), atol=1)


@pytest.mark.parametrize("gap", [slice(0, 10), slice(990, 1000)])
def test_short_gaps_at_the_ends_are_extrapolated(gap: slice):
    raw = noisy_diameter(1000)
    raw[gap] = np.nan
    smooth = features.smooth_pupil_diameter(raw, 31, RATE)
    np.testing.assert_allclose(smooth, slow_diameter(1000), atol=2)


@pytest.mark.parametrize("start", [0, 400, 939])
def test_longer_gaps_stay(start: int):
    raw = noisy_diameter(1000)
    raw[start : start + 61] = np.nan
    smooth = features.smooth_pupil_diameter(raw, 31, RATE)
    np.testing.assert_array_equal(np.isnan(smooth), np.isnan(raw))


def test_a_second_is_counted_in_frames_of_the_session():
    raw = noisy_diameter(1000)
    raw[400:461] = np.nan
    assert np.isfinite(features.smooth_pupil_diameter(raw, 31, 150.0)).all()


def test_too_rarely_seen():
    raw = np.full(1000, np.nan)
    raw[:99] = 30
    with pytest.raises(DataError, match=r"^The pupil is not seen in 90% of the frames, more than"):
        features.smooth_pupil_diameter(raw, 31, RATE)


def test_fewer_frames_than_are_smoothed_over():
    with pytest.raises(DataError, match=r"^The pupil is seen in 30 frames, 31 are smoothed over"):
        features.smooth_pupil_diameter(slow_diameter(30), 31, RATE)
    assert features.smooth_pupil_diameter(slow_diameter(31), 31, RATE).shape == (31,)


def test_no_frames():
    with pytest.raises(DataError, match="not seen"):
        features.smooth_pupil_diameter(np.empty(0), 31, RATE)


def test_table_of_a_single_network():
    pose = pose_of(slow_diameter(200))
    found, reason = features.features(pose, "left", RATE)
    assert list(found) == ["pupilDiameter_raw", "pupilDiameter_smooth"]
    assert set(found.dtypes) == {np.dtype(np.float64)}
    assert reason == ""
    np.testing.assert_allclose(found.pupilDiameter_smooth, slow_diameter(200), atol=0.05)


def test_windows_are_those_of_the_cameras():
    pose = pose_of(slow_diameter(60))
    assert features.features(pose, "left", RATE)[1] == ""
    assert "75 are smoothed over" in features.features(pose, "right", RATE)[1]


def test_table_of_a_pupil_that_is_never_seen():
    pose = pose_of(slow_diameter(200))
    hide(pose, slice(None))
    found, reason = features.features(pose, "left", RATE)
    assert len(found) == 200
    assert found.isna().all(axis=None)
    assert reason.startswith("The pupil is not seen in 100% of the frames")


def test_table_of_an_ensemble():
    """Raw from the median of its members, smooth from its positions; both only where likely."""
    smooth, raw = slow_diameter(200), slow_diameter(200) + 3
    pose = pose_of(smooth).join(pose_of(raw, "_ens_median").filter(like="_ens_median"))
    hide(pose, slice(50, 60))
    found, reason = features.features(pose, "right", RATE)
    assert reason == ""
    seen = np.r_[0:50, 60:200]
    np.testing.assert_allclose(found.pupilDiameter_raw[seen], raw[seen])
    np.testing.assert_allclose(found.pupilDiameter_smooth[seen], smooth[seen])
    assert found[50:60].isna().all(axis=None)
