"""Folders of recordings of any lab: what is seen in them and proposed, against the truth."""

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from alfvideo import configuration
from alfvideo.describe import layout, log_columns, look, proposal, recordings
from alfvideo.describe.look import Seen
from alfvideo.describe.wiring import Filmed, Sure, wired
from alfvideo.files import documents, text_tables
from alfvideo.files.errors import DataError
from alfvideo.session import description, pulse_files
from alfvideo.session.cameras import ALL_CAMERAS
from alfvideo.timing import embedded, frame_log, sync
from alfvideo.timing.frame_data import SYNC_PIN, FrameData
from alfvideo.timing.sync import Sync
from alfvideo.views import describe
from alfvideo.views.command_line import app
from rigsim import Rig
from rigsim.specification import Fault
from rigsim.truth import load_truth

Render = Callable[[Path, Rig], Path]

PROGRAM = Path(sys.executable).with_name("alfvideo")
TWO = Rig(seconds=4, scale=0.05, cameras=("left", "right"))
LABELS = {"left": "side", "right": "top"}
LINES = {"left": 8, "right": 7, "audio": 1}
"""Lines of the lab's DAQ, by what is wired to them."""
TTL = "events/Acquisition_Board-100.Rhythm_Data/TTL"


def moved_to_a_lab(session: Path, folder: Path, ending: str = "avi") -> Path:
    """Give the recordings of a session the names of a lab without IBL's software."""
    folder.mkdir(parents=True)
    for camera, label in LABELS.items():
        name = f"2026-02-03_M7_{label}Cam"
        video = f"raw_video_data/_iblrig_{camera}Camera"
        (session / f"{video}.raw.avi").rename(folder / f"{name}.{ending}")
        data = embedded.load(session.glob(f"{video}.*"))
        truth = load_truth(session, camera)
        start, ppm = truth["camera_clock"]
        ticks = np.rint((truth["times"] * (1 + ppm * 1e-6) + start) * 1e9).astype(np.int64)
        rows = zip(truth["counter"], ticks, data.gpio[:, 3].astype(int), strict=True)
        text = "".join(f"{frame},{tick},{pin}\n" for frame, tick, pin in rows)
        (folder / f"{name}_frames.csv").write_text(f"FrameID,Timestamp,Line0\n{text}")
    return folder


def pulses(session: Path) -> dict[str, np.ndarray]:
    """Times, lines and polarities of the lab's DAQ."""
    found = {
        name: np.load(session / f"raw_ephys_data/_spikeglx_sync.{name}.npy")
        for name in pulse_files.ARRAYS
    }
    found["channels"] = 8 - found["channels"].astype(np.int64)
    kept = found["channels"] > 0
    return {name: values[kept] for name, values in found.items()}


def write_open_ephys(folder: Path, found: dict[str, np.ndarray]) -> Path:
    """Write the recording of a record node of Open Ephys."""
    recording = folder / "2026-02-03_10-00-00/Record Node 101/experiment1/recording1"
    (recording / TTL).mkdir(parents=True)
    times = found["times"]
    np.save(recording / TTL / "states.npy", found["channels"] * found["polarities"])
    np.save(recording / TTL / "sample_numbers.npy", np.rint(times * 30000).astype(np.int64))
    np.save(recording / TTL / "timestamps.npy", times)
    events = [{"folder_name": f"{TTL.removeprefix('events/')}/", "sample_rate": 30000}]
    (recording / "structure.oebin").write_text(json.dumps({"events": events}))
    return recording


def write_events(file: Path, found: dict[str, np.ndarray]) -> None:
    """Write a table of events."""
    rows = zip(found["times"], found["channels"], found["polarities"], strict=True)
    text = "".join(f"{time:.6f},{line},{int(state > 0)}\n" for time, line, state in rows)
    file.write_text(f"time,line,state\n{text}")


@pytest.fixture
def lab(tmp_path: Path, rendered: Render) -> Path:
    """The folder of a recording with two cameras and Open Ephys."""
    session = rendered(tmp_path / "rig", TWO)
    folder = moved_to_a_lab(session, tmp_path / "recording")
    write_open_ephys(folder, pulses(session))
    return folder


def lines(seen: Seen) -> dict[str, int | None]:
    return {each.camera: each.line for each in seen.wired}


def said(seen: Seen) -> str:
    return describe.table.plain(describe.parts(seen))


