"""Results of a session in memory: what was written is found, in its newest revision."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from packaging.version import Version
from tests.parity import pose_tables

import alfvideo
from alfvideo.behaviour.features import features
from alfvideo.behaviour.licks import lick_times
from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance
from alfvideo.timing import record
from alfvideo.timing.evidence import Evidence
from alfvideo.timing.record import TimingRecord

DOCS = Path(__file__).parents[2] / "docs" / "loading.md"
EXACT = TimingRecord("gpio", (), Evidence(0.01, "", 0.0))
RECORDED = pose_tables.record("left", seconds=12)


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A session with all results of the left camera, by DeepLabCut."""
    path = pose_tables.write(RECORDED, "dlc", tmp_path)
    alf, times = path / "alf", RECORDED.times
    record.save(
        EXACT,
        path / "qc" / "_ibl_leftCamera.timing.json",
        times,
        alf / "_ibl_leftCamera.times.npy",
    )
    table, _ = features(RECORDED.pose, "left", RECORDED.rate)
    table.to_parquet(alf / "_ibl_leftCamera.features.pqt")
    np.save(alf / "leftCamera.ROIMotionEnergy.npy", np.arange(times.size, dtype=float))
    np.save(alf / "leftROIMotionEnergy.position.npy", np.array([60, 50, 10, 20]))
    np.save(alf / "licks.times.npy", lick_times(RECORDED.pose, times))
    np.save(alf / "_ibl_wheel.timestamps.npy", np.arange(5.0))
    np.save(alf / "_ibl_wheel.position.npy", np.arange(5.0) / 10)
    return path


def track(session: Path, tracker: str, camera: str = "left", x: float = 0.0) -> None:
    """Write poses by a tracker, moved to the right by x pixels."""
    pose = RECORDED.pose.copy()
    pose[[column for column in pose if column.endswith("_x")]] += x
    pose.to_parquet(session / "alf" / f"_ibl_{camera}Camera.{tracker}.pqt")


def loaded(session: Path, *arguments: str, **options: str):
    return alfvideo.load(session, *arguments, **options)["left"]


def test_importing_alfvideo_is_cheap():
    code = "import alfvideo, sys; print(*{'numpy', 'pandas', 'xarray'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        _ = alfvideo.lod


def test_poses_are_those_of_the_table(session: Path):
    left = loaded(session)
    assert left.position.dims == ("time", "space", "keypoint", "individual")
    assert left.confidence.dims == ("time", "keypoint", "individual")
    assert (list(left.space.values), list(left.individual.values)) == (["x", "y"], ["id_0"])
    assert left.sizes["keypoint"] == len(RECORDED.pose.columns) // 3
    for part in left.keypoint.values:
        here = left.sel(keypoint=part, individual="id_0")
        for axis in "xy":
            expected = RECORDED.pose[f"{part}_{axis}"]
            np.testing.assert_array_equal(here.position.sel(space=axis), expected)
        np.testing.assert_array_equal(here.confidence, RECORDED.pose[f"{part}_likelihood"])
    np.testing.assert_array_equal(left.time, RECORDED.times)
    assert left.attrs["fps"] == pytest.approx(60, rel=1e-3)
    names = ("ds_type", "source_software", "tracker", "other_trackers", "time_unit", "missing")
    expected = ("poses", "DeepLabCut", "dlc", "", "seconds", "")
    assert tuple(left.attrs[name] for name in names) == expected


def test_features_and_motion_energy_lie_over_the_same_times(session: Path):
    left = loaded(session)
    expected, _ = features(RECORDED.pose, "left", RECORDED.rate)
    for name in expected:
        np.testing.assert_array_equal(left[name], expected[name])
    np.testing.assert_array_equal(left.ROIMotionEnergy, np.arange(RECORDED.times.size))
    np.testing.assert_array_equal(left.ROIMotionEnergy.attrs["region"], [60, 50, 10, 20])


