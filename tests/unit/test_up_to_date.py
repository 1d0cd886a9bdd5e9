"""Done is decided by content: what was done to a finished session, and what is pending then."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
from tests.unit.test_pending import edit_records, small

from alfvideo.configuration import Configuration
from alfvideo.files import checksums
from alfvideo.jobs import provenance
from alfvideo.planning import pending, scan_cache, task_inputs, tasks, up_to_date
from alfvideo.planning.pending import State
from alfvideo.session import datasets, description
from alfvideo.session.cameras import ALL_CAMERAS
from alfvideo.video import compress
from rigsim import Rig

Render = Callable[[Path, Rig], Path]

VIDEO, EPHYS = "raw_video_data", "raw_ephys_data"
AVI = f"{VIDEO}/_iblrig_bodyCamera.raw.avi"
MP4 = f"{VIDEO}/_iblrig_bodyCamera.raw.mp4"
FRAME_DATA = f"{VIDEO}/_iblrig_bodyCamera.frameData.bin"
WIRING = f"{EPHYS}/_spikeglx_ephysData_g0_t0.nidq.wiring.json"
META = f"{EPHYS}/_spikeglx_ephysData_g0_t0.nidq.meta"
WHEEL = "alf/_ibl_wheel.position.npy"
TIMES = "alf/_ibl_bodyCamera.times.npy"
QC = "qc/_ibl_bodyCamera.videoQC.json"
YEAR = 365 * 24 * 3600


def make(path: Path, config: Configuration) -> None:
    """Leave results and records as the jobs of all tasks do."""
    for task in tasks.TASKS:
        read = description.read(path)
        for camera in [ALL_CAMERAS] if task.of_session else read.cameras.values():
            if not task.applies(read, camera, config):
                continue
            inputs = chain(*task_inputs.find(task, read, camera, config).values())
            outputs = [datasets.path(pattern, read, camera) for pattern in task.written]
            work = provenance.Work(
                rule=task.rule,
                camera=camera.label,
                inputs={file: provenance.fingerprint(file) for file in inputs},
                outputs=outputs,
                params=task.params(read, camera, config),
                log=Path("log"),
            )
            for output in outputs:
                output.parent.mkdir(exist_ok=True)
                if output.suffix == ".mp4":
                    # The scan looks into one that has no record.
                    compress.copy([path / AVI], output)
                else:
                    output.write_text(f"{task.rule} of {camera.label}")
            provenance.record(path, work, started=provenance.now(), seconds=0)
            for output in outputs:
                # As Snakemake does.
                output.touch()


@pytest.fixture
def made(tmp_path: Path, config: Configuration, rendered: Render) -> Path:
    path = rendered(tmp_path / "data", small())
    make(path, config)
    return path


def why(path: Path, config: Configuration) -> dict[str, str]:
    """Reasons of all that is pending, by stage."""
    found = pending.scan_session(path, config)
    assert {status.state for status in found} <= {State.DONE, State.PENDING}
    return {status.stage: status.reason for status in found if status.state is State.PENDING}


def redated(path: Path, seconds: float, *, backwards: bool = False) -> None:
    """Give all files dates a minute apart, in an order that has nothing to do with the work."""
    for number, file in enumerate(sorted(path.rglob("*"), reverse=backwards)):
        date = time.time() + seconds + 60 * number
        os.utime(file, (date, date))


def copied(path: Path, *options: str) -> None:
    """The session is replaced by a copy of it."""
    aside = path.with_name("aside")
    path.rename(aside)
    subprocess.run(["cp", *options, str(aside), str(path)], check=True)
    shutil.rmtree(aside)


NOTHING_NEW: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: None,
    "cp -r": lambda path: copied(path, "-r"),
    "cp -rp": lambda path: copied(path, "-rp"),
    "copied in another order": lambda path: redated(path, -YEAR, backwards=True),
    "restored from a backup": lambda path: redated(path, -YEAR),
    "dates in the future": lambda path: redated(path, YEAR),
    "touched": lambda path: [file.touch() for file in path.rglob("*.*")],
    "avi touched in the future": lambda path: os.utime(path / AVI, (2e9, 2e9)),
    "results older than all": lambda path: os.utime(path / QC, (0, 0)),
    "another folder": lambda path: path.rename(path.with_name("aside")).rename(path),
    "records without dates": lambda path: edit_records(
        path, lambda record: [file.pop("mtime_ns") for file in record["inputs"].values()]
    ),
    "record gone": lambda path: (
        redated(path, 0),
        [os.utime(path / name, (2e9, 2e9)) for name in provenance.read(path)],
        (path / provenance.FILE_NAME).unlink(),
    ),
    "record without inputs": lambda path: edit_records(path, lambda record: record.pop("inputs")),
    "record without settings": lambda path: edit_records(path, lambda record: record.pop("params")),
    "empty records": lambda path: edit_records(path, lambda record: record.clear()),
    "old record, copied": lambda path: (forget_checksums(path), redated(path, -YEAR)),
    "old record, copied otherwise": lambda path: (
        forget_checksums(path),
        redated(path, -YEAR, backwards=True),
    ),
}


def forget_checksums(path: Path) -> None:
    """The records are those of version 0.1."""
    edit_records(path, lambda record: [file.pop("md5") for file in record["inputs"].values()])


@pytest.mark.parametrize("what", NOTHING_NEW)
def test_makes_nothing_pending(made: Path, config: Configuration, what: str):
    NOTHING_NEW[what](made)
    assert why(made, config) == {}
    assert {status.reason for status in pending.scan_session(made, config)} == {""}


def replaced(name: str, seconds: float = -YEAR, *, same_size: bool = False) -> Callable:
    """A file is replaced by one with another content and date."""

    def change(path: Path) -> None:
        content = (path / name).read_bytes()
        other = content[:-1] + bytes([content[-1] ^ 1])
        (path / name).write_bytes(other if same_size else content[: len(content) // 2])
        date = time.time() + seconds
        os.utime(path / name, (date, date))

    return change


def old(change: Callable[[Path], None]) -> Callable[[Path], None]:
    def forgetful(path: Path) -> None:
        forget_checksums(path)
        change(path)

    return forgetful


AFTER_VIDEO = {"times": "input video pending", "qc": "input times pending"}
CHANGED = {
    "frame data, older": (
        replaced(FRAME_DATA),
        {"raw": "frameData.bin changed", "times": "frameData.bin changed"},
    ),
    "frame data, newer": (
        replaced(FRAME_DATA, 1),
        {"raw": "frameData.bin changed", "times": "frameData.bin changed"},
    ),
    "frame data of the same size": (
        replaced(FRAME_DATA, same_size=True),
        {"raw": "frameData.bin changed", "times": "frameData.bin changed"},
    ),
    "frame data, old record": (
        old(replaced(FRAME_DATA)),
        {"raw": "frameData.bin changed", "times": "frameData.bin changed"},
    ),
    "frame data of the same size, old record, newer": (
        old(replaced(FRAME_DATA, YEAR, same_size=True)),
        {"raw": "frameData.bin is newer", "times": "frameData.bin is newer"},
    ),
    "avi": (replaced(AVI), {"video": "raw.avi changed"}),
    "avi of the same size": (replaced(AVI, same_size=True), {"video": "raw.avi changed"}),
    "mp4": (
        replaced(MP4, same_size=True),
        {"times": "raw.mp4 changed", "qc": "input times pending"},
    ),
    "mp4 that was cut": (
        replaced(MP4),
        {"video": "mp4 not of the avi: it cannot be read", **AFTER_VIDEO},
    ),
    "times of the same size": (
        replaced(TIMES, YEAR, same_size=True),
        {"qc": "times.npy changed"},
    ),
    "wheel": (replaced(WHEEL), {"times": "wheel.position.npy changed"}),
    "wiring came": (
        lambda path: ((path / WIRING).write_text("{}"), os.utime(path / WIRING, (0, 0))),
        {"times": "ephysData_g0_t0.nidq.wiring.json is new"},
    ),
    "meta went": (
        lambda path: (path / META).unlink(),
        {"times": "ephysData_g0_t0.nidq.meta is gone"},
    ),
    "times empty": (lambda path: (path / TIMES).write_text(""), {"times": "empty"}),
    "times missing": (lambda path: (path / TIMES).unlink(), {"times": "missing"}),
    "qc empty": (lambda path: (path / QC).write_text(""), {"qc": "videoQC.json empty"}),
    "version": (
        lambda path: edit_records(path, lambda record: record["params"].update(version=0)),
        {"raw": "version 0 → 1", "video": "version 0 → 1"},
    ),
    "description": (
        lambda path: (path / "_ibl_experiment.description.yaml").write_text(
            (path / "_ibl_experiment.description.yaml")
            .read_text()
            .replace("sync_label: audio", "sync_label: frame2ttl")
        ),
        {"times": "sync_label audio → frame2ttl"},
    ),
    "no record, avi newer": (
        lambda path: ((path / provenance.FILE_NAME).unlink(), os.utime(path / AVI, (2e9, 2e9))),
        {"video": "raw.avi is newer"},
    ),
}
"""Changes, each with the reason of the stages that are pending for one of their own."""


@pytest.mark.parametrize("what", CHANGED)
def test_makes_what_follows_pending(made: Path, config: Configuration, what: str):
    change, expected = CHANGED[what]
    change(made)
    found = why(made, config)
    follows = {"video": {"times", "qc"}, "times": {"qc"}, "raw": set(), "qc": set()}
    assert found.keys() == {*expected, *chain(*(follows[stage] for stage in expected))}
    assert {stage: found[stage] for stage in expected} == expected


def test_settings_are_named(made: Path, config: Configuration):
    found = why(made, config.changed(compression={"crf": 20, "preset": "fast"}))
    assert found == {"video": "crf 17 → 20, preset slow → fast", **AFTER_VIDEO}


def test_renamed_camera_is_a_new_one(made: Path, config: Configuration):
    text = (made / "_ibl_experiment.description.yaml").read_text()
    (made / "_ibl_experiment.description.yaml").write_text(text.replace("body:", "left:"))
    (made / MP4).unlink()
    for file in (made / VIDEO).glob("*bodyCamera*"):
        file.rename(file.with_name(file.name.replace("body", "left")))
    assert why(made, config) == dict.fromkeys(("raw", "video", "times", "qc"), "missing")


@pytest.mark.parametrize(
    ("change", "stage", "name"),
    [
        (replaced(QC, YEAR), "qc", "videoQC.json"),
        (replaced(QC, YEAR, same_size=True), "qc", "videoQC.json"),
        (replaced(TIMES, YEAR, same_size=True), "times", "times.npy"),
        (replaced(MP4, same_size=True), "video", "raw.mp4"),
    ],
)
def test_changed_result_is_named_and_kept(
    made: Path, config: Configuration, change: Callable, stage: str, name: str
):
    change(made)
    (found,) = [s for s in pending.scan_session(made, config) if s.stage == stage]
    assert (found.state, found.outputs) == (State.DONE, ())
    assert found.reason == f"{name} changed since it was made"


def test_raw_data_that_is_a_link_to_nothing_leaves_what_is_done(made: Path, config: Configuration):
    (made / FRAME_DATA).unlink()
    (made / FRAME_DATA).symlink_to("nowhere")
    assert why(made, config) == {}


def test_each_file_is_read_once(
    made: Path, config: Configuration, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Copied data has other dates; what was read to know it is remembered, pending or not."""
    read: list[str] = []

    def quick(path: Path, found: os.stat_result) -> str:
        read.append(path.name)
        return true_quick(path, found)

    true_quick = checksums.quick
    monkeypatch.setattr(checksums, "quick", quick)
    root = made.parents[2]

    def scan() -> set[str]:
        memory = scan_cache.load_memory(root, config, tmp_path / "work")
        return {status.stage for status in pending.scan(root, config, memory) if status.reason}

    assert scan() == set()
    assert read == []
    redated(made, -YEAR)
    (made / QC).unlink()
    assert scan() == {"qc"}
    assert len(read) == len(set(read)) > 5
    before = len(read)
    assert scan() == {"qc"}
    assert len(read) == before
    (file,) = (tmp_path / "work").glob("*_checksums.json")
    assert all(not name.startswith("/") for name in json.loads(file.read_text()))
    file.write_text("[1]")
    assert scan() == {"qc"}
    assert len(read) == 2 * before
    replaced(FRAME_DATA, same_size=True)(made)
    assert scan() == {"raw", "times", "qc"}
    assert len(read) == 2 * before + 1


def test_large_files_are_told_by_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checksums, "MAX_WHOLE", 1000)
    monkeypatch.setattr(checksums, "PIECE", 10)
    file = tmp_path / "large.avi"
    file.write_bytes(bytes(10_000))
    known = provenance.fingerprint(file)
    assert known.keys() == {"size", "mtime_ns", "sample"}
    seen = []
    for place in range(10_000):
        with file.open("r+b") as content:
            content.seek(place)
            content.write(b"1")
            content.flush()
            seen += [place] if provenance.fingerprint(file)["sample"] != known["sample"] else []
            content.seek(place)
            content.write(b"\0")
    assert len(seen) == 160
    assert {seen[0], seen[-1]} == {0, 9999}
    assert provenance.with_md5(known, file)["md5"] == checksums.md5(file)


def test_reasons_name_few_and_say_how_many_more():
    old, new = (dict.fromkeys("abcde", value) for value in (1, 2))
    assert up_to_date.setting_changes(old, new) == "a 1 → 2, b 1 → 2, c 1 → 2, 2 more"
    assert up_to_date.setting_changes({"a": "x" * 99}, {"a": "y"}) == "a → other"
    assert up_to_date.setting_changes({}, {"a": None}) == ""
