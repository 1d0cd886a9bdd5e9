"""States of poses and what comes after them in the scan: of each camera, and of a session."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.conftest import REPO
from tests.unit.test_pending import finish

from alfvideo.configuration import Configuration
from alfvideo.files.errors import Blocked
from alfvideo.jobs import provenance
from alfvideo.planning import pending, task_inputs, tasks
from alfvideo.planning.pending import State
from alfvideo.pose import cascades
from alfvideo.session import datasets, description
from alfvideo.session.cameras import ALL_CAMERAS
from rigsim import Rig

Render = Callable[[Path, Rig], Path]
RIG = Rig(seconds=1, scale=0.05)
RAW = {"raw", "video", "times", "qc"}
EYE = {*RAW, "dlc", "energy", "features", "dlcQC"}
ALL = {"left": EYE, "right": EYE, "body": EYE - {"features"}, "": {"licks", "dlcPlot"}}


@pytest.fixture
def tracked(config: Configuration) -> Configuration:
    """The configuration with the DeepLabCut cascades of the demo."""
    demo = yaml.safe_load((REPO / "config" / "demo.yaml").read_text())
    cascades = {
        tracker: {camera: str(REPO / file) for camera, file in files.items()}
        for tracker, files in demo["cascades"].items()
    }
    return config.changed(trackers=["dlc"], cascades=cascades)


@pytest.fixture
def path(tmp_path: Path, rendered: Render) -> Path:
    return rendered(tmp_path, RIG)


def stages(path: Path, config: Configuration, state: State) -> dict[str, set[str]]:
    """Stages of each camera that are in a state; those of the session have an empty camera."""
    found: dict[str, set[str]] = {}
    for status in pending.scan_session(path, config):
        if status.state is state:
            found.setdefault(status.camera, set()).add(status.stage)
    return found


def inputs(path: Path, config: Configuration, rule: str, camera: str = "") -> dict[str, list[str]]:
    """Names of the files that a task reads."""
    read = description.read(path)
    task = tasks.BY_RULE[rule]
    described = ALL_CAMERAS if task.of_session else read.cameras[camera]
    return {
        name: [f.name for f in files]
        for name, files in task_inputs.find(task, read, described, config).items()
    }


def test_new_session_is_pending_and_finished_one_is_done(path: Path, tracked: Configuration):
    assert stages(path, tracked, State.PENDING) == ALL
    finish(path, tracked)
    assert stages(path, tracked, State.PENDING) == {}
    assert stages(path, tracked, State.DONE) == ALL


def test_a_checkpoint_with_a_program_blocks_its_poses(
    path: Path, tmp_path: Path, tracked: Configuration
):
    content = b"cos\nsystem\n(S'true'\ntR."
    (tmp_path / "exported.pt").write_bytes(content)
    file = tmp_path / "cascade.yaml"
    file.write_text("networks: {all: {models: [exported.pt], parts: [nose_tip]}}")
    tracked = tracked.changed(cascades={"dlc": {"left": str(file)}}, cameras=["left"])
    assert stages(path, tracked, State.PENDING) == {"left": RAW}
    (reason,) = {s.reason for s in pending.scan_session(path, tracked) if s.stage == "dlc"}
    assert f"{tmp_path / 'exported.pt'} holds more than weights" in reason
    trusted = tracked.changed(trusted_models=[hashlib.sha256(content).hexdigest()])
    assert "dlc" in stages(path, trusted, State.PENDING)["left"]


def test_both_trackers_and_clips(path: Path, tracked: Configuration):
    tracked = tracked.changed(trackers=["dlc", "lightningPose"], pose_clips=True)
    clips = {camera: ALL[camera] | {"clip"} for camera in RIG.labels}
    assert stages(path, tracked, State.PENDING) == clips | {
        "left": clips["left"] | {"lightningPose", "lpQC"},
        "": {"licks", "dlcPlot", "lpPlot"},
    }


@pytest.mark.parametrize(
    ("tracker", "rule"),
    [("dlc", "ephys_post_dlc"), ("lightningPose", "ephys_post_lightning_pose")],
)
def test_features_are_from_one_tracker(path: Path, tracked: Configuration, tracker: str, rule: str):
    tracked = tracked.changed(trackers=["dlc", "lightningPose"], features_from=tracker)
    read = description.read(path)
    rules = [
        task.rule
        for task in tasks.TASKS
        if task.stage == "features" and task.applies(read, read.cameras["left"], tracked)
    ]
    assert rules == [rule]
    assert inputs(path, tracked, rule, "left")["pose"] == [f"_ibl_leftCamera.{tracker}.pqt"]
    assert inputs(path, tracked, "licks")["pose"][0] == f"_ibl_leftCamera.{tracker}.pqt"


def test_licks_read_the_cameras_that_see_the_tongue(path: Path, tracked: Configuration):
    assert inputs(path, tracked, "licks") == {
        "pose": ["_ibl_leftCamera.dlc.pqt", "_ibl_rightCamera.dlc.pqt"],
        "times": ["_ibl_leftCamera.times.npy", "_ibl_rightCamera.times.npy"],
    }


def test_cameras_that_are_not_selected(path: Path, tracked: Configuration):
    """Nothing is made of them, but what is there is used."""
    tracked = tracked.changed(cameras=["left"])
    assert stages(path, tracked, State.PENDING) == {"left": EYE, "": ALL[""]}
    assert inputs(path, tracked, "licks")["pose"] == ["_ibl_leftCamera.dlc.pqt"]
    (path / "alf" / "_ibl_rightCamera.dlc.pqt").write_text("table")
    names = inputs(path, tracked, "licks")
    assert names["pose"] == ["_ibl_leftCamera.dlc.pqt", "_ibl_rightCamera.dlc.pqt"]
    assert names["times"] == ["_ibl_leftCamera.times.npy"]
    tracked = tracked.changed(cameras=["body"])
    assert stages(path, tracked, State.PENDING) == {"body": ALL["body"], "": {"dlcPlot"}}


def test_camera_without_video_leaves_the_others(path: Path, tracked: Configuration):
    for file in (path / "raw_video_data").glob("*rightCamera*.avi"):
        file.unlink()
    assert stages(path, tracked, State.PENDING) == ALL | {"right": {"raw"}}
    assert stages(path, tracked, State.BLOCKED) == {"right": EYE - {"raw"}}
    assert inputs(path, tracked, "licks")["pose"] == ["_ibl_leftCamera.dlc.pqt"]


def test_no_video_at_all_blocks_the_session_with_each_reason_once(
    path: Path, tracked: Configuration
):
    for file in (path / "raw_video_data").glob("*.avi"):
        file.unlink()
    blocked = [s for s in pending.scan_session(path, tracked) if s.state is State.BLOCKED]
    reasons = {s.stage: s.reason for s in blocked if s.camera == ""}
    assert set(reasons) == ALL[""]
    assert reasons["licks"].count("raw video missing") == 2
    assert reasons["dlcPlot"].count("raw video missing") == 3


def test_without_sync_there_are_features_but_no_times(path: Path, tracked: Configuration):
    for file in (path / "raw_ephys_data").glob("*.npy"):
        file.unlink()
    assert stages(path, tracked, State.BLOCKED) == {
        **{camera: {"times", "qc"} for camera in RIG.labels},
        "": {"licks"},
    }
    assert stages(path, tracked, State.PENDING)[""] == {"dlcPlot"}
    for rule in ("ephys_post_dlc", "dlc_qc"):
        assert inputs(path, tracked, rule, "left")["times"] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alf/_ibl_trials.table.pqt", {"left": {"dlcQC"}, "right": {"dlcQC"}, "body": {"dlcQC"}}),
        ("alf/_ibl_leftCamera.dlc.pqt", {"left": {"energy", "features", "dlcQC"}, "": {"licks"}}),
        ("alf/_ibl_bodyCamera.dlc.pqt", {"body": {"energy", "dlcQC"}}),
        ("alf/licks.times.npy", {}),
        ("alf/rightCamera.ROIMotionEnergy.npy", {}),
    ],
)
def test_touched_input(
    path: Path, tracked: Configuration, name: str, expected: dict[str, set[str]]
):
    """The picture of the session shows all of them."""
    finish(path, tracked)
    (path / name).touch()
    found = stages(path, tracked, State.PENDING)
    assert found == expected | {"": expected.get("", set()) | {"dlcPlot"}}


def fail(path: Path, config: Configuration, rule: str, camera: str) -> None:
    """Leave what a job leaves that fails because of its inputs."""
    read, task = description.read(path), tasks.BY_RULE[rule]
    described = read.cameras[camera]
    files = [
        file for found in task_inputs.find(task, read, described, config).values() for file in found
    ]
    provenance.record_failure(
        path,
        provenance.Work(
            rule=rule,
            camera=camera,
            inputs={file: provenance.fingerprint(file) for file in files if file.exists()},
            outputs=[datasets.path(pattern, read, described) for pattern in task.outputs],
            params=task.params(read, described, config),
            log=Path("log"),
        ),
        message="It is cut.",
    )


@pytest.mark.parametrize("rule", ["dlc", "video_compress"])
def test_what_failed_is_tried_again_but_not_waited_for(
    path: Path, tracked: Configuration, rule: str
):
    fail(path, tracked, rule, "right")
    assert stages(path, tracked, State.PENDING) == ALL
    assert inputs(path, tracked, "licks")["pose"] == ["_ibl_leftCamera.dlc.pqt"]
    assert inputs(path, tracked, "dlc_qc_plot")["pose"] == [
        "_ibl_leftCamera.dlc.pqt",
        "_ibl_bodyCamera.dlc.pqt",
    ]
    pose = inputs(path, tracked, "ephys_post_dlc", "right")["pose"]
    assert pose == ["_ibl_rightCamera.dlc.pqt"], "what needs it waits for it"


def test_times_that_failed_do_not_stop_the_features(path: Path, tracked: Configuration):
    fail(path, tracked, "video_sync_qc_nidq", "right")
    assert inputs(path, tracked, "ephys_post_dlc", "right")["times"] == []
    assert inputs(path, tracked, "dlc_qc", "right")["times"] == []
    assert inputs(path, tracked, "dlc_qc", "left")["times"] == ["_ibl_leftCamera.times.npy"]


def test_what_failed_is_waited_for_again_after_a_change(path: Path, tracked: Configuration):
    fail(path, tracked, "video_compress", "right")
    video = path / "raw_video_data" / "_iblrig_rightCamera.raw.avi"
    video.touch()
    assert len(inputs(path, tracked, "licks")["pose"]) == 1, "a date is no change"
    with video.open("ab") as file:
        file.write(b"more")
    assert len(inputs(path, tracked, "licks")["pose"]) == 2
    fail(path, tracked, "video_compress", "right")
    assert len(inputs(path, tracked, "licks")["pose"]) == 1
    tracked = tracked.changed(compression={"preset": "fast", "crf": 40, "crf_bpod": 40})
    assert len(inputs(path, tracked, "licks")["pose"]) == 2


def test_model_that_does_not_say_its_body_parts(
    path: Path, tracked: Configuration, monkeypatch: pytest.MonkeyPatch
):
    """As far as is known all can be made of it."""
    monkeypatch.setattr(cascades, "body_parts", lambda file, tracker: None)
    tracked = tracked.changed(pose_clips=True)
    assert stages(path, tracked, State.PENDING) == {
        "left": EYE | {"clip"},
        "right": EYE | {"clip"},
        "body": ALL["body"] | {"clip"},
        "": ALL[""],
    }


@pytest.mark.parametrize(
    ("parts", "licks", "features"),
    [
        ({"tongue_end_l"}, True, False),
        ({"tongue_end_r", "paw_l", "tube_top"}, True, False),
        ({"paw_l"}, False, False),
        ({"pupil_top_r"}, False, True),
        (set(), False, False),
    ],
)
def test_what_is_made_of_the_body_parts_that_are_found(
    path: Path,
    tracked: Configuration,
    monkeypatch: pytest.MonkeyPatch,
    parts: set[str],
    licks: bool,
    features: bool,
):
    monkeypatch.setattr(cascades, "body_parts", lambda file, tracker: parts)
    found = stages(path, tracked, State.PENDING)
    assert ("licks" in found[""]) is licks
    for camera in ("left", "right"):
        assert ("features" in found[camera]) is features
    assert "features" not in found["body"]


def test_revisions_of_the_trials_are_left_out(path: Path, tracked: Configuration):
    table = path / "alf" / "_ibl_trials.table.pqt"
    (path / "alf" / "#2026-02-01#").mkdir()
    (path / "alf" / "#2026-02-01#" / table.name).write_bytes(table.read_bytes())
    assert datasets.trials(description.read(path), ALL_CAMERAS) == [table]


def test_pictures_show_features_of_the_cameras_that_have_them(path: Path, tracked: Configuration):
    tracked = tracked.changed(trackers=["dlc", "lightningPose"])
    shown = inputs(path, tracked, "lp_qc_plot")
    assert shown["pose"] == ["_ibl_leftCamera.lightningPose.pqt"]
    assert len(shown["mp4"]) == len(shown["times"]) == len(shown["energy"]) == 3
    assert len(shown["features"]) == 2
    tracked = tracked.changed(features_from="lightningPose")
    shown = inputs(path, tracked, "dlc_qc_plot")
    assert len(shown["pose"]) == len(shown["mp4"]) == 3
    assert shown["features"] == ["_ibl_leftCamera.features.pqt"]
    assert shown["energy"] == ["leftCamera.ROIMotionEnergy.npy"]


def test_trials_of_several_tasks(path: Path, tracked: Configuration):
    table = path / "alf" / "_ibl_trials.table.pqt"
    for task in ("task_01", "task_00"):
        (path / "alf" / task).mkdir()
        (path / "alf" / task / table.name).write_bytes(table.read_bytes())
    table.unlink()
    read = description.read(path)
    found = datasets.trials(read, ALL_CAMERAS)
    assert [file.parent.name for file in found] == ["task_00", "task_01"]


def test_picture_without_features_of_any_camera(path: Path, tracked: Configuration):
    """Features would be of a tracker that is not used."""
    tracked = tracked.changed(features_from="lightningPose")
    assert stages(path, tracked, State.PENDING) == {
        **{camera: {*RAW, "dlc", "dlcQC"} for camera in RIG.labels},
        "": {"dlcPlot"},
    }
    shown = inputs(path, tracked, "dlc_qc_plot")
    assert len(shown["pose"]) == len(shown["mp4"]) == len(shown["times"]) == 3
    assert shown["energy"] == shown["region"] == shown["features"] == shown["licks"] == []


def test_picture_of_poses_whose_videos_are_gone(path: Path, tracked: Configuration):
    finish(path, tracked)
    for file in [*path.glob("raw_video_data/*.avi"), *path.glob("raw_video_data/*.mp4")]:
        file.unlink()
    (path / "snapshot" / "dlc_qc_plot.png").unlink()
    shown = inputs(path, tracked, "dlc_qc_plot")
    assert (len(shown["pose"]), shown["mp4"], shown["licks"]) == (3, [], ["licks.times.npy"])
    assert stages(path, tracked, State.PENDING)[""] == {"dlcPlot"}


def test_checks_of_poses_read_features_of_deeplabcut_only(path: Path, tracked: Configuration):
    tracked = tracked.changed(trackers=["dlc", "lightningPose"])
    assert inputs(path, tracked, "dlc_qc", "left")["features"] == ["_ibl_leftCamera.features.pqt"]
    assert inputs(path, tracked, "lightning_pose_qc", "left")["features"] == []
    assert inputs(path, tracked, "dlc_qc", "body")["features"] == []


def on_alyx(config: Configuration) -> Configuration:
    return config.changed(registration={"alyx": "https://alyx.example", "repository": "lab"})


def test_all_results_are_registered_on_alyx_at_the_end(path: Path, tracked: Configuration):
    assert "alyx" not in stages(path, tracked, State.PENDING)[""]
    registered = on_alyx(tracked)
    assert stages(path, registered, State.PENDING) == ALL | {"": {*ALL[""], "alyx"}}
    assert pending.scan_session(path, registered)[-1].stage == "alyx"
    found = inputs(path, registered, "register_alyx")["results"]
    made = [file.name for s in pending.scan_session(path, tracked) for file in s.outputs]
    # How the times were found is no dataset.
    assert sorted(found) == sorted(name for name in made if not name.endswith("timing.json"))
    read, task = description.read(path), tasks.BY_RULE["register_alyx"]
    params = task.params(read, ALL_CAMERAS, registered)
    assert (params["url"], params["repository"]) == ("https://alyx.example", "lab")
    finish(path, registered)
    assert stages(path, registered, State.PENDING) == {}


def test_what_cannot_be_made_is_not_registered(path: Path, tracked: Configuration):
    registered = on_alyx(tracked)
    for file in path.glob("raw_video_data/*"):
        if "left" not in file.name:
            file.unlink()
    found = inputs(path, registered, "register_alyx")["results"]
    assert "_ibl_leftCamera.dlc.pqt" in found
    assert not [name for name in found if "right" in name or "body" in name]
    for file in path.glob("raw_video_data/*"):
        file.unlink()
    blocked = {s.stage: s.reason for s in pending.scan_session(path, registered) if not s.camera}
    assert blocked["alyx"] == "there is nothing to register"


def with_models_in(folder: Path, config: Configuration) -> Configuration:
    """The configuration with a copy of the demo's models."""
    shutil.copytree(REPO / "config" / "pose" / "demo", folder)
    cascades = {
        tracker: {camera: str(folder / Path(file).name) for camera, file in files.items()}
        for tracker, files in config.cascades.items()
    }
    return config.changed(cascades=cascades)


