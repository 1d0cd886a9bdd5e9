"""`alfvideo status`: what is done, pending, running, failed and blocked, while it is so."""

import csv
import io
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

from rigsim import Fault, Rig
from tests.workflow.runs import MAX_SECONDS, Workflow, small, tree

Render = Callable[[Path, Rig], Path]

LONG = small(subject="KB010", seconds=40)


def asked(workflow: Workflow, format: str = "table", **config: object) -> str:
    """Return what status prints."""
    command = workflow.alfvideo("status", "--format", format, **config)
    done = subprocess.run(command, capture_output=True, text=True, timeout=MAX_SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout


def states(workflow: Workflow, **config: object) -> dict[tuple[str, str], dict[str, str]]:
    """The rows by subject and stage."""
    found = csv.DictReader(io.StringIO(asked(workflow, "csv", **config)))
    return {(Path(row["session"]).parts[-3], row["stage"]): row for row in found}


def slow_ffmpeg(path: Path) -> Path:
    """An ffmpeg that reads a video no faster than it was filmed, on any machine."""
    path.write_text(f'#!/bin/sh\nexec "{imageio_ffmpeg.get_ffmpeg_exe()}" -re "$@"\n')
    path.chmod(0o755)
    return path


def test_before_anything_was_done(workflow: Workflow, rendered: Render):
    rendered(workflow.root, small(lab="lab"))
    rendered(workflow.root, small(subject="KB002", faults={"body": (Fault.UNFINISHED_TRANSFER,)}))
    before = tree(workflow.root)
    text = asked(workflow)
    first = text.splitlines()[1:3]
    assert any("pending: all" in line and line.startswith("lab/") for line in first), text
    assert any("blocked: all" in line and "transfer unfinished" in line for line in first), text
    assert "2 sessions; 2 cameras: 0 done, 1 pending, 1 blocked" in text
    assert "KB002" not in asked(workflow, subjects=["KB001"]), "filters hold"
    assert tree(workflow.root) == before


@pytest.mark.slow
def test_a_reader_may_leave_early(workflow: Workflow):
    # More than a pipe holds.
    for number in range(900):
        (workflow.root / "KB001" / "2026-01-01" / f"{number:03}").mkdir(parents=True)
    with subprocess.Popen(
        workflow.alfvideo("status", "--format", "csv"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as asking:
        assert asking.stdout.readline().startswith("session,camera,")
        asking.stdout.close()
        errors = asking.stderr.read()
    assert asking.returncode == 0
    assert "Error" not in errors


@pytest.mark.slow
def test_a_missing_data_folder_is_said(workflow: Workflow):
    run = workflow.look("status", root=str(workflow.root / "nowhere"))
    assert run.status != 0
    assert "There is no data folder" in run.text


@pytest.mark.slow
def test_while_a_run_is_at_work_and_after(workflow: Workflow, rendered: Render, tmp_path: Path):
    cut = rendered(workflow.root, small(faults={"body": (Fault.TRUNCATED_AVI,)}))
    rendered(workflow.root, LONG)
    workflow.config = {"ffmpeg": str(slow_ffmpeg(tmp_path / "ffmpeg"))}
    with subprocess.Popen(
        workflow.command("all"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        seen = {}
        while seen.get("state") != "running" or "frames/s" not in seen["message"]:
            assert run.poll() is None, run.stdout.read()
            seen = states(workflow)["KB010", "video"]
        text = asked(workflow)
        screen, _ = run.communicate(timeout=MAX_SECONDS)
    assert f"A run is at work: process {run.pid} on" in text
    assert "running: video" in text
    assert seen["log"].startswith("logs/video_compress/")
    assert (workflow.workdir / seen["log"]).exists()

    assert run.returncode == 1
    assert "compressed" in screen
    assert "frames/s" in screen, "long jobs are followed on the screen"
    assert "Select jobs to execute" not in screen
    found = states(workflow)
    assert {found["KB010", stage]["state"] for stage in ("raw", "video", "times", "qc")} == {"done"}
    assert float(found["KB010", "video"]["seconds"]) > 1
    assert time.strptime(found["KB010", "video"]["finished"], "%Y-%m-%dT%H:%M:%SZ")
    failed = found["KB001", "video"]
    assert failed["state"] == "failed"
    assert str(cut) in failed["message"]
    assert "holds" in (workflow.workdir / failed["log"]).read_text()

    last = json.loads(asked(workflow, "json"))
    assert last["run"] == ""
    unseen = {"running": 0, "blocked": 0, "left out": 0}
    assert last["totals"] == {"done": 5, "pending": 2, "failed": 1, **unseen}
    (only,) = last["last_runs"]
    assert (only["done"], only["failed"], only["root"]) == (5, 1, str(workflow.root))
    assert only["seconds"] > 1
    text = asked(workflow)
    assert "5 jobs done, 1 failed on" in text
    assert "A run is at work" not in text
