"""The rig generator: its files against its own truth, decoded here without the generator's code."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from rigsim import CAMERAS, FAULTS, Fault, Rig, load_truth, pose, render, scene
from rigsim.clock import camera_timestamps

SECONDS = 8.0
SMALL = Rig(seconds=SECONDS, scale=0.05, seed=1)
NIDQ_RATE = 30003.0003
GRID = {"spikeglx": NIDQ_RATE, "timeline": 1000.0, "camlog": NIDQ_RATE, "bpod": 1e4}


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """One healthy session of each kind: kind -> session path."""
    root = tmp_path_factory.mktemp("rigs")
    return {kind: render(root, replace(SMALL, kind=kind, subject=kind)) for kind in CAMERAS}


def sync(session, namespace="spikeglx", collection="raw_ephys_data"):
    names = ("times", "polarities", "channels")
    folder = session / collection
    return {n: np.load(folder / f"_{namespace}_sync.{n}.npy") for n in names}


def channel(arrays, number):
    here = arrays["channels"] == number
    return arrays["times"][here], arrays["polarities"][here]


def frame_data(session, camera):
    file = session / "raw_video_data" / f"_iblrig_{camera}Camera.frameData.bin"
    return np.fromfile(file, np.float64).reshape(-1, 4)


def pin(values, number):
    return values.astype(np.uint32) >> np.uint32(32 - number) & np.uint32(1) == 1


def decoded_frames(file):
    with av.open(str(file)) as container:
        return [f.to_ndarray() for f in container.decode(video=0)]


def avi(session, camera):
    (file,) = (session / "raw_video_data").glob(f"*{camera}*.avi")
    return file


def bpod_events(session):
    """Name -> absolute times of the events of all trials, and the trials' periods."""
    (file,) = session.glob("raw_*/_iblrig_taskData.raw.jsonable")
    events, periods = {}, []
    for line in file.read_text().splitlines():
        data = json.loads(line)["behavior_data"]
        offset = data["Trial start timestamp"] - data["Bpod start timestamp"]
        periods.append((offset, data["Trial end timestamp"] - data["Bpod start timestamp"]))
        for name, times in data["Events timestamps"].items():
            events.setdefault(name, []).extend(np.array(times) + offset)
    return {name: np.array(times) for name, times in events.items()}, np.array(periods)


def channels_of(session, kind):
    """The sync arrays of a session, and its camera and audio channel numbers."""
    if kind == "timeline":
        meta = json.loads((session / "raw_sync_data/_timeline_DAQdata.meta.json").read_text())
        numbers = {i["name"]: i["arrayColumn"] for i in meta["inputs"]}
        return sync(session, "timeline", "raw_sync_data"), numbers
    if kind == "camlog":
        wiring = json.loads((session / "raw_sync_data/_spikeglx_DAQdata.wiring.json").read_text())
        numbers = {name: int(p[3:]) for p, name in wiring["SYNC_WIRING_DIGITAL"].items()}
        return sync(session, collection="raw_sync_data"), numbers
    return sync(session), {"left_camera": 0, "right_camera": 1, "body_camera": 2, "audio": 7}


@pytest.mark.parametrize("kind", CAMERAS)
def test_videos_have_the_saved_frames(healthy, kind):
    for camera, full in CAMERAS[kind].items():
        with av.open(str(avi(healthy[kind], camera))) as container:
            stream = container.streams.video[0]
            codec = stream.codec_context
            assert codec.name == ("h264" if kind == "camlog" else "mjpeg")
            assert codec.pix_fmt == "yuvj420p"
            assert stream.average_rate == full.fps
            assert codec.width == pytest.approx(0.05 * full.width, abs=1)
            assert codec.height == pytest.approx(0.05 * full.height, abs=1)
            assert codec.width % 2 == codec.height % 2 == 0
            n_frames = sum(1 for _ in container.decode(stream))
        truth = load_truth(healthy[kind], camera)
        assert n_frames == round(SECONDS * full.fps) == len(truth["times"])
        assert truth["keypoints"].shape == (n_frames, len(truth["parts"]), 2)
        assert truth["pupil_diameter"].shape == truth["wheel_at_frames"].shape == (n_frames,)


