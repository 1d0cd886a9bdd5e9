"""The scan's memory of sessions: it must never find anything else than without memory."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.conftest import REPO
from tests.unit.test_pending import NOBODY, finish, reachable, small

from alfvideo.configuration import Configuration
from alfvideo.files.errors import DataError
from alfvideo.planning import pending, scan_cache
from alfvideo.planning.pending import State, Status
from rigsim import Fault, Rig

Render = Callable[[Path, Rig], Path]

__all__ = ["reachable"]

VIDEO, EPHYS = "raw_video_data", "raw_ephys_data"
SYNC = f"{EPHYS}/_spikeglx_sync"
DESCRIPTION = "_ibl_experiment.description.yaml"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of a moment ago counts as settled; a test then waits before it changes more."""
    monkeypatch.setattr(scan_cache, "SETTLED", 0)


@pytest.fixture
def done(tmp_path: Path, config: Configuration, rendered: Render) -> Path:
    path = rendered(tmp_path / "data", small())
    finish(path, config)
    return path


def look(path: Path, config: Configuration, folder: Path | None = None) -> list[Status]:
    """Scan the data folder of a session with the memory in a folder, after the clock has ticked."""
    time.sleep(0.02)
    root = path.parents[2]
    memory = scan_cache.load_memory(root, config, folder or root.parent / "work")
    return pending.scan(root, config, memory)


def knows(path: Path, config: Configuration) -> bool:
    root = path.parents[2]
    return scan_cache.load_memory(root, config, root.parent / "work").recall(path) is not None


def states(statuses: list[Status]) -> dict[str, State]:
    return {status.stage: status.state for status in statuses}


def write(name: str, text: str = "{}") -> Callable[[Path], None]:
    """A new file, older than all results."""

    def change(path: Path) -> None:
        (path / name).parent.mkdir(exist_ok=True, parents=True)
        (path / name).write_text(text)
        os.utime(path / name, ns=(0, 0))

    return change


def overwrite(name: str) -> Callable[[Path], None]:
    """The same bytes again, in place: neither the folder nor the size change."""

    def change(path: Path) -> None:
        before = path.joinpath(name).parent.stat().st_mtime_ns
        with (path / name).open("r+b") as file:
            first = file.read(1)
            file.seek(0)
            file.write(first)
        assert path.joinpath(name).parent.stat().st_mtime_ns == before

    return change


def replace(name: str, text: str) -> Callable[[Path], None]:
    """Another file in place of one, as alfvideo writes its own."""

    def change(path: Path) -> None:
        (path / "new").write_text(text)
        (path / "new").replace(path / name)

    return change


