"""The table of tasks: which apply to a camera, and which files each reads and writes."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from one.alf import spec
from one.alf.path import ALFPath

from alfvideo.configuration import Configuration
from alfvideo.files.errors import Blocked, Broken
from alfvideo.planning import task_inputs, tasks, up_to_date
from alfvideo.session import datasets, description, pulse_files
from rigsim import CAMERAS, Rig

Render = Callable[[Path, Rig], Path]
SESSION = Path("/data/lab/Subjects/KB001/2026-01-01/001")


def body(**options: object) -> Rig:
    """The smallest session of a kind: one slow camera, where the kind has one."""
    kind = options.get("kind", "spikeglx")
    camera = {"bpod": "left", "timeline": "belly"}.get(kind, "body")
    return Rig(**{"seconds": 2, "scale": 0.05, "cameras": (camera,), **options})


def rules_of(path: Path, config: Configuration) -> list[str]:
    read = description.read(path)
    (camera,) = read.cameras.values()
    return [task.rule for task in tasks.TASKS if task.applies(read, camera, config)]


def names(files: list[Path]) -> list[str]:
    return [file.name for file in files]


def test_rules_write_what_the_table_says(workflow_rules: dict[str, list[str]]):
    for task in tasks.TASKS:
        assert workflow_rules[task.rule] == list(task.written), task.rule


def test_every_rule_with_outputs_is_in_the_table(workflow_rules: dict[str, list[str]]):
    of_a_camera = {
        name for name, outputs in workflow_rules.items() if any("{session}" in o for o in outputs)
    }
    assert of_a_camera == set(tasks.BY_RULE)


def test_datasets_have_valid_alf_names():
    values = {
        "session": SESSION,
        "collection": "raw_video_data",
        "camera": "left",
        "revision": "",
    }
    for pattern in (
        datasets.RAW_MP4,
        datasets.RAW_AVI,
        datasets.RAW_CAMLOG,
        datasets.TIMES,
        datasets.TIMING,
    ):
        path = ALFPath(pattern.format(**values))
        assert spec.is_valid(path.name), path.name
        assert path.object == "leftCamera"
        assert path.session_path() == ALFPath(SESSION)


def test_names_that_labs_rely_on():
    values = {"session": "S", "collection": "raw_video_data", "camera": "left", "revision": ""}
    assert datasets.RAW_MP4.format(**values) == "S/raw_video_data/_iblrig_leftCamera.raw.mp4"
    assert datasets.RAW_AVI.format(**values) == "S/raw_video_data/_iblrig_leftCamera.raw.avi"
    assert datasets.RAW_CAMLOG.format(**values) == "S/raw_video_data/_iblrig_leftCamera.raw.camlog"
    assert datasets.TIMES.format(**values) == "S/alf/_ibl_leftCamera.times.npy"


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        ("spikeglx", ["video_register_raw", "video_compress", "video_sync_qc_nidq"]),
        ("timeline", ["video_register_raw", "video_compress", "video_sync_qc_nidq"]),
        ("bpod", ["video_register_raw", "video_compress", "video_sync_qc_bpod"]),
        ("camlog", ["video_convert", "video_sync_qc_camlog"]),
    ],
)
def test_tasks_of_each_kind(
    tmp_path: Path, config: Configuration, rendered: Render, kind: str, rules: list[str]
):
    path = rendered(tmp_path, body(kind=kind))
    rules = [*rules, "video_qc"]
    assert rules_of(path, config) == rules
    config = config.changed(keep_avi=False)
    assert rules_of(path, config) == [*rules, "video_remove_original"]


def test_raw_files_are_no_outputs(tmp_path: Path, config: Configuration, rendered: Render):
    """Snakemake deletes the outputs of a job that fails."""
    config = config.changed(keep_avi=False)
    for kind in CAMERAS:
        path = rendered(tmp_path / kind, body(kind=kind))
        raw = {file for file in path.rglob("*") if file.is_file()}
        read = description.read(path)
        for camera in read.cameras.values():
            for task in tasks.TASKS:
                if task.applies(read, camera, config):
                    outputs = {datasets.path(pattern, read, camera) for pattern in task.written}
                    assert outputs.isdisjoint(raw)


@pytest.mark.parametrize(
    ("frame_data", "first", "all_of_them"),
    [
        ("bin", "frameData.bin", {"frameData.bin"}),
        ("ssv", "timestamps.ssv", {"timestamps.ssv", "GPIO.bin", "frame_counter.bin"}),
    ],
)
def test_frame_data_in_both_formats(
    tmp_path: Path, rendered: Render, frame_data: str, first: str, all_of_them: set[str]
):
    read = description.read(rendered(tmp_path, body(frame_data=frame_data)))
    camera = read.cameras["body"]
    prefix = "_iblrig_bodyCamera."
    assert names(datasets.frame_times(read, camera)) == [prefix + first]
    assert set(names(datasets.embedded(read, camera))) == {prefix + name for name in all_of_them}


def test_files_of_other_cameras_are_left_alone(tmp_path: Path, rendered: Render):
    path = rendered(tmp_path, body(cameras=("left", "body")))
    (path / "raw_video_data" / "_iblrig_bodyCamera.frameData.bin").unlink()
    read = description.read(path)
    assert names(datasets.frame_times(read, read.cameras["left"])) == [
        "_iblrig_leftCamera.frameData.bin"
    ]
    with pytest.raises(Blocked, match=r"no timestamps: neither _iblrig_bodyCamera\.frameData"):
        datasets.frame_times(read, read.cameras["body"])


def test_sync_on_the_probes(tmp_path: Path, rendered: Render):
    read = description.read(rendered(tmp_path, body(neuropixel="3A")))
    folders = {file.parent for file in pulse_files.sync_arrays(read, read.cameras["body"])}
    assert folders == {read.path / "raw_ephys_data" / "probe00"}
    assert "_spikeglx_ephysData_g0_t0.imec.ap.meta" in names(
        pulse_files.wiring(read, read.cameras["body"])
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("spikeglx", ["_spikeglx_ephysData_g0_t0.nidq.meta"]),
        ("timeline", ["_timeline_DAQdata.meta.json"]),
        ("camlog", ["_spikeglx_DAQdata.wiring.json", "_spikeglx_DAQdata_g0_t0.nidq.meta"]),
    ],
)
def test_what_tells_the_channels(tmp_path: Path, rendered: Render, kind: str, expected: list[str]):
    read = description.read(rendered(tmp_path, body(kind=kind)))
    (camera,) = read.cameras.values()
    assert names(pulse_files.wiring(read, camera)) == expected


@pytest.mark.parametrize("attribute", ["times", "channels", "polarities"])
def test_one_missing_sync_array_blocks(tmp_path: Path, rendered: Render, attribute: str):
    path = rendered(tmp_path, body())
    (path / "raw_ephys_data" / f"_spikeglx_sync.{attribute}.npy").unlink()
    read = description.read(path)
    with pytest.raises(Blocked, match=r"sync missing: raw_ephys_data has no _spikeglx_sync"):
        pulse_files.sync_arrays(read, read.cameras["body"])


def test_the_timing_that_a_person_decided(tmp_path: Path, config: Configuration, rendered: Render):
    session = rendered(tmp_path, body())
    file = session / "camera_timing.yaml"

    def found() -> list[Path]:
        read = description.read(session)
        task = tasks.BY_RULE["video_sync_qc_nidq"]
        return task_inputs.find(task, read, read.cameras["body"], config)["timing_decision"]

    assert found() == []
    file.write_text("body: {start: 12}")
    assert found() == [file]
    file.write_text("left: {start: 12}")
    with pytest.raises(Broken, match=r"`left` is no camera of the session. Use one of: body\."):
        found()


def test_several_videos_of_a_camlog_rig(tmp_path: Path, rendered: Render):
    path = rendered(tmp_path, body(kind="camlog"))
    (path / "raw_video_data" / "body_cam_run001_00000000.avi").touch()
    read = description.read(path)
    with pytest.raises(Blocked, match=r"keep one of them: body_cam_run000.*, body_cam_run001"):
        datasets.avi(read, read.cameras["body"])


def test_mp4_is_enough_without_an_avi(tmp_path: Path, rendered: Render):
    path = rendered(tmp_path, body())
    avi = path / "raw_video_data" / "_iblrig_bodyCamera.raw.avi"
    avi.rename(avi.with_suffix(".mp4"))
    read = description.read(path)
    assert datasets.mp4(read, read.cameras["body"]) == [avi.with_suffix(".mp4")]
    avi.with_suffix(".mp4").unlink()
    with pytest.raises(Blocked, match=r"raw video missing: raw_video_data/_iblrig_bodyCamera\.raw"):
        datasets.mp4(description.read(path), read.cameras["body"])


def test_training_rigs_are_compressed_more(tmp_path: Path, config: Configuration, rendered: Render):
    compress = tasks.BY_RULE["video_compress"]
    for kind, crf in (("spikeglx", 17), ("bpod", 29)):
        read = description.read(rendered(tmp_path / kind, body(kind=kind)))
        (camera,) = read.cameras.values()
        params = compress.params(read, camera, config)
        assert params == {"version": compress.version, "preset": "slow", "crf": crf}


def test_checks_depend_on_the_reference_frame(
    tmp_path: Path, config: Configuration, rendered: Render
):
    """By its content; nothing where there is none."""
    read = description.read(rendered(tmp_path / "data", body()))
    camera, check = read.cameras["body"], tasks.BY_RULE["video_qc"]

    def frame(config: Configuration) -> tuple[str, str | None]:
        params = check.params(read, camera, config)
        return params["reference_frame"], params["reference_frame_md5"]

    assert frame(config) == ("", None)
    config = config.changed(reference_frames=str(tmp_path))
    assert frame(config) == ("", None)
    for content in (b"a frame", b"another one"):
        (tmp_path / "body.png").write_bytes(content)
        os.utime(tmp_path / "body.png", ns=(0, len(content)))
        md5 = hashlib.md5(content).hexdigest()
        assert frame(config) == (str(tmp_path / "body.png"), md5)
    (tmp_path / "new").mkdir()
    (tmp_path / "body.png").rename(tmp_path / "new" / "body.png")
    moved = config.changed(reference_frames=str(tmp_path / "new"))
    params = check.params(read, camera, moved)
    earlier = params | {"reference_frame": "/old/body.png"}
    assert up_to_date.setting_changes(earlier, params) == ""
    without = {name: params[name] for name in params if not name.startswith("reference")}
    of_version_0_1 = without | {"reference_frame": "", "reference_frame_modified": 0}
    assert up_to_date.setting_changes(of_version_0_1, params) == "reference_frame_md5 → other"
    params = check.params(read, camera, config.changed(reference_frames=""))
    assert up_to_date.setting_changes(of_version_0_1, params) == ""
