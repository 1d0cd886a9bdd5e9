"""Sync pulses to be made from the raw file of a DAQ: when, from which file, and when not."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.unit.test_pending import finish
from tests.unit.test_targets import Started, planner

from alfvideo.configuration import Configuration
from alfvideo.files.errors import Blocked
from alfvideo.jobs import provenance
from alfvideo.planning import pending
from alfvideo.session import datasets, description, pulse_files
from alfvideo.session.cameras import ALL_CAMERAS, Session
from rigsim import Rig

NIDQ = {"sync": {"nidq": {"collection": "raw_ephys_data"}}, "devices": {"cameras": {"left": {}}}}
RAW = "raw_ephys_data/x_g0_t0.nidq"
ARRAYS = [f"raw_ephys_data/_spikeglx_sync.{name}.npy" for name in pulse_files.ARRAYS]

Render = Callable[[Path, Rig], Path]
States = dict[tuple[str, str], tuple[str, str]]


def session(folder: Path, *files: str, described: dict | None = None) -> Session:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("content")
    return description.parse(folder, described or NIDQ)


def names(found: list[Path], read: Session) -> list[str]:
    return [file.relative_to(read.path).as_posix() for file in found]


def scanned(path: Path, config: Configuration) -> States:
    """State and reason by camera and stage."""
    return {
        (each.camera, each.stage): (each.state.value, each.reason)
        for each in pending.scan_session(path, config)
    }


def forget(path: Path) -> None:
    """Leave the sync arrays as another program would: without a record."""
    file = path / provenance.FILE_NAME
    records = json.loads(file.read_text())
    kept = {name: record for name, record in records.items() if "_sync." not in name}
    assert len(kept) == len(records) - 3
    file.write_text(json.dumps(kept))


@pytest.fixture
def path(tmp_path: Path, config: Configuration, rendered: Render) -> Path:
    """A session with a raw file, and all results made from it."""
    rig = Rig(seconds=2, scale=0.05, cameras=("body",), daq="bin")
    path = rendered(tmp_path / "data", rig)
    finish(path, config)
    assert {state for state, _ in scanned(path, config).values()} == {"done"}
    return path


def test_a_new_session(tmp_path: Path, config: Configuration, rendered: Render):
    found = scanned(rendered(tmp_path, Rig(seconds=2, scale=0.05, daq="cbin")), config)
    assert found["", "pulses"] == ("pending", "missing")
    assert found["body", "times"] == ("pending", "missing")


def test_what_is_made_from_a_changed_raw_file(path: Path, config: Configuration):
    file = path / "raw_ephys_data" / "_spikeglx_ephysData_g0_t0.nidq.bin"
    file.write_bytes(bytes(file.stat().st_size))
    found = scanned(path, config)
    assert found["", "pulses"][0] == "pending"
    assert "nidq.bin is newer" in found["", "pulses"][1]
    assert found["body", "times"] == ("pending", "input pulses pending")


def test_an_array_that_was_removed_is_made_again(path: Path, config: Configuration):
    (path / ARRAYS[0]).unlink()
    found = scanned(path, config)
    assert found["", "pulses"] == ("pending", "sync.times.npy missing")
    assert found["body", "times"] == ("pending", "input pulses pending")


def test_arrays_of_another_program_are_kept(path: Path, config: Configuration):
    forget(path)
    (path / "raw_ephys_data" / "_spikeglx_ephysData_g0_t0.nidq.bin").touch()
    assert scanned(path, config)["", "pulses"] == ("done", "")
    for started in (Started(), Started(regenerates=True)):
        inputs = planner(config, path.parents[2], started).inputs("sync_pulses", path)
        assert inputs.keys() == {"blocked"}
        assert str(path / ARRAYS[0]) not in started.regenerated


def test_own_arrays_are_made_again_if_asked_for(path: Path, config: Configuration):
    made = planner(config, path.parents[2], Started(regenerates=True))
    found = made.inputs("sync_pulses", path)
    assert [Path(file).suffix for file in found["raw_daq"]] == [".bin", ".meta"]
    assert made.settings("sync_pulses", path) == {"version": 1, "format": "SpikeGLX NI-DAQ"}


def test_a_job_that_was_killed_leaves_no_arrays_of_others(path: Path, config: Configuration):
    forget(path)
    started = Started(regenerates=True, killed={path / ARRAYS[0]})
    assert "raw_daq" in planner(config, path.parents[2], started).inputs("sync_pulses", path)


@pytest.mark.parametrize("there", [ARRAYS[:1], ARRAYS[1:]])
def test_half_of_the_arrays_of_another_program(path: Path, config: Configuration, there: list[str]):
    forget(path)
    for name in {*ARRAYS} - {*there}:
        (path / name).unlink()
    for result in (*path.glob("alf/*times.npy"), *path.glob("qc/*")):
        result.unlink()
    found = scanned(path, config)
    assert found["", "pulses"][0] == "blocked"
    assert "have it make all, or remove what is there" in found["", "pulses"][1]
    assert found["body", "times"] == found["", "pulses"]


@pytest.mark.parametrize("name", ["_spikeglx_sync.{}.probe00.npy", "probe00/_spikeglx_sync.{}.npy"])
def test_arrays_under_other_names_are_enough(path: Path, config: Configuration, name: str):
    for file, attribute in zip(ARRAYS, pulse_files.ARRAYS, strict=True):
        target = path / "raw_ephys_data" / name.format(attribute)
        target.parent.mkdir(exist_ok=True)
        (path / file).rename(target)
    assert ("", "pulses") not in scanned(path, config)


def test_a_session_without_raw_file_has_no_such_task(path: Path, config: Configuration):
    (path / "raw_ephys_data" / "_spikeglx_ephysData_g0_t0.nidq.bin").unlink()
    found = scanned(path, config)
    assert ("", "pulses") not in found
    assert {state for state, _ in found.values()} == {"done"}


def test_pulses_of_a_bpod_rig_are_not_made(tmp_path: Path, config: Configuration):
    described = {"sync": {"bpod": {"collection": "raw_ephys_data"}}, "devices": {"cameras": {}}}
    read = session(tmp_path, f"{RAW}.bin", described=described)
    task = next(task for task in pending.tasks.TASKS if task.rule == "sync_pulses")
    assert task.applies(read, ALL_CAMERAS, config) is False


@pytest.mark.parametrize(
    ("files", "raw", "made"),
    [
        ([f"{RAW}.bin", f"{RAW}.meta"], [f"{RAW}.bin", f"{RAW}.meta"], "raw_ephys_data"),
        (
            [f"{RAW}.bin", f"{RAW}.cbin", f"{RAW}.ch", f"{RAW}.meta"],
            [f"{RAW}.cbin", f"{RAW}.ch", f"{RAW}.meta"],
            "raw_ephys_data",
        ),
        (
            ["raw_ephys_data/probe00/x.imec.ap.bin", f"{RAW}.bin"],
            [f"{RAW}.bin"],
            "raw_ephys_data",
        ),
        (
            [f"raw_ephys_data/probe0{n}/x.imec.{band}.bin" for n in (0,) for band in ("ap", "lf")],
            ["raw_ephys_data/probe00/x.imec.ap.bin"],
            "raw_ephys_data/probe00",
        ),
        (
            [
                "raw_ephys_data/_spikeglx_DAQdata.raw.cbin",
                "raw_ephys_data/_spikeglx_DAQdata.raw.ch",
            ],
            [
                "raw_ephys_data/_spikeglx_DAQdata.raw.cbin",
                "raw_ephys_data/_spikeglx_DAQdata.raw.ch",
            ],
            "raw_ephys_data",
        ),
        (
            ["raw_ephys_data/x_g0_t0.obx0.obx.bin", "raw_ephys_data/x_g0_t0.obx0.obx.meta"],
            ["raw_ephys_data/x_g0_t0.obx0.obx.bin", "raw_ephys_data/x_g0_t0.obx0.obx.meta"],
            "raw_ephys_data",
        ),
    ],
)
def test_which_file_is_read(tmp_path: Path, files: list[str], raw: list[str], made: str):
    read = session(tmp_path, *files)
    assert pulse_files.is_made_here(read)
    assert names(pulse_files.raw_daq(read, ALL_CAMERAS), read) == raw
    arrays = [f"{made}/_spikeglx_sync.{name}.npy" for name in pulse_files.ARRAYS]
    assert names(pulse_files.sync_arrays(read, ALL_CAMERAS), read) == arrays
    written = [datasets.path(pattern, read, ALL_CAMERAS) for pattern in datasets.SYNC]
    assert names(written, read) == arrays


@pytest.mark.parametrize(
    "files",
    [
        [f"{RAW}.bin", f"{RAW.replace('g0', 'g1')}.bin"],
        [f"{RAW}.cbin", f"{RAW.replace('t0', 't1')}.bin"],
        [f"raw_ephys_data/probe0{n}/x.imec.ap.cbin" for n in range(2)],
    ],
)
def test_several_files_that_could_be_it(tmp_path: Path, files: list[str]):
    read = session(tmp_path, *files)
    assert pulse_files.is_made_here(read)
    for find in (pulse_files.raw_daq, pulse_files.sync_arrays):
        with pytest.raises(Blocked, match="several raw files could hold the sync") as reason:
            find(read, ALL_CAMERAS)
        assert all(file in str(reason.value) for file in files)


def test_no_file(tmp_path: Path):
    read = session(tmp_path, "raw_ephys_data/probe00/x.imec0.ap.cbin", "raw_ephys_data/notes.bin")
    assert not pulse_files.is_made_here(read)
    with pytest.raises(Blocked, match=r"sync missing: .*no raw file of a DAQ.*SpikeGLX NI-DAQ"):
        pulse_files.sync_arrays(read, ALL_CAMERAS)


def test_a_raw_file_that_is_no_file(tmp_path: Path):
    read = session(tmp_path, f"{RAW}.meta")
    (tmp_path / f"{RAW}.bin").symlink_to(tmp_path / "gone.bin")
    assert pulse_files.is_made_here(read)
    with pytest.raises(Blocked, match="a link to a file that is not there"):
        pulse_files.sync_arrays(read, ALL_CAMERAS)


@pytest.mark.parametrize(
    "options", [{"daq": "bin"}, {"daq": "cbin"}, {"daq": "cbin", "neuropixel": "3A"}]
)
def test_the_raw_file_is_never_an_output(tmp_path: Path, rendered: Render, options: dict[str, str]):
    path = rendered(tmp_path, Rig(seconds=2, scale=0.05, cameras=("body",), **options))
    read = description.read(path)
    written = {datasets.path(pattern, read, ALL_CAMERAS) for pattern in datasets.SYNC}
    assert written.isdisjoint(path.rglob("*"))
    for file in written:
        np.save(file, np.zeros(1))
    assert set(pulse_files.sync_arrays(description.read(path), ALL_CAMERAS)) == written
