"""The figure of a session's pose draws what there is with the right numbers, and says the rest."""

from dataclasses import replace
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from alfvideo.files.errors import DataError
from alfvideo.session.trials import COLUMNS, Trials
from alfvideo.video.region import Region

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
from alfvideo.plots import palette, pose_session
from alfvideo.plots.pose_on_frame import _MAX_POINTS
from alfvideo.plots.pose_qc import pose_qc, speed
from alfvideo.plots.pose_session import CameraData, SessionData

RATES = {"left": 60, "right": 150, "body": 30}
WIDTHS = {"left": 1280, "right": 640, "body": 640}
LENGTH = 60.0
ONSETS = np.arange(2.0, 56, 4.5)
TYPES = np.where(np.arange(ONSETS.size) % 3 == 0, -1.0, 1.0)
CHOICES = np.where(np.arange(ONSETS.size) % 2 == 0, 1.0, -1.0)
TRIALS = Trials(ONSETS, ONSETS + 1, CHOICES, TYPES)
SIDE = (
    *("nose_tip", "pupil_top_r", "pupil_bottom_r", "pupil_left_r", "pupil_right_r"),
    *("tongue_end_l", "tongue_end_r", "tube_top", "tube_bottom", "paw_l", "paw_r"),
)
LETTERS = "ABCDEFGHIJK"
AROUND = LETTERS[3:]


