"""Which files of a camera are there, or can be made; on sessions of small files."""

from pathlib import Path

import pytest

from alfvideo.files.errors import Blocked
from alfvideo.session import datasets, description, pulse_files
from alfvideo.session.cameras import ALL_CAMERAS, Session

NIDQ = {"sync": {"nidq": {}}, "devices": {"cameras": {"left": {}, "body": {}}}}
BPOD = {"sync": {"bpod": {}}, "devices": {"cameras": {"left": {}}}}
CAMLOG = {"sync": {"nidq": {}}, "devices": {"cameras": {"left": {"compressed": True}}}}

AVI = "raw_video_data/_iblrig_leftCamera.raw.avi"
SYNC = [f"_spikeglx_sync.{name}.npy" for name in ("channels", "polarities", "times")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "KB001" / "2026-01-01" / "001"


def session(folder: Path, described: dict, *files: str) -> Session:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("content")
    return description.parse(folder, described)


def names(found: list[Path], read: Session) -> list[str]:
    return [file.relative_to(read.path).as_posix() for file in found]


def test_originals_are_there_or_not(folder: Path):
    read = session(folder, NIDQ, AVI)
    left, body = read.cameras["left"], read.cameras["body"]
    assert datasets.has_raw_video(read, left) is True
    assert datasets.has_raw_video(read, body) is False
    assert names(datasets.originals(read, left), read) == [AVI]
    with pytest.raises(Blocked, match=r"raw video missing: raw_video_data/_iblrig_bodyCamera"):
        datasets.originals(read, body)


def test_originals_of_a_camlog_rig_are_two(folder: Path):
    video = "raw_video_data/left_cam_run000.avi"
    read = session(folder, CAMLOG, video, AVI)
    with pytest.raises(Blocked, match="camera log missing"):
        datasets.originals(read, read.cameras["left"])
    assert names(datasets.raw_video(read, read.cameras["left"]), read) == [video]
    log = video.replace("avi", "camlog")
    read = session(folder, CAMLOG, log)
    assert names(datasets.originals(read, read.cameras["left"]), read) == [video, log]
    assert names(datasets.raw_video(read, read.cameras["left"]), read) == [video, log]
    assert names(datasets.camlog(read, read.cameras["left"]), read) == [log]
    (frame_log,) = datasets.frame_log(read, read.cameras["left"])
    assert frame_log.name == "_iblrig_leftCamera.raw.camlog"


def test_parts_of_a_recording_are_in_order(folder: Path):
    parts = [f"raw_video_data/left_cam_run000_{n:08d}.avi" for n in (2, 0, 1)]
    log = "raw_video_data/left_cam_run000.camlog"
    read = session(folder, CAMLOG, *parts, log)
    assert names(datasets.originals(read, read.cameras["left"]), read) == [*sorted(parts), log]
    logs = [part.replace("avi", "camlog") for part in parts]
    (folder / log).unlink()
    read = session(folder, CAMLOG, *parts, *logs)
    assert names(datasets.camlog(read, read.cameras["left"]), read) == sorted(logs)
    (folder / sorted(parts)[1]).unlink()
    read = session(folder, CAMLOG)
    with pytest.raises(Blocked, match="part 1 of the raw video is missing, copy it from the rig"):
        datasets.avi(read, read.cameras["left"])


@pytest.mark.parametrize("other", ["left_cam_run001_00000001", "left_cam_run000", "left_camera"])
def test_two_recordings_are_no_parts(folder: Path, other: str):
    videos = [f"raw_video_data/{name}.avi" for name in ("left_cam_run000_00000000", other)]
    read = session(folder, CAMLOG, *videos)
    with pytest.raises(Blocked, match="several files could be the raw video, keep one of them"):
        datasets.avi(read, read.cameras["left"])


def test_a_camlog_rig_that_the_description_does_not_name(folder: Path):
    read = session(folder, NIDQ, "raw_video_data/left_cam_run000_00000000.avi")
    with pytest.raises(
        Blocked, match=r"raw video missing.*add `compressed: true` to the camera left"
    ):
        datasets.avi(read, read.cameras["left"])


def test_embedded_data_in_another_case(folder: Path):
    name = "raw_video_data/_iblrig_leftCamera.FRAMEDATA.BIN"
    read = session(folder, NIDQ, name)
    assert names(datasets.embedded(read, read.cameras["left"]), read) == [name]
    assert names(datasets.frame_times(read, read.cameras["left"]), read) == [name]


def test_dates_are_those_of_the_file_behind_a_link(folder: Path):
    read = session(folder, NIDQ, "raw_video_data/elsewhere.avi")
    (folder / AVI).symlink_to(folder / "raw_video_data/elsewhere.avi")
    assert datasets.has_raw_video(read, read.cameras["left"])
    (folder / "raw_video_data/elsewhere.avi").unlink()
    read = session(folder, NIDQ)
    with pytest.raises(Blocked, match="is a link to a file that is not there"):
        datasets.avi(read, read.cameras["left"])
    assert read.lookups.cacheable is False


def test_times_can_be_made_from_video_and_pulses(folder: Path):
    read = session(folder, NIDQ)
    left = read.cameras["left"]
    with pytest.raises(Blocked, match="raw video missing"):
        datasets.times(read, left)
    read = session(folder, NIDQ, AVI)
    with pytest.raises(Blocked, match="sync missing"):
        datasets.times(read, left)
    read = session(folder, NIDQ, *(f"raw_ephys_data/{name}" for name in SYNC))
    assert names(datasets.times(read, left), read) == ["alf/_ibl_leftCamera.times.npy"]


def test_times_that_are_there_need_nothing(folder: Path):
    read = session(folder, NIDQ, "alf/_ibl_leftCamera.times.npy")
    assert datasets.times(read, read.cameras["left"])
    with pytest.raises(Blocked):
        datasets.times(read, read.cameras["body"])


@pytest.mark.parametrize(
    ("cameras", "on_port_1"),
    [
        ({"left": {}}, "left"),
        ({"top": {}}, "top"),
        ({"left": {}, "right": {}}, "left"),
        ({"left": {}, "top": {"sync_label": "Port1"}}, "top"),
        ({"left": {}, "top": {"sync_label": "port_1"}, "body": {"sync_label": "Port2"}}, "top"),
        ({"top": {}, "right": {}}, None),
    ],
)
def test_a_bpod_has_the_pulses_of_one_camera(folder: Path, cameras: dict, on_port_1: str | None):
    described = {"sync": {"bpod": {"collection": "raw"}}, "devices": {"cameras": cameras}}
    read = session(folder, described, "raw/_iblrig_taskData.raw.jsonable")
    assert len(pulse_files.task_data(read, ALL_CAMERAS)) == 1
    for label, camera in read.cameras.items():
        if label == on_port_1:
            assert len(pulse_files.task_data(read, camera)) == 1
        else:
            with pytest.raises(Blocked, match=f"one camera, on Port 1, which is not {label}"):
                pulse_files.task_data(read, camera)


def test_empty_times_are_none(folder: Path):
    read = session(folder, NIDQ, "alf/_ibl_leftCamera.times.npy")
    (folder / "alf/_ibl_leftCamera.times.npy").write_text("")
    with pytest.raises(Blocked, match="raw video missing"):
        datasets.times(read, read.cameras["left"])


def test_sync_of_an_old_session_is_in_the_folder_of_a_probe(folder: Path):
    files = [f"raw_ephys_data/probe00/{name}" for name in SYNC]
    meta = "raw_ephys_data/probe00/x.imec.ap.meta"
    read = session(folder, NIDQ, *files, meta, "raw_ephys_data/notes.txt")
    left = read.cameras["left"]
    assert names(pulse_files.sync_arrays(read, left), read) == files
    # so that it is noticed if they go
    ephys = folder / "raw_ephys_data"
    assert set(read.lookups.folders) == {str(ephys), str(ephys / "probe00")}
    assert names(pulse_files.wiring(read, left), read) == [meta]


def test_sync_of_the_nidq_goes_before_that_of_the_probes(folder: Path):
    nidq = [f"raw_ephys_data/nidq/{name}" for name in SYNC]
    probe = [f"raw_ephys_data/probe00/{name}" for name in SYNC]
    read = session(folder, NIDQ, *nidq, *probe, "raw_ephys_data/nidq/x.nidq.meta")
    (folder / probe[-1]).write_bytes(bytes(1000))
    assert names(pulse_files.sync_arrays(read, read.cameras["left"]), read) == nidq


def test_sync_of_the_probe_with_the_most_fronts(folder: Path):
    files = {n: [f"raw_ephys_data/probe0{n}/{name}" for name in SYNC] for n in range(3)}
    read = session(folder, NIDQ, *files[0], *files[1], *files[2][:2])
    (folder / files[1][-1]).write_bytes(bytes(1000))
    (folder / files[2][0]).write_bytes(bytes(9000))
    assert names(pulse_files.sync_arrays(read, read.cameras["left"]), read) == files[1]


def test_two_sync_arrays_are_not_enough(folder: Path):
    read = session(folder, NIDQ, *(f"raw_ephys_data/{name}" for name in SYNC[1:]))
    with pytest.raises(Blocked, match=r"raw_ephys_data has no _spikeglx_sync\.times\.npy"):
        pulse_files.sync_arrays(read, read.cameras["left"])


def test_sync_line_of_the_camera(folder: Path):
    meta = "raw_ephys_data/x.nidq.meta"
    files = [f"raw_ephys_data/{name}" for name in SYNC]
    read = session(folder, NIDQ, *files, meta, "raw_ephys_data/x.nidq.wiring.json")
    assert len(datasets.ttl(read, read.cameras["left"])) == 5
    read = session(folder / "none", NIDQ)
    assert datasets.ttl(read, read.cameras["left"]) == []


def test_sync_line_of_a_bpod_rig(folder: Path):
    data = "raw_behavior_data/_iblrig_taskData.raw.jsonable"
    settings = "raw_behavior_data/_iblrig_taskSettings.raw.json"
    read = session(folder, BPOD, settings, "raw_behavior_data/x.nidq.meta")
    left = read.cameras["left"]
    assert datasets.ttl(read, left) == []
    with pytest.raises(Blocked, match=r"sync missing: .*taskData\.raw\.jsonable"):
        pulse_files.task_data(read, left)
    read = session(folder, BPOD, data)
    assert names(datasets.ttl(read, left), read) == [data, settings]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], 0),
        (["alf/_ibl_wheel.position.npy"], 0),
        (["alf/_ibl_wheel.position.npy", "alf/task_00/_ibl_wheel.timestamps.npy"], 0),
        (["alf/_ibl_wheel.position.npy", "alf/_ibl_wheel.timestamps.npy"], 2),
        (["alf/task_00/wheel.position.npy", "alf/task_00/wheel.timestamps.npy"], 2),
        (["alf/#new#/wheel.position.npy", "alf/#new#/wheel.timestamps.npy"], 0),
    ],
)
def test_wheel_needs_both_arrays_in_one_folder(folder: Path, files: list[str], expected: int):
    read = session(folder, NIDQ, *files)
    assert names(datasets.wheel(read, ALL_CAMERAS), read) == files[:expected]


