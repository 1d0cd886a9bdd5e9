"""The scan: what is done, pending or blocked, for every reason."""

import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import imageio_ffmpeg
import pytest

from alfvideo.configuration import Configuration
from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance
from alfvideo.planning import pending, task_inputs, tasks, unfinished
from alfvideo.planning.pending import State
from alfvideo.session import datasets, description
from alfvideo.session.cameras import ALL_CAMERAS
from alfvideo.video import compress
from rigsim import Fault, Rig

Render = Callable[[Path, Rig], Path]
NOBODY = 65534


def small(**options: object) -> Rig:
    """The smallest session of a kind: one slow camera, where the kind has one."""
    kind = options.get("kind", "spikeglx")
    camera = {"bpod": "left", "timeline": "belly"}.get(kind, "body")
    return Rig(**{"seconds": 2, "scale": 0.05, "cameras": (camera,), **options})


def finish(path: Path, config: Configuration) -> None:
    """Leave outputs and records as the jobs of all tasks would, newer than what is there."""
    records = {}
    for task in tasks.TASKS:
        read = description.read(path)
        cameras = [ALL_CAMERAS] if task.of_session else read.cameras.values()
        for camera in cameras:
            if not task.applies(read, camera, config):
                continue
            inputs = list(chain(*task_inputs.find(task, read, camera, config).values()))
            for pattern in task.written:
                output = datasets.path(pattern, read, camera)
                output.parent.mkdir(exist_ok=True)
                output.write_text(task.rule)
                records[provenance.relative(output, path)] = {
                    "params": task.params(read, camera, config),
                    "inputs": {provenance.relative(file, path): {} for file in inputs},
                }
    (path / provenance.FILE_NAME).write_text(json.dumps(records))
    past = time.time_ns() - 10**12
    for file in path.rglob("*"):
        made = any(str(file).endswith(output) for output in records)
        os.utime(file, ns=(past + made, past + made))


def stages(path: Path, config: Configuration, state: State) -> set[str]:
    return {status.stage for status in pending.scan_session(path, config) if status.state is state}


def edit_records(path: Path, change: Callable[[dict], None]) -> None:
    file = path / provenance.FILE_NAME
    records = json.loads(file.read_text())
    for record in records.values():
        change(record)
    file.write_text(json.dumps(records))


@pytest.fixture
def done(tmp_path: Path, config: Configuration, rendered: Render) -> Path:
    path = rendered(tmp_path, small())
    finish(path, config)
    assert stages(path, config, State.DONE) == {"raw", "video", "times", "qc"}
    return path


ALL = {
    "spikeglx": {"raw", "video", "times", "qc"},
    "timeline": {"raw", "video", "times", "qc"},
    "bpod": {"raw", "video", "times", "qc"},
    "camlog": {"video", "times", "qc"},
}


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("keep_avi", [True, False])
def test_new_session_is_pending_and_finished_one_is_done(
    tmp_path: Path, config: Configuration, rendered: Render, kind: str, keep_avi: bool
):
    config = config.changed(keep_avi=keep_avi)
    path = rendered(tmp_path, small(kind=kind))
    expected = ALL[kind] | (set() if keep_avi else {"avi"})
    assert stages(path, config, State.PENDING) == expected
    finish(path, config)
    if not keep_avi:
        assert stages(path, config, State.PENDING) == {"avi"}, "its record is there, and the avi"
        next(path.glob("raw_video_data/*.avi")).unlink()
    assert stages(path, config, State.PENDING) == set()
    assert stages(path, config, State.DONE) == expected - {"avi"}
    assert pending.targets(pending.scan(tmp_path, config)) == []


