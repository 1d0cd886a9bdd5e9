"""Killed at random moments and started again: the results are those of an undisturbed run."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from one.api import One

from alfvideo.video import remove
from rigsim import Rig
from tests.workflow.runs import Workflow, hashes, lost, small, temporary_files

Render = Callable[[Path, Rig], Path]

SESSIONS = (
    small(seconds=8, scale=0.15),
    small("camlog", subject="KB002", seconds=8, scale=0.15),
)
KILLS = 10
MAX_WAIT = 4.0
"""Kills come up to this many seconds after the first job of a run has started."""

RECORDS = ("provenance.json", "failed.json", "removed.jsonl", "sessions.pqt", "datasets.pqt")

pytestmark = pytest.mark.slow


def results(root: Path) -> dict[str, str]:
    """Hashes of all that must be equal; records and ONE tables hold times of day.

    Snakemake leaves an empty file for a log that a job did not write, unless it is killed before.
    """
    return {
        name: h
        for name, h in hashes(root).items()
        if not name.endswith(RECORDS) and (root / name).stat().st_size
    }


def found_by_one(root: Path) -> set[tuple[str, str]]:
    """Datasets of the ONE tables that are there, with their hashes."""
    rows = One(cache_dir=root, mode="local")._cache["datasets"]
    rows = rows[rows["exists"]]
    return set(zip(rows["rel_path"], rows["hash"], strict=True))


def processes_in(workdir: Path) -> list[psutil.Process]:
    """Processes that run in a working folder: snakemake, scripts, shells and ffmpeg."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(workdir) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def start(workflow: Workflow) -> subprocess.Popen:
    """Start a run; returns when a job has started, or the run has ended."""
    output = (workflow.workdir.parent / "output").open("wb")
    run = subprocess.Popen(
        workflow.command(), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
    )
    while run.poll() is None and b"\nJob " not in Path(output.name).read_bytes():
        time.sleep(0.05)
    output.close()
    return run


def kill_one(run: subprocess.Popen, workdir: Path, dice: random.Random) -> str:
    """Kill snakemake itself or one of the processes of its jobs; returns what it was."""
    jobs = [process for process in processes_in(workdir) if process.pid != run.pid]
    victims = [None, *jobs] if dice.random() < 0.5 else (jobs or [None])
    victim = dice.choice(victims)
    if victim is None:
        run.send_signal(signal.SIGKILL)
        return "snakemake"
    with suppress(psutil.Error):
        name = victim.name()
        victim.kill()
        return name
    return "gone"


@pytest.fixture
def disturbed(workflow: Workflow) -> Iterator[Workflow]:
    """The workflow; what is left of it is ended after the test."""
    workflow.workdir.mkdir(parents=True)
    yield workflow
    for process in processes_in(workflow.workdir):
        with suppress(psutil.Error):
            process.kill()


@pytest.mark.parametrize(("keep_avi", "seed"), [(True, 1), (False, 2)])
def test_killed_and_started_again(
    tmp_path: Path, disturbed: Workflow, rendered: Render, keep_avi: bool, seed: int
):
    undisturbed = Workflow(tmp_path / "undisturbed", tmp_path / "expected", {"keep_avi": keep_avi})
    for rig in SESSIONS:
        rendered(undisturbed.root, rig)
    assert undisturbed.run().status == 0
    expected = results(undisturbed.root)

    disturbed.config["keep_avi"] = keep_avi
    dice = random.Random(seed)
    killed: list[str] = []
    while len(killed) < KILLS:
        shutil.rmtree(disturbed.root, ignore_errors=True)
        for rig in SESSIONS:
            rendered(disturbed.root, rig)
        raw = hashes(disturbed.root)
        finish_with_kills(disturbed, dice, killed)
        replaced = (".avi", ".camlog") if not keep_avi else ()
        kept = {name: digest for name, digest in raw.items() if not name.endswith(replaced)}
        assert lost(kept, disturbed.root) == [], killed
        assert results(disturbed.root) == expected, killed
        assert found_by_one(disturbed.root) == found_by_one(undisturbed.root), killed
        assert temporary_files(disturbed.root) == [], killed
        assert removed(disturbed.root) == (removed(undisturbed.root)), killed
    assert "snakemake" in killed
    assert set(killed) - {"snakemake", "gone"}, "no job was killed"


def removed(root: Path) -> set[tuple[str, str, str]]:
    """Session, path and hash of the raw files in the list of those that were removed."""
    return {(line["session"], line["path"], line["hash"]) for line in remove.removed(root)}


def finish_with_kills(workflow: Workflow, dice: random.Random, killed: list[str]) -> None:
    """Start the workflow until it has nothing to do; each start is disturbed while kills are left.

    Every mp4 that is missing must still have its avi, at every moment.
    """
    for _ in range(3 * KILLS):
        run = start(workflow)
        moment = time.monotonic() + dice.uniform(0, MAX_WAIT)
        while run.poll() is None and (time.monotonic() < moment or len(killed) >= KILLS):
            time.sleep(0.02)
        if run.poll() is None:
            killed.append(kill_one(run, workflow.workdir, dice))
        run.wait()
        for rig in SESSIONS:
            check_nothing_lost(workflow.root / rig.session, rig)
        if run.returncode == 0 and not processes_in(workflow.workdir):
            last = workflow.run()
            assert last.status == 0, last.text
            if last.nothing_to_do:
                return
    raise AssertionError(f"not done after {3 * KILLS} runs with these killed: {killed}")


def check_nothing_lost(session: Path, rig: Rig) -> None:
    videos = session / "raw_video_data"
    for camera in rig.labels:
        pattern = f"{camera}_cam*.avi" if rig.kind == "camlog" else f"*_{camera}Camera.raw.avi"
        mp4 = videos / f"_iblrig_{camera}Camera.raw.mp4"
        assert list(videos.glob(pattern)) or mp4.exists(), f"{camera}: both are gone"


def test_orphans_and_a_new_run_write_the_same_files(
    tmp_path: Path, disturbed: Workflow, rendered: Render
):
    """Jobs whose snakemake was killed may go on while the next run repeats them."""
    slowly = {"compression": {"preset": "veryslow"}}
    disturbed.config |= slowly
    rig = small(seconds=30, scale=0.2)
    path = rendered(disturbed.root, rig)
    run = start(disturbed)
    wait_for(lambda: list(path.rglob(".*.mp4.partial")))
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    orphans = processes_in(disturbed.workdir)
    assert orphans, "the job has ended with its snakemake"
    again = disturbed.run()
    assert again.status == 0, again.text
    psutil.wait_procs(orphans, timeout=60)
    assert disturbed.run().status == 0
    assert temporary_files(disturbed.root) == []
    calm = Workflow(tmp_path / "calm", tmp_path / "expected", slowly)
    rendered(calm.root, rig)
    assert calm.run().status == 0
    assert results(disturbed.root) == results(calm.root)
    assert found_by_one(disturbed.root) == found_by_one(calm.root)


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)
