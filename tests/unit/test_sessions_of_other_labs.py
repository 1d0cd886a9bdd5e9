"""Sessions of labs without IBL's rigs: which of their files are read, and as what."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.unit.test_pulse_files import names, scanned, session

from alfvideo import configuration
from alfvideo.files.errors import Blocked
from alfvideo.planning import task_inputs, tasks
from alfvideo.session import datasets, pulse_files
from alfvideo.session.cameras import ALL_CAMERAS
from rigsim import Rig

SYNC = "raw_ephys_data"
NODE = f"{SYNC}/2026-01-05_10-00-00/Record Node 10{{}}/experiment1/recording1"
TTL = "events/Acquisition_Board-100.Rhythm_Data/TTL"
STATES = f"{NODE}/{TTL}/states.npy"
OEBIN = f"{NODE}/structure.oebin"
OPEN_EPHYS = {
    "sync": {"nidq": {"collection": SYNC, "acquisition_software": "openephys"}},
    "devices": {"cameras": {"left": {}, "side2": {}}},
}

Render = Callable[[Path, Rig], Path]


@pytest.mark.parametrize(
    ("files", "name", "raw"),
    [
        ([OEBIN.format(1), STATES.format(1)], "Open Ephys binary", [0, 1]),
        (
            [
                f"{SYNC}/experiment1/recording1/{name}"
                for name in ("structure.oebin", f"{TTL}/a.npy")
            ],
            "Open Ephys binary",
            [0, 1],
        ),
        (
            [f"{SYNC}/_timeline_DAQdata.{name}" for name in ("raw.npy", "meta.json", "t.npy")],
            "Timeline",
            [0, 1],
        ),
        ([f"{SYNC}/daq.tdms", f"{SYNC}/daq.tdms_index"], "TDMS", [0]),
        ([f"{SYNC}/daq.csv", f"{SYNC}/cameras.wiring.json"], "table (CSV, TSV or parquet)", [0, 1]),
        ([f"{SYNC}/ttl_events.tsv", f"{SYNC}/notes.csv"], "table (CSV, TSV or parquet)", [0]),
        ([f"{SYNC}/daq.h5"], "HDF5 of samples", [0]),
        ([f"{SYNC}/my_daq.npy", f"{SYNC}/x.npy"], "numpy array of samples", [0]),
    ],
)
def test_which_file_of_a_daq_is_read(tmp_path: Path, files: list[str], name: str, raw: list[int]):
    read = session(tmp_path, *files, described=OPEN_EPHYS)
    assert pulse_files.find_raw_daq(read).format.name == name
    assert names(pulse_files.raw_daq(read, ALL_CAMERAS), read) == [files[n] for n in raw]
    arrays = [f"{SYNC}/_openephys_sync.{name}.npy" for name in pulse_files.ARRAYS]
    assert names(pulse_files.sync_arrays(read, ALL_CAMERAS), read) == arrays


def test_the_record_node_with_most_events_is_read(tmp_path: Path):
    files = [pattern.format(n) for n in (1, 2, 3) for pattern in (OEBIN, STATES)]
    read = session(tmp_path, *files, described=OPEN_EPHYS)
    (tmp_path / STATES.format(2)).write_text("more content")
    found = names(pulse_files.raw_daq(read, ALL_CAMERAS), read)
    assert found == [OEBIN.format(2), STATES.format(2)]


def test_recordings_of_open_ephys_are_not_put_together(tmp_path: Path):
    again = OEBIN.format(1).replace("recording1", "recording2")
    read = session(tmp_path, OEBIN.format(1), again, described=OPEN_EPHYS)
    with pytest.raises(Blocked, match="several raw files could hold the sync"):
        pulse_files.raw_daq(read, ALL_CAMERAS)


@pytest.mark.parametrize("log", ["left.csv", "left_2026-01-05T10.csv", "leftCamera.csv"])
def test_a_log_of_frames_is_read_if_there_is_nothing_else(tmp_path: Path, log: str):
    video = "raw_video_data"
    others = [f"{video}/{name}.csv" for name in ("left2", "myleft", "side2_a")]
    read = session(tmp_path, f"{video}/{log}", *others, described=OPEN_EPHYS)
    left, side = read.cameras.values()
    for find in (datasets.embedded, datasets.frame_times, datasets.frame_log):
        assert names(find(read, left), read) == [f"{video}/{log}"]
    assert names(datasets.embedded(read, side), read) == [f"{video}/side2_a.csv"]
    (tmp_path / video / "_iblrig_leftCamera.frameData.bin").write_bytes(bytes(32))
    read = session(tmp_path, described=OPEN_EPHYS)
    found = names(datasets.embedded(read, left), read)
    assert found == [f"{video}/_iblrig_leftCamera.frameData.bin"]


def test_labels_that_begin_alike(tmp_path: Path):
    described = {**OPEN_EPHYS, "devices": {"cameras": {"left": {}, "left_2": {}}}}
    files = [f"raw_video_data/{name}" for name in ("left.csv", "left_2.csv")]
    read = session(tmp_path, *files, described=described)
    found = [names(datasets.embedded(read, camera), read) for camera in read.cameras.values()]
    assert found == [files[:1], files[1:]]


def test_two_logs_of_frames(tmp_path: Path):
    files = [f"raw_video_data/left_{n}.csv" for n in (1, 2)]
    read = session(tmp_path, *files, described=OPEN_EPHYS)
    with pytest.raises(Blocked, match=r"keep one of them: left_1\.csv, left_2\.csv"):
        datasets.embedded(read, read.cameras["left"])


def test_columns_of_a_log_are_settings_of_its_camera_only(tmp_path: Path):
    read = session(tmp_path, described=OPEN_EPHYS)
    plain = configuration.parse({"root": "x", "wheel_regions": {}})
    mapped = plain.changed(frame_logs={"left": {"frame": 0, "time": "clock", "pins": [3]}})
    for rule in ("video_sync_qc_nidq", "video_qc"):
        left, side = read.cameras.values()
        task = tasks.BY_RULE[rule]
        assert "frame_log" not in task.params(read, left, plain)
        assert task.params(read, side, mapped) == task.params(read, side, plain)
        columns = task.params(read, left, mapped)["frame_log"]
        assert (columns["frame"], columns["time"], columns["pins"]) == ("0", "clock", ["3"])


def test_a_session_of_two_cameras_and_open_ephys_is_pending(
    tmp_path: Path, rendered: Render, config: configuration.Configuration
):
    """With nothing of IBL's but the names of its videos."""
    path = rendered(tmp_path, Rig(seconds=2, scale=0.05, cameras=("left",)))
    for file in [*path.glob("raw_video_data/*Camera.*"), *path.glob("raw_ephys_data/*")]:
        if file.suffix != ".avi":
            file.unlink()
    for name in (OEBIN.format(1), STATES.format(1), "raw_video_data/left.csv"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("content")
    described = {**OPEN_EPHYS, "devices": {"cameras": {"left": {}}}}
    (path / "_ibl_experiment.description.yaml").write_text(yaml.safe_dump(described))
    states = {stage: state for (_, stage), (state, _) in scanned(path, config).items()}
    assert states.keys() >= {"raw", "video", "pulses", "times", "qc"}
    assert set(states.values()) == {"pending"}
    read = session(path, described=described)
    (camera,) = read.cameras.values()
    inputs = task_inputs.find(tasks.BY_RULE["video_sync_qc_nidq"], read, camera, config)
    assert names(inputs["embedded"], read) == ["raw_video_data/left.csv"]