INPUTS = [
    (small(), "raw_video_data/_iblrig_bodyCamera.raw.avi", {"video", "times", "qc"}),
    (small(), "raw_video_data/_iblrig_bodyCamera.frameData.bin", {"raw", "times", "qc"}),
    (small(), "raw_video_data/_iblrig_videoCodeFiles.raw.zip", {"raw"}),
    (small(), "raw_ephys_data/_spikeglx_sync.times.npy", {"times", "qc"}),
    (small(), "raw_ephys_data/_spikeglx_sync.channels.npy", {"times", "qc"}),
    (small(), "raw_ephys_data/_spikeglx_sync.polarities.npy", {"times", "qc"}),
    (small(), "raw_ephys_data/_spikeglx_ephysData_g0_t0.nidq.meta", {"times", "qc"}),
    (
        small(wiring="full"),
        "raw_ephys_data/_spikeglx_ephysData_g0_t0.nidq.wiring.json",
        {"times", "qc"},
    ),
    (
        small(frame_data="ssv"),
        "raw_video_data/_iblrig_bodyCamera.timestamps.ssv",
        {"raw", "times", "qc"},
    ),
    (small(frame_data="ssv"), "raw_video_data/_iblrig_bodyCamera.GPIO.bin", {"raw", "times", "qc"}),
    (
        small(frame_data="ssv"),
        "raw_video_data/_iblrig_bodyCamera.frame_counter.bin",
        {"raw", "times", "qc"},
    ),
    (small(neuropixel="3A"), "raw_ephys_data/probe00/_spikeglx_sync.times.npy", {"times", "qc"}),
    (
        small(daq="bin"),
        "raw_ephys_data/_spikeglx_ephysData_g0_t0.nidq.bin",
        {"pulses", "times", "qc"},
    ),
    (
        small(daq="cbin", neuropixel="3A"),
        "raw_ephys_data/probe00/_spikeglx_ephysData_g0_t0.imec.ap.ch",
        {"pulses", "times", "qc"},
    ),
    (
        small(kind="camlog", daq="bin"),
        "raw_sync_data/_spikeglx_DAQdata_g0_t0.nidq.meta",
        {"pulses", "times", "qc"},
    ),
    (small(daq="bin"), "raw_ephys_data/_spikeglx_sync.times.npy", {"times", "qc"}),
    (small(kind="timeline"), "raw_sync_data/_timeline_sync.times.npy", {"times", "qc"}),
    (small(kind="timeline"), "raw_sync_data/_timeline_DAQdata.meta.json", {"times", "qc"}),
    (small(kind="bpod"), "raw_task_data_00/_iblrig_taskData.raw.jsonable", {"times", "qc"}),
    (small(kind="bpod"), "raw_task_data_00/_iblrig_taskSettings.raw.json", {"times", "qc"}),
    (small(kind="camlog"), "raw_video_data/body_cam_run000_00000000.avi", {"video", "times", "qc"}),
    (
        small(kind="camlog"),
        "raw_video_data/body_cam_run000_00000000.camlog",
        {"video", "times", "qc"},
    ),
    (small(kind="camlog"), "raw_sync_data/_spikeglx_sync.times.npy", {"times", "qc"}),
    (small(kind="camlog"), "raw_sync_data/_spikeglx_DAQdata.wiring.json", {"times", "qc"}),
    (small(), "raw_video_data/_iblrig_bodyCamera.raw.mp4", {"times", "qc"}),
    (small(), "alf/_ibl_wheel.position.npy", {"times", "qc"}),
    (small(kind="bpod"), "alf/_ibl_wheel.position.npy", {"qc"}),
    (small(), "alf/_ibl_bodyCamera.times.npy", {"qc"}),
    # What no task reads makes nothing pending.
    (small(kind="camlog"), "raw_video_data/_iblrig_bodyCamera.raw.camlog", {"times", "qc"}),
    (small(kind="camlog"), "raw_task_data_00/_iblrig_taskData.raw.jsonable", set()),
    (small(), "_ibl_experiment.description.yaml", set()),
]


@pytest.mark.parametrize(("rig", "name", "expected"), INPUTS)
def test_touched_input(
    tmp_path: Path, config: Configuration, rendered: Render, rig: Rig, name: str, expected: set[str]
):
    path = rendered(tmp_path, rig)
    finish(path, config)
    assert stages(path, config, State.PENDING) == set()
    assert (path / name).is_file()
    (path / name).touch()
    assert stages(path, config, State.PENDING) == expected


def test_other_cameras_stay_done(tmp_path: Path, config: Configuration, rendered: Render):
    path = rendered(tmp_path, small(cameras=("left", "body")))
    finish(path, config)
    (path / "raw_video_data" / "_iblrig_leftCamera.raw.avi").touch()
    (path / "raw_video_data" / "_iblrig_bodyCamera.frameData.bin").touch()
    found = {
        (status.camera, status.stage)
        for status in pending.scan_session(path, config)
        if status.state is State.PENDING
    }
    assert found == {
        *(("left", stage) for stage in ("video", "times", "qc")),
        *(("body", stage) for stage in ("raw", "times", "qc")),
    }