@pytest.mark.parametrize("clips", [False, True])
def test_missing_model_blocks_all_that_is_made_from_the_poses(
    path: Path, tracked: Configuration, tmp_path: Path, clips: bool
):
    """The video is there, but the settings of the poses cannot be had."""
    moved = with_models_in(tmp_path / "models", tracked.changed(pose_clips=clips))
    (weights,) = (tmp_path / "models" / "dlc_body").rglob("*.pt")
    weights.unlink()
    blocked = stages(path, moved, State.BLOCKED)
    assert blocked == {"body": {"dlc", "energy", "dlcQC", *(["clip"] if clips else [])}}
    reasons = {s.reason for s in pending.scan_session(path, moved) if s.state is State.BLOCKED}
    assert len(reasons) == 1
    with pytest.raises(Blocked):
        inputs(path, moved, "dlc_qc", "body")
    assert inputs(path, moved, "dlc_qc_plot")["pose"] == [
        "_ibl_leftCamera.dlc.pqt",
        "_ibl_rightCamera.dlc.pqt",
    ]


def test_poses_that_are_there_need_no_model(path: Path, tracked: Configuration, tmp_path: Path):
    finish(path, tracked)
    moved = with_models_in(tmp_path / "models", tracked)
    for weights in (tmp_path / "models" / "dlc_body").rglob("*.pt"):
        weights.unlink()
    assert stages(path, moved, State.BLOCKED) == {}
    assert inputs(path, moved, "dlc_qc", "body")["pose"] == ["_ibl_bodyCamera.dlc.pqt"]


def test_poses_stay_when_models_are_moved(path: Path, tracked: Configuration, tmp_path: Path):
    finish(path, tracked)
    assert stages(path, with_models_in(tmp_path / "moved", tracked), State.PENDING) == {}


def test_poses_are_made_again_with_other_weights(
    path: Path, tracked: Configuration, tmp_path: Path
):
    finish(path, tracked)
    retrained = with_models_in(tmp_path / "retrained", tracked)
    (weights,) = (tmp_path / "retrained" / "dlc_body").rglob("*.pt")
    weights.write_bytes(weights.read_bytes() + b"other")
    again = stages(path, retrained, State.PENDING)
    assert "dlc" in again["body"]
    assert "left" not in again