def content(folder: Path) -> dict[str, bytes | str]:
    """All files below a folder, and where links lead."""
    return {
        path.relative_to(folder).as_posix(): (
            str(path.readlink()) if path.is_symlink() else path.read_bytes()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_two_cameras_and_open_ephys(lab: Path):
    seen = look.look(lab)
    assert [camera.label for camera in seen.cameras] == ["side", "top"]
    assert {each.sure for each in seen.wired} == {Sure.SHOWN}
    assert json.loads(proposal.wiring(seen)) == {
        "SYNC_WIRING_DIGITAL": {
            f"P0.{LINES['audio']}": "sync",
            f"P0.{LINES['right']}": "top_camera",
            f"P0.{LINES['left']}": "side_camera",
        }
    }
    text = proposal.description(seen, dict.fromkeys(("side", "top"), "video"), "daq")
    read = description.parse(lab, yaml.safe_load(text))
    assert (read.namespace, read.sync_collection) == ("openephys", "daq")
    assert {camera.sync_label for camera in read.cameras.values()} == {"sync"}
    assert [camera.described["fps"] for camera in read.cameras.values()] == [60, 150]
    assert {camera.collection for camera in read.cameras.values()} == {"video"}
    keys = configuration.parse(yaml.safe_load(proposal.configuration(seen, Path("/data"))))
    assert (keys.cameras, keys.frame_logs) == (("side", "top"), {})


def test_a_table_of_events_of_any_name_and_logs_without_names(tmp_path: Path, rendered: Render):
    session = rendered(tmp_path / "rig", TWO)
    lab = moved_to_a_lab(session, tmp_path / "recording")
    write_events(lab / "arduino.csv", pulses(session))
    for log in lab.glob("*_frames.csv"):
        _, *rows = log.read_text().splitlines()
        log.write_text("\n".join(rows))
    seen = look.look(lab)
    assert lines(seen) == {"side": LINES["left"], "top": LINES["right"]}
    assert {each.sure for each in seen.wired} == {Sure.SHOWN}
    keys = configuration.parse(yaml.safe_load(proposal.configuration(seen, Path("/data"))))
    for camera in seen.cameras:
        mapped = keys.frame_logs[camera.label].model_dump(mode="json")
        assert (mapped["frame"], mapped["time"], mapped["pins"]) == ("0", "1", ["2"])
        assert frame_log.load(camera.log.files[0], mapped).count[-1] == camera.frames - 1
    targets = {str(place.target) for place in layout.places(seen)}
    assert "raw_ephys_data/daq_arduino.csv" in targets


@pytest.mark.parametrize(
    "rig",
    [
        Rig(seconds=4, scale=0.05),
        Rig(seconds=4, scale=0.05, daq="bin"),
        Rig(seconds=4, scale=0.05, neuropixel="3A"),
        Rig(kind="timeline", seconds=4, scale=0.05),
    ],
    ids=["arrays", "raw file", "3A", "timeline"],
)
def test_raw_files_of_ibl_without_a_description(tmp_path: Path, rendered: Render, rig: Rig):
    session = rendered(tmp_path, rig)
    (session / description.NAME).unlink()
    seen = look.look(session)
    assert lines(seen) == {label: rig.channels[f"{label}_camera"] for label in rig.labels}
    assert {each.sure for each in seen.wired} == {Sure.SHOWN}
    found = describe.proposed_here(seen)
    describe.carry_out(found, move=False)
    read = description.read(session)
    assert set(read.cameras) == set(rig.labels)
    assert {camera.sync_label for camera in read.cameras.values()} == {"audio"}
    files = [*pulse_files.sync_arrays(read, ALL_CAMERAS), *pulse_files.wiring(read, ALL_CAMERAS)]
    channels = sync.channel_map(files, read.namespace)
    assert {
        name: channels[name] for name in rig.channels if "camera" in name or name == "audio"
    } == {name: n for name, n in rig.channels.items() if "camera" in name or name == "audio"}


def test_a_wiring_file_is_confirmed_or_contradicted(tmp_path: Path, rendered: Render):
    rig = Rig(seconds=4, scale=0.05, wiring="full")
    session = rendered(tmp_path, rig)
    (session / description.NAME).unlink()
    seen = look.look(session)
    assert list(proposal.corrections(seen)) == []
    assert proposal.wiring(seen) == ""
    file = seen.wiring
    assert file is not None
    wiring = json.loads(file.read_text())
    digital = wiring["SYNC_WIRING_DIGITAL"]
    digital["P0.0"], digital["P0.1"] = digital["P0.1"], digital["P0.0"]
    del digital["P0.2"]
    file.write_text(json.dumps(wiring))
    corrections = " ".join(proposal.corrections(look.look(session)))
    for camera in ("right", "body"):
        line = rig.channels[f"{camera}_camera"]
        assert f"has {camera}_camera on line {1 - line}, the recordings on {line}." in corrections
    assert "has no left_camera: add it, on line 2." in corrections
    before = content(session)
    describe.carry_out(describe.proposed_here(look.look(session)), move=False)
    written = content(session).keys() - before.keys()
    assert written == {description.NAME}


def test_without_data_of_frames_a_line_is_likely_by_rate_and_number(lab: Path):
    for log in lab.glob("*.csv"):
        log.unlink()
    seen = look.look(lab)
    assert lines(seen) == {"side": LINES["left"], "top": LINES["right"]}
    assert {each.sure for each in seen.wired} == {Sure.LIKELY}
    assert "no log of frames is known" in said(seen)
    assert "sync" not in json.loads(proposal.wiring(seen))["SYNC_WIRING_DIGITAL"].values()


def train(n: int, rate: float = 50.0, start: float = 1.0) -> np.ndarray:
    return start + np.arange(n) / rate


def recorded(**trains: np.ndarray) -> Sync:
    """Rises of lines called `lineN`."""
    times = np.concatenate(list(trains.values()))
    channels = np.repeat([int(name[4:]) for name in trains], [len(t) for t in trains.values()])
    order = np.argsort(times)
    return Sync(times[order], np.ones(times.size), channels[order])


def test_two_equal_cameras_are_not_told_apart():
    both = recorded(line1=train(500), line2=train(500, start=1.004))
    cameras = [Filmed("a", 498, 50.0), Filmed("b", 498, 50.0)]
    found = wired(both, cameras)
    assert {each.line for each in found} == {None}
    assert all("several lines fit: line 1" in each.why for each in found)
    # a wiring file decides, and what is left is the other's
    found = wired(both, cameras, {"b_camera": 1})
    assert [(each.line, each.sure) for each in found] == [(2, Sure.LIKELY), (1, Sure.LIKELY)]


def test_one_trigger_for_two_cameras_is_named():
    found = wired(recorded(line3=train(500)), [Filmed("a", 498, 50.0), Filmed("b", 499, 50.0)])
    assert {each.line for each in found} == {None}
    assert all("line 3 fits a and b" in each.why for each in found)
    assert all("camera_timing.yaml" in each.why for each in found)


def jittered(seed: int, n: int = 500) -> np.ndarray:
    """Pulses whose intervals differ by some microseconds, as those of all cameras do."""
    return 1 + np.cumsum(0.02 + np.random.default_rng(seed).normal(0, 2e-5, n))


def clocked(label: str, pulses: np.ndarray) -> Filmed:
    """A camera that filmed all pulses but the first and last two, with a clock."""
    clock = (pulses[2:-2] - pulses[2]) * (1 + 2e-5)
    return Filmed(label, clock.size, 50.0, FrameData(clock, np.arange(clock.size), None))


def test_the_clock_tells_lines_of_one_rate_apart():
    one, other = jittered(1), jittered(2)
    cameras = [clocked("a", one), clocked("b", other)]
    found = wired(recorded(line1=other, line2=one, line3=jittered(3)), cameras)
    assert [(each.line, each.sure) for each in found] == [(2, Sure.SHOWN), (1, Sure.SHOWN)]
    # names are no evidence
    found = wired(recorded(line1=other, line2=one), cameras, {"a_camera": 1, "b_camera": 2})
    assert [each.line for each in found] == [2, 1]


def test_a_line_that_the_clock_does_not_show_is_doubted():
    """Its own pulses were not recorded, those of another camera of that rate were."""
    (found,) = wired(recorded(line1=jittered(2)), [clocked("a", jittered(1))])
    assert (found.line, found.sure) == (1, Sure.LIKELY)
    assert "not clearly those of its clock" in found.why


def test_one_trigger_is_named_for_cameras_with_clocks():
    cameras = [clocked("a", jittered(1)), clocked("b", jittered(1))]
    found = wired(recorded(line3=jittered(1), line4=jittered(2)), cameras)
    assert {(each.line, each.sure) for each in found} == {(None, Sure.UNKNOWN)}
    assert all("line 3 fits a and b" in each.why for each in found)


def test_a_line_whose_edges_ring():
    ringing = np.sort(np.concatenate((jittered(1), jittered(1)[::3] + 3e-4)))
    both = recorded(line1=jittered(2), line2=ringing)
    (found,) = wired(both, [clocked("a", jittered(1))])
    assert (found.line, found.sure) == (2, Sure.SHOWN)
    assert "500 pulses at 50.00 Hz" in found.why


def test_cameras_that_are_triggered_irregularly():
    """Each frame when something happens: there is no rate, and the clock saw the same."""
    rng = np.random.default_rng(0)
    one, other = (1 + np.cumsum(rng.uniform(0.015, 0.03, 500)) for _ in range(2))
    cameras = [clocked("a", one), clocked("b", other)]
    found = wired(recorded(line1=other, line2=one, line3=train(700)), cameras)
    assert [(each.line, each.sure) for each in found] == [(2, Sure.SHOWN), (1, Sure.SHOWN)]


def test_inputs_and_clock_of_different_recordings():
    """The inputs show another start than the clock, which only other pulses allow."""
    rng = np.random.default_rng(0)
    one, slow = jittered(1, 600), np.arange(600) / 49.995 + 1.0
    ttls = np.sort(rng.uniform(1.5, 12, 40))
    edges = np.sort(np.concatenate((ttls, ttls + 0.1)))
    high = (np.searchsorted(edges, slow[80:580]) % 2).astype(bool)
    gpio = np.zeros((500, 4), bool)
    gpio[:, SYNC_PIN] = high
    camera = clocked("a", one[48:552])
    data = FrameData(camera.frame_data.timestamps, np.arange(500), gpio)
    times = np.concatenate((one, slow, edges))
    channels = np.repeat([1, 2, 5], [one.size, slow.size, edges.size])
    polarities = np.concatenate((np.ones(1200), np.tile([1, -1], 40)))
    order = np.argsort(times)
    both = Sync(times[order], polarities[order], channels[order])
    (found,) = wired(both, [Filmed("a", 500, 50.0, data)])
    assert (found.line, found.sure) == (None, Sure.UNKNOWN)
    assert "its clock agrees with the pulses of line 1, and its inputs with" in found.why


def test_a_line_that_is_left_is_likely():
    """The second camera fits two lines, of which one is the first camera's."""
    both = recorded(line1=train(1000), line2=train(503))
    found = wired(both, [Filmed("a", 1000, 50.0), Filmed("b", 900, 50.0)])
    assert [each.line for each in found] == [1, 2]


@pytest.mark.parametrize(
    "times",
    [train(5), train(100), np.cumsum(np.random.default_rng(0).exponential(0.02, 500)), train(0)],
    ids=["few", "too few for the video", "irregular", "none"],
)
def test_lines_that_are_no_cameras(times: np.ndarray):
    (found,) = wired(recorded(line1=times, line2=train(20, 1.0)), [Filmed("a", 500, 50.0)])
    assert (found.line, found.sure) == (None, Sure.UNKNOWN)


def test_columns_by_what_is_in_them(tmp_path: Path):
    rng = np.random.default_rng(0)
    rows = [
        f"{7.0},{i},{100 + i},{1e9 + i * 16_666_667 + rng.integers(0, 9):.0f},{i // 9 % 2},x"
        for i in range(60)
    ]
    file = tmp_path / "log.csv"
    file.write_text("const,a,b,c,d,e\n" + "\n".join(rows))
    found = log_columns.proposed(text_tables.read(file, []).table)
    assert found == {"frame": "a", "time": "c", "pins": ["d"]}


def test_logs_are_matched_by_rows_where_names_say_nothing(lab: Path):
    for n, log in enumerate(sorted(lab.glob("*.csv"))):
        log.rename(lab / f"log{n}.csv")
    seen = look.look(lab)
    found = {camera.label: camera.log for camera in seen.cameras}
    assert [found["side"].files[0].name, found["top"].files[0].name] == ["log0.csv", "log1.csv"]
    assert {log.sure for log in found.values()} == {Sure.LIKELY}
    assert lines(seen) == {"side": LINES["left"], "top": LINES["right"]}


def test_a_log_that_is_not_of_its_video_is_not_used(lab: Path):
    log = lab / "2026-02-03_M7_sideCam_frames.csv"
    log.write_text("\n".join(log.read_text().splitlines()[:100]))
    seen = look.look(lab)
    assert seen.cameras[0].log is None
    assert "has 99 rows" in said(seen)
    assert "they do not belong together" in said(seen)


def test_laid_out_by_links(lab: Path, tmp_path: Path, config: configuration.Configuration):
    before = content(lab)
    root = tmp_path / "Subjects"
    found = describe.proposed_into(look.look(lab), root, "M7", "", "")
    assert found.session == root / "M7/2026-02-03/001"
    describe.carry_out(found, move=False)
    assert content(lab) == before
    assert (found.session / "raw_video_data/_iblrig_sideCamera.raw.avi").resolve().parent == lab
    statuses = describe.pending.scan_session(found.session, config.changed(cameras=("side", "top")))
    assert {status.state for status in statuses} == {"pending"}
    assert {status.stage for status in statuses} >= {"pulses", "times", "video"}
    read = description.read(found.session)
    raw = pulse_files.find_raw_daq(read)
    assert raw.format.name == "Open Ephys binary"
    (wiring,) = pulse_files.wiring(read, ALL_CAMERAS)
    assert sync.wired_channels([wiring])["side_camera"] == LINES["left"]
    with pytest.raises(DataError, match="001 is there already, and nothing is overwritten"):
        describe.proposed_into(look.look(lab), root, "M7", "", "")
    again = describe.proposed_into(look.look(lab), root, "M7", "", "002")
    (root / describe.CONFIGURATION).write_text("mine")
    assert "was not changed" in " ".join(describe.carry_out(again, move=False))
    assert (root / describe.CONFIGURATION).read_text() == "mine"


def test_laid_out_by_moves_which_are_undone_if_one_fails(lab: Path, tmp_path: Path):
    root = tmp_path / "Subjects"
    seen = look.look(lab)
    found = describe.proposed_into(seen, root, "M7", "", "")
    before = content(lab)
    blocking = found.session / "raw_ephys_data"
    blocking.parent.mkdir(parents=True)
    blocking.write_text("a file")
    with pytest.raises((FileExistsError, NotADirectoryError)):
        describe.carry_out(found, move=True)
    assert content(lab) == before
    blocking.unlink()
    describe.carry_out(found, move=True)
    assert content(lab) == {}
    moved = content(found.session)
    assert moved["raw_video_data/side.csv"] == before["2026-02-03_M7_sideCam_frames.csv"]
    assert len(moved) == len(before) + 2
    assert not any(path.is_symlink() for path in found.session.rglob("*"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("", "", ""), "give --subject"),
        (("M7", "2026-13-01", ""), "can be no session"),
        (("M7", "2026-02-30", ""), "can be no session"),
        (("../M7", "", ""), "can be no session"),
        (("M 7{}", "", ""), "can be no session"),
        (("M7", "", "1"), "can be no session"),
    ],
)
def test_names_that_are_no_sessions(lab: Path, names: tuple[str, str, str], message: str):
    with pytest.raises(DataError, match=message):
        describe.proposed_into(look.look(lab), lab.parent / "Subjects", *names)


def test_a_date_that_nothing_says_is_asked_for(lab: Path):
    seen = look.look(lab)
    for file, name in (("side", "side.avi"), ("top", "top.avi")):
        (lab / f"2026-02-03_M7_{file}Cam.avi").rename(lab / name)
    with pytest.raises(DataError, match="No name says when recording was recorded: give --date"):
        describe.proposed_into(look.look(lab), lab.parent / "Subjects", "M7", "", "")
    with pytest.raises(DataError, match="are in each other"):
        describe.proposed_into(seen, lab / "Subjects", "M7", "2026-02-03", "")


def test_a_folder_without_videos(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "data.xyz").write_text("nothing")
    seen = look.look(tmp_path)
    text = said(seen)
    assert "No video is there that can be read." in text
    assert "No recording of a DAQ is there" in text
    assert "1 .xyz" in text
    for propose in (
        describe.proposed_here,
        lambda it: describe.proposed_into(it, tmp_path, *"abc"),
    ):
        with pytest.raises(DataError, match="no video in it can be read"):
            propose(seen)


def test_files_that_are_none(lab: Path):
    (lab / "gone.mp4").symlink_to(lab / "nowhere")
    os.mkfifo(lab / "pipe.avi")
    (lab / "folder.avi").mkdir()
    (lab / "cut.avi").write_bytes(b"RIFF" + bytes(100))
    (lab / "empty.mp4").write_bytes(b"")
    (lab / "loop").symlink_to(lab)
    (lab / "binary.csv").write_bytes(bytes(range(256)))
    (lab / ".hidden.avi").write_bytes(b"x")
    (lab / "a\nb.wiring.json").write_text("{")
    seen = look.look(lab)
    assert [camera.label for camera in seen.cameras] == ["side", "top"]
    text = said(seen)
    for sentence in (
        "gone.mp4 is a link to",
        "pipe.avi is a named pipe",
        "cut.avi cannot be opened as a video",
        "empty.mp4 is empty",
        "not valid JSON",
    ):
        assert sentence in text
    assert "hidden" not in text


def test_ten_thousand_files(lab: Path, monkeypatch: pytest.MonkeyPatch):
    folder = lab / "pictures"
    folder.mkdir()
    for n in range(10_000):
        (folder / f"{n}.jpg").touch()
    seen = look.look(lab)
    assert seen.files.others == {".jpg": 10_000}
    assert lines(seen) == {"side": LINES["left"], "top": LINES["right"]}
    monkeypatch.setattr(recordings, "MAX_FILES", 1000)
    with pytest.raises(DataError, match="more than 1,000 files"):
        look.look(lab)


def test_folders_of_more_than_one_recording(lab: Path, rendered: Render):
    video = next(lab.glob("*.avi"))
    for n in range(look.MAX_VIDEOS):
        os.link(video, lab / f"copy{n}.avi")
    with pytest.raises(DataError, match=r"holds 34 videos\. Name the folder of one recording"):
        look.look(lab)
    session = rendered(lab / "old", TWO)
    with pytest.raises(DataError, match=f"holds sessions, as old/{TWO.session}"):
        look.look(lab)
    with pytest.raises(DataError, match="is no folder"):
        look.look(session / description.NAME)


def test_names_that_are_no_labels(lab: Path):
    for name, other in (("side", "größe"), ("top", "wäre")):
        for file in lab.glob(f"*{name}Cam*"):
            file.rename(lab / file.name.replace(f"{name}Cam", other))
    seen = look.look(lab)
    assert [camera.label for camera in seen.cameras] == ["camera1", "camera2"]
    assert "nothing in its name is a label: it is called camera1" in said(seen)
    assert [camera.log.rows for camera in seen.cameras] == [
        camera.frames for camera in seen.cameras
    ]


def test_a_second_recording_of_the_daq(lab: Path):
    """That of the cameras is told by their pulses."""
    recording = next(lab.glob("*/Record*/*/recording1"))
    other = recording.with_name("recording0")
    shutil.copytree(recording, other)
    for name in ("states", "timestamps", "sample_numbers"):
        file = other / TTL / f"{name}.npy"
        np.save(file, np.load(file)[:20])
    seen = look.look(lab)
    assert seen.daq.file.parent == recording
    assert "Of several recordings" in said(seen)
    targets = [str(place.target) for place in layout.places(seen)]
    assert targets[-1] == "raw_ephys_data/Record Node 101/experiment1/recording1"


def test_open_ephys_was_started_twice(lab: Path):
    """Its recordings have the same names below another folder."""
    first = next(lab.glob("2026*/Record*"))
    shutil.copytree(first, lab / "2026-02-03_11-00-00" / first.name)
    for name in ("states", "timestamps", "sample_numbers"):
        file = first / "experiment1/recording1" / TTL / f"{name}.npy"
        np.save(file, np.load(file)[:20])
    assert "2026-02-03_11-00-00" in str(look.look(lab).daq.file)


def test_faults_of_the_recording(tmp_path: Path, rendered: Render):
    faults = {
        "left": (Fault.DROPPED, Fault.NO_GPIO, Fault.FEWER_FRAMES),
        "right": (Fault.PULSES_MISSING_AT_START, Fault.PULSES_MISSING_AT_END),
        "body": (Fault.MISSING_PULSE, Fault.STARTS_WITH_FALL),
    }
    rig = Rig(seconds=6, scale=0.05, faults=faults)
    session = rendered(tmp_path, rig)
    (session / description.NAME).unlink()
    seen = look.look(session)
    assert lines(seen) == {label: rig.channels[f"{label}_camera"] for label in rig.labels}
    assert {each.sure for each in seen.wired} == {Sure.SHOWN}
    syncs = {each.camera: each.sync_line for each in seen.wired}
    assert (syncs["left"], syncs["right"]) == (None, rig.channels["audio"])


@pytest.mark.parametrize("label", ["1", "on", "null", "1e3", "0x1F", "1_0", "no", "007", "0b1"])
def test_labels_that_yaml_takes_for_something_else(lab: Path, label: str):
    for file in lab.glob("*sideCam*"):
        file.rename(lab / file.name.replace("sideCam", label))
    seen = look.look(lab)
    assert seen.cameras[0].label == label
    text = proposal.description(seen, {label: "video", "top": "video"}, "daq")
    assert set(description.parse(lab, documents.parse_yaml(text)).cameras) == {label, "top"}
    keys = yaml.load(proposal.configuration(seen, lab), Loader=yaml.BaseLoader)
    assert keys["cameras"] == [label, "top"]


def test_parts_and_other_containers_are_said_to_need_work(lab: Path, tmp_path: Path):
    side, top = sorted(lab.glob("*.avi"))
    os.link(side, lab / "M7_sideCam_0000.avi")
    side.rename(lab / "M7_sideCam_0001.avi")
    top.rename(lab / "M7_topCam.mkv")
    seen = look.look(lab)
    assert [len(camera.videos) for camera in seen.cameras] == [2, 1]
    found = describe.proposed_into(seen, tmp_path / "Subjects", "M7", "2026-02-03", "")
    text = describe.table.plain(describe.of_proposal(seen, found, move=False))
    assert "M7_sideCam_0000.avi and 1 more are parts of one recording: join them" in text
    assert "M7_topCam.mkv is to be put into another container" in text
    assert not any("raw.avi" in str(place.target) for place in found.placed)


def test_a_session_with_a_description(tmp_path: Path, rendered: Render, config):
    session = rendered(tmp_path, TWO)
    assert describe.is_described(session)
    assert "Nothing is blocked." in describe.table.plain(describe.described(session, config))
    for file in session.glob("raw_ephys_data/_spikeglx_sync.*"):
        file.unlink()
    text = describe.table.plain(describe.described(session, config))
    assert "sync missing: raw_ephys_data has no _spikeglx_sync.times.npy" in text
    (session / description.NAME).write_text("sync: [")
    text = describe.table.plain(describe.described(session, config))
    assert f"Nothing of {session} can be processed: broken" in text


@pytest.mark.parametrize("move", [False, True])
def test_a_session_folder_with_the_names_of_a_lab(lab: Path, tmp_path: Path, move: bool):
    """It is laid out in itself, if that is asked for."""
    session = tmp_path / "Subjects/M7/2026-02-03/001"
    session.parent.mkdir(parents=True)
    lab.rename(session)
    seen = look.look(session)
    with pytest.raises(DataError, match="has not the name and place of a file of camera side"):
        describe.proposed_here(seen)
    with pytest.raises(DataError, match="are in each other"):
        describe.proposed_into(seen, session, "", "", "")
    before = content(session)
    describe.carry_out(describe.proposed_into(seen, tmp_path / "Subjects", "", "", ""), move=move)
    assert set(description.read(session).cameras) == {"side", "top"}
    video = session / "raw_video_data/_iblrig_sideCamera.raw.avi"
    assert video.read_bytes() == before["2026-02-03_M7_sideCam.avi"]
    assert (session / "2026-02-03_M7_sideCam.avi").exists() is not move


def test_what_is_in_the_way_in_the_session_itself(lab: Path, tmp_path: Path):
    session = tmp_path / "Subjects/M7/2026-02-03/001"
    session.parent.mkdir(parents=True)
    lab.rename(session)
    (session / "raw_video_data").mkdir()
    (session / "raw_video_data/side.csv").write_text("another")
    with pytest.raises(DataError, match=r"raw_video_data/side\.csv is there already, and nothing"):
        describe.proposed_into(look.look(session), tmp_path / "Subjects", "", "", "")


def test_a_video_that_is_shown_upright(lab: Path, ffmpeg: Callable[..., None]):
    video = lab / "2026-02-03_M7_sideCam.avi"
    turned = ("-display_rotation", 90)
    ffmpeg("-i", video, "-an", "-c:v", "libx264", "-crf", 40, lab / "upright.mp4")
    ffmpeg(*turned, "-i", lab / "upright.mp4", "-c", "copy", video.with_suffix(".mp4"))
    (lab / "upright.mp4").unlink()
    video.unlink()
    (camera, _) = look.look(lab).cameras
    assert (camera.frames, camera.width, camera.height) == (240, 52, 64)


def test_notes_named_after_a_camera_are_no_log(lab: Path):
    (lab / "2026-02-03_M7_sideCam_notes.txt").write_text("the animal was calm\n")
    seen = look.look(lab)
    assert "notes.txt" not in said(seen)
    assert "1 .txt" in said(seen)
    assert seen.cameras[0].log is not None


def test_files_that_are_in_their_place_stay_there(tmp_path: Path, rendered: Render):
    session = rendered(tmp_path, TWO)
    (session / description.NAME).unlink()
    found = describe.proposed_into(look.look(session), tmp_path, "", "", "")
    assert found.placed == []


def test_a_wiring_file_elsewhere_in_a_session_does_not_count(tmp_path: Path, rendered: Render):
    rig = Rig(seconds=4, scale=0.05, wiring="full")
    session = rendered(tmp_path, rig)
    (session / description.NAME).unlink()
    next(session.glob("raw_ephys_data/*.wiring.json")).rename(session / "old.wiring.json")
    found = describe.proposed_here(look.look(session))
    text = found.texts[session / "raw_ephys_data" / proposal.WIRING]
    assert json.loads(text)["SYNC_WIRING_DIGITAL"]["P0.2"] == "left_camera"


def test_a_bpod(tmp_path: Path, rendered: Render):
    session = rendered(tmp_path, Rig(kind="bpod", seconds=4, scale=0.05))
    (session / description.NAME).unlink()
    seen = look.look(session)
    assert "a Bpod, which records the pulses of one camera on Port 1" in said(seen)
    describe.carry_out(describe.proposed_here(seen), move=False)
    read = description.read(session)
    assert (read.sync, list(read.cameras)) == ("bpod", ["left"])
    assert pulse_files.task_data(read, read.cameras["left"])


def run(*words: object) -> Result:
    """Run `alfvideo describe` without a terminal."""
    return CliRunner().invoke(app, ["describe", *map(str, words)])


def answer(text: str, *words: object) -> str:
    """Run `alfvideo describe` on a terminal, and return what is shown there."""
    terminal, other_end = pty.openpty()
    command = [PROGRAM, "describe", *map(str, words)]
    process = subprocess.Popen(command, stdin=other_end, stdout=other_end, stderr=other_end)
    os.close(other_end)
    os.write(terminal, f"{text}\n".encode())
    shown = b""
    with suppress(OSError):
        while block := os.read(terminal, 65536):
            shown += block
    os.close(terminal)
    assert process.wait() == 0
    return shown.decode()


def test_the_command_asks_before_it_writes(lab: Path, tmp_path: Path):
    root = tmp_path / "Subjects"
    into = (lab, "--into", root, "--subject", "M7")
    before = content(tmp_path)
    done = run(lab)
    assert done.exit_code == 0
    assert "ROOT/SUBJECT/YYYY-MM-DD/NNN/raw_ephys_data/cameras.wiring.json" in done.stdout
    assert "these recordings are in no session. --into ROOT lays them out" in done.stdout
    done = run(*into)
    assert done.exit_code == 0
    assert "Nothing was written: there is no terminal to ask on. Give --yes" in done.stdout
    assert content(tmp_path) == before
    assert "Write this?" in answer("y", *into)
    assert (root / "M7/2026-02-03/001" / description.NAME).is_file()
    assert run(*into, "--number", "002", "--yes", "--move").exit_code == 0
    assert content(lab) == {}


def test_the_command_says_what_is_wrong(tmp_path: Path, rendered: Render):
    session = rendered(tmp_path, TWO)
    done = run(session, "--into", tmp_path / "Subjects")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "has a description already" in done.stderr
    done = run(session)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "2 cameras, pulses of nidq in raw_ephys_data" in done.stdout
    assert "give it, too" in run(session, "--move").stderr
    done = run(tmp_path / "nowhere")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "is no folder" in done.stderr