@pytest.mark.parametrize(
    ("kind", "settings", "expected"),
    [
        ("spikeglx", {"crf": 23}, {"video", "times", "qc"}),
        ("spikeglx", {"preset": "fast"}, {"video", "times", "qc"}),
        ("spikeglx", {"crf_bpod": 23}, set()),
        ("bpod", {"crf_bpod": 23}, {"video", "times", "qc"}),
        ("bpod", {"crf": 23}, set()),
        ("camlog", {"crf": 23, "preset": "fast", "crf_bpod": 23}, set()),
    ],
)
def test_changed_settings(
    tmp_path: Path,
    config: Configuration,
    rendered: Render,
    kind: str,
    settings: dict,
    expected: set[str],
):
    path = rendered(tmp_path, small(kind=kind))
    finish(path, config)
    config = config.changed(compression=settings)
    assert stages(path, config, State.PENDING) == expected


def test_changed_description(done: Path, config: Configuration):
    """The GPIO may be wired to another channel than the description said at first."""
    file = done / "_ibl_experiment.description.yaml"
    file.write_text(file.read_text().replace("sync_label: audio", "sync_label: frame2ttl"))
    assert stages(done, config, State.PENDING) == {"times", "qc"}


def test_output_of_another_version(done: Path, config: Configuration):
    edit_records(done, lambda record: record["params"].update(version=0))
    assert stages(done, config, State.PENDING) == {"raw", "video", "times", "qc"}


def encode(path: Path) -> tuple[Path, Path]:
    """Leave an mp4 as another program would; returns the avi and that."""
    (avi,) = path.glob("raw_video_data/*.avi")
    mp4 = avi.with_suffix(".mp4")
    compress.encode(avi, mp4, preset="ultrafast", crf=40, threads=1)
    past = avi.stat().st_mtime_ns + 1
    os.utime(mp4, ns=(past, past))
    return avi, mp4


def test_outputs_of_another_program_are_judged_by_time(done: Path, config: Configuration):
    (done / provenance.FILE_NAME).unlink()
    encode(done)
    config = config.changed(compression={"crf": 30})
    assert stages(done, config, State.PENDING) == set()
    (done / "raw_video_data" / "_iblrig_bodyCamera.raw.avi").touch()
    assert stages(done, config, State.PENDING) == {"video", "times", "qc"}


