"""Brightness, position and focus on pictures with known properties; reference frames."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from one.alf.spec import QC

from alfvideo.files.errors import DataError
from alfvideo.qc import picture, reference
from alfvideo.qc.rigs import FACE
from alfvideo.video.region import Region

IBL = Path(__file__).parents[1] / "data" / "ibl" / "reference_frames"


def textured(height=240, width=400, seed=0):
    noise = np.random.default_rng(seed).normal(0, 1, (height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return cv2.normalize(smooth, None, 30, 180, cv2.NORM_MINMAX, cv2.CV_8U)


# brightness


@pytest.mark.parametrize(
    ("level", "outcome"),
    [
        (0, QC.FAIL),
        (19, QC.FAIL),
        (30, QC.WARNING),
        (41, QC.PASS),
        (120, QC.PASS),
        (199, QC.PASS),
        (210, QC.WARNING),
        (240, QC.FAIL),
        (255, QC.FAIL),
    ],
)
def test_brightness_of_even_frames(level, outcome):
    frames = np.full((20, 16, 16), level, np.uint8)
    check = picture.brightness(picture.frame_brightness(frames, "left"))
    assert check.outcome == outcome
    assert bool(check.sentence) == (outcome != QC.PASS)


def test_a_few_bright_frames_do_not_matter_but_a_quarter_does():
    levels = np.full(100, 190.0)
    levels[:24] = 205
    assert picture.brightness(levels).outcome == QC.PASS
    levels[:25] = 205
    assert picture.brightness(levels).outcome == QC.WARNING
    assert "25% of the frames" in picture.brightness(levels).sentence


def test_light_that_changes_fails():
    check = picture.brightness(np.tile([80.0, 140.0], 50))
    assert check.outcome == QC.FAIL
    assert "varies by 30" in check.sentence


@pytest.mark.parametrize(
    ("camera", "rows", "columns"),
    [
        ("left", slice(0, 50), slice(0, 66)),
        ("right", slice(0, 50), slice(66, 100)),
        ("belly", slice(0, 50), slice(66, 100)),
        ("body", slice(0, 100), slice(50, 100)),
    ],
)
def test_brightness_is_that_of_the_cameras_own_part(camera, rows, columns):
    frames = np.zeros((3, 100, 100), np.uint8)
    frames[:, rows, columns] = 90
    np.testing.assert_array_equal(picture.frame_brightness(frames, camera), [90, 90, 90])


def test_no_frames_are_no_judgement():
    region = Region(10, 10, 40, 40)
    none = np.empty((0, 240, 400), np.uint8)
    checks = (
        picture.brightness(np.empty(0)),
        picture.focus(none, [region]),
        picture.position(none, picture.match(none, textured(), region)),
    )
    assert all(check.outcome == QC.NOT_SET and check.sentence for check in checks)


# position

REGION = Region(150, 80, 100, 80)


def moved(x, y):
    """A frame in which everything is x pixels further right and y further down."""
    frame = np.roll(textured(), (y, x), axis=(0, 1))
    return np.stack([cv2.convertScaleAbs(frame, alpha=0.3)] * 3)  # another histogram


@pytest.mark.parametrize(("x", "y"), [(0, 0), (12, -7), (-30, 20)])
def test_the_region_is_found_where_it_moved(x, y):
    matched = picture.match(moved(x, y), textured(), REGION)
    np.testing.assert_array_equal(matched.offset, [x, y])
    assert matched.found_region == Region(150 + x, 80 + y, 100, 80)


@pytest.mark.parametrize(
    ("x", "y", "outcome", "sentence"),
    [
        (0, 0, QC.PASS, ""),
        (39, 0, QC.PASS, ""),
        (0, 23, QC.PASS, ""),
        (-45, 0, QC.WARNING, "11.2 % of the width too far left"),
        (0, -30, QC.WARNING, "12.5 % of the height too far up"),
        (65, 0, QC.FAIL, "16.2 % of the width too far right"),
        (0, 40, QC.FAIL, "16.7 % of the height too far down"),
    ],
)
def test_distances_are_relative_to_their_own_axis_with_their_sign(x, y, outcome, sentence):
    # ibllib divides x by the height and y by the width: 39 of 400 would be 16 %, 30 of 240 8 %.
    frames = moved(x, y)
    check = picture.position(frames, picture.match(frames, textured(), REGION))
    assert check.outcome == outcome
    assert sentence in check.sentence


def test_equal_histograms_are_enough():
    frames = np.roll(textured(), 100, axis=1)[None]
    assert picture.position(frames, picture.match(frames, textured(), REGION)).outcome == QC.PASS


@pytest.mark.parametrize("camera", ["left", "right", "body"])
def test_reference_frames_of_ibl_are_well_placed_and_sharp(camera):
    frame = reference.load(reference.find(IBL, camera))
    matched = picture.match(frame[None], frame, FACE[camera])
    np.testing.assert_array_equal(matched.offset, [0, 0])
    assert picture.position(frame[None], matched).outcome == QC.PASS
    assert picture.focus(frame[None], [matched.found_region]).outcome == QC.PASS


# focus


def test_a_sharp_picture_passes_and_a_blurred_one_fails():
    disc = cv2.circle(np.full((240, 400), 40, np.uint8), (200, 120), 60, 190, -1)
    frames = np.stack([disc] * 5)
    assert picture.focus(frames, [REGION]).outcome == QC.PASS
    blurred = cv2.GaussianBlur(disc, (0, 0), 12)
    blurred[5:8, 5:8] = 255  # a reflection, without which all that remains is stretched
    check = picture.focus(np.stack([disc, blurred]), [REGION])
    assert check.outcome == QC.FAIL
    assert "not sharp" in check.sentence


def test_one_blurred_region_fails_unless_all_frames_have_high_frequencies():
    noise = np.random.default_rng(0).integers(0, 256, (240, 400)).astype(np.uint8)
    half = noise.copy()
    half[:, :200] = cv2.GaussianBlur(noise, (0, 0), 12)[:, :200]
    assert picture.focus(half[None], [Region(250, 50, 100, 100)]).outcome == QC.PASS
    blurred_half = [Region(50, 50, 100, 100)]
    # the sharp half has enough high frequencies for the whole
    assert picture.focus(half[None], blurred_half).outcome == QC.PASS
    flat = np.full((240, 400), 90, np.uint8)
    assert picture.focus(np.stack([half, flat]), blurred_half).outcome == QC.FAIL


# reference frames


def test_a_reference_is_found_by_the_label_in_its_name(tmp_path):
    for name in (
        "frames_left.npy",
        "rightCamera.png",
        "body_2.png",
        "body_1.npy",
        "left.txt",
        "._left.npy",
    ):
        (tmp_path / name).touch()
    (tmp_path / "leftovers.npy").touch()
    found = {camera: reference.find(tmp_path, camera) for camera in ("left", "right", "body")}
    assert {camera: path.name for camera, path in found.items()} == {
        "left": "frames_left.npy",
        "right": "rightCamera.png",
        "body": "body_1.npy",
    }
    assert reference.find(tmp_path, "belly") is None


def test_a_missing_folder_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match=r"not a folder.*reference_frames"):
        reference.find(tmp_path / "nowhere", "left")


def test_a_reference_made_from_a_session_is_its_typical_frame(tmp_path):
    frames = np.stack([textured()] * 4)
    frames[1] = 0
    frames[3, :100] = 255
    made = reference.make(frames)
    np.testing.assert_array_equal(made, textured())
    path = reference.save(tmp_path / "new", "left", made)
    assert path == reference.find(tmp_path / "new", "left")
    np.testing.assert_array_equal(reference.load(path), made)
    reference.save(tmp_path / "new", "left", frames[1])
    assert not reference.load(path).any()


def test_a_reference_under_another_name_is_not_shadowed(tmp_path):
    np.save(tmp_path / "frames_left.npy", textured())
    with pytest.raises(DataError, match="already"):
        reference.save(tmp_path, "left", textured())


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("left.npy", lambda path: path.write_bytes(b"nonsense")),
        ("left.npy", lambda path: np.save(path, np.zeros((2, 3, 4)))),
        ("left.npy", lambda path: np.save(path, np.zeros((0, 3, 4), np.uint8))),
        ("left.png", lambda path: path.write_bytes(b"nonsense")),
    ],
)
def test_a_broken_reference_is_named(tmp_path, name, write):
    write(tmp_path / name)
    with pytest.raises(DataError, match=rf"{name}.*(Make the reference frame|Copy the file) again"):
        reference.load(tmp_path / name)
