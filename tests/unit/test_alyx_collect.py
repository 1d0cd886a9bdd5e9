"""The parts of a session that are registered on Alyx."""

import json
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from one.alf.spec import QC

from alfvideo import configuration
from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance
from alfvideo.planning import pending
from alfvideo.planning.pending import State
from alfvideo.registration.alyx.collect import collect
from alfvideo.registration.alyx.records import SessionRecord
from rigsim import Rig

Render = Callable[[Path, Rig], Path]
OUTPUTS = {
    "video_compress": ("raw_video_data/_iblrig_bodyCamera.raw.mp4",),
    "video_convert": ("raw_video_data/_iblrig_bodyCamera.raw.camlog",),
    "video_register_raw": ("registration/bodyCamera_raw.json",),
    "video_sync_qc_nidq": ("alf/_ibl_bodyCamera.times.npy",),
    "video_qc": ("qc/_ibl_bodyCamera.videoQC.json", "snapshot/bodyCamera_qc.png"),
    "pose_clip": ("snapshot/bodyCamera.pose.mp4",),
    "dlc_qc_plot": ("snapshot/dlc_qc_plot.png",),
    "register_alyx": ("registration/alyx.json",),
}
RAW = {"path": "raw_video_data/_iblrig_bodyCamera.frameData.bin", "file_size": 7, "hash": "abc"}
CONTENT = {
    "registration/bodyCamera_raw.json": {"datasets": [RAW]},
    "qc/_ibl_bodyCamera.videoQC.json": {
        "outcome": "PASS",
        "extended_qc": {"_videoBody_focus": "PASS"},
    },
}


@pytest.fixture
def session(tmp_path: Path, rendered: Render) -> Path:
    path = rendered(tmp_path, Rig(seconds=1, scale=0.05, cameras=("body",)))
    for rule, names in OUTPUTS.items():
        for name in names:
            (path / name).parent.mkdir(exist_ok=True)
            (path / name).write_text(json.dumps(CONTENT.get(name, name)))
        provenance.record(
            path,
            provenance.Work(
                rule=rule,
                camera="" if rule == "dlc_qc_plot" else "body",
                inputs={},
                outputs=[path / name for name in names],
                params={"version": 2},
                log=tmp_path / f"{rule}.log",
            ),
            started=provenance.now(),
            seconds=1.5,
        )
        (tmp_path / f"{rule}.log").write_text(f"the log of {rule}")
    provenance.record_failure(
        path,
        provenance.Work(
            rule="dlc",
            camera="body",
            inputs={},
            outputs=[path / "alf/_ibl_bodyCamera.dlc.pqt"],
            params={"version": 1},
            log=tmp_path / "gone.log",
        ),
        message="The model was cut.",
    )
    return path


@pytest.fixture
def record(session: Path) -> SessionRecord:
    return collect(session)


def test_datasets_are_those_with_a_type_on_alyx(record: SessionRecord, session: Path):
    found = {dataset.path: dataset for dataset in record.datasets}
    assert set(found) == {
        "alf/_ibl_bodyCamera.times.npy",
        "raw_video_data/_iblrig_bodyCamera.raw.mp4",
        "raw_video_data/_iblrig_bodyCamera.raw.camlog",
        RAW["path"],
    }
    times = found["alf/_ibl_bodyCamera.times.npy"]
    assert times.file_size == (session / times.path).stat().st_size
    assert times.md5 == provenance.md5(session / times.path)
    assert times.version
    assert (found[RAW["path"]].md5, found[RAW["path"]].file_size) == ("abc", 7)


def test_files_that_are_gone_are_left_out(session: Path):
    (session / "alf/_ibl_bodyCamera.times.npy").unlink()
    assert "alf/_ibl_bodyCamera.times.npy" not in {d.path for d in collect(session).datasets}


def test_what_is_gone_is_known(session: Path):
    assert collect(session).gone == set()
    (session / "alf/_ibl_bodyCamera.times.npy").unlink()
    (session / RAW["path"]).unlink()
    (session / "qc/_ibl_bodyCamera.videoQC.json").unlink()
    assert collect(session).gone == {"alf/_ibl_bodyCamera.times.npy", RAW["path"]}


def test_checks_and_pictures(record: SessionRecord):
    (qc,) = record.qc
    assert (qc.kind, qc.camera, qc.outcome) == ("video", "body", QC.PASS)
    assert {picture.path.name: picture.text for picture in record.pictures} == {
        "bodyCamera_qc.png": "Camera QC, bodyCamera",
        "dlc_qc_plot.png": "dlc_qc_plot",
    }


def test_a_task_for_each_rule_and_camera(record: SessionRecord):
    found = {task.name: task for task in record.tasks}
    assert set(found) == (set(OUTPUTS) | {"dlc"}) - {"register_alyx"}
    qc = found["video_qc"]
    assert (qc.camera, qc.status, qc.seconds) == ("body", "Complete", 1.5)
    assert {task.version for task in record.tasks} == {version("alfvideo")}
    assert qc.log == "the log of video_qc"
    assert found["dlc_qc_plot"].camera is None
    assert (found["dlc"].status, found["dlc"].log) == ("Errored", "The model was cut.")