def half(mp4: Path) -> None:
    os.truncate(mp4, mp4.stat().st_size // 2)


def short(mp4: Path) -> None:
    _replace(mp4, "-frames:v", "20")


def of_another_picture(mp4: Path) -> None:
    _replace(mp4, "-vf", "negate")


def smaller(mp4: Path) -> None:
    _replace(mp4, "-vf", "scale=32:32")


def _replace(mp4: Path, *options: str) -> None:
    other = mp4.with_suffix(".other.mp4")
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, "-v", "error", "-i", mp4, *options, other], check=True)
    other.replace(mp4)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (half, "cannot be read"),
        (short, "20 frames, expected"),
        (of_another_picture, "frame 0 shows something else"),
        (smaller, "32x32 pixels, expected"),
        (lambda mp4: mp4.write_text("no video"), "cannot be read"),
    ],
)
def test_an_mp4_of_another_program_that_is_not_of_its_avi(
    done: Path, config: Configuration, spoil: Callable[[Path], None], reason: str
):
    (done / provenance.FILE_NAME).unlink()
    avi, mp4 = encode(done)
    spoil(mp4)
    (video,) = (s for s in pending.scan_session(done, config) if s.stage == "video")
    assert video.state is State.PENDING
    assert video.reason.startswith("mp4 not of the avi: ")
    assert reason in video.reason
    spoiled = mp4.read_bytes()
    unfinished.set_aside(video.outputs, video.reason)
    assert not mp4.exists()
    assert mp4.with_name(f"{mp4.name}.~1~").read_bytes() == spoiled
    mp4.write_bytes(spoiled)
    os.truncate(avi, avi.stat().st_size // 2)
    assert "video" not in stages(done, config, State.PENDING), "the avi is not whole either"


def test_an_mp4_whose_avi_was_damaged_is_kept(done: Path, config: Configuration):
    avi, mp4 = encode(done)
    records = json.loads((done / provenance.FILE_NAME).read_text())
    made = records["raw_video_data/_iblrig_bodyCamera.raw.mp4"]
    made["inputs"]["raw_video_data/_iblrig_bodyCamera.raw.avi"] = provenance.fingerprint(avi)
    (done / provenance.FILE_NAME).write_text(json.dumps(records))
    os.truncate(avi, avi.stat().st_size // 2)
    (video,) = (s for s in pending.scan_session(done, config) if s.stage == "video")
    assert (video.state, video.reason) == (State.PENDING, "raw.avi changed")
    whole = mp4.read_bytes()
    assert unfinished.set_aside(video.outputs, video.reason)
    assert mp4.with_name(f"{mp4.name}.~1~").read_bytes() == whole


def test_other_results_are_not_set_aside(done: Path):
    mp4 = done / "raw_video_data" / "_iblrig_bodyCamera.raw.mp4"
    for reason in ("crf 17 → 20", "frameData.bin changed", "missing", "raw.avi is new"):
        assert not unfinished.set_aside([mp4], reason)


def test_a_recorded_mp4_that_was_cut_since(done: Path, config: Configuration):
    _, mp4 = encode(done)
    records = json.loads((done / provenance.FILE_NAME).read_text())
    records["raw_video_data/_iblrig_bodyCamera.raw.mp4"]["output"] = {
        "size": mp4.stat().st_size,
        "mtime_ns": mp4.stat().st_mtime_ns,
        "md5": provenance.md5(mp4),
    }
    (done / provenance.FILE_NAME).write_text(json.dumps(records))
    assert "video" in stages(done, config, State.DONE)
    half(mp4)
    assert "video" in stages(done, config, State.PENDING)


def test_an_mp4_without_a_checksum_does_not_replace_its_avi(done: Path, config: Configuration):
    (done / provenance.FILE_NAME).unlink()
    encode(done)
    assert "video" in stages(done, config, State.DONE)
    assert {"video", "avi"} <= stages(done, config.changed(keep_avi=False), State.PENDING)


def test_input_that_came_later_with_an_old_date(done: Path, config: Configuration):
    wiring = done / "raw_ephys_data" / "_spikeglx_ephysData_g0_t0.nidq.wiring.json"
    wiring.write_text("{}")
    os.utime(wiring, ns=(0, 0))
    assert stages(done, config, State.PENDING) == {"times", "qc"}


def test_input_that_went(done: Path, config: Configuration):
    (done / "raw_ephys_data" / "_spikeglx_ephysData_g0_t0.nidq.meta").unlink()
    assert stages(done, config, State.PENDING) == {"times", "qc"}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("registration/bodyCamera_raw.json", {"raw"}),
        ("raw_video_data/_iblrig_bodyCamera.raw.mp4", {"video", "times", "qc"}),
        ("alf/_ibl_bodyCamera.times.npy", {"times", "qc"}),
        ("qc/_ibl_bodyCamera.videoQC.json", {"qc"}),
        ("snapshot/bodyCamera_qc.png", {"qc"}),
        ("qc/_ibl_bodyCamera.timing.json", {"qc"}),
    ],
)
def test_missing_output(done: Path, config: Configuration, output: str, expected: set[str]):
    (done / output).unlink()
    assert stages(done, config, State.PENDING) == expected


TIMING = "qc/_ibl_bodyCamera.timing.json"


def check_inputs(path: Path, config: Configuration, *coming: Path) -> list[Path]:
    read = description.read(path)
    task = tasks.BY_RULE["video_qc"]
    return task_inputs.find(task, read, read.cameras["body"], config, coming)["timing"]


def without_timing_record(done: Path) -> None:
    """Leave times and checks as another program, or a version without records, makes them."""
    (done / TIMING).unlink()
    records = json.loads((done / provenance.FILE_NAME).read_text())
    del records[TIMING]
    for record in records.values():
        record["inputs"].pop(TIMING, None)
    (done / provenance.FILE_NAME).write_text(json.dumps(records))


