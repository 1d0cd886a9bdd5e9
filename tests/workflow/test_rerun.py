"""Changes that make jobs pending: the scan and Snakemake must always say the same."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

import pytest

from alfvideo import configuration
from alfvideo.files import errors
from alfvideo.planning import pending, task_inputs, tasks
from alfvideo.session import description, folders
from alfvideo.session.cameras import ALL_CAMERAS
from tests.workflow.conftest import Campaign
from tests.workflow.runs import Outcome, Workflow

pytestmark = pytest.mark.slow

MAX_INPUTS = 15


def scanned(workflow: Workflow, **changes: object) -> set[tuple[str, str, str]]:
    """Session, camera and rule of everything that the scan finds pending."""
    content = {"root": str(workflow.root), "compression": {"preset": "ultrafast"} | changes}
    config = configuration.parse(content | workflow.config)
    found = set()
    for path in folders.discover(workflow.root):
        for status in pending.scan_session(path, config):
            if status.state is pending.State.PENDING:
                read = description.read(path)
                camera = read.cameras.get(status.camera, ALL_CAMERAS)
                (rule,) = (
                    task.rule
                    for task in tasks.TASKS
                    if task.stage == status.stage and task.applies(read, camera, config)
                )
                found.add((str(path), status.camera, rule))
    return found


RULES = {
    "Recording the raw datasets of": "video_register_raw",
    "Compressing": "video_compress",
    "Converting": "video_convert",
    "Camera QC of": "video_qc",
    "Sync pulses of": "sync_pulses",
    "from the Bpod": "video_sync_qc_bpod",
    "from the NI-DAQ": "video_sync_qc_nidq",
    "from the NI-DAQ, camlog rig": "video_sync_qc_camlog",
}


def planned(run: Outcome) -> set[tuple[str, str, str]]:
    """Session, camera and rule of everything that Snakemake would do."""
    jobs = set()
    for message in re.findall(r"^Job \d+: (.*)", run.text, re.M):
        if found := re.search(r"(/.*/\d{4}-\d{2}-\d{2}/\d{3}) ([a-z]+)", message):
            rule = max((words for words in RULES if words in message), key=len)
            camera = "" if RULES[rule] == "sync_pulses" else found[2]
            jobs.add((found[1], camera, RULES[rule]))
    assert len(jobs) == run.planned.total()
    return jobs


@contextmanager
def changed(files: list[Path], more: bytes) -> Iterator[None]:
    """Files written to in place, and then as they were."""
    before = {file: file.stat() for file in files}
    for file in files:
        with file.open("ab") as end:
            end.write(more)
        file.touch()
    try:
        yield
    finally:
        for file, stat in before.items():
            os.truncate(file, stat.st_size)
            os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def inputs_of_each_camera(workflow: Workflow) -> list[list[Path]]:
    """Inputs of all tasks of each camera that is done, raw ones and those that tasks write."""
    config = configuration.parse({"root": str(workflow.root)})
    cameras = []
    for path in folders.discover(workflow.root):
        try:
            read = description.read(path)
        except errors.Blocked:
            continue
        for camera in read.cameras.values():
            files: dict[Path, None] = {}
            for task in tasks.TASKS:
                with suppress(errors.Blocked):
                    if task.applies(read, camera, config):
                        found = chain(*task_inputs.find(task, read, camera, config).values())
                        files |= dict.fromkeys(found)
            cameras.append([file for file in files if file.exists()])
    return cameras


@pytest.mark.parametrize("turn", range(MAX_INPUTS))
def test_changed_inputs(campaign: Campaign, turn: int):
    """One input of each camera gets another line at a time."""
    cameras = inputs_of_each_camera(campaign.workflow)
    assert max(map(len, cameras)) <= MAX_INPUTS
    files = [files[turn] for files in cameras if turn < len(files)]
    if not files:
        pytest.skip("no camera has so many inputs")
    assert scanned(campaign.workflow) == set()
    with changed(files, b"\n"):
        expected = scanned(campaign.workflow)
        assert expected
        assert planned(campaign.workflow.run("-n")) == expected


def test_touched_inputs(campaign: Campaign):
    files = list(chain(*inputs_of_each_camera(campaign.workflow)))
    with changed(files, b""):
        run = campaign.workflow.run("-n")
        assert run.nothing_to_do
        assert planned(run) == scanned(campaign.workflow) == set()


def test_changed_settings(campaign: Campaign):
    compression = {"preset": "ultrafast", "crf": 40}
    run = campaign.workflow.run("-n", compression=compression)
    jobs = planned(run)
    assert jobs == scanned(campaign.workflow, crf=40)
    assert "video_compress" in {rule for _, _, rule in jobs}
    subjects = {path.split("/")[-3] for path, _, rule in jobs if rule == "video_compress"}
    assert {"KB001", "KB002", "KB005"} <= subjects
    assert not {"KB003", "KB004", "KB006"} & subjects, "training rigs and camlog have no crf"


def test_changed_settings_seen_from_another_folder(campaign: Campaign, tmp_path: Path):
    """Where Snakemake has no record of how outputs were made, those of the sessions count."""
    workflow = Workflow(tmp_path / "elsewhere", campaign.workflow.root, campaign.workflow.config)
    assert workflow.run("-n").nothing_to_do
    run = workflow.run("-n", compression={"preset": "ultrafast", "crf": 40})
    jobs = planned(run)
    assert jobs == scanned(campaign.workflow, crf=40)
    assert "video_compress" in {rule for _, _, rule in jobs}


def test_missing_output(campaign: Campaign):
    times = campaign.sessions["bpod"] / "alf" / "_ibl_leftCamera.times.npy"
    aside = times.with_suffix(".aside")
    times.rename(aside)
    try:
        expected = scanned(campaign.workflow)
        run = campaign.workflow.run("-n")
    finally:
        aside.rename(times)
    assert (str(campaign.sessions["bpod"]), "left", "video_sync_qc_bpod") in expected
    assert planned(run) == expected