def remove(name: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        shutil.rmtree(path / name) if (path / name).is_dir() else (path / name).unlink()

    return change


def edit_description(path: Path) -> None:
    file = path / DESCRIPTION
    file.write_text(file.read_text().replace("sync_label: audio", "sync_label: bpod "))


CHANGES = {
    "stub of a transfer": (write("_devices/a@video.yaml"), {""}),
    "frame data as ssv": (
        write(f"{VIDEO}/_iblrig_bodyCamera.timestamps.ssv"),
        {"raw", "times", "qc"},
    ),
    "wiring": (write(f"{EPHYS}/_spikeglx_ephysData_g0_t0.nidq.wiring.json"), {"times", "qc"}),
    "avi written to": (
        overwrite(f"{VIDEO}/_iblrig_bodyCamera.raw.avi"),
        {"video", "times", "qc"},
    ),
    "frame data written to": (
        overwrite(f"{VIDEO}/_iblrig_bodyCamera.frameData.bin"),
        {"raw", "times", "qc"},
    ),
    "sync written to": (overwrite(f"{SYNC}.times.npy"), {"times", "qc"}),
    "channels of the sync written to": (overwrite(f"{SYNC}.channels.npy"), {"times", "qc"}),
    "copy of the code written to": (overwrite(f"{VIDEO}/_iblrig_videoCodeFiles.raw.zip"), {"raw"}),
    "times written to": (overwrite("alf/_ibl_bodyCamera.times.npy"), {"qc"}),
    "meta written to": (
        overwrite(f"{EPHYS}/_spikeglx_ephysData_g0_t0.nidq.meta"),
        {"times", "qc"},
    ),
    "wheel written to": (overwrite("alf/_ibl_wheel.timestamps.npy"), {"times", "qc"}),
    "description edited": (edit_description, {"times", "qc"}),
    "description cut": (lambda path: (path / DESCRIPTION).write_text("sync: ["), {""}),
    "sync gone": (remove(f"{SYNC}.times.npy"), {"qc"}),
    "wheel gone": (remove("alf/_ibl_wheel.position.npy"), {"times", "qc"}),
    "times gone": (remove("alf/_ibl_bodyCamera.times.npy"), {"times", "qc"}),
    "record gone": (remove("registration/bodyCamera_raw.json"), {"raw"}),
    "qc gone": (remove("qc/_ibl_bodyCamera.videoQC.json"), {"qc"}),
    "picture gone": (remove("snapshot/bodyCamera_qc.png"), {"qc"}),
    "mp4 gone": (remove(f"{VIDEO}/_iblrig_bodyCamera.raw.mp4"), {"video", "times", "qc"}),
    "folder of pictures gone": (remove("snapshot"), {"qc"}),
    "folder of results gone": (remove("alf"), {"times", "qc"}),
    "provenance replaced": (replace("provenance.json", "{half"), {""}),
}
"""The change of a file, and the stages that are then no longer done."""


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("what", CHANGES)
def test_change_is_noticed(done: Path, config: Configuration, what: str):
    change, expected = CHANGES[what]
    before = look(done, config)
    assert set(states(before).values()) == {State.DONE}
    assert knows(done, config)
    time.sleep(0.02)
    change(done)
    after = look(done, config)
    assert {stage for stage, state in states(after).items() if state is not State.DONE} == expected
    assert after == pending.scan(done.parents[2], config)


@pytest.mark.usefixtures("at_once")
def test_wheel_in_a_new_folder_below_alf(done: Path, config: Configuration):
    for file in done.glob("alf/*wheel*"):
        file.unlink()
    finish(done, config)
    look(done, config)
    assert knows(done, config)
    write("alf/task_00/_ibl_wheel.timestamps.npy")(done)
    write("alf/task_00/_ibl_wheel.position.npy")(done)
    assert states(look(done, config))["qc"] is State.PENDING


@pytest.mark.usefixtures("at_once")
def test_sync_that_comes_in_the_folder_of_an_old_probe(
    tmp_path: Path, config: Configuration, rendered: Render
):
    path = rendered(tmp_path / "data", small(neuropixel="3A"))
    finish(path, config)
    for name in ("alf/_ibl_bodyCamera.times.npy", "qc/_ibl_bodyCamera.videoQC.json"):
        (path / name).unlink()
    arrays = {file: file.read_bytes() for file in path.glob(f"{EPHYS}/probe00/*sync*")}
    for file in arrays:
        file.unlink()
    assert states(look(path, config))["times"] is State.BLOCKED
    assert knows(path, config)
    time.sleep(0.02)
    for file, content in arrays.items():
        file.write_bytes(content)
    assert states(look(path, config))["times"] is State.PENDING


@pytest.mark.usefixtures("at_once")
def test_folder_that_comes_in_another_than_the_session(done: Path, config: Configuration):
    for name in ("alf/_ibl_bodyCamera.times.npy", "qc/_ibl_bodyCamera.videoQC.json"):
        (done / name).unlink()
    text = (done / DESCRIPTION).read_text()
    (done / DESCRIPTION).write_text(text.replace(f"collection: {EPHYS}", f"collection: {EPHYS}/a"))
    assert states(look(done, config))["times"] is State.BLOCKED
    assert knows(done, config)
    (done / EPHYS / "a").mkdir()
    for file in done.glob(f"{SYNC}.*"):
        shutil.copy(file, done / EPHYS / "a")
    assert states(look(done, config))["times"] is State.PENDING


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("spoil", "fix"),
    [
        (write("_devices/a@video.yaml"), remove("_devices/a@video.yaml")),
        (write(DESCRIPTION, "sync: ["), lambda path: path.joinpath(DESCRIPTION).write_text("{}")),
        (write("provenance.json", "{half"), remove("provenance.json")),
        (
            write("provenance.json", "{half"),
            lambda path: path.joinpath("provenance.json").write_text("{}"),
        ),
        (remove(VIDEO), write(f"{VIDEO}/_iblrig_bodyCamera.raw.avi")),
    ],
)
def test_blocked_session_is_remembered_until_it_is_fixed(
    tmp_path: Path,
    config: Configuration,
    rendered: Render,
    spoil: Callable[[Path], None],
    fix: Callable[[Path], None],
):
    path = rendered(tmp_path / "data", small())
    spoil(path)
    before = look(path, config)
    assert set(states(before).values()) == {State.BLOCKED}
    assert knows(path, config)
    assert look(path, config) == before
    fix(path)
    assert look(path, config) != before