@pytest.mark.parametrize("unrecorded", ["", "times.npy", "videoQC.json"])
def test_times_without_a_timing_record_are_done(done: Path, config: Configuration, unrecorded: str):
    without_timing_record(done)
    records = json.loads((done / provenance.FILE_NAME).read_text())
    known = {name: each for name, each in records.items() if not name.endswith(unrecorded or "-")}
    (done / provenance.FILE_NAME).write_text(json.dumps(known))
    assert stages(done, config, State.PENDING) == set()
    assert check_inputs(done, config) == []


def test_the_timing_record_is_read_if_the_times_are_to_be_made(done: Path, config: Configuration):
    """However they came to be pending: then it is made with them."""
    without_timing_record(done)
    edit_records(done, lambda record: record["params"].update(crf=1))
    found = {status.stage: status for status in pending.scan_session(done, config)}
    assert found["times"].reason == found["qc"].reason.replace("times", "video")
    assert found["times"].outputs == (done / "alf" / "_ibl_bodyCamera.times.npy", done / TIMING)
    assert check_inputs(done, config, *found["times"].outputs) == [done / TIMING]


def test_a_record_of_the_timing_that_came_later_is_read(done: Path, config: Configuration):
    without_timing_record(done)
    (done / TIMING).write_text("{}")
    found = {status.stage: status.reason for status in pending.scan_session(done, config)}
    assert (found["times"], found["qc"]) == ("", "timing.json is new")


def test_output_of_the_same_date_as_its_inputs_is_done(done: Path, config: Configuration):
    for file in done.rglob("*"):
        os.utime(file, ns=(10**18, 10**18))
    assert stages(done, config, State.PENDING) == set()


@pytest.mark.parametrize(
    "output", ["qc/_ibl_bodyCamera.videoQC.json", "snapshot/bodyCamera_qc.png"]
)
def test_each_output_of_a_stage_counts(done: Path, config: Configuration, output: str):
    dated = (done / output).stat().st_mtime_ns
    os.utime(done / output, ns=(0, 0))
    assert stages(done, config, State.PENDING) == {"qc"}
    os.utime(done / output, ns=(dated, dated))
    records = json.loads((done / provenance.FILE_NAME).read_text())
    for changed in (
        {output: records[output] | {"params": {}}},
        {output: records[output] | {"inputs": {}}},
    ):
        (done / provenance.FILE_NAME).write_text(json.dumps(records | changed))
        assert stages(done, config, State.PENDING) == {"qc"}
    records[output] = {}
    (done / provenance.FILE_NAME).write_text(json.dumps(records))
    assert stages(done, config, State.PENDING) == set()
    del records[output]
    (done / provenance.FILE_NAME).write_text(json.dumps(records))
    assert stages(done, config, State.PENDING) == set()


def test_stage_that_lacks_an_output_and_its_inputs_is_blocked(done: Path, config: Configuration):
    for name in ("avi", "mp4"):
        (done / f"raw_video_data/_iblrig_bodyCamera.raw.{name}").unlink()
    assert stages(done, config, State.DONE) == {"raw", "times", "qc"}
    for output in ("qc/_ibl_bodyCamera.videoQC.json", "snapshot/bodyCamera_qc.png"):
        content = (done / output).read_bytes()
        (done / output).unlink()
        assert stages(done, config, State.BLOCKED) == {"video", "qc"}
        (done / output).write_bytes(content)
    done_rows = [s for s in pending.scan_session(done, config) if s.state is State.DONE]
    assert {(status.reason, status.outputs) for status in done_rows} == {("", ())}


def test_outputs_belong_to_pending_stages_only(done: Path, config: Configuration):
    (done / "registration" / "bodyCamera_raw.json").unlink()
    with_outputs = [s for s in pending.scan_session(done, config) if s.outputs]
    assert [status.stage for status in with_outputs] == ["raw"]


def test_mp4_whose_avi_is_gone_is_done_whatever_the_settings(done: Path, config: Configuration):
    (done / "raw_video_data" / "_iblrig_bodyCamera.raw.avi").unlink()
    config = config.changed(compression={"crf": 30})
    edit_records(done, lambda record: record["params"].update(version=0))
    assert "video" in stages(done, config, State.DONE)
    targets = pending.targets(pending.scan_session(done, config))
    assert not [target for target in targets if target.endswith("mp4")]