def test_the_log_in_the_record_counts_wherever_it_is_registered(session: Path, tmp_path: Path):
    (tmp_path / "video_qc.log").unlink()
    made = json.loads((session / provenance.FILE_NAME).read_text())
    made["qc/_ibl_bodyCamera.videoQC.json"]["log_text"] = "kept"
    (session / provenance.FILE_NAME).write_text(json.dumps(made))
    found = {task.name: task.log for task in collect(session).tasks}
    assert (found["video_qc"], found["pose_clip"]) == ("kept", "the log of pose_clip")


def test_the_latest_job_of_a_rule_is_its_task(session: Path):
    made = json.loads((session / provenance.FILE_NAME).read_text())
    times = made["alf/_ibl_bodyCamera.times.npy"]
    revision = {**times, "finished": "2100-01-01T00:00:00Z", "seconds": 3.0}
    made["alf/#2100-01-01#/_ibl_bodyCamera.times.npy"] = revision
    (session / provenance.FILE_NAME).write_text(json.dumps(made))
    found = {task.name: task.seconds for task in collect(session).tasks}
    assert found["video_sync_qc_nidq"] == 3.0


def test_details_are_those_of_the_description(record: SessionRecord):
    assert record.details.projects == ("rendered",)
    assert record.parts == ("KB001", "2026-01-01", 1)


@pytest.mark.parametrize("name", ["mouse 1", "KB@1", "M(1)"])
def test_a_session_that_one_would_call_otherwise_is_never_registered(tmp_path: Path, name: str):
    path = tmp_path / name / "2026-01-01" / "001"
    path.mkdir(parents=True)
    with pytest.raises(DataError, match="is not registered: ONE cannot hold the subject"):
        collect(path)


def test_a_session_is_not_waiting_for_a_server_that_cannot_hold_it(
    tmp_path: Path, rendered: Render
):
    config = configuration.parse(
        {"root": str(tmp_path), "registration": {"alyx": "https://alyx.lab.org"}}
    )
    path = rendered(tmp_path, Rig(seconds=1, scale=0.05, cameras=("body",)))
    renamed = tmp_path / "mouse 1" / path.relative_to(tmp_path / "KB001")
    renamed.parent.mkdir(parents=True)
    path.rename(renamed)
    states = {status.stage: status for status in pending.scan_session(renamed, config)}
    assert states["alyx"].state is State.BLOCKED
    assert "ONE cannot hold the subject 'mouse 1'" in states["alyx"].reason
    assert states["video"].state is State.PENDING


def test_files_of_others_are_not_made_known(session: Path, tmp_path: Path):
    """Whoever may write to a session could name or link what only the user may read."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"the thesis")
    (session / "snapshot" / "out.png").symlink_to(secret)
    (session / "snapshot" / "fifo.png").unlink(missing_ok=True)
    os.mkfifo(session / "snapshot" / "fifo.png")
    (session / "snapshot" / "again.png").symlink_to("bodyCamera_qc.png")
    made = json.loads((session / provenance.FILE_NAME).read_text())
    made["alf/../../../../secret.times.npy"] = made["alf/_ibl_bodyCamera.times.npy"]
    (tmp_path / "secret.times.npy").write_bytes(b"x")
    for entry in made.values():
        entry["log"] = str(tmp_path / "secret.txt")
    (tmp_path / "secret.txt").write_text("the thesis")
    (session / provenance.FILE_NAME).write_text(json.dumps(made))
    found = collect(session)
    assert [picture.path.name for picture in found.pictures] == [
        *("again.png", "bodyCamera_qc.png", "dlc_qc_plot.png"),
    ]
    assert all(".." not in dataset.path for dataset in found.datasets)
    assert not any("thesis" in task.log for task in found.tasks)


def test_entries_of_another_shape_leave_the_others(session: Path):
    made = json.loads((session / provenance.FILE_NAME).read_text())
    (session / provenance.FILE_NAME).write_text(
        json.dumps({**made, "alf/a.b.npy": {}, "alf/c.d.npy": {"rule": "x", "output": {"size": 3}}})
    )
    found = {task.name for task in collect(session).tasks}
    assert found == {"x", "dlc", *OUTPUTS} - {"register_alyx"}


@pytest.mark.parametrize("content", ["[" * 100_000, "3", '{"outcome": [], "extended_qc": {}}'])
def test_a_broken_file_of_checks_is_one_sentence(session: Path, content: str):
    (session / "qc" / "_ibl_bodyCamera.videoQC.json").write_text(content)
    with pytest.raises(DataError, match="is not a report of checks"):
        collect(session)
