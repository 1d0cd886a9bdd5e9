"""Runs and jobs beside each other: two data folders, jobs in turn, no more than is allowed."""

import re
import subprocess
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

import psutil
import pytest

from rigsim import Rig
from tests.workflow.runs import Outcome, Workflow, execute, small, temporary_files

pytestmark = pytest.mark.slow

Render = Callable[[Path, Rig], Path]
TIMES = "alf/_ibl_bodyCamera.times.npy"


def started(run: Outcome) -> list[str]:
    """List the messages of the jobs of a run at their starts, in order."""
    return re.findall(r"^Job \d+: (.*)$", run.text, re.M)


def most_at_a_time(run: Outcome) -> int:
    """Return the largest number of jobs that were at work at a time."""
    events = re.findall(r"^(Job|Finished jobid:) \d", run.text, re.M)
    return max(accumulate(1 if event == "Job" else -1 for event in events))


def test_two_folders_from_one_working_folder(tmp_path: Path, rendered: Render):
    """At the same time: both are done whole, and neither sees the other."""
    roots = [tmp_path / "first", tmp_path / "second"]
    paths = [rendered(root, small(subject=subject)) for root in roots for subject in ("A", "B")]
    commands = []
    for root in roots:
        workflow = Workflow(tmp_path / "work", root)
        commands.append(workflow.command())
        config = workflow.workdir / "config.json"
        commands[-1][-1] = str(config.rename(tmp_path / f"{root.name}.json"))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    running = [subprocess.Popen(command, **pipes) for command in commands]
    outcomes = [(*process.communicate(), process.returncode) for process in running]
    for (text, _, status), root in zip(outcomes, roots, strict=True):
        assert status == 0, text
        assert not any(str(other) in text for other in roots if other != root)
    assert all((path / TIMES).exists() for path in paths)
    assert not temporary_files(tmp_path / "first") + temporary_files(tmp_path / "second")
    for command in commands:
        assert execute(command).nothing_to_do


def test_newest_sessions_first_and_raw_before_all(workflow: Workflow, rendered: Render):
    dates = ["2026-01-02", "2026-03-01", "2025-12-31"]
    for seconds, day in enumerate(dates, start=3):
        rendered(workflow.root, small(date=day, seconds=seconds))
    rendered(workflow.root, small(date=dates[1], number="002"))
    run = workflow.run("--cores", 1)
    assert run.status == 0, run.text
    jobs = started(run)
    order = ["2026-03-01/002", "2026-03-01/001", "2026-01-02/001", "2025-12-31/001"]
    for rule in ("Recording", "Compressing", "Camera times"):
        sessions = [re.search(r"[\d-]{10}/\d{3}", job)[0] for job in jobs if job.startswith(rule)]
        assert sessions == order
    rules = [job.split(" ", maxsplit=1)[0] for job in jobs]
    assert rules[:8] == ["Recording"] * 4 + ["Compressing"] * 4


@pytest.mark.parametrize("limit", ["io_charge=5", "mem_mb=500"])
def test_no_more_at_a_time_than_is_allowed(workflow: Workflow, rendered: Render, limit: str):
    for subject in ("A", "B"):
        rendered(workflow.root, small(subject=subject))
    run = workflow.run("--cores", 8, "--resources", "gpu=1", "io_charge=100", limit)
    assert run.status == 0, run.text
    assert most_at_a_time(run) == 1


def test_memory_of_this_machine_is_a_limit(workflow: Workflow, rendered: Render):
    rendered(workflow.root, small())
    run = workflow.run()
    (line,) = re.findall(r"^Provided resources: (.*)$", run.text, re.M)
    assert f'mem_mb=Resource("mem_mb", {psutil.virtual_memory().total // 10**6})' in line
