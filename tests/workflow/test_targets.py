"""Targets that one can ask for: one file, any folder name, a removed avi, one run at a time."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from alfvideo.pose import environment
from alfvideo.video import compress, probe
from rigsim import Fault, Rig
from tests import clone
from tests.workflow.runs import (
    REPO,
    Outcome,
    Workflow,
    error_in_frames,
    execute,
    hashes,
    lost,
    small,
    temporary_files,
    tree,
)

Render = Callable[[Path, Rig], Path]
STRANGE = "a 'b' \"c\" $HOME;&(x)[1]*? %d #1 é ß 鼠"
TIMES = "alf/_ibl_bodyCamera.times.npy"
MP4 = "raw_video_data/_iblrig_bodyCamera.raw.mp4"
AVI = "raw_video_data/_iblrig_bodyCamera.raw.avi"


@pytest.mark.slow
def test_strange_names_for_each_kind(workflow: Workflow, rendered: Render):
    """The avi are removed too, and all that is left is what should be."""
    workflow.root = workflow.root / STRANGE
    paths = {
        kind: rendered(workflow.root, small(kind, subject=kind.upper()))
        for kind in ("spikeglx", "timeline", "bpod", "camlog")
    }
    raw = {
        name: digest
        for name, digest in hashes(workflow.root).items()
        if not name.endswith((".avi", ".camlog"))
    }
    run = workflow.run(keep_avi=False)
    assert run.status == 0, run.text
    for kind, path in paths.items():
        (camera,) = small(kind).labels
        assert error_in_frames(path, camera) < 0.5
        assert not list(path.rglob("*.avi"))
        assert (path / "raw_video_data" / f"_iblrig_{camera}Camera.raw.mp4").exists()
    assert lost(raw, workflow.root) == []
    assert temporary_files(workflow.root) == []
    assert not list(workflow.root.rglob("*_cam_run*"))
    assert workflow.run(keep_avi=False).nothing_to_do


@pytest.mark.slow
def test_root_on_the_command_line(workflow: Workflow, rendered: Render):
    root = workflow.root / "a 'b' $HOME;&(x) é"
    rendered(root, small())
    run = workflow.run("-n")
    run = execute(
        [
            *(sys.executable, "-m", "snakemake", "-n", "-s", str(clone.snakefile())),
            *("--directory", str(workflow.workdir), "--config", f"root={root}", "keep_avi=false"),
        ]
    )
    assert run.status == 0, run.text
    assert run.planned["video_compress"] == run.planned["video_remove_original"] == 1


@pytest.mark.slow
def test_one_file(workflow: Workflow, rendered: Render):
    """An absolute target and then a relative one; no other session is looked at."""
    one, two = (rendered(workflow.root, small(subject=name)) for name in ("KB001", "KB002"))
    run = workflow.run(two / TIMES)
    assert run.status == 0, run.text
    assert run.finished == {"video_compress": 1, "video_sync_qc_nidq": 1}
    assert not (one / MP4).exists()
    assert error_in_frames(two, "body") < 0.5

    relative = Path(os.path.relpath(one / MP4, workflow.workdir))
    run = workflow.run(relative)
    assert run.status == 0, run.text
    assert run.finished == {"video_compress": 1}
    assert (one / MP4).exists()
    assert list(workflow.workdir.glob("logs/video_compress/**/*.log"))

    run = workflow.run("-n")
    assert run.planned == {"video_register_raw": 2, "video_sync_qc_nidq": 1, "video_qc": 2}


def test_one_file_that_is_blocked_shows_the_reason(workflow: Workflow, rendered: Render):
    path = rendered(workflow.root, small(faults={"body": (Fault.UNFINISHED_TRANSFER,)}))
    run = workflow.run(path / TIMES)
    assert run.status != 0
    assert "transfer unfinished" in run.text
    assert "Traceback" not in run.text


@pytest.mark.slow
def test_a_camera_that_the_session_has_not_shows_the_reason(workflow: Workflow, rendered: Render):
    path = rendered(workflow.root, small())
    run = workflow.run(path / "alf" / "_ibl_leftCamera.times.npy")
    assert run.status != 0
    assert "has no left camera" in run.text


@pytest.mark.slow
def test_the_mp4_outlives_its_avi(workflow: Workflow, rendered: Render):
    """Once the avi is gone nothing may touch the mp4, not even if it is asked for by force."""
    path = rendered(workflow.root, small())
    assert workflow.run().status == 0
    mp4 = (path / MP4).read_bytes()

    changed = {"compression": {"preset": "ultrafast", "crf": 45}}
    assert workflow.run("-n", **changed).planned["video_compress"] == 1
    (path / AVI).unlink()
    run = workflow.run("-n", **changed)
    assert run.nothing_to_do, run.text
    for options in (
        ["--forceall"],
        ["--forcerun", "video_compress"],
        [str(path / TIMES), "--forceall"],
    ):
        run = workflow.run(*options, **changed)
        assert "video_compress" not in run.finished
        assert (path / MP4).read_bytes() == mp4, f"lost or changed by {options}"


@pytest.mark.slow
def test_an_mp4_of_another_recording_keeps_nothing_from_being_done(
    workflow: Workflow, rendered: Render, tmp_path: Path
):
    """It is set aside before other jobs than that of the mp4 count on it."""
    path = rendered(workflow.root, small())
    compress.copy([rendered(tmp_path / "other", small(seconds=2)) / AVI], path / MP4)
    run = workflow.run()
    assert run.status == 0, run.text
    assert run.finished["video_compress"] == run.finished["video_qc"] == 1
    assert path.joinpath(f"{MP4}.~1~").exists()


@pytest.mark.slow
def test_avi_is_removed_only_for_its_own_mp4(workflow: Workflow, rendered: Render):
    """A wrong mp4, newer than its avi: one is seen by the scan, one only by its checksum."""
    path = rendered(workflow.root, small())
    other = rendered(workflow.root / "other", small(seconds=2))
    assert workflow.run(path / MP4, other / MP4).status == 0
    shutil.copyfile(other / MP4, path / MP4)
    shutil.rmtree(workflow.root / "other")
    wrong, avi = (path / MP4).read_bytes(), (path / AVI).stat().st_size
    run = workflow.run("-n")
    assert run.planned["video_compress"] == 1
    assert (path / MP4).read_bytes() == wrong, "a dry run changes nothing"

    run = workflow.run(path / MP4)
    assert run.finished == {"video_compress": 1}
    assert path.joinpath(f"{MP4}.~1~").read_bytes() == wrong
    content = bytearray((path / MP4).read_bytes())
    content[len(content) // 2] ^= 1
    (path / MP4).write_bytes(content)
    raw = {name: h for name, h in hashes(workflow.root).items() if name.endswith(".avi")}
    run = workflow.run(keep_avi=False)
    assert run.failed["video_remove_original"] == 1
    assert run.row("video_remove_original:", "The raw video is kept", "set aside")
    assert lost(raw, workflow.root) == []

    run = workflow.run(keep_avi=False)
    assert run.status == 0, run.text
    assert not (path / AVI).exists()
    record = json.loads((path / "registration" / "bodyCamera_original_removed.json").read_text())
    assert [entry["path"] for entry in record["datasets"]] == [AVI]
    (line,) = (workflow.root / "removed.jsonl").read_text().splitlines()
    assert json.loads(line).items() >= {**record["datasets"][0], "file_size": avi}.items()
    assert probe.probe_whole(path / MP4).frames == 90
    assert workflow.run(keep_avi=False).nothing_to_do


@pytest.mark.slow
def test_camlog_originals_are_removed_after_the_check(workflow: Workflow, rendered: Render):
    path = rendered(workflow.root, small("camlog"))
    log = next(path.glob("raw_video_data/*.camlog")).read_bytes()
    run = workflow.run(keep_avi=False)
    assert run.status == 0, run.text
    names = sorted(file.name for file in (path / "raw_video_data").iterdir())
    assert names == ["_iblrig_bodyCamera.raw.camlog", "_iblrig_bodyCamera.raw.mp4"]
    assert (path / "raw_video_data" / names[0]).read_bytes() == log
    assert workflow.run(keep_avi=False).nothing_to_do


def start(workflow: Workflow, **config: object) -> subprocess.Popen:
    """Start a run in a session of its own and wait until it compresses a video."""
    run = subprocess.Popen(
        workflow.command(**config),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while not any(
        "90 frames of" in log.read_text()
        for log in workflow.workdir.glob("logs/video_compress/**/*.log")
    ):
        assert run.poll() is None, run.stdout.read()
        time.sleep(0.1)
    return run


@pytest.mark.slow
def test_one_run_at_a_time(workflow: Workflow, rendered: Render):
    """The second leaves with a sentence; after kill -9 of the first the next one just runs."""
    rendered(workflow.root, small())
    endless = workflow.workdir.with_name("ffmpeg")
    endless.write_text("#!/bin/sh\nexec sleep 1000\n")
    endless.chmod(0o755)
    first = start(workflow, ffmpeg=str(endless))
    other = Workflow(workflow.workdir.with_name("other"), workflow.root)
    second, preview = other.run(), other.run("-n")
    assert first.poll() is None
    assert second.status != 0
    assert second.row("Another run is at work below", f"process {first.pid} on")
    assert "Traceback" not in second.text
    assert second.planned == {}, "it looked for work first"
    assert preview.planned

    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    third = workflow.run()
    assert third.status == 0, third.text
    assert workflow.run().nothing_to_do


def as_others_do(command: list[str]) -> Outcome:
    """Run a command without root's right to read and write everything."""
    if os.geteuid() != 0:
        return execute(command)
    if sys.platform != "linux":
        pytest.skip("root may read and write everything")

    def drop_rights() -> None:
        drop_from_bounding_set = 24
        for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            ctypes.CDLL(None).prctl(drop_from_bounding_set, right, 0, 0, 0)

    return execute(command, preexec_fn=drop_rights)


