"""Pictures for networks show what the cascade says, and points go back to where they were."""

import cv2
import numpy as np
import pytest

from alfvideo.files.errors import DataError
from alfvideo.pose import geometry
from alfvideo.pose.cascade import CascadeSettings, NetworkSettings

DRAWN_ON = {"width": 1280, "height": 1024}
EYE = {"crop": {"around": ["eye"], "x": -50, "y": -60, "width": 100, "height": 120}}


def view(network: dict, camera: str = "left", frame: tuple[int, int] = (1280, 1024), **changes):
    anchors = changes.pop("anchors", {"eye": np.array([640.0, 512.0])})
    seen = CascadeSettings(**{"frame": DRAWN_ON, "mirrored": ["right"], "resize": True, **changes})
    return geometry.view(NetworkSettings(**network), seen, camera, frame, anchors)


def spot(width: int, height: int, x: float, y: float, radius: float = 6) -> np.ndarray:
    """A frame with a Gaussian spot at a place between pixels."""
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    distance = (columns - x) ** 2 + (rows - y) ** 2
    return np.round(200 * np.exp(-distance / (2 * radius**2))).astype(np.uint8)


def centre(picture: np.ndarray) -> np.ndarray:
    moments = cv2.moments(picture.astype(np.float64))
    return np.array([moments["m10"], moments["m01"]]) / moments["m00"]


NETWORKS = {
    "whole": {},
    "crop": {"crop": {"x": 200, "y": 300, "width": 900, "height": 400}},
    "smaller": {"size": {"width": 128, "height": 102}},
    "follows": {"crop": {"around": ["eye"], "x": -350, "y": -300, "width": 700, "height": 600}},
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("resize", [True, False])
@pytest.mark.parametrize(
    ("camera", "frame"), [("left", (1280, 1024)), ("right", (640, 512)), ("left", (320, 256))]
)
def test_points_come_back(network: str, resize: bool, camera: str, frame: tuple[int, int]):
    """Whatever is cut, enlarged and mirrored, a spot is found where it was drawn."""
    scale = frame[0] / 1280
    anchor = np.array([640.0, 512.0]) * scale
    seen = view(NETWORKS[network], camera, frame, resize=resize, anchors={"eye": anchor})
    drawn = np.array([500.3, 450.7]) * scale
    upright = drawn.copy()
    if camera == "right":
        upright[0] = geometry.mirror(drawn[0], frame[0])
    picture = seen.picture(spot(*frame, *drawn, radius=24 * scale))
    assert picture.shape == seen.size[::-1]
    found = seen.upright(np.array([[*centre(picture), 0.5]]))
    np.testing.assert_allclose(found, [[*upright, 0.5]], atol=0.25 * scale if resize else 0.2)


def test_frame_in_colour_keeps_its_channels():
    frame = np.random.default_rng(0).integers(0, 255, (512, 640, 3), np.uint8)
    mirrored = view({"size": {"width": 640, "height": 512}}, "right", (640, 512))
    np.testing.assert_array_equal(mirrored.picture(frame), frame[:, ::-1])


def test_resize_makes_crops_as_large_as_they_are_drawn():
    half = {"eye": np.array([320.0, 256.0])}
    small = view(EYE, "left", (640, 512), resize=False, anchors=half)
    large = view(EYE, "left", (640, 512), anchors=half)
    assert small.region == large.region == (295, 226, 50, 60, None)
    assert (small.size, large.size) == ((50, 60), (100, 120))
    assert view({}, "left", (640, 512)).size == (1280, 1024)


def test_without_a_frame_crops_are_in_pixels_of_the_camera():
    crop = {"x": 3, "y": 4, "width": 5, "height": 6}
    network = NetworkSettings(crop=crop)
    seen = geometry.view(network, CascadeSettings(), "left", (64, 48), {})
    assert seen.region == (3, 4, 5, 6, None)


@pytest.mark.parametrize(
    ("anchor", "corner"),
    [((10, 10), (0, 0)), ((1275, 1020), (1180, 904)), ((640, 512), (590, 452))],
)
def test_crop_at_the_border_is_moved_into_the_frame(anchor: tuple, corner: tuple):
    seen = view(EYE, anchors={"eye": np.array(anchor, float)})
    assert seen.region == (*corner, 100, 120, None)


def test_crop_larger_than_the_frame_is_the_frame():
    wide = {"crop": {"x": -5, "y": -5, "width": 5000, "height": 5000}}
    assert view(wide).region == (0, 0, 1280, 1024, None)


def test_brightness_is_clipped():
    frame = np.array([[10, 60, 64, 200]], np.uint8)
    bright = geometry.View(geometry.Region(0, 0, 4, 1), (4, 1), 4, False, 4.0)
    np.testing.assert_array_equal(bright.picture(frame), [[40, 240, 255, 255]])


def test_anchors_are_means_of_likely_points_in_whole_pixels():
    nose = [[10, 20, 0.9], [13, 21, 1], [900, 900, 0.89]]
    eye = [[5, 5, 0.1]] * 3
    found = geometry.anchors(["nose", "eye"], np.stack([nose, eye], axis=1))
    assert set(found) == {"nose"}
    np.testing.assert_array_equal(found["nose"], [11, 20])


def test_part_that_was_not_found():
    with pytest.raises(DataError, match=r"^eye was not found with a likelihood of 0.9 in any"):
        view(EYE, anchors={})