@pytest.mark.usefixtures("at_once")
def test_session_without_description_that_gets_task_settings(tmp_path: Path, config: Configuration):
    path = tmp_path / "data" / "KB001" / "2026-01-01" / "001"
    path.mkdir(parents=True)
    (before,) = look(path, config)
    assert "no task settings" in before.reason
    assert knows(path, config)
    settings = "raw_behavior_data/_iblrig_taskSettings.raw.json"
    write(settings, '{"PYBPOD_PROTOCOL": "ephysChoiceWorld"}')(path)
    found = look(path, config)
    assert {status.camera for status in found} == {"left", "right", "body"}
    assert knows(path, config)
    (path / settings).write_text('{"PYBPOD_PROTOCOL": "trainingChoiceWorld"}')
    assert {status.camera for status in look(path, config)} == {"left"}


def test_settings(done: Path, config: Configuration, at_once: None):
    look(done, config)
    for choice in ({"from_date": "2026-01-01"}, {"subjects": ["KB001"]}, {"sessions": ["KB*"]}):
        assert knows(done, config.changed(**choice))
    config = config.changed(compression={"crf": 30})
    assert states(look(done, config))["video"] is State.PENDING


def test_cascade_that_was_edited(done: Path, config: Configuration, at_once: None):
    models = REPO / "config" / "pose" / "demo" / "dlc_body"
    cascade = done.parents[3] / "body.yaml"
    network = {"models": [f"{models}/*.pt"], "smoothing": {"median": 5}}
    cascade.write_text(yaml.safe_dump({"networks": {"tail": network}}))
    config = config.changed(trackers=["dlc"], cascades={"dlc": {"body": str(cascade)}})
    finish(done, config)
    assert set(states(look(done, config)).values()) == {State.DONE}
    assert knows(done, config)
    network["smoothing"] = {"median": 7}
    cascade.write_text(yaml.safe_dump({"networks": {"tail": network}}))
    assert states(look(done, config))["dlc"] is State.PENDING


def test_reference_frame_that_was_replaced(done: Path, config: Configuration, at_once: None):
    folder = done.parents[3] / "frames"
    folder.mkdir()
    (folder / "body.png").write_bytes(b"1")
    config = config.changed(reference_frames=str(folder))
    finish(done, config)
    look(done, config)
    assert knows(done, config)
    os.utime(folder / "body.png", ns=(0, 0))
    assert knows(done, config), "a date is no change"
    (folder / "body.png").write_bytes(b"2")
    assert states(look(done, config))["qc"] is State.PENDING


def test_another_version_of_alfvideo(
    done: Path, config: Configuration, at_once: None, monkeypatch: pytest.MonkeyPatch
):
    sources = done.parents[3] / "sources"
    shutil.copytree(scan_cache.SOURCES, sources)
    monkeypatch.setattr(scan_cache, "SOURCES", sources)
    look(done, config)
    assert knows(done, config)
    text = (sources / "planning" / "tasks.py").read_text()
    (sources / "planning" / "tasks.py").write_text(text.replace("version=1", "version=2"))
    assert not knows(done, config)


def test_what_has_not_settled_is_not_remembered(done: Path, config: Configuration):
    """A second change in the same tick of the clock would not show."""
    assert set(states(look(done, config)).values()) == {State.DONE}
    assert not knows(done, config)
    time.sleep(scan_cache.SETTLED / 1e9)
    look(done, config)
    assert knows(done, config)


@pytest.mark.usefixtures("at_once")
def test_pending_session_is_not_remembered(tmp_path: Path, config: Configuration, rendered: Render):
    path = rendered(tmp_path / "data", small())
    assert State.PENDING in states(look(path, config)).values()
    assert not knows(path, config)
    finish(path, config)
    config = config.changed(compression={"crf": 30})
    assert State.PENDING in states(look(path, config)).values()
    assert not knows(path, config)