@pytest.fixture
def opened_afterwards(workflow: Workflow) -> Iterator[None]:
    """Opens the folders that a test has closed."""
    yield
    for path in [workflow.root, *workflow.root.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)


@pytest.mark.slow
@pytest.mark.usefixtures("opened_afterwards")
@pytest.mark.parametrize("closed", [".", "raw_video_data", "alf"])
def test_folder_without_permission_to_write(workflow: Workflow, rendered: Render, closed: str):
    shut, good = (rendered(workflow.root, small(subject=name)) for name in ("KB001", "KB002"))
    (shut / closed).chmod(0o555)
    raw = hashes(workflow.root)
    run = as_others_do(workflow.command())
    assert run.row("KB001/2026-01-01/001", "o permission ")
    assert "Traceback" not in run.text
    assert error_in_frames(good, "body") < 0.5
    assert lost(raw, workflow.root) == []


@pytest.mark.slow
@pytest.mark.usefixtures("opened_afterwards")
def test_folder_without_permission_to_read(workflow: Workflow, rendered: Render):
    shut, good = (rendered(workflow.root, small(subject=name)) for name in ("KB001", "KB002"))
    (shut / "raw_video_data").chmod(0)
    run = as_others_do(workflow.command("-n"))
    assert run.status == 0, run.text
    assert run.row("KB001", "permission")
    assert run.row("KB002", "pending")
    assert run.planned["video_register_raw"] == run.planned["video_compress"] == 1
    assert good.exists()


