"""Pose tables have IBL's columns, pixels of the camera's frames and one row a frame."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from alfvideo.files.errors import DataError
from alfvideo.pose import result
from alfvideo.pose.cascade import Cascade, Points
from alfvideo.pose.engine import Loaded
from alfvideo.video.probe import Video

VIDEO = Video(4, 4, 4, 4, 0.1, 640, 512, Fraction(60), "h264", "yuv420p")
NETWORK = {"models": {"/model": "checksum"}}
ENGINE = SimpleNamespace(
    networks={
        "face 1": Loaded(["nose", "eye"], 0),
        "paws 1": Loaded(["paw", "nose"], 0),
        "region 1": Loaded(["nose"], 0),
    },
    notes=[],
)
FACE = np.arange(24.0).reshape(4, 2, 3)
PAWS = 100 + FACE


def table(camera: str = "left", poses: dict | None = None, **networks: dict):
    networks = {name: NETWORK | network for name, network in networks.items()}
    cascade = Cascade(networks=networks, mirrored=["right"])
    poses = {"face 1": FACE, "paws 1": PAWS} if poses is None else poses
    return result.table(poses, cascade, camera, VIDEO, ENGINE)


def test_columns_are_those_of_ibl():
    made = table(face={}, paws={"parts": ["paw"]}, region={"sampled": 500})
    assert list(made) == [
        *("nose_x", "nose_y", "nose_likelihood"),
        *("eye_x", "eye_y", "eye_likelihood"),
        *("paw_x", "paw_y", "paw_likelihood"),
    ]
    assert set(made.dtypes) == {np.dtype(np.float64)}
    np.testing.assert_array_equal(made.to_numpy()[:, :6], FACE.reshape(4, 6))
    np.testing.assert_array_equal(made.filter(like="paw_"), PAWS[:, 0])


def test_mirrored_camera_gets_its_own_columns():
    made = table("right", face={})
    np.testing.assert_array_equal(made["eye_x"], 639 - FACE[:, 1, 0])
    np.testing.assert_array_equal(made["eye_y"], FACE[:, 1, 1])
    np.testing.assert_array_equal(made["eye_likelihood"], FACE[:, 1, 2])


def test_median_filter_takes_a_jump_out_and_leaves_likelihoods():
    poses = np.tile([[5.0, 6.0, 0.9]], (9, 2, 1))
    poses[4] = [600, 500, 0.1]
    made = table(poses={"face 1": poses}, face={"smoothing": {"median": 5}})
    np.testing.assert_array_equal(made["nose_x"], np.full(9, 5.0))
    np.testing.assert_array_equal(made["nose_likelihood"], poses[:, 0, 2])


def test_median_filter_at_the_ends():
    """DeepLabCut's filter takes zeros there: its first value would be 3."""
    ramp = np.stack([np.arange(3.0, 12)] * 2, axis=-1)[:, None]
    np.testing.assert_array_equal(result.median(ramp, 5)[:, 0, 0], [3, 4, 5, 6, 7, 8, 9, 10, 11])


def test_part_from_two_networks():
    with pytest.raises(DataError, match=r"Two networks of the cascade find nose: .* in paws\."):
        table(face={}, paws={})


def test_part_that_the_network_does_not_find():
    with pytest.raises(DataError, match=r"face does not find tail; it finds nose, eye\."):
        table(face={"parts": ["tail"]})


def test_crop_around_a_part_that_no_sampled_network_finds():
    crop = {"around": ["nse"], "x": 0, "y": 0, "width": 9, "height": 9}
    with pytest.raises(DataError, match=r"face follows nse, which no sampled .* they find nose\."):
        table(face={"crop": crop}, region={"sampled": 500})


def test_pupil_of_other_parts():
    smoothing = {"pupil": {"diameter": 0.9, "centre": 0.9}}
    with pytest.raises(DataError, match=r"face is smoothed as a pupil but finds nose, eye;"):
        table(face={"smoothing": smoothing})


def test_ensemble_of_one_is_not_smoothed_and_says_so():
    ENGINE.notes.clear()
    made = table(face={"smoothing": {"points": {"s": 10}}})
    np.testing.assert_array_equal(made.to_numpy(), FACE.reshape(4, 6))
    assert ENGINE.notes == ["nose, eye: not smoothed, there is one model only."]


def test_members_that_find_other_parts():
    both = {"models": {"/one": "", "/two": ""}, "smoothing": {"points": {"s": 10}}}
    engine = SimpleNamespace(
        networks={"face 1": Loaded(["nose", "eye"], 0), "face 2": Loaded(["eye", "nose"], 0)}
    )
    cascade = Cascade(networks={"face": NETWORK | both})
    with pytest.raises(DataError, match=r"face.* nose, eye.* eye, nose"):
        result.parts_of(cascade, engine)


@pytest.mark.parametrize(("rate", "s"), [(30, 100), (24.9, 10), (60, 10), (35, 100)])
def test_strength_of_smoothing_by_frame_rate(rate: float, s: float):
    points = Points(s=10, rates=[{"from": 25, "to": 35, "s": 100}])
    assert result._strength(points, rate) == s
