"""Mistakes of a new user: each gives one sentence that says what to do, and no traceback."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rigsim import Rig
from tests import clone
from tests.workflow.runs import REPO, Outcome, Workflow, execute, hashes, lost, small

Render = Callable[[Path, Rig], Path]


def refused(run: Outcome, *words: str) -> None:
    """The run did nothing, and says this in one line."""
    assert run.status != 0
    assert run.row(*words)
    assert "Traceback" not in run.text
    assert not run.planned


def test_missing_root(workflow: Workflow):
    refused(workflow.run("-n"), f"There is no data folder {workflow.root}", "Set `root`")


@pytest.mark.slow
def test_a_file_as_root(workflow: Workflow):
    workflow.root.write_text("no folder")
    refused(workflow.run("-n"), f"There is no data folder {workflow.root}", "Set `root`")


@pytest.mark.slow
def test_empty_root(workflow: Workflow):
    workflow.root.mkdir()
    refused(workflow.run("-n"), f"No sessions found below {workflow.root}", "YYYY-MM-DD/NNN")


def test_unknown_key(workflow: Workflow):
    refused(workflow.run("-n", rot="x"), "unknown key `rot`", "remove it or use one of")


def edited(folder: Path, content: str) -> Path:
    """A copy of the workflow with a configuration as a user edits it."""
    folder.mkdir()
    snakefile = clone.link(REPO, folder)
    (folder / "config" / "config.yaml").write_text(content)
    return snakefile


def test_configuration_of_the_user_does_not_reach_tests(tmp_path: Path, workflow: Workflow):
    workflow.root.mkdir()
    content = "root: /mine\ntrackers: [dlc]\ncascades: {dlc: {left: /nowhere/left.yaml}}\n"
    user = edited(tmp_path / "user", content)
    (tmp_path / "clone").mkdir()
    ours = clone.link(user.parent, tmp_path / "clone")
    command = workflow.command("-n")
    place = command.index(str(clone.snakefile()))
    command[place] = str(user)
    refused(execute(command), "cascade /nowhere/left.yaml cannot be read")
    command[place] = str(ours)
    refused(execute(command), f"No sessions found below {workflow.root}")


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", ["cameras: [left, right", "reference_frames: '/data", "\tkeep_avi: true"]
)
def test_typing_error_in_the_configuration_file(tmp_path: Path, line: str):
    content = f"root: /data\n{line}\nffmpeg: ''\n"
    user = edited(tmp_path / "user", content).parent
    file = user / "config" / "config.yaml"
    run = execute([sys.executable, "-m", "snakemake", "-n", "--directory", user], cwd=user)
    refused(run, f"{file} cannot be read (line ", "spaces and no tabs")


@pytest.mark.slow
def test_ffmpeg_that_is_not_there(workflow: Workflow, rendered: Render):
    rendered(workflow.root, small())
    run = workflow.run(ffmpeg="/nowhere/ffmpeg")
    assert run.status != 0
    assert run.row("ffmpeg cannot be started from /nowhere/ffmpeg", "Correct `ffmpeg`")
    assert "Traceback" not in run.text


@pytest.mark.slow
def test_missing_cascade(workflow: Workflow, rendered: Render):
    rendered(workflow.root, small())
    cascades = {"dlc": {"body": "/nowhere/body.yaml"}, "lightningPose": {}}
    run = workflow.run("-n", trackers=["dlc"], cascades=cascades)
    refused(run, "cascade /nowhere/body.yaml cannot be read", "Correct `cascades`")


@pytest.mark.slow
def test_missing_model(workflow: Workflow, rendered: Render, tmp_path: Path):
    """It blocks the poses; all else can be done."""
    rendered(workflow.root, small())
    cascade = tmp_path / "body.yaml"
    cascade.write_text("folder: models\nnetworks: {all: {models: [my_network]}}\n")
    cascades = {"dlc": {"body": str(cascade)}, "lightningPose": {}}
    run = workflow.run("-n", trackers=["dlc"], cascades=cascades)
    assert run.status == 0, run.text
    assert run.row("blocked: ", "dlc", str(tmp_path / "models"), "my_network")
    assert run.planned["video_compress"] == 1
    assert "dlc" not in run.planned


@pytest.mark.slow
def test_python_without_the_pose_engine(workflow: Workflow, rendered: Render, tmp_path: Path):
    rendered(workflow.root, small())
    cascade = tmp_path / "body.yaml"
    models = REPO / "config" / "pose" / "demo"
    cascade.write_text((models / "body.dlc.yaml").read_text() + f"\nfolder: {models}\n")
    settings = {
        "trackers": ["dlc"],
        "cascades": {"dlc": {"body": str(models / "body.dlc.yaml")}, "lightningPose": {}},
        "environments": {"dlc": sys.executable},
    }
    refused(workflow.run("-n", **settings), f"{sys.executable} has no deeplabcut", "pip install")


def test_no_gpu_is_no_obstacle_and_the_doctor_says_so(workflow: Workflow):
    workflow.root.mkdir()
    run = workflow.look("doctor")
    assert run.status == 0, run.text
    assert run.row("data folder", "can be read, written and locked")
    if shutil.which("nvidia-smi") is None:
        assert run.row("GPU", "no NVIDIA driver")


@pytest.fixture
def little_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "little"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this user may not mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
def test_no_space_left(workflow: Workflow, rendered: Render, little_disk: Path):
    path = rendered(little_disk, small())
    raw = hashes(little_disk)
    free = os.statvfs(little_disk)
    (little_disk / "other").write_bytes(bytes(free.f_bavail * free.f_bsize - 8192))
    workflow.root = little_disk
    run = workflow.run()
    assert run.status != 0
    assert run.row("disk is full", "Free some space and run again")
    assert "Traceback" not in run.text
    assert lost(raw, little_disk) == []
    (little_disk / "other").unlink()
    run = workflow.run()
    assert run.status == 0, run.text
    assert json.loads((path / "provenance.json").read_text())