def test_targets_are_the_outputs_of_pending_stages(done: Path, config: Configuration):
    (done / "alf" / "_ibl_bodyCamera.times.npy").unlink()
    targets = pending.targets(pending.scan_session(done, config))
    assert targets == [
        str(done / "alf" / "_ibl_bodyCamera.times.npy"),
        str(done / "qc" / "_ibl_bodyCamera.timing.json"),
        str(done / "qc" / "_ibl_bodyCamera.videoQC.json"),
        str(done / "snapshot" / "bodyCamera_qc.png"),
    ]


@pytest.mark.parametrize(
    ("rig", "remove", "blocked", "reason"),
    [
        (
            small(),
            "raw_video_data/*.avi",
            {"video", "times", "qc"},
            "raw video missing: raw_video_data/_iblrig_bodyCamera.raw.avi",
        ),
        (small(), "raw_video_data/*.bin", {"raw"}, "no timestamps: neither .*frameData"),
        (small(), "raw_ephys_data/*.npy", {"times", "qc"}, "sync missing: raw_ephys_data has no"),
        (
            small(kind="timeline"),
            "raw_sync_data/*.npy",
            {"times", "qc"},
            "sync missing: raw_sync_data has no _timeline_sync",
        ),
        (
            small(kind="bpod"),
            "raw_task_data_00/_iblrig_taskData*",
            {"times", "qc"},
            "sync missing: raw_task_data_00/_iblrig_taskData.raw",
        ),
        (
            small(kind="camlog"),
            "raw_video_data/*.avi",
            {"video", "times", "qc"},
            "raw video missing",
        ),
        (small(kind="camlog"), "raw_video_data/*.camlog", {"video", "times", "qc"}, "camera log"),
        (
            small(faults={"body": (Fault.MISSING_CAMERA,)}),
            "raw_video_data/*.bin",
            {"raw", "video", "times", "qc"},
            "raw video missing",
        ),
    ],
)
def test_blocked_stages(
    tmp_path: Path,
    config: Configuration,
    rendered: Render,
    rig: Rig,
    remove: str,
    blocked: set[str],
    reason: str,
):
    path = rendered(tmp_path, rig)
    for file in path.glob(remove):
        file.unlink()
    assert stages(path, config, State.BLOCKED) == blocked
    assert stages(path, config, State.PENDING) == ALL[rig.kind] - blocked
    reasons = [s.reason for s in pending.scan_session(path, config) if s.state is State.BLOCKED]
    assert any(re.search(reason, text) for text in reasons)


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("_devices/a@video.yaml", "", "transfer unfinished"),
        ("_ibl_experiment.description.yaml", "", "is empty"),
        ("_ibl_experiment.description.yaml", "sync: {tdms: {}}", "unknown sync 'tdms'"),
        ("_ibl_experiment.description.yaml", "sync: {nidq: a}", "malformed"),
        ("provenance.json", "{half", "provenance.json cannot be read.*remove it and run again"),
        ("provenance.json", "[]", "provenance.json cannot be read.*remove it and run again"),
    ],
)
def test_blocked_session_has_one_line_and_others_go_on(
    tmp_path: Path, config: Configuration, rendered: Render, file: str, content: str, reason: str
):
    path = rendered(tmp_path, small())
    other = rendered(tmp_path, small(subject="KB002"))
    (path / file).parent.mkdir(exist_ok=True)
    (path / file).write_text(content)
    (status,) = pending.scan_session(path, config)
    assert (status.state, status.camera, status.stage) == (State.BLOCKED, "", "")
    assert re.search(reason, status.reason)
    statuses = pending.scan(tmp_path, config)
    assert {s.session for s in statuses if s.state is State.PENDING} == {other}


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that another user can reach; `tmp_path` of root cannot be."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("closed", [".", "..", "raw_video_data", "raw_ephys_data"])
def test_folder_that_cannot_be_read_blocks_its_session_only(
    reachable: Path,
    config: Configuration,
    rendered: Render,
    caplog: pytest.LogCaptureFixture,
    closed: str,
):
    rig = small(lab="lab")
    path = rendered(reachable, rig)
    other = rendered(reachable, small(subject="KB002", lab="lab"))
    reachable.chmod(0o755)
    (path / closed).resolve().chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        statuses = pending.scan(reachable, config)
    finally:
        os.seteuid(user)
    assert {s.session for s in statuses if s.state is State.PENDING} >= {other}
    shown = "\n".join([*(f"{s.session} {s.reason}" for s in statuses), caplog.text])
    said = [line for line in shown.splitlines() if "ermission" in line]
    assert any(rig.subject in line for line in said), shown