def test_licks_wheel_and_trials(session: Path):
    data = alfvideo.load(session)
    np.testing.assert_array_equal(data.licks(), lick_times(RECORDED.pose, RECORDED.times))
    wheel = data.wheel()
    assert float(wheel.interp(time=2.5)) == pytest.approx(0.25)
    expected = pd.read_parquet(session / "alf" / "_ibl_trials.table.pqt")
    pd.testing.assert_frame_equal(data.trials(), expected)


def test_trials_of_two_tasks_follow_each_other(session: Path):
    whole = session / "alf" / "_ibl_trials.table.pqt"
    for task in ("task_00", "task_01"):
        (session / "alf" / task).mkdir()
        shutil.copy(whole, session / "alf" / task)
    once = pd.read_parquet(whole)
    found = alfvideo.load(session).trials()
    assert len(found) == 2 * len(once)
    assert list(found.index) == list(range(len(found)))


def test_trials_in_single_arrays(session: Path):
    table = pd.read_parquet(session / "alf" / "_ibl_trials.table.pqt")
    (session / "alf" / "_ibl_trials.table.pqt").unlink()
    names = ("stimOn_times", "feedback_times", "choice", "feedbackType")
    for name in names:
        np.save(session / "alf" / f"_ibl_trials.{name}.npy", table[name].to_numpy(float))
    found = alfvideo.load(session).trials()
    assert set(found) == set(names)
    np.testing.assert_array_equal(found.choice, table.choice)


def test_what_is_not_there_is_none_or_named(session: Path):
    for pattern in ("*features*", "*ROIMotionEnergy*", "licks*", "*wheel*", "*trials*"):
        for file in (session / "alf").glob(pattern):
            file.unlink()
    data = alfvideo.load(session)
    assert (data.licks(), data.wheel(), data.trials()) == (None, None, None)
    assert data["left"].attrs["missing"] == "features, motion energy"
    assert set(data["left"]) == {"position", "confidence"}


def test_a_camera_without_poses_has_its_times(session: Path):
    (session / "alf" / "_ibl_leftCamera.dlc.pqt").unlink()
    left = loaded(session)
    assert left.attrs["missing"] == "pose"
    assert set(left.coords) == {"time"}
    assert "ROIMotionEnergy" in left


def test_without_times_frames_are_counted(session: Path):
    (session / "alf" / "_ibl_leftCamera.times.npy").unlink()
    left = loaded(session)
    np.testing.assert_array_equal(left.time, np.arange(RECORDED.times.size))
    assert (left.attrs["time_unit"], left.attrs["missing"]) == ("frames", "times")
    assert "fps" not in left.attrs
    assert left.attrs["times_known"] == "no times"


@pytest.mark.parametrize("name", ["_ibl_leftCamera.times.npy", "leftCamera.ROIMotionEnergy.npy"])
def test_files_of_unequal_length_are_named(session: Path, name: str):
    file = session / "alf" / name
    np.save(file, np.load(file)[:-2])
    with pytest.raises(DataError, match=r"differ in their number of frames .*720.*718|718.*720"):
        alfvideo.load(session)


@pytest.mark.parametrize(
    ("evidence", "bound", "known"),
    [
        (Evidence(0.01, "", 0.0), 0.01, "exact"),
        (Evidence(2.0, "The wheel.", 0.0), 2.0, "within 2 frames"),
        (Evidence(None, "Nothing shows it.", 0.0), np.nan, "unknown"),
        (None, np.nan, "not recorded"),
    ],
)
def test_how_well_the_times_are_known(session: Path, evidence, bound: float, known: str):
    alf, file = session / "alf", session / "qc" / "_ibl_leftCamera.timing.json"
    made = replace(EXACT, evidence=evidence)
    record.save(made, file, RECORDED.times, alf / "_ibl_leftCamera.times.npy")
    found = loaded(session).attrs
    assert found["times_known"] == known
    np.testing.assert_equal(found["times_bound"], bound)
    assert found["times_reason"] == (evidence.reason if evidence else "")
    assert found["times_method"] == "gpio"


