"""Lick times: when the tongue moves, and only then."""

import warnings

import numpy as np
import pandas as pd
import pytest

from alfvideo.behaviour.licks import lick_times


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def tongue(n_frames: int, licks: list[int], length: int = 6) -> pd.DataFrame:
    """A tongue that comes out at some frames, for some frames, and is unlikely otherwise."""
    out = np.zeros(n_frames)
    for lick in licks:
        out[lick : lick + length] = np.sin(np.pi * (np.arange(length) + 0.5) / length)
    pose = {}
    for part in ("tongue_end_l", "tongue_end_r"):
        pose[f"{part}_x"], pose[f"{part}_y"] = 200 - 60 * out, 300 + 70 * out
        pose[f"{part}_likelihood"] = np.where(out > 0, 1.0, 0.1)
    return pd.DataFrame(pose)


def test_licks_of_six_frames():
    """The definition of the reference: each step of the tongue that is large enough is a time."""
    times = np.arange(300) / 60
    # Six frames have five steps; from the third to the fourth, at its farthest, it stays.
    found = lick_times(tongue(300, [50, 100, 200]), times)
    np.testing.assert_allclose(found, times[[i + d for i in (50, 100, 200) for d in (0, 1, 3, 4)]])


def test_tongue_that_is_not_likely_does_not_lick():
    pose = tongue(300, [50, 100])
    pose.loc[100:106, "tongue_end_l_likelihood"] = 0.89
    pose.loc[100:106, "tongue_end_r_likelihood"] = 0.89
    assert lick_times(pose, np.arange(300) / 60).max() < 60 / 60


def test_one_tip_is_enough():
    pose = tongue(300, [50, 100])
    both = lick_times(pose, np.arange(300.0))
    pose["tongue_end_r_likelihood"] = 0.0
    np.testing.assert_array_equal(lick_times(pose, np.arange(300.0)), both)
    pose = pose.drop(columns=["tongue_end_r_x"])
    np.testing.assert_array_equal(lick_times(pose, np.arange(300.0)), both)


@pytest.mark.parametrize("n_frames", [0, 1, 2, 100])
def test_no_tongue(n_frames: int):
    found = lick_times(tongue(n_frames, []), np.arange(float(n_frames)))
    assert found.shape == (0,)


def test_more_times_than_frames():
    pose = tongue(300, [290])
    np.testing.assert_array_equal(
        lick_times(pose, np.arange(400.0)), lick_times(pose, np.arange(300.0))
    )