@pytest.mark.usefixtures("at_once")
def test_missing_permission_is_not_remembered(
    reachable: Path, config: Configuration, rendered: Render
):
    path = rendered(reachable / "data", small())
    finish(path, config)
    for folder in (reachable, reachable / "data"):
        folder.chmod(0o755)
    (reachable / "work").mkdir()
    (reachable / "work").chmod(0o777)
    (path / VIDEO).chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        (status,) = look(path, config)
        assert "no permission" in status.reason
        assert not knows(path, config)
    finally:
        os.seteuid(user)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("kind", ["spikeglx", "timeline", "bpod", "camlog"])
def test_same_as_without_memory(tmp_path: Path, config: Configuration, rendered: Render, kind: str):
    root = tmp_path / "data"
    finish(rendered(root, small(kind=kind)), config)
    rendered(root, small(kind=kind, subject="KB002"))
    (camera,) = small(kind=kind).labels
    stub = {camera: (Fault.UNFINISHED_TRANSFER,)}
    rendered(root, small(kind=kind, subject="KB003", faults=stub))
    path = rendered(root, small(kind=kind, subject="KB004"))
    shutil.rmtree(path / VIDEO)
    expected = pending.scan(root, config)
    assert {status.state for status in expected} == {State.DONE, State.PENDING, State.BLOCKED}
    for _ in range(3):
        assert look(path, config) == expected
    remembered = [subject for subject in (1, 2, 3, 4) if knows(_of(root, subject), config)]
    assert remembered == [1, 3, 4]


def _of(root: Path, subject: int) -> Path:
    return root / f"KB{subject:03}" / "2026-01-01" / "001"


@pytest.mark.usefixtures("at_once")
def test_sessions_that_come_and_go(done: Path, config: Configuration):
    look(done, config)
    second, third = done.with_name("002"), done.parents[2] / "KB002" / "2026-01-02" / "001"
    for copy in (second, third):
        shutil.copytree(done, copy)
        assert copy in {status.session for status in look(done, config)}
    shutil.rmtree(second)
    assert {status.session for status in look(done, config)} == {done, third}
    assert [path for path in (done, second, third) if knows(path, config)] == [done, third]


@pytest.mark.usefixtures("at_once")
def test_sessions_that_are_not_selected_stay_known(done: Path, config: Configuration):
    look(done, config)
    with pytest.raises(DataError, match="None of the 1 sessions"):
        look(done, config.changed(subjects=["nobody"]))
    assert knows(done, config)


@pytest.mark.usefixtures("at_once")
def test_nothing_is_written_if_nothing_changed(done: Path, config: Configuration):
    look(done, config)
    (file,) = (done.parents[3] / "work").glob("*.json")
    before = file.stat().st_ino
    look(done, config)
    assert file.stat().st_ino == before
    shutil.copytree(done, done.with_name("002"))
    look(done, config)
    assert file.stat().st_ino != before


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"key": "other"}', '{"key": %s}', '{"key": %s, "sessions": [1]}', "\0"],
)
def test_file_that_is_of_no_use_costs_time_only(done: Path, config: Configuration, content: str):
    expected = look(done, config)
    (file,) = (done.parents[3] / "work").glob("*.json")
    whole = file.read_text()
    key = json.dumps(json.loads(whole)["key"])
    file.write_text(content.replace("%s", key))
    assert look(done, config) == expected
    assert file.read_text() == whole


@pytest.mark.usefixtures("at_once")
def test_folder_that_cannot_be_written(done: Path, config: Configuration):
    in_the_way = done.parents[3] / "work"
    in_the_way.write_text("a file")
    assert set(states(look(done, config)).values()) == {State.DONE}
    assert in_the_way.read_text() == "a file"


@pytest.mark.usefixtures("at_once")
def test_two_data_folders(done: Path, tmp_path: Path, config: Configuration, rendered: Render):
    other = rendered(tmp_path / "other", small())
    look(done, config, tmp_path / "work")
    assert State.PENDING in states(look(other, config, tmp_path / "work")).values()
    assert knows(done, config)
    assert len(list((tmp_path / "work").glob("*.json"))) == 2


@pytest.mark.usefixtures("at_once")
def test_when_results_were_made(done: Path, config: Configuration):
    root = done.parents[2]
    look(done, config)
    memory = scan_cache.load_memory(root, config, root.parent / "work")
    assert memory.made == {done: (done / "provenance.json").stat().st_mtime_ns}