@pytest.mark.parametrize(("content", "known"), [(None, "not recorded"), ("{", "not readable")])
def test_times_without_a_whole_record(session: Path, content: str | None, known: str):
    file = session / "qc" / "_ibl_leftCamera.timing.json"
    file.unlink()
    if content:
        file.write_text(content)
    found = loaded(session).attrs
    assert (found["times_known"], found["times_method"]) == (known, "")
    assert np.isnan(found["times_bound"])


def test_the_newest_revision_is_read(session: Path):
    for name in ("2026-01-31", "2026-01-31a"):
        (session / "alf" / f"#{name}#").mkdir()
        times = session / "alf" / f"#{name}#" / "_ibl_leftCamera.times.npy"
        np.save(times, RECORDED.times + len(name))
        np.save(times.with_name("licks.times.npy"), [float(len(name))])
        np.save(times.with_name("_ibl_wheel.position.npy"), np.full(5, len(name)))
    data = alfvideo.load(session)
    np.testing.assert_array_equal(data["left"].time, RECORDED.times + 11)
    np.testing.assert_array_equal(data.licks(), [11])
    np.testing.assert_array_equal(data.wheel(), np.full(5, 11.0))
    # The record beside the first times says nothing of these.
    assert data["left"].attrs["times_known"] == "not recorded"


def test_a_camera_that_is_only_in_a_revision_is_found(session: Path):
    (session / "alf" / "#2026-01-31#").mkdir()
    np.save(session / "alf" / "#2026-01-31#" / "_ibl_bodyCamera.times.npy", np.arange(3.0))
    assert list(alfvideo.load(session).cameras) == ["body", "left"]


def test_the_first_tracker_unless_one_is_named(session: Path):
    track(session, "lightningPose", x=7)
    first, named = loaded(session), loaded(session, tracker="lightningPose")
    assert (first.attrs["tracker"], first.attrs["other_trackers"]) == ("dlc", "lightningPose")
    assert (named.attrs["tracker"], named.attrs["other_trackers"]) == ("lightningPose", "dlc")
    assert named.attrs["source_software"] == "LightningPose"
    off = (named.position - first.position).mean(["time", "keypoint", "individual"])
    np.testing.assert_allclose(off, [7, 0], atol=1e-9)


def test_features_say_from_whose_poses_they_are(session: Path):
    assert loaded(session).pupilDiameter_raw.attrs["tracker"] == ""
    entry = {"rule": "ephys_post_lightning_pose"}
    made = {"alf/_ibl_leftCamera.features.pqt": entry}
    (session / provenance.FILE_NAME).write_text(json.dumps(made))
    assert loaded(session).pupilDiameter_raw.attrs["tracker"] == "lightningPose"


def test_a_camera_without_the_named_tracker_says_so(session: Path):
    track(session, "lightningPose", camera="right")
    data = alfvideo.load(session, tracker="lightningPose")
    assert data["left"].attrs["missing"] == "pose by lightningPose"
    assert "position" not in data["left"]
    assert list(alfvideo.load(session, "right").cameras) == ["right"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("belly",), "has no results of a belly camera: there are left."),
        ((None, "dcl"), "There is no tracker 'dcl': name dlc."),
        ((None, "lightningPose"), "has no poses by lightningPose: there are dlc."),
        (("left", "lightningPose"), "by lightningPose of the left camera: there are dlc."),
    ],
)
def test_what_there_is_not_is_refused(session: Path, arguments, sentence: str):
    with pytest.raises(DataError, match=re.escape(sentence)):
        alfvideo.load(session, *arguments)


def test_no_session(tmp_path: Path):
    with pytest.raises(DataError, match="has no camera times"):
        alfvideo.load(tmp_path)
    with pytest.raises(DataError, match="is no folder"):
        alfvideo.load(str(tmp_path / "001"))


def test_a_dataset_is_kept_as_netcdf(session: Path, tmp_path: Path):
    left, file = loaded(session), tmp_path / "left.nc"
    left.to_netcdf(file, engine="scipy")
    with xr.open_dataset(file, engine="scipy") as found:
        xr.testing.assert_equal(found, left)
        assert found.attrs["times_known"] == "exact"