@pytest.mark.parametrize("is_done", [False, True])
def test_folder_that_cannot_be_written_waits_if_something_is_to_be_made(
    reachable: Path, config: Configuration, rendered: Render, is_done: bool
):
    path = rendered(reachable, small())
    if is_done:
        finish(path, config)
    for folder in (reachable, *path.parents[:3], path):
        folder.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        # the real user, too, whom os.access asks about
        os.setresuid(NOBODY, NOBODY, 0)
    try:
        statuses = pending.scan_session(path, config)
    finally:
        os.setresuid(user, user, user)
        for folder in (reachable, *path.parents[:3], path):
            folder.chmod(0o755)
    if is_done:
        assert {status.state for status in statuses} == {State.DONE}
    else:
        (status,) = statuses
        assert status.reason == f"no permission to write to {path}"


def test_missing_root_says_what_to_do(tmp_path: Path, config: Configuration):
    with pytest.raises(
        DataError, match=r"There is no data folder .*nowhere\. Set `root` in config/config\.yaml"
    ):
        pending.scan(tmp_path / "nowhere", config)


FILTERED = {
    "KB001/2026-01-01/001",
    "KB001/2026-02-01/001",
    "lab/Subjects/KB002/2026-01-01/001",
    "lab/Subjects/KB002/2026-03-01/002",
}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, FILTERED),
        ({"subjects": ["KB001"]}, {"KB001/2026-01-01/001", "KB001/2026-02-01/001"}),
        (
            {"subjects": ["KB001", "KB002"], "to_date": "2026-01-01"},
            {
                "KB001/2026-01-01/001",
                "lab/Subjects/KB002/2026-01-01/001",
            },
        ),
        (
            {"from_date": "2026-02-01"},
            {
                "KB001/2026-02-01/001",
                "lab/Subjects/KB002/2026-03-01/002",
            },
        ),
        ({"from_date": "2026-02-01", "to_date": "2026-02-01"}, {"KB001/2026-02-01/001"}),
        (
            {"sessions": ["lab/*"]},
            {
                "lab/Subjects/KB002/2026-01-01/001",
                "lab/Subjects/KB002/2026-03-01/002",
            },
        ),
        (
            {"sessions": ["*/002", "KB001/2026-02-*"]},
            {
                "lab/Subjects/KB002/2026-03-01/002",
                "KB001/2026-02-01/001",
            },
        ),
        ({"sessions": ["KB*/2026-*"]}, {"KB001/2026-01-01/001", "KB001/2026-02-01/001"}),
    ],
)
def test_filters(tmp_path: Path, config: Configuration, filters: dict, expected: set[str]):
    for name in FILTERED:
        (tmp_path / name).mkdir(parents=True)
    found = {
        s.session.relative_to(tmp_path).as_posix()
        for s in pending.scan(tmp_path, config.changed(**filters))
    }
    assert found == expected


def test_filter_by_camera(tmp_path: Path, config: Configuration, rendered: Render):
    path = rendered(tmp_path, small(cameras=("left", "right", "body")))
    config = config.changed(cameras=["left", "body"])
    statuses = pending.scan_session(path, config)
    assert {s.camera for s in statuses if s.stage} == {"left", "body"}
    assert [s.camera for s in statuses if s.state is State.LEFT_OUT] == ["right"]


def test_newest_come_first(tmp_path: Path, config: Configuration):
    for name in FILTERED:
        (tmp_path / name).mkdir(parents=True)
    dates = [status.session.parts[-2] for status in pending.scan(tmp_path, config)]
    assert dates == sorted(dates, reverse=True)


def test_scan_changes_nothing(tmp_path: Path, config: Configuration, rendered: Render):
    path = rendered(tmp_path, small())
    for file in (path, *path.rglob("*")):
        if file.is_dir():
            file.chmod(stat.S_IRUSR | stat.S_IXUSR)
    before = sorted((str(file), file.stat().st_mtime_ns) for file in tmp_path.rglob("*"))
    assert pending.scan(tmp_path, config)
    assert sorted((str(file), file.stat().st_mtime_ns) for file in tmp_path.rglob("*")) == before
    for file in (path, *path.rglob("*")):
        if file.is_dir():
            file.chmod(0o755)