@cache
def camera(label: str) -> CameraData:
    """Parts run to the right by 6 pixels a frame of 640 in correct trials and by 12 in others."""
    rate, width = RATES[label], WIDTHS[label]
    times = np.arange(int(LENGTH * rate)) / rate
    trial = np.clip(np.searchsorted(ONSETS, times + 0.6) - 1, 0, None)
    running = np.cumsum(np.where(TYPES[trial] == 1, 60, 120) / rate * width / 640)
    columns = {}
    for i, part in enumerate(("tail_start",) if label == "body" else SIDE):
        columns[f"{part}_x"] = running if part in ("paw_r", "nose_tip") else 100.0 + 10 * i
        columns[f"{part}_y"] = 50.0 + 10 * i
        columns[f"{part}_likelihood"] = np.where(times < 50, 0.99, 0.5)
    after = (times - ONSETS[trial] >= 0) & (times - ONSETS[trial] < 1)
    return CameraData(
        frame=(300, np.full((width * 4 // 5, width), 90, np.uint8)),
        pose=pd.DataFrame(columns, index=range(times.size)),
        times=times,
        energy=np.where(after, 9.0, 3.0),
        region=Region(60, 70, 40, 30),
        pupil=None if label == "body" else np.where(after, 14.0, 10.0),
    )


def session(**changes) -> SessionData:
    """A healthy session: licks come 0.51 s after feedback, twice in each incorrect trial."""
    timestamps = np.arange(0, LENGTH, 0.01)
    position = np.interp(
        timestamps,
        np.column_stack([ONSETS + 0.2, ONSETS + 0.6]).ravel(),
        np.repeat(np.cumsum(0.5 * CHOICES), 2) - np.tile([0.5, 0], ONSETS.size) * CHOICES.repeat(2),
    )
    wrong = ONSETS[TYPES == -1] + 1
    values = {
        "tracker": "dlc",
        "features_from": "dlc",
        "cameras": {label: camera(label) for label in RATES},
        "trials": TRIALS,
        "wheel": (timestamps, position),
        "licks": np.sort(np.r_[wrong + 0.51, wrong + 0.515, ONSETS[TYPES == 1] + 1.11]),
    }
    return SessionData(**values | changes)


def changed(**changes) -> SessionData:
    """A healthy session whose left camera is changed."""
    cameras = session().cameras
    return session(cameras={**cameras, "left": replace(cameras["left"], **changes)})


def panel(figure, letter):
    """The panel of a letter."""
    (axes,) = (a for a in figure.axes if a.get_title(loc="left").startswith(f"{letter}  "))
    return axes


def written(figure, letter):
    """All that is written in a panel, in one line."""
    axes = panel(figure, letter)
    found = [text.get_text() for text in axes.texts]
    return " ".join(" ".join([axes.get_title(loc="left"), *found]).split())


def line(figure, letter, colour, style="-"):
    """The only line of a colour and style in a panel: offsets and values."""
    (found,) = (
        one
        for one in panel(figure, letter).lines
        if one.get_color() == colour and one.get_linestyle() == style
    )
    return found.get_xdata(), found.get_ydata()


def test_everything_is_drawn_and_explained(tmp_path):
    figure = pose_qc(session(), "KB001/2026-01-01/001")
    assert figure.get_suptitle() == "KB001/2026-01-01/001: pose by DeepLabCut"
    everything = " ".join(written(figure, letter) for letter in LETTERS)
    assert "There is no" not in everything
    assert "A Left camera, frame 300" in everything
    assert "n = 8 correct, 4 incorrect" in everything
    assert "n = 6 left, 6 right turns" in everything
    for letter, label in (("D", "stimulus onset"), ("H", "feedback"), ("K", "feedback")):
        assert panel(figure, letter).get_xlabel() == f"time from {label} (s)"
    (legend,) = figure.legends
    named = {text.get_text() for text in legend.get_texts()}
    assert {"left camera", "body camera", "incorrect trials", "feedback"} <= named
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 20_000


def test_licks_of_incorrect_trials_are_theirs():
    figure = pose_qc(session(), "")
    offsets, incorrect = line(figure, "H", palette.INCORRECT)
    bin_of = np.searchsorted(offsets + 0.01, 0.51)
    # two licks in 20 ms in each trial
    assert incorrect[bin_of] == pytest.approx(100)
    assert np.delete(incorrect, bin_of).max() == 0
    offsets, correct = line(figure, "H", palette.CORRECT)
    assert correct[np.searchsorted(offsets + 0.01, 0.11)] == pytest.approx(50)
    assert correct.sum() == pytest.approx(50)


def test_raster_has_a_mark_for_each_lick_of_a_correct_trial():
    offsets, trials = line(pose_qc(session(), ""), "I", palette.CORRECT, "None")
    np.testing.assert_allclose(offsets, 0.11)
    assert trials.tolist() == list(range(1, 9))


@pytest.mark.parametrize("label", RATES)
def test_motion_energy_is_in_deviations_of_the_whole_recording(label):
    whole = session()
    energy = whole.cameras[label].energy
    low, high = (np.array([3, 9]) - energy.mean()) / energy.std()
    offsets, values = line(pose_qc(whole, ""), "D", palette.CAMERAS[label])
    period = 1 / RATES[label]
    np.testing.assert_allclose(values[offsets < -period], low)
    np.testing.assert_allclose(values[(offsets > period) & (offsets < 1 - period)], high)


def test_wheel_by_choice():
    figure = pose_qc(session(), "")
    for style, turn in (("-", 0.5), ("--", -0.5)):
        offsets, values = line(figure, "E", palette.DARK_GRAY, style)
        np.testing.assert_allclose(values[offsets < 0.19], 0, atol=1e-9)
        np.testing.assert_allclose(values[np.isclose(offsets, 0.4)], turn / 2, atol=0.01)
        np.testing.assert_allclose(values[offsets > 0.61], turn, atol=1e-9)
    assert len(panel(figure, "E").collections[0].get_segments()) == 12


@pytest.mark.parametrize("without", ["", "left"])
def test_speed_is_that_of_a_frame_of_640_pixels(without):
    cameras = {label: each for label, each in session().cameras.items() if label != without}
    figure = pose_qc(session(cameras=cameras), "")
    for colour, expected in ((palette.CORRECT, 60), (palette.INCORRECT, 120)):
        _, values = line(figure, "G", colour)
        np.testing.assert_allclose(values[5:-5], expected)
    # trials after 50 s are not seen
    name = "right" if without else "left"
    assert f"nose_tip, {name} camera; n = 7 correct, 4 incorrect" in written(figure, "G")
    paw = "paw_l" if without else "paw_r"
    assert f"{paw}, {name} camera" in written(figure, "F")
    assert "640 px wide" in panel(figure, "F").get_ylabel()


def test_speed_over_dropped_frames_and_unknown_points():
    times = np.delete(np.arange(12) / 60, [4, 5])
    points = np.column_stack([600 * times, -800 * times])
    np.testing.assert_allclose(speed(points, times), 1000)
    points[7] = np.nan
    assert np.flatnonzero(np.isnan(speed(points, times))).tolist() == [6, 7, 8]
    assert np.isnan(speed(points[:1], times[:1])).all()


def test_pupil_is_in_deviations_of_each_window():
    figure = pose_qc(session(), "")
    for label in ("left", "right"):
        offsets, values = line(figure, "J", palette.CAMERAS[label])
        inside = np.round(offsets * RATES[label]) / RATES[label]
        wide = np.where((inside >= 0) & (inside < 1), 14.0, 10.0)
        period = 1.5 / RATES[label]
        away = (np.abs(offsets) > period) & (np.abs(offsets - 1) > period)
        expected = (wide - 10) / wide.std()
        np.testing.assert_allclose(values[away], expected[away], rtol=0.02)


MISSING = [
    ({"trials": None}, AROUND, "There is no trials.table.pqt."),
    ({"trials": DataError("trials.pqt is broken.")}, AROUND, "trials.pqt is broken."),
    ({"trials": Trials(*np.empty((4, 0)))}, AROUND, "The session has no trials."),
    ({"trials": TRIALS._replace(choices=np.full(12, np.nan))}, AROUND, "None of the 12 trials"),
    ({"wheel": None}, "E", "There is no wheel.timestamps.npy and wheel.position.npy."),
    ({"wheel": (np.arange(3.0), np.arange(2.0))}, "E", "3 timestamps but 2 positions"),
    ({"wheel": (np.arange(900.0, 1000), np.zeros(100))}, "E", "wheel: nothing is known around"),
    ({"licks": None}, "HI", "There is no licks.times.npy."),
    ({"licks": np.empty(0)}, "HI", "licks.times.npy holds no lick."),
    ({"licks": DataError("licks are broken.")}, "HI", "licks are broken."),
    ({"trials": TRIALS._replace(feedback_types=-np.ones(12))}, "I", "No trial is correct."),
]


@pytest.mark.parametrize(("changes", "letters", "sentence"), MISSING)
def test_what_the_session_lacks_is_said_in_its_panels_only(changes, letters, sentence):
    figure = pose_qc(session(**changes), "")
    for letter in LETTERS:
        assert (sentence in written(figure, letter)) == (letter in letters), letter
        drawn = bool(panel(figure, letter).lines)
        assert drawn == (letter not in letters or letter in "ABC"), letter


OF_CAMERA = [
    ({"frame": None}, "A", "There is no leftCamera.raw.mp4."),
    ({"frame": DataError("The mp4 is broken.")}, "A", "The mp4 is broken."),
    ({"pose": None}, "A", "There is no leftCamera.dlc.pqt."),
    ({"region": DataError("The region is broken.")}, "A", "The region is broken."),
    ({"times": None}, "DJK", "There is no leftCamera.times.npy."),
    ({"times": np.arange(100) / 60}, "DJK", "left camera: 100 times for 3600 frames."),
    ({"times": np.full(3600, np.nan)}, "DJK", "leftCamera.times.npy holds less than 2 times."),
    ({"times": np.arange(3600) / 60 + 500}, "DJK", "left camera: nothing is known around any"),
    ({"times": np.arange(3605) / 60}, "DFGJK", "3605 times for 3600 frames, the first are used"),
    ({"energy": None}, "D", "There is no leftCamera.ROIMotionEnergy.npy."),
    ({"energy": np.full(3600, 2.0)}, "D", "left camera: the motion energy is always the same"),
    ({"pupil": None}, "JK", "There is no leftCamera.features.pqt."),
    ({"pupil": np.full(3600, np.nan)}, "JK", "left camera: the pupil is not seen well enough."),
]


@pytest.mark.parametrize(("changes", "letters", "sentence"), OF_CAMERA)
def test_what_a_camera_lacks_is_said_and_the_others_are_drawn(changes, letters, sentence):
    figure = pose_qc(changed(**changes), "")
    for letter in LETTERS:
        assert (sentence in written(figure, letter)) == (letter in letters), letter
        assert panel(figure, letter).lines or letter == "A", letter


def test_speed_needs_a_likely_part():
    unlikely = camera("left").pose.assign(paw_r_likelihood=0.1)
    figure = pose_qc(changed(pose=unlikely), "")
    assert "paw_l, right camera" in written(figure, "F")
    assert "nose_tip, left camera" in written(figure, "G")
    alone = session(cameras={"left": replace(camera("left"), pose=unlikely)})
    said = written(pose_qc(alone, ""), "F")
    assert "left camera: paw_r has a likelihood of 0.9 in no frame." in said
    assert "There is no rightCamera.dlc.pqt." in said


def test_speed_without_a_video_is_in_its_own_pixels():
    figure = pose_qc(changed(frame=None), "")
    assert panel(figure, "G").get_ylabel() == "nose speed (px/s of the video)"
    _, values = line(figure, "G", palette.CORRECT)
    np.testing.assert_allclose(values[5:-5], 120)


@pytest.mark.parametrize(
    "number",
    [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow), 3],
)
def test_any_subset_is_drawn(number):
    parts = {"trials": None, "wheel": None, "licks": None}
    for labels in combinations(RATES, number):
        cameras = {label: each for label, each in session().cameras.items() if label in labels}
        for left_out in ({}, parts, *({name: None} for name in parts)):
            pose_qc(session(cameras=cameras, **left_out), "")
        for name in ("frame", "pose", "times", "energy"):
            less = {label: replace(each, **{name: None}) for label, each in cameras.items()}
            pose_qc(session(cameras=less), "")


def test_a_camera_of_another_name_has_its_place():
    figure = pose_qc(session(cameras={"belly": camera("body")}), "")
    assert "D Belly camera, frame 300" in written(figure, "D")
    assert "There is no leftCamera.dlc.pqt." in written(figure, "A")
    assert line(figure, "E", palette.OTHER_CAMERA)[0].size == 60


@pytest.mark.parametrize("n_trials", [1, 1000])
def test_few_and_many_trials(n_trials, tmp_path):
    onsets = np.linspace(1, 57, n_trials)
    same = np.ones(n_trials)
    figure = pose_qc(session(trials=Trials(onsets, onsets + 0.3, same, same)), "")
    figure.savefig(tmp_path / "figure.png")
    assert f"n = {n_trials} left, 0 right turns" in written(figure, "E")
    assert f"n = {n_trials} correct, 0 incorrect" in written(figure, "H")


def test_pose_without_rows_or_likely_points():
    for pose in (camera("left").pose.iloc[:0], camera("left").pose * np.nan):
        figure = pose_qc(changed(pose=pose, energy=np.empty(0), pupil=np.empty(0)), "")
        assert "right camera" in written(figure, "F")
        titles = [axes.get_title() for axes in figure.axes]
        assert titles.count("eye") == titles.count("tongue") == 2
        said = [text.get_text() for axes in figure.axes for text in axes.texts]
        assert said.count("not seen in\nthe frame") == 2


def test_points_are_thinned_over_the_whole_recording():
    n_frames = 810_000
    columns = {"nose_tip_x": np.arange(n_frames) / n_frames * 600, "nose_tip_y": 5.0}
    long = CameraData(
        frame=(0, np.zeros((512, 640), np.uint8)),
        pose=pd.DataFrame({**columns, "nose_tip_likelihood": 1.0}),
        times=np.arange(n_frames) / 150,
    )
    figure = pose_qc(SessionData("dlc", "dlc", {"right": long}), "")
    x, _ = next(iter(panel(figure, "B").lines)).get_data()
    assert _MAX_POINTS / 2 < len(x) <= _MAX_POINTS
    assert x[0] == 0
    assert x[-1] > 599


def test_tube_is_not_drawn_and_parts_have_one_colour_everywhere():
    figure = pose_qc(session(), "")
    for letter in "AB":
        colours = {one.get_color() for one in panel(figure, letter).lines}
        assert colours == {palette.PARTS[name] for name in palette.PARTS if name != "tail"}


def texts_of(figure):
    return [
        (text, text.get_window_extent())
        for axes in figure.axes
        for text in (*axes.texts, axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label)
        if text.get_text()
    ]


@pytest.mark.parametrize("many", [False, True])
def test_no_texts_overlap_and_all_are_in_the_figure(many, tmp_path):
    broken = DataError(f"/data/{'Subjects/' * 8}leftCamera.npy: expected a numpy array. Copy it.")
    whole = changed(times=broken, energy=broken, pupil=broken, region=broken) if many else session()
    figure = pose_qc(whole, "KB001/2026-01-01/001")
    figure.savefig(tmp_path / "figure.png", dpi=100)
    found = texts_of(figure)
    for (one, box), (other, other_box) in combinations(found, 2):
        assert not box.overlaps(other_box), (one.get_text(), other.get_text())
    for text, box in found:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, text.get_text()
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, text.get_text()


@pytest.fixture
def files(tmp_path, ffmpeg):
    """The files of a session with a left camera of 4 s."""
    whole, raw, alf = session(), tmp_path / "raw_video_data", tmp_path / "alf"
    raw.mkdir()
    alf.mkdir()
    mp4 = raw / "_iblrig_leftCamera.raw.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=160x128:r=60:d=4", "-pix_fmt", "yuv420p", mp4)
    left = whole.cameras["left"]
    tables = {
        "_ibl_leftCamera.dlc.pqt": left.pose,
        "_ibl_leftCamera.features.pqt": pd.DataFrame(
            {"pupilDiameter_raw": 1.0, "pupilDiameter_smooth": left.pupil}
        ),
        "_ibl_trials.table.pqt": pd.DataFrame(np.stack(TRIALS, axis=1), columns=COLUMNS.values()),
    }
    for name, table in tables.items():
        table.to_parquet(alf / name)
    for name, array in {
        "_ibl_leftCamera.times.npy": left.times,
        "leftCamera.ROIMotionEnergy.npy": left.energy,
        "leftROIMotionEnergy.position.npy": np.array([40, 30, 60, 70]),
        "licks.times.npy": whole.licks,
        "_ibl_wheel.timestamps.npy": whole.wheel[0],
        "_ibl_wheel.position.npy": whole.wheel[1],
    }.items():
        np.save(alf / name, array)
    return {
        "mp4": [mp4],
        "pose": [alf / "_ibl_leftCamera.dlc.pqt"],
        "times": [alf / "_ibl_leftCamera.times.npy"],
        "energy": [alf / "leftCamera.ROIMotionEnergy.npy"],
        "region": [alf / "leftROIMotionEnergy.position.npy"],
        "features": [alf / "_ibl_leftCamera.features.pqt"],
        "licks": [alf / "licks.times.npy"],
        "trials": [alf / "_ibl_trials.table.pqt"],
        "wheel": [alf / "_ibl_wheel.timestamps.npy", alf / "_ibl_wheel.position.npy"],
    }


def test_session_from_files(files):
    found = pose_session.load(files, "dlc", "dlc")
    assert found.broken == []
    left, expected = found.cameras["left"], session().cameras["left"]
    assert left.frame[0] == 120
    assert left.picture.shape[:2] == (128, 160)
    assert left.region == Region(60, 70, 40, 30)
    np.testing.assert_array_equal(left.pupil, expected.pupil)
    figure = pose_qc(found, "")
    assert "n = 7 correct, 4 incorrect" in written(figure, "G")
    assert "There is no rightCamera.ROI" not in written(figure, "D")


def test_session_without_files():
    kinds = "mp4 pose times energy region features licks trials wheel"
    nothing = pose_session.load({kind: [] for kind in kinds.split()}, "lightningPose", "dlc")
    figure = pose_qc(nothing, "KB001")
    title = "KB001: pose by Lightning Pose; motion energy, licks and pupil by DeepLabCut"
    assert figure.get_suptitle() == title
    assert "There is no bodyCamera.lightningPose.pqt." in written(figure, "C")
    assert nothing.broken == []


def test_each_broken_file_is_said_in_its_panels(files):
    for paths in files.values():
        for path in paths:
            path.write_bytes(b"broken")
    found = pose_session.load(files, "dlc", "dlc")
    assert len(found.broken) == 9
    for kind in ("mp4", "pose", "times", "energy", "region", "features", "licks", "trials"):
        assert any(str(files[kind][0]) in sentence for sentence in found.broken)
    figure = pose_qc(found, "")
    assert "".join(str(files["pose"][0]).split()) in "".join(written(figure, "A").split())
    assert "".join(str(files["trials"][0]).split()) in "".join(written(figure, "K").split())


@pytest.mark.parametrize("values", [[1.0, 2, 3], [1, 2, 3, np.nan], ["a", "b", "c", "d"]])
def test_what_is_no_region_is_refused(tmp_path, values):
    np.save(tmp_path / "leftROIMotionEnergy.position.npy", np.array(values))
    with pytest.raises(DataError, match=r"position\.npy: expected"):
        pose_session.region(tmp_path / "leftROIMotionEnergy.position.npy")


@pytest.mark.parametrize(("seconds", "number"), [(2, 10), (310, 3000)])
def test_shown_frame_is_after_5_minutes_or_in_the_middle(tmp_path, ffmpeg, seconds, number):
    mp4 = tmp_path / "_iblrig_leftCamera.raw.mp4"
    source = f"color=s=32x32:r=10:d={seconds}"
    ffmpeg("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-preset", "ultrafast", mp4)
    assert pose_session.shown_frame(mp4)[0] == number