def test_dry_run_of_a_single_file_changes_nothing(workflow: Workflow, rendered: Render):
    path = rendered(workflow.root, small())
    before = tree(workflow.root)
    assert workflow.run(path / TIMES, "-n").planned.total() == 2
    assert tree(workflow.root) == before


@pytest.mark.slow
@pytest.mark.engines
def test_demo(tmp_path: Path):
    """The demo of one camera, in a folder of its own; `.ci/run` runs all of it."""
    python = environment.python_of("dlc", "", REPO / ".environments")
    command = [
        *(sys.executable, "-m", "snakemake", "demo", "-s", str(clone.snakefile())),
        *("--directory", str(tmp_path), "--config", "cameras=[body]"),
        f"environments={{dlc: {python}}}",
    ]
    first = execute(command)
    assert first.status == 0, first.text
    assert first.row("why")
    assert first.row("transfer unfinished")
    sessions = [path.parents[1] for path in tmp_path.glob("demo/**/alf/*Camera.times.npy")]
    assert len(sessions) == 2
    for path in sessions:
        assert error_in_frames(path, "body") < 0.5
    errors = pd.read_csv(tmp_path / "demo" / "pose_errors.tsv", sep="\t")
    assert list(errors.part) == ["tail_start"] * 2
    assert errors.median_px.max() < 1
    assert "tail_start" in first.text, "the errors are printed"
    second = execute(command)
    assert second.status == 0
    assert second.nothing_to_do