@pytest.mark.parametrize(("name", "said"), [("KB<b>", "<b> in"), ("KB{1}", "{ in")])
def test_a_path_that_snakemake_would_take_for_a_placeholder(
    tmp_path: Path, config: Configuration, rendered: Render, name: str, said: str
):
    """Snakemake would end the whole run because of it."""
    path = rendered(tmp_path, small())
    odd = tmp_path / name / "2026-01-02" / "001"
    shutil.copytree(path, odd)
    statuses = pending.scan(tmp_path, config)
    assert {status.state for status in statuses if status.session == path} == {State.PENDING}
    (blocked,) = [status for status in statuses if status.session == odd]
    assert blocked.reason.startswith(f"{said} a path")


def test_a_video_from_the_future_is_like_others(
    done: Path, config: Configuration, rendered: Render
):
    new = rendered(done.parents[3], small(subject="KB002"))
    for path in (done, new):
        (avi,) = path.rglob("*.raw.avi")
        os.utime(avi, (time.time() + 7200,) * 2)
    assert stages(new, config, State.PENDING) == {"raw", "video", "times", "qc"}


def test_a_link_to_nothing_is_no_video(tmp_path: Path, config: Configuration, rendered: Render):
    """As git-annex leaves it where the content was not fetched."""
    path = rendered(tmp_path, small())
    (avi,) = path.rglob("*.raw.avi")
    avi.rename(tmp_path / "elsewhere.avi")
    avi.symlink_to(tmp_path / "nowhere.avi")
    blocked = [s for s in pending.scan_session(path, config) if s.state is State.BLOCKED]
    assert {status.stage for status in blocked} == {"video", "times", "qc"}
    assert f"{avi} is a link to a file that is not there" in blocked[0].reason
    (tmp_path / "elsewhere.avi").rename(tmp_path / "nowhere.avi")
    assert stages(path, config, State.BLOCKED) == set()


@pytest.mark.parametrize("name", ["snapshot", "alf", "qc", "registration"])
def test_a_file_where_a_folder_belongs(
    tmp_path: Path, config: Configuration, rendered: Render, name: str
):
    path = rendered(tmp_path, small())
    shutil.rmtree(path / name, ignore_errors=True)
    (path / name).write_text("not a folder")
    (status,) = pending.scan_session(path, config)
    assert status.state is State.BLOCKED
    assert status.reason == f"{path / name} is a file, expected a folder: rename it"


@pytest.mark.parametrize("name", ["alf", "qc", "raw_video_data"])
def test_a_link_into_another_session_is_not_written_through(
    tmp_path: Path, config: Configuration, rendered: Render, name: str
):
    path, other = (rendered(tmp_path, small(subject=subject)) for subject in ("KB001", "KB002"))
    (other / name).mkdir(exist_ok=True)
    shutil.rmtree(path / name, ignore_errors=True)
    (path / name).symlink_to(other / name)
    (status,) = pending.scan_session(path, config)
    assert status.state is State.BLOCKED
    assert "is a link into another session, whose files would be overwritten" in status.reason
    assert State.PENDING in {each.state for each in pending.scan_session(other, config)}


def test_a_link_to_another_disk_is_as_a_folder(
    tmp_path: Path, config: Configuration, rendered: Render
):
    path = rendered(tmp_path / "data", small())
    disk = tmp_path / "disk" / "videos of KB001"
    disk.parent.mkdir()
    (path / "raw_video_data").rename(disk)
    (path / "raw_video_data").symlink_to(disk)
    assert "video" in stages(path, config, State.PENDING)


def test_a_link_of_another_user_out_of_the_session_is_not_written_through(
    tmp_path: Path, config: Configuration, rendered: Render
):
    if os.geteuid() != 0:
        pytest.skip("only root can give links to other users")
    path = rendered(tmp_path / "data", small())
    (tmp_path / "home").mkdir()
    (path / "qc").symlink_to(tmp_path / "home")
    assert "qc" in stages(path, config, State.PENDING)
    os.chown(path / "qc", 65533, 65533, follow_symlinks=False)
    (status,) = pending.scan_session(path, config)
    assert status.state is State.BLOCKED
    assert f"{path}/qc is a link out of the session, made by another user (65533)" in status.reason