def test_trials_are_those_of_the_tasks_then_of_the_session(folder: Path):
    arrays = ["choice", "feedbackType", "feedback_times", "stimOn_times"]
    found = [f"alf/_ibl_trials.{name}.npy" for name in arrays]
    read = session(folder, NIDQ, *found, "alf/_ibl_trials.rewardVolume.npy")
    assert names(datasets.trials(read, ALL_CAMERAS), read) == found
    read = session(folder, NIDQ, "alf/_ibl_trials.table.pqt")
    assert names(datasets.trials(read, ALL_CAMERAS), read) == ["alf/_ibl_trials.table.pqt"]
    tables = [f"alf/task_0{i}/_ibl_trials.table.pqt" for i in range(2)]
    read = session(folder, NIDQ, *tables)
    assert names(datasets.trials(read, ALL_CAMERAS), read) == tables


def test_embedded_data_and_acquisition_code(folder: Path):
    frame_data = "raw_video_data/_iblrig_leftCamera.frameData.bin"
    code = "raw_video_data/_iblrig_videoCodeFiles.raw.zip"
    read = session(folder, NIDQ, frame_data, code, AVI)
    left = read.cameras["left"]
    assert names(datasets.embedded(read, left), read) == [frame_data]
    assert names(datasets.frame_times(read, left), read) == [frame_data]
    assert names(datasets.frame_log(read, left), read) == [frame_data]
    assert names(datasets.video_code(read, left), read) == [code]
    with pytest.raises(Blocked, match=r"neither _iblrig_bodyCamera\.frameData\.bin, "):
        datasets.frame_times(read, read.cameras["body"])


def test_found_files_can_be_changed_without_harm(folder: Path):
    read = session(folder, NIDQ, AVI)
    read.find("raw_video_data", "*.avi").clear()
    assert names(read.find("raw_video_data", "*.avi"), read) == [AVI]
    assert read.find("raw_video_data", "*.mp4") == []
    assert read.find("raw_video_data", "*.mp4", "*.avi") == [folder / AVI]
    assert "raw_video_data" in read.listing(".")
    assert set(read.lookups.folders) == {str(folder), str(folder / "raw_video_data")}
    assert read.listing("nowhere") == {}
    assert AVI.split("/")[1] in read.siblings(folder / AVI)


def test_paths_of_a_camera(folder: Path):
    read = session(folder, CAMLOG)
    left = read.cameras["left"]
    for _ in range(2):
        assert datasets.path(datasets.RAW_MP4, read, left) == (
            folder / "raw_video_data" / "_iblrig_leftCamera.raw.mp4"
        )
        assert datasets.path(datasets.LICKS, read, ALL_CAMERAS) == folder / "alf/licks.times.npy"