def test_a_wheel_of_unequal_lengths_is_refused(session: Path):
    np.save(session / "alf" / "_ibl_wheel.position.npy", np.arange(4.0))
    with pytest.raises(DataError, match="5 timestamps but 4 positions"):
        alfvideo.load(session).wheel()


@pytest.mark.parametrize("name", ["dlc.pqt", "features.pqt", "times.npy"])
def test_a_damaged_file_is_named(session: Path, name: str):
    (session / "alf" / f"_ibl_leftCamera.{name}").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match=rf"_ibl_leftCamera\.{name}"):
        alfvideo.load(session)


def test_a_damaged_table_of_trials_is_named(session: Path):
    (session / "alf" / "_ibl_trials.table.pqt").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match=r"_ibl_trials\.table\.pqt.*Extract the trials again"):
        alfvideo.load(session).trials()


def recipe(title: str) -> str:
    """The Python of a section of the page, as it stands there."""
    section = DOCS.read_text().split(f"# {title}\n", 1)[1]
    return re.search(r"```python\n(.*?)```", section, re.S)[1]


@pytest.fixture
def cook(session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict]:
    """Run the recipe of a section of the page with a session that is there; return its names."""
    monkeypatch.chdir(tmp_path)

    def run(title: str) -> dict:
        names: dict = {}
        code = recipe(title).replace("/data/Subjects/KB001/2026-01-05/001", str(session))
        exec(compile(code, f"{DOCS.name}: {title}", "exec"), names)
        return names

    return run


def needs(package: str, least: str = "0") -> None:
    """Skip where a package that alfvideo does without is not installed, or older."""
    how = "uv run --isolated --python 3.12 --with movement --with pynapple pytest -k recipe_for"
    if not importlib.util.find_spec(package):
        pytest.skip(f"{package} is not installed; with it: {how}")
    if Version(version(package)) < Version(least):
        pytest.skip(f"{package} is older than {least}; with it: {how}")


def test_the_first_lines_of_the_page(cook):
    assert set(cook("Loading the results")["data"].cameras) == {"left"}


def test_recipe_for_movement(cook, tmp_path: Path):
    needs("movement", "0.17")
    from movement.validators.datasets import ValidPosesInputs

    found = cook("movement")
    ValidPosesInputs.validate(found["left"])
    assert found["speed"].sizes == {"time": 720, "keypoint": 11, "individual": 1}
    unlikely = RECORDED.pose.tongue_end_l_likelihood < 0.9
    hidden = found["likely"].sel(keypoint="tongue_end_l", space="x").isnull().values[:, 0]
    np.testing.assert_array_equal(hidden, unlikely)
    written = pd.read_csv(next(tmp_path.glob("left*.csv")), header=[0, 1, 2], index_col=0)
    assert len(written) == 720


def test_recipe_for_pynapple(cook, session: Path):
    needs("pynapple")
    found = cook("pynapple")
    np.testing.assert_array_equal(found["pupil"].times(), RECORDED.times)
    np.testing.assert_allclose(found["nose"]["x"].values, RECORDED.pose.nose_tip_x)
    times = lick_times(RECORDED.pose, RECORDED.times)
    np.testing.assert_array_equal(found["licks"].times(), times)
    smooth = features(RECORDED.pose, "left", RECORDED.rate)[0].pupilDiameter_smooth
    expected = smooth[np.searchsorted(RECORDED.times, times)]
    np.testing.assert_array_equal(found["pupil_at_licks"].values, expected)
    stimuli = pd.read_parquet(session / "alf" / "_ibl_trials.table.pqt").stimOn_times
    near = [times[np.abs(times - stimulus) <= 1] - stimulus for stimulus in stimuli]
    assert sum(map(len, near)) > 5
    for number, expected in enumerate(near):
        around = found["licks_around_stimuli"][number].times()
        np.testing.assert_allclose(around, expected, atol=1e-9)