def test_luma_is_the_drawn_gray_in_full_range(healthy):
    frame = decoded_frames(avi(healthy["spikeglx"], "left"))[0]
    height, width = SMALL.frame_size("left")[::-1]
    luma, chroma = frame[:height], frame[height:]
    assert (chroma == 128).all()
    assert luma[:4, -10:].mean() > 200
    assert luma.shape == (height, width)


@pytest.mark.parametrize("kind", ["spikeglx", "timeline", "camlog"])
def test_one_pulse_per_exposure_on_the_grid_of_the_daq(healthy, kind):
    arrays, numbers = channels_of(healthy[kind], kind)
    assert (np.diff(arrays["times"]) >= 0).all()
    ticks = arrays["times"] * GRID[kind]
    assert np.abs(ticks - np.round(ticks)).max() < 1e-3
    for camera, full in CAMERAS[kind].items():
        truth = load_truth(healthy[kind], camera)
        times, polarities = channel(arrays, numbers[f"{camera}_camera"])
        assert (polarities[::2] == 1).all()
        assert (polarities[1::2] == -1).all()
        late = times[::2] - truth["exposure_times"]
        assert late.min() >= -1e-9
        assert late.max() < 1 / GRID[kind]
        assert len(truth["exposure_times"]) - len(truth["times"]) == (0 if kind == "camlog" else 7)
        rate = 1 / np.diff(truth["exposure_times"]).mean()
        assert rate == pytest.approx(full.rate, abs=0.005)
        residual = truth["exposure_times"] - np.arange(len(times) // 2) / full.rate
        assert np.ptp(residual) < 2e-4


@pytest.mark.parametrize("kind", ["spikeglx", "timeline", "bpod"])
def test_pin_follows_the_recorded_sync_line(healthy, kind):
    if kind == "bpod":
        events, _ = bpod_events(healthy[kind])
        fronts = np.sort(np.r_[events["BNC2High"], events["BNC2Low"]])
    else:
        arrays, numbers = channels_of(healthy[kind], kind)
        fronts, polarities = channel(arrays, numbers["audio"])
        assert set(polarities[::2]) == {1}
    assert len(fronts) >= 6
    lengths = np.unique(np.round(np.diff(fronts)[::2], 1))
    assert set(lengths) <= {0.1, 0.5}
    for camera in CAMERAS[kind]:
        truth = load_truth(healthy[kind], camera)
        values = frame_data(healthy[kind], camera)[:, 3]
        high = pin(values, 4)
        # A front never falls within a sample of an exposure, so the grid does not matter.
        grid = np.ceil(truth["times"] * GRID[kind]) / GRID[kind]
        assert np.array_equal(high, np.searchsorted(fronts, grid + 1e-9) % 2 == 1)
        assert np.count_nonzero(np.diff(high)) == len(fronts)
        assert not pin(values, 1).any()


def test_camera_clock_drifts_from_the_daq(healthy):
    for camera in CAMERAS["spikeglx"]:
        truth = load_truth(healthy["spikeglx"], camera)
        stamps = frame_data(healthy["spikeglx"], camera)[:, 1].astype(np.uint32)
        parts = (stamps >> 25) + (stamps >> 12 & 0x1FFF) / 8000 + (stamps & 0xFFF) / 24.576e6
        seconds = np.unwrap(parts, period=128)
        slope = np.polyfit(truth["times"], seconds, 1)[0]
        assert (slope - 1) * 1e6 == pytest.approx(truth["camera_clock"][1], abs=0.2)
        assert 100 < truth["camera_clock"][0] < 128


def test_camera_clock_wraps_at_128_seconds():
    before, after = camera_timestamps(np.array([127.99995, 128.0]))
    assert before >> 25 == 127
    assert before >> 12 & 0x1FFF == 7999
    assert after == 0


@pytest.mark.parametrize("form", ["ssv", "ssv_reversed"])
def test_separate_files_hold_what_frame_data_hold(tmp_path, form):
    rig = replace(SMALL, cameras=("left",), frame_data=form)
    other = render(tmp_path, replace(rig, frame_data="bin", subject="BIN"))
    folder = render(tmp_path, rig) / "raw_video_data"
    table = frame_data(other, "left")
    assert not list(folder.glob("*frameData*"))
    rows = [
        r.split() for r in (folder / "_iblrig_leftCamera.timestamps.ssv").read_text().splitlines()
    ]
    first, second = zip(*rows, strict=True)
    computer, stamps = (first, second) if form == "ssv" else (second, first)
    assert np.array_equal(np.array(stamps, np.int64), table[:, 1])
    times = np.array([t.removesuffix("+00:00") for t in computer], "datetime64[ns]")
    assert np.allclose(np.diff(times).astype(float) / 1e9, np.diff(table[:, 0]) / 1e7, atol=1e-6)
    for column, name in ((2, "frame_counter"), (3, "GPIO")):
        values = np.fromfile(folder / f"_iblrig_leftCamera.{name}.bin", np.float64)
        assert np.array_equal(values, table[:, column])


def test_computer_times_are_on_the_date_of_the_session(healthy):
    ticks = frame_data(healthy["spikeglx"], "left")[0, 0]
    days = np.datetime64("0001-01-01") + np.timedelta64(int(ticks // (864e9)), "D")
    assert str(days) == SMALL.date


def test_wheel_fronts_decode_to_the_wheel(healthy):
    arrays = sync(healthy["spikeglx"])
    position = np.load(healthy["spikeglx"] / "alf/_ibl_wheel.position.npy")
    times = np.load(healthy["spikeglx"] / "alf/_ibl_wheel.timestamps.npy")
    here = np.isin(arrays["channels"], (5, 6))
    line = arrays["channels"][here] - 5
    polarity = arrays["polarities"][here]
    # Levels of A and B after each front; the first front of each line tells its level before.
    level = np.zeros((line.size + 1, 2), int)
    for i in range(2):
        level[0, i] = polarity[line == i][0] == -1
    for i, (which, up) in enumerate(zip(line, polarity == 1, strict=True)):
        level[i + 1] = level[i]
        level[i + 1, which] = up
    state = np.array([[0, 3], [1, 2]])[level[:, 0], level[:, 1]]
    step = (np.diff(state) + 1) % 4 - 1
    assert np.isin(step, (-1, 1)).all()
    decoded = np.cumsum(step) * 2 * np.pi / 4096
    assert np.allclose(decoded - decoded[0], position - position[0], atol=1e-9)
    assert np.abs(arrays["times"][here] - times).max() < 1 / NIDQ_RATE
    truth = load_truth(healthy["spikeglx"], "left")
    coarse = np.interp(truth["times"], times, position)
    assert np.abs(coarse - truth["wheel_at_frames"]).max() < 0.01
    assert np.ptp(position) > 0.5


def trials_table(session):
    return pd.read_parquet(session / "alf/_ibl_trials.table.pqt")


@pytest.mark.parametrize("kind", CAMERAS)
def test_trials_table_is_what_happened(healthy, kind):
    table, truth = trials_table(healthy[kind]), load_truth(healthy[kind])
    assert len(table) == len(truth["go_cue_times"]) >= 3
    assert (table.dtypes == np.float64).all()
    assert np.array_equal(table[["intervals_0", "intervals_1"]].T,
                          [truth["trial_starts"], truth["trial_ends"]])  # fmt: skip
    assert np.array_equal(table["goCue_times"], truth["go_cue_times"])
    assert np.allclose(table["goCue_times"] - table["stimOn_times"], 0.01, atol=1e-9)
    for name in ("response_times", "feedback_times"):
        assert np.array_equal(table[name], truth["feedback_times"])
    assert np.array_equal(table["feedbackType"], np.where(truth["feedback_correct"], 1, -1))
    assert np.array_equal(table["choice"], truth["choices"])


@pytest.mark.parametrize("kind", CAMERAS)
def test_choice_is_the_way_the_wheel_turns(healthy, kind):
    table = trials_table(healthy[kind])
    wheel = [np.load(healthy[kind] / f"alf/_ibl_wheel.{a}.npy") for a in ("timestamps", "position")]
    feedback = table["feedback_times"]
    turned = np.interp(feedback + 0.2, *wheel) - np.interp(feedback - 0.2, *wheel)
    assert (turned * table["choice"] > 0.2).all()
    first = table["firstMovement_times"]
    assert (first > table["goCue_times"]).all()
    assert (first < feedback - 0.05).all()
    rest, before = (np.interp(first + s, *wheel) - np.interp(first + s - 0.1, *wheel)
                    for s in (-0.1, 0.1))  # fmt: skip
    assert (np.abs(before) > 2 * np.abs(rest)).all()
    left, right = table["contrastLeft"], table["contrastRight"]
    assert (left.isna() != right.isna()).all()
    # A turn to the left is right for a stimulus on the left.
    assert np.array_equal(left.notna(), table["choice"] == table["feedbackType"])


def test_choices_go_both_ways(healthy):
    assert set(trials_table(healthy["spikeglx"])["choice"]) == {1.0, -1.0}


def test_stimulus_is_on_when_its_line_rises(healthy):
    rises, polarities = channel(sync(healthy["spikeglx"]), 4)
    late = rises[polarities == 1] - trials_table(healthy["spikeglx"])["stimOn_times"]
    assert late.min() >= -1e-9
    assert late.max() < 1 / NIDQ_RATE


def test_trial_without_response(tmp_path):
    (trial,) = trials_table(render(tmp_path, replace(SMALL, seconds=2))).to_dict("records")
    for name in ("feedback_times", "response_times", "firstMovement_times"):
        assert np.isnan(trial[name])
    assert trial["choice"] == 0
    assert trial["feedbackType"] == -1
    assert trial["contrastLeft"] == 1
    assert len(trials_table(render(tmp_path, replace(SMALL, seconds=1)))) == 0


def test_bpod_records_pulses_only_within_trials(healthy):
    events, periods = bpod_events(healthy["bpod"])
    truth = load_truth(healthy["bpod"], "left")
    exposures = truth["exposure_times"]
    nearest = exposures[np.abs(events["Port1In"][:, None] - exposures).argmin(axis=1)]
    late = events["Port1In"] - nearest
    assert late.min() > -1e-9
    assert late.max() < 1.01e-4
    within = ((exposures > periods[:, :1]) & (exposures + 2e-4 < periods[:, 1:])).any(axis=0)
    assert len(events["Port1In"]) == pytest.approx(within.sum(), abs=2)
    assert within.sum() < len(exposures) - 30
    assert (periods[1:, 0] - periods[:-1, 1] > 0.25).all()
    assert truth["times"][-1] - periods[-1, 1] > 1.5
    assert periods[0, 0] == 0 < exposures[0] < periods[0, 1]


def test_camlog_lists_the_frames(healthy):
    for camera in CAMERAS["camlog"]:
        (file,) = (healthy["camlog"] / "raw_video_data").glob(f"{camera}_cam*.camlog")
        lines = file.read_text().splitlines()
        assert "# Log header:frame_id,timestamp" in lines
        rows = np.array([line.split(",") for line in lines if not line.startswith("#")], float)
        truth = load_truth(healthy["camlog"], camera)
        assert np.array_equal(rows[:, 0], np.arange(len(truth["times"])))
        assert np.allclose(np.diff(rows[:, 1]), np.diff(truth["times"]), atol=3e-6)


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path):
    def digest(root, seed):
        render(root, replace(SMALL, seconds=1, seed=seed))
        files = sorted(f for f in root.rglob("*") if f.is_file() and f.suffix != ".npz")
        return {f.relative_to(root): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}

    first, again = digest(tmp_path / "a", 1), digest(tmp_path / "b", 1)
    other = digest(tmp_path / "c", 2)
    assert first == again
    assert len(first) > 15
    changed = {str(f) for f in first if first[f] != other[f]}
    assert any(f.endswith("leftCamera.raw.avi") for f in changed)
    assert any(f.endswith("sync.times.npy") for f in changed)


def test_a_fault_changes_nothing_else(tmp_path, healthy):
    rig = replace(SMALL, faults={"left": ((Fault.DROPPED, 4),)})
    faulty = render(tmp_path, rig)
    before, after = (load_truth(s, "left") for s in (healthy["spikeglx"], faulty))
    assert len(after["dropped"]) == 4
    assert np.array_equal(before["exposure_times"], after["exposure_times"])
    assert np.array_equal(before["lick_times"], after["lick_times"])
    counter = frame_data(faulty, "left")[:, 2]
    assert np.count_nonzero(np.diff(counter) > 1) in (1, 2, 3, 4)
    assert np.diff(counter).sum() == len(before["times"]) - 1
    assert len(decoded_frames(avi(faulty, "left"))) == len(counter) == len(before["times"]) - 4
    kept = np.isin(before["times"], after["times"])
    shown = np.nan_to_num(before["keypoints"][kept])
    assert np.abs(shown - np.nan_to_num(after["keypoints"]))[:, :7].max() < 1e-6
    for name, values in sync(faulty).items():
        assert np.array_equal(values, sync(healthy["spikeglx"])[name])


def faulty_channel(tmp_path, faults, number=0, **changes):
    rig = replace(SMALL, scale=0.02, faults=faults, **changes)
    session = render(tmp_path, rig)
    return load_truth(session, "left"), *channel(sync(session), number)


def test_pulses_missing_at_the_ends_of_one_channel(tmp_path):
    faults = {"left": ((Fault.PULSES_MISSING_AT_END, 1.5), (Fault.PULSES_MISSING_AT_START, 0.5))}
    truth, times, _ = faulty_channel(tmp_path, faults)
    assert times[0] == pytest.approx(truth["times"][0] + 0.5, abs=0.017)
    assert times[-1] == pytest.approx(truth["times"][-1] - 1.5, abs=0.017)
    session = tmp_path / SMALL.session
    right, _ = channel(sync(session), 1)
    assert len(right) == 2 * len(load_truth(session, "right")["exposure_times"])
    assert len(truth["pulses"]) == len(times) / 2


def test_daq_stopped_early_on_all_channels(tmp_path):
    faults = {"daq": ((Fault.PULSES_MISSING_AT_END, 2),)}
    truth, times, _ = faulty_channel(tmp_path, faults)
    stop = truth["times"][-1] - 2
    assert times[-1] == pytest.approx(stop, abs=0.017)
    assert sync(tmp_path / SMALL.session)["times"][-1] <= stop
    assert truth["times"][-1] > stop


def test_channel_that_starts_with_a_fall(tmp_path):
    truth, times, polarities = faulty_channel(tmp_path, {"left": (Fault.STARTS_WITH_FALL,)})
    assert polarities[0] == -1
    assert polarities[1] == 1
    assert len(times) == 2 * len(truth["exposure_times"]) + 1
    assert 0 < truth["exposure_times"][0] - times[0] < 0.02


@pytest.mark.parametrize(("fault", "more"), [(Fault.EXTRA_PULSE, 2), (Fault.MISSING_PULSE, -2)])
def test_extra_and_missing_pulses(tmp_path, fault, more):
    truth, times, _ = faulty_channel(tmp_path, {"left": ((fault, 2),)})
    assert len(times) == 2 * (len(truth["exposure_times"]) + more)


def test_sync_pulse_that_no_camera_saw(tmp_path):
    truth, fronts, _ = faulty_channel(tmp_path, {"daq": ((Fault.UNSEEN_SYNC_PULSE, 0.2),)}, 7)
    assert fronts[2] - fronts[0] == pytest.approx(0.2, abs=0.02)
    assert fronts[0] < fronts[1] < fronts[0] + 0.001
    assert len(truth["sync_pulses"]) == len(truth["seen_sync_pulses"]) + 1
    for camera in CAMERAS["spikeglx"]:
        session = tmp_path / SMALL.session
        high = pin(frame_data(session, camera)[:, 3], 4)
        assert np.count_nonzero(np.diff(high)) == len(fronts) - 2


def test_silent_trial_has_no_sound(tmp_path):
    session = render(
        tmp_path, replace(SMALL, kind="bpod", seconds=20, faults={"daq": (Fault.SILENT_TRIAL,)})
    )
    lines = (session / "raw_task_data_00/_iblrig_taskData.raw.jsonable").read_text().splitlines()
    events = [json.loads(line)["behavior_data"]["Events timestamps"] for line in lines]
    assert [i for i, e in enumerate(events) if "BNC2High" not in e] == [len(events) // 2]


@pytest.mark.parametrize("form", ["bin", "ssv"])
def test_no_gpio(tmp_path, form):
    rig = replace(SMALL, seconds=2, frame_data=form, faults={"left": (Fault.NO_GPIO,)})
    session = render(tmp_path, rig)
    if form == "bin":
        assert (frame_data(session, "left")[:, 3] == 0).all()
    else:
        names = {f.name for f in (session / "raw_video_data").glob("*GPIO*")}
        assert names == {"_iblrig_rightCamera.GPIO.bin", "_iblrig_bodyCamera.GPIO.bin"}


def test_damaged_and_missing_videos(tmp_path):
    rig = replace(
        SMALL,
        seconds=2,
        faults={"left": (Fault.TRUNCATED_AVI,), "right": (Fault.EMPTY_AVI,),
                "body": (Fault.HEADER_ONLY_AVI,)},
    )  # fmt: skip
    session = render(tmp_path, rig)
    whole = render(tmp_path / "whole", replace(rig, faults={}))
    half = avi(whole, "left").stat().st_size // 2
    assert avi(session, "left").stat().st_size == half
    assert avi(session, "right").stat().st_size == 0
    header = avi(session, "body").read_bytes()
    assert header.endswith(b"movi")
    assert avi(whole, "body").read_bytes().startswith(header)
    assert len(load_truth(session, "left")["times"]) == 120


def test_missing_camera_unfinished_transfer_and_fewer_frames(tmp_path):
    rig = replace(
        SMALL,
        seconds=2,
        faults={"left": (Fault.MISSING_CAMERA,), "right": (Fault.UNFINISHED_TRANSFER,),
                "body": ((Fault.FEWER_FRAMES, 7),)},
    )  # fmt: skip
    session = render(tmp_path, rig)
    names = {f.name for f in (session / "raw_video_data").iterdir()}
    assert not any("leftCamera" in n for n in names)
    assert any("rightCamera" in n for n in names)
    described = yaml.safe_load((session / "_ibl_experiment.description.yaml").read_text())
    assert set(described["devices"]["cameras"]) == {"left", "right", "body"}
    (stub,) = (session / "_devices").iterdir()
    assert set(yaml.safe_load(stub.read_text())["devices"]["cameras"]) == {"right"}
    assert len(decoded_frames(avi(session, "body"))) == len(frame_data(session, "body")) - 7


@pytest.mark.parametrize("kind", CAMERAS)
def test_description_of_each_kind(healthy, kind):
    described = yaml.safe_load((healthy[kind] / "_ibl_experiment.description.yaml").read_text())
    (system, sync_entry), *_ = described["sync"].items()
    assert system == ("bpod" if kind == "bpod" else "nidq")
    assert (healthy[kind] / sync_entry["collection"]).is_dir()
    assert described["version"] == "1.0.0"
    ((_, task),) = described["tasks"][0].items()
    assert (healthy[kind] / task["collection"] / "_iblrig_taskSettings.raw.json").exists()
    for camera, entry in described["devices"]["cameras"].items():
        assert entry["fps"] == CAMERAS[kind][camera].fps
        assert entry["sync_label"] == (None if kind == "camlog" else "audio")
        assert entry.get("compressed", False) == (kind == "camlog")


def test_old_descriptions_and_sessions_without_one(tmp_path):
    old = render(tmp_path, replace(SMALL, seconds=1, description="0.0.1"))
    described = yaml.safe_load((old / "_ibl_experiment.description.yaml").read_text())
    assert isinstance(described["tasks"], dict)
    older = render(tmp_path, replace(SMALL, seconds=1, description=None, subject="OLD"))
    assert not (older / "_ibl_experiment.description.yaml").exists()
    settings = json.loads((older / "raw_behavior_data/_iblrig_taskSettings.raw.json").read_text())
    assert settings["PYBPOD_PROTOCOL"] == "_iblrig_tasks_ephysChoiceWorld"


def test_old_probe_holds_the_sync(tmp_path):
    session = render(tmp_path, replace(SMALL, seconds=2, description=None, neuropixel="3A"))
    arrays = sync(session, collection="raw_ephys_data/probe00")
    times, _ = channel(arrays, 2)
    assert len(times) == 2 * len(load_truth(session, "left")["exposure_times"])
    assert list((session / "raw_ephys_data/probe00").glob("*.ap.meta"))
    assert not list((session / "raw_ephys_data").glob("*.nidq.meta"))


@pytest.mark.parametrize("extent", ["partial", "full"])
def test_wiring_file_moves_the_cameras(tmp_path, extent):
    session = render(tmp_path, replace(SMALL, seconds=2, wiring=extent))
    (file,) = (session / "raw_ephys_data").glob("*.wiring.json")
    wired = json.loads(file.read_text())["SYNC_WIRING_DIGITAL"]
    assert wired["P0.2"] == "left_camera"
    assert ("audio" in wired.values()) == (extent == "full")
    times, _ = channel(sync(session), 2)
    assert len(times) == 2 * len(load_truth(session, "left")["exposure_times"])


def test_lab_in_the_path_and_truth_aside(tmp_path):
    session = render(tmp_path, replace(SMALL, seconds=1, lab="lab", wheel=False, trials=False))
    assert session == tmp_path / "lab/Subjects/KB001/2026-01-01/001"
    assert not (session / "alf").exists()
    assert not list(session.rglob("*.npz"))
    assert (tmp_path / ".truth/lab/Subjects/KB001/2026-01-01/001/left.npz").exists()
    with pytest.raises(FileNotFoundError, match="not a rendered session"):
        load_truth(tmp_path / "other/2026-01-01/001", "left")


def drawn(camera, size, seconds=6.0):
    """The view, poses and frames of a camera, tongue out in every second third of a second."""
    view = pose.View(camera, *size)
    times = np.arange(0, seconds, 1 / 60)
    tongue = np.where(np.arange(len(times)) % 40 < 20, 0.0, 1.0)
    rng = np.random.default_rng(3)
    poses = pose.make_poses(view, camera, times, np.sin(times), tongue, rng)
    frames = scene.draw_frames(view, camera, poses, np.random.default_rng(4))
    return view, poses, [f.copy() for f in frames]


@pytest.mark.parametrize(("camera", "size"), [("left", (1280, 1024)), ("right", (640, 512))])
def test_pupil_is_drawn_where_the_truth_says(camera, size):
    view, poses, frames = drawn(camera, size, seconds=1.0)
    names = list(poses.parts)
    errors = []
    for i in range(0, len(frames), 10):
        points = poses.keypoints[i]
        top, right, bottom, left = (points[names.index(f"pupil_{s}_r")]
                                    for s in ("top", "right", "bottom", "left"))  # fmt: skip
        centre, diameter = (top + bottom) / 2, poses.pupil_diameter[i]
        assert bottom[1] - top[1] == pytest.approx(diameter)
        assert abs(right[0] - left[0]) == pytest.approx(diameter)
        assert (right[0] < left[0]) == (camera == "right")
        around = round(34 * view.scale)
        corner = np.round(centre).astype(int) - around
        eye = frames[i][corner[1] :, corner[0] :][: 2 * around + 1, : 2 * around + 1].astype(float)
        ys, xs = np.indices(eye.shape)
        inside = np.hypot(xs - around, ys - around) < 33 * view.scale
        iris, pupil = 142 + scene.NOISE_LEVEL, 6 + scene.NOISE_LEVEL
        dark = np.clip((iris - eye) / (iris - pupil), 0, 1) * inside
        dark[dark < 0.1] = 0
        assert 2 * np.sqrt(dark.sum() / np.pi) == pytest.approx(diameter, abs=0.5)
        errors.append([(xs * dark).sum(), (ys * dark).sum()] / dark.sum() + corner - centre)
    assert np.abs(errors).max() < 0.25
    assert np.abs(np.mean(errors, axis=0)).max() < 0.1


@pytest.mark.parametrize(("camera", "size"), [("left", (1280, 1024)), ("right", (640, 512))])
def test_nose_tubes_and_paws_are_bright_where_the_truth_says(camera, size):
    _, poses, frames = drawn(camera, size, seconds=0.2)
    names = list(poses.parts)
    for name in ("nose_tip", "paw_l", "paw_r", "tube_top", "tube_bottom"):
        x, y = np.round(poses.keypoints[5, names.index(name)]).astype(int)
        patch = frames[5][y - 1 : y + 2, x - 1 : x + 2]
        assert patch.mean() > 190, name


def test_right_camera_sees_the_mirror_image_of_the_left():
    _, left, frames = drawn("left", (640, 512), seconds=0.1)
    _, right, mirrored = drawn("right", (640, 512), seconds=0.1)
    assert np.allclose(right.keypoints[..., 0], 639 - left.keypoints[..., 0], equal_nan=True)
    assert np.allclose(right.keypoints[..., 1], left.keypoints[..., 1], equal_nan=True)
    smooth = [cv2.GaussianBlur(f, (0, 0), 4).astype(int) for f in (frames[3], mirrored[3])]
    assert np.abs(smooth[0] - smooth[1][:, ::-1]).mean() < 2


def test_tongue_is_seen_only_when_it_is_out():
    _, poses, frames = drawn("left", (640, 512), seconds=1.0)
    tips = poses.keypoints[:, [poses.parts.index(f"tongue_end_{s}") for s in "lr"]]
    out = np.isfinite(tips).all(axis=(1, 2))
    assert out.any()
    assert not out.all()
    still = tips[out].mean(axis=(0, 1))
    box = cv2.boundingRect(np.array([still - 6, still + 6], np.int32))
    crops = np.array([f[box[1] : box[1] + box[3], box[0] : box[0] + box[2]].mean() for f in frames])
    assert crops[out].min() > crops[~out].max() + 20


def test_tail_start_is_bright_where_the_truth_says():
    _, poses, frames = drawn("body", (640, 512), seconds=0.2)
    x, y = np.round(poses.keypoints[3, 0]).astype(int)
    assert frames[3][y - 2 : y + 3, x - 2 : x + 3].mean() > 190
    assert poses.parts == ("tail_start",)


# Regions of the wheel in full-size frames: rows, columns.
@pytest.mark.parametrize(
    ("camera", "rows", "columns"),
    [("left", (900, 1024), (850, 1010)), ("right", (450, 512), (120, 200)),
     ("body", (402, 481), (31, 103))],
)  # fmt: skip
def test_picture_of_the_wheel_moves_with_the_wheel(camera, rows, columns):
    full = CAMERAS["spikeglx"][camera]
    view = pose.View(camera, full.width, full.height)
    wheel = np.array([0.0, 0.05, 0.05])
    poses = pose.make_poses(
        view, camera, np.arange(3) / 60, wheel, np.zeros(3), np.random.default_rng(0)
    )
    frames = [
        f.astype(float) for f in scene.draw_frames(view, camera, poses, np.random.default_rng(0))
    ]
    crops = [f[slice(*rows), slice(*columns)] for f in frames]
    turned, still = (np.abs(b - a).mean() for a, b in pairwise(crops))
    assert turned > 2 * still


def test_licks_show_as_tongue_frames(healthy):
    truth = load_truth(healthy["spikeglx"], "right")
    tip = truth["keypoints"][:, list(truth["parts"]).index("tongue_end_l"), 0]
    out = np.isfinite(tip)
    licks = truth["lick_times"]
    assert len(licks) >= 3
    since = truth["times"][out] - licks[np.searchsorted(licks, truth["times"][out]) - 1]
    assert since.min() >= 0
    assert since.max() <= 0.08
    seen = [out[(truth["times"] > t) & (truth["times"] < t + 0.08)].any() for t in licks]
    assert all(seen)


@pytest.mark.parametrize(
    "changes",
    [{"kind": "tdms"}, {"cameras": ("belly",)}, {"faults": {"belly": (Fault.DROPPED,)}},
     {"faults": {"daq": (Fault.EMPTY_AVI,)}}, {"faults": {"left": (Fault.UNSEEN_SYNC_PULSE,)}},
     {"frame_data": "csv"}],
)  # fmt: skip
def test_unknown_options_are_refused(changes):
    with pytest.raises(ValueError, match=r"is not one of|give it to daq"):
        replace(SMALL, **changes)


def test_every_fault_is_described():
    assert set(FAULTS) == set(Fault)
    text = (Path(__file__).parents[2] / "docs" / "rig.md").read_text()
    assert [f for f in Fault if f"`{f}`" not in text] == []


def test_command_line(tmp_path):
    command = [sys.executable, "-m", "rigsim", str(tmp_path), "--seconds", "2", "--scale",
               "0.02", "--cameras", "left", "--fault", "left:dropped=2", "--rate", "left=59.5",
               "--description", "none"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    truth = load_truth(Path(done.stdout.strip()), "left")
    assert len(truth["dropped"]) == 2
    assert 1 / np.diff(truth["exposure_times"]).mean() == pytest.approx(59.5, abs=0.01)
    wrong = subprocess.run([*command, "--fault", "left:nothing"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "nothing" in wrong.stderr
