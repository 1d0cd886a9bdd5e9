"""Pose in real runs of the workflow, with DeepLabCut and the small networks of the demo."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from alfvideo.pose import cascades, environment
from rigsim import Rig
from rigsim.pose import SIDE_PARTS
from tests.workflow.runs import REPO, Outcome, Workflow, hashes, temporary_files

pytestmark = [pytest.mark.engines, pytest.mark.slow]

MODEL = REPO / "config" / "pose" / "demo" / "dlc_side"
RIG = Rig(seconds=2, scale=0.25)
OF_CAMERA = ("dlc", "motion_energy", "ephys_post_dlc", "dlc_qc")
OF_SESSION = {"licks": 1, "dlc_qc_plot": 1}
SIDE = {"size": {"width": 320, "height": 256}, "smoothing": {"median": 5}}

Render = Callable[[Path, Rig], Path]


def write_cascade(file: Path, models: Path, **network: Any) -> Path:
    """A cascade of one network, with the models of a folder."""
    networks = {"side": {"models": [f"{models}/*.pt"], **network}}
    file.write_text(yaml.safe_dump({"mirrored": ["right"], "networks": networks}))
    return file


def pose_table(session: Path, camera: str) -> Path:
    return session / "alf" / f"_ibl_{camera}Camera.dlc.pqt"


def motion_energy(session: Path, camera: str) -> Path:
    return session / "alf" / f"{camera}Camera.ROIMotionEnergy.npy"


def log_of(workflow: Workflow, camera: str) -> str:
    (log,) = workflow.workdir.glob(f"logs/dlc/**/{camera}.log")
    return log.read_text()


def work(run: Outcome, camera: str) -> dict[str, list[str]]:
    """The stages of a camera that are pending and blocked, as the table has them."""
    cell = re.split(r" {2,}", run.row("001", f" {camera} "))[2]
    return {
        state: stages.split() for state, stages in (part.split(": ") for part in cell.split("; "))
    }


def data_files(session: Path) -> dict[str, str]:
    """Hash of each file of a session, kept parts of poses left out."""
    return {name: digest for name, digest in hashes(session).items() if ".parts/" not in name}


def poses_left_behind(root: Path) -> list[Path]:
    """Parts and half-written files."""
    return [path for path in temporary_files(root) if ".truth" not in path.parts]


@dataclass(frozen=True)
class Campaign:
    """Runs on one session of which at first only the left camera has a cascade that is right.

    That of the body camera names a model that is not there, in all runs. That of the right camera
    names a body part that its network does not find (`first`), a model whose weights are damaged
    in a way that only its engine sees (`damaged`, `damaged_again`), and is then as it should be
    (`fixed`, `again`).
    """

    workflow: Workflow
    session: Path
    models: Path
    cascades: dict[str, Path]
    first: Outcome
    files_after_first: dict[str, str]
    log_of_first: str
    damaged: Outcome
    files_after_damaged: dict[str, str]
    damaged_again: Outcome
    fixed: Outcome
    again: Outcome


def damage(snapshot: Path) -> None:
    """Spoil the values of a snapshot, and keep the archive in which they are."""
    with zipfile.ZipFile(snapshot) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(snapshot, "w") as archive:
        for name, values in content.items():
            archive.writestr(name, b"damaged" if name.endswith("data.pkl") else values)


@pytest.fixture(scope="module")
def campaign(
    tmp_path_factory: pytest.TempPathFactory,
    rendered: Render,
    engine_python: Callable[[str], Path],
) -> Campaign:
    folder = tmp_path_factory.mktemp("pose")
    models, damaged_models = folder / "models", folder / "damaged"
    shutil.copytree(MODEL, models)
    shutil.copytree(MODEL, damaged_models)
    (snapshot,) = damaged_models.glob("*.pt")
    damage(snapshot)
    cascades = {camera: folder / f"{camera}.yaml" for camera in ("left", "right", "body")}
    write_cascade(cascades["left"], models, **SIDE)
    write_cascade(cascades["right"], models, **SIDE, parts=["nose_tip", "whisker"])
    write_cascade(cascades["body"], folder / "nowhere")
    config = {
        "trackers": ["dlc"],
        "cascades": {"dlc": {camera: str(file) for camera, file in cascades.items()}},
        "environments": {"dlc": str(engine_python("dlc"))},
    }
    workflow = Workflow(folder / "work", folder / "data", config)
    session = rendered(workflow.root, RIG)
    first = workflow.run()
    files_after_first = hashes(session)
    log_of_first = log_of(workflow, "right")
    write_cascade(cascades["right"], damaged_models, **SIDE)
    damaged = workflow.run()
    files_after_damaged = hashes(session)
    damaged_again = workflow.run()
    write_cascade(cascades["right"], models, **SIDE)
    fixed = workflow.run()
    return Campaign(
        workflow=workflow,
        session=session,
        models=models,
        cascades=cascades,
        first=first,
        files_after_first=files_after_first,
        log_of_first=log_of_first,
        damaged=damaged,
        files_after_damaged=files_after_damaged,
        damaged_again=damaged_again,
        fixed=fixed,
        again=workflow.run(),
    )


@pytest.mark.parametrize("camera", ["left", "right"])
def test_tables_have_a_row_for_each_frame(campaign: Campaign, camera: str):
    table = pd.read_parquet(pose_table(campaign.session, camera))
    columns = [f"{part}_{column}" for part in SIDE_PARTS for column in ("x", "y", "likelihood")]
    assert sorted(table) == sorted(columns)
    assert set(table.dtypes) == {np.dtype(np.float64)}
    times = np.load(campaign.session / "alf" / f"_ibl_{camera}Camera.times.npy")
    energy = np.load(motion_energy(campaign.session, camera))
    assert len(table) == len(times) == len(energy) > 100
    assert np.isfinite(energy).all()
    region = np.load(campaign.session / "alf" / f"{camera}ROIMotionEnergy.position.npy")
    assert region.shape == (4,)


def test_provenance_names_model_and_engine(campaign: Campaign, engine_python: Callable):
    entries = json.loads((campaign.session / "provenance.json").read_text())
    entry = entries["alf/_ibl_leftCamera.dlc.pqt"]
    (snapshot,) = campaign.models.glob("*.pt")
    used = entry["params"]["cascade"]["networks"]["side"]["models"]
    assert used == {str(snapshot): cascades.checksum(snapshot, "dlc")}
    versions = environment.versions(engine_python("dlc"), "dlc")
    assert entry["software"]["deeplabcut"] == versions["deeplabcut"]
    assert entry["software"]["uv.lock"] == environment.NOT_LOCKED, "the Python is configured"
    assert [Path(name).suffix for name in entry["inputs"]] == [".mp4"]


def test_nothing_is_left_to_do_or_behind(campaign: Campaign):
    assert campaign.again.status == 0, campaign.again.text
    assert campaign.again.nothing_to_do
    assert poses_left_behind(campaign.workflow.root) == []


def test_missing_model_blocks_one_camera(campaign: Campaign):
    row = campaign.first.row("body", "model missing: ")
    assert "nowhere/*.pt (network side of body.yaml)" in row
    assert work(campaign.first, "body") == {
        "pending": ["raw", "video", "times", "qc"],
        "blocked": ["dlc", "energy", "dlcQC"],
    }
    assert "alf/_ibl_bodyCamera.times.npy" in campaign.files_after_first
    assert "qc/_ibl_bodyCamera.videoQC.json" in campaign.files_after_first
    assert not pose_table(campaign.session, "body").exists()


def test_model_for_other_parts(campaign: Campaign):
    assert campaign.first.status == 1
    assert campaign.first.failed == {"dlc": 1}
    sentence = "The network side does not find whisker; it finds"
    assert campaign.log_of_first.count(sentence) == campaign.first.text.count(sentence) == 1
    assert "Traceback" not in campaign.first.text
    assert "tracked" not in campaign.log_of_first, "it is found before the video is tracked"
    made = campaign.files_after_first
    assert "alf/_ibl_rightCamera.times.npy" in made
    assert {"alf/_ibl_leftCamera.dlc.pqt", "alf/leftCamera.ROIMotionEnergy.npy"} <= made.keys()
    assert not [name for name in made if "rightCamera.dlc" in name]


def test_damaged_model(campaign: Campaign):
    assert campaign.damaged.status == 1
    assert campaign.damaged.failed == {"dlc": 1}
    sentence = campaign.damaged.row("001 right] dlc:", "damaged/", ".pt")
    assert sentence.rstrip().endswith(".")
    assert "Traceback" not in campaign.damaged.text
    changed_files = {*campaign.files_after_damaged.items()} ^ {*campaign.files_after_first.items()}
    assert {name for name, _ in changed_files} == {"failed.json"}
    assert campaign.fixed.status == 0, campaign.fixed.text
    assert campaign.fixed.finished == dict.fromkeys(OF_CAMERA, 1) | OF_SESSION


def test_the_session_does_not_wait_for_a_camera_that_fails_again(campaign: Campaign):
    assert campaign.damaged_again.failed == {"dlc": 1}
    assert campaign.damaged_again.finished == OF_SESSION


@contextmanager
def changed(file: Path, content: bytes) -> Iterator[None]:
    before, stat = file.read_bytes(), file.stat()
    file.write_bytes(content)
    try:
        yield
    finally:
        file.write_bytes(before)
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_comment_and_title_change_nothing(campaign: Campaign):
    file = campaign.cascades["left"]
    with changed(file, b"# Ours\ntitle: The left camera\n" + file.read_bytes()):
        run = campaign.workflow.run("-n")
    assert run.status == 0
    assert run.nothing_to_do


def test_changed_settings_are_tracked_again(campaign: Campaign):
    with changed(campaign.cascades["left"], b""):
        write_cascade(campaign.cascades["left"], campaign.models, **SIDE, brightness=2)
        run = campaign.workflow.run("-n")
    assert run.planned == dict.fromkeys(OF_CAMERA, 1) | OF_SESSION
    assert work(run, "left") == {"pending": ["dlc", "energy", "features", "dlcQC"]}


def test_other_weights_are_tracked_again(campaign: Campaign):
    (snapshot,) = campaign.models.glob("*.pt")
    with changed(snapshot, snapshot.read_bytes() + b"0"):
        run = campaign.workflow.run("-n")
    assert run.planned == dict.fromkeys(OF_CAMERA, 2) | OF_SESSION
    for camera in ("left", "right"):
        assert work(run, camera) == {"pending": ["dlc", "energy", "features", "dlcQC"]}


def test_motion_energy_needs_no_model(campaign: Campaign):
    """The pose is there; that its model is gone does not matter."""
    energy = motion_energy(campaign.session, "left")
    aside, models_aside = energy.with_suffix(".aside"), campaign.models.with_name("aside")
    energy.rename(aside)
    campaign.models.rename(models_aside)
    try:
        run = campaign.workflow.run("-n")
    finally:
        aside.rename(energy)
        models_aside.rename(campaign.models)
    assert run.status == 0, run.text
    assert run.planned == {"motion_energy": 1, "dlc_qc_plot": 1}


def test_mistake_in_a_cascade_is_found_first(campaign: Campaign):
    file = campaign.cascades["left"]
    with changed(file, file.read_bytes().replace(b"smoothing", b"smooting")):
        run = campaign.workflow.run()
    assert run.status != 0
    assert f"Cascade {file}: unknown key `networks.side.smooting`" in run.text
    assert "Traceback" not in run.text
    assert "Job " not in run.text


def test_python_without_the_engine_is_found_first(campaign: Campaign):
    """The camera QC that is pending as well does not start."""
    environments = {"dlc": sys.executable}
    before = hashes(campaign.session)
    times = campaign.session / "alf" / "_ibl_leftCamera.times.npy"
    with changed(campaign.cascades["left"], b""), changed(times, times.read_bytes()):
        write_cascade(campaign.cascades["left"], campaign.models, **SIDE, brightness=2)
        run = campaign.workflow.run(environments=environments)
    assert run.status != 0
    assert f"{sys.executable} has no deeplabcut. Install the engine there: " in run.text
    assert "Traceback" not in run.text
    assert "Job " not in run.text
    assert hashes(campaign.session) == before
    assert campaign.workflow.run("-n", environments=environments, cameras=["right"]).status == 0


def test_new_record_is_no_reason_to_track_again(campaign: Campaign):
    """It has to be made for the left camera; the pose of the right one is done."""
    energy = motion_energy(campaign.session, "right")
    away = [campaign.workflow.workdir / ".environments" / "dlc.json", energy]
    with changed(campaign.cascades["left"], b""):
        write_cascade(campaign.cascades["left"], campaign.models, **SIDE, brightness=2)
        for file in away:
            file.rename(file.with_name(f"{file.name}.away"))
        run = campaign.workflow.run("-n")
        for file in away:
            file.with_name(f"{file.name}.away").rename(file)
    once = {"dlc_environment": 1, **dict.fromkeys(OF_CAMERA, 1), **OF_SESSION}
    assert run.planned == once | {"motion_energy": 2}


def test_removed_environment_is_found_first(campaign: Campaign):
    record = campaign.workflow.workdir / ".environments" / "dlc.json"
    found = {"python": "/gone/bin/python", "software": {}, "cuda": False}
    gone = json.dumps(environment.new_record("dlc", found, configured=False))
    with changed(campaign.cascades["left"], b""), changed(record, gone.encode()):
        write_cascade(campaign.cascades["left"], campaign.models, **SIDE, brightness=2)
        run = campaign.workflow.run(environments={"dlc": ""})
    assert run.status != 0
    assert "/gone/bin/python is gone. Remove .environments/dlc.json and run again." in run.text
    assert "Job " not in run.text


@pytest.fixture
def one_camera(tmp_path: Path, engine_python: Callable[[str], Path]) -> Callable[[Path], Workflow]:
    """The workflow for sessions of a right camera with frames so small that it takes seconds."""

    def make(root: Path) -> Workflow:
        file = write_cascade(tmp_path / "right.yaml", MODEL)
        config = {
            "trackers": ["dlc"],
            "cascades": {"dlc": {"right": str(file)}},
            "environments": {"dlc": str(engine_python("dlc"))},
        }
        return Workflow(tmp_path / "work", root, config)

    return make


def test_lock_of_a_made_environment(
    tmp_path: Path, rendered: Render, one_camera: Callable[[Path], Workflow]
):
    workflow = one_camera(tmp_path / "data")
    session = rendered(workflow.root, Rig(seconds=2, scale=0.1, cameras=("right",)))
    # The environment that other tests use stays as it is.
    work = workflow.workdir / ".environments"
    work.mkdir(parents=True)
    for folder in (REPO / ".environments").glob("dlc-*"):
        (work / folder.name).symlink_to(folder)
    table, made = pose_table(session, "right"), {"environments": {"dlc": ""}}
    run = workflow.run(table, **made)
    assert run.status == 0, run.text
    entries = json.loads((session / "provenance.json").read_text())
    used = entries["alf/_ibl_rightCamera.dlc.pqt"]["software"]
    assert used["uv.lock"] == environment.lock_digest("dlc")

    record = work / "dlc.json"
    content = record.read_text()
    record.write_text(content.replace(used["uv.lock"], "0123456789abcdef"))
    table.unlink()
    refused = workflow.run(table, **made)
    assert refused.status != 0
    assert "was made from another lock of packages than " in refused.text
    assert not table.exists()


def test_killed_after_its_first_part(
    tmp_path: Path, rendered: Render, one_camera: Callable[[Path], Workflow]
):
    """Snakemake, the job and the engine end at once; the next run tracks only the rest."""
    workflow = one_camera(tmp_path / "data")
    session = rendered(workflow.root, Rig(seconds=10, scale=0.1, cameras=("right",)))
    table = pose_table(session, "right")
    with (tmp_path / "output").open("wb") as output:
        run = subprocess.Popen(
            workflow.command(table), stdout=output, stderr=output, start_new_session=True
        )
    parts = table.with_name(f".{table.name}.parts")
    end = time.monotonic() + 120
    while not list(parts.glob("[0-9]*.npz")):
        assert run.poll() is None, (tmp_path / "output").read_text()
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert [path.stem for path in parts.glob("[0-9]*.npz")] == ["000000000-000001024"]
    assert not table.exists()

    again = workflow.run(table)
    assert again.status == 0, again.text
    assert again.finished == {"dlc": 1}
    assert "going on after frame 1024" in log_of(workflow, "right")
    assert poses_left_behind(workflow.root) == []
    resumed = pd.read_parquet(table)
    assert len(resumed) == 1500

    table.unlink()
    assert workflow.run(table).status == 0
    assert "going on" not in log_of(workflow, "right")
    pd.testing.assert_frame_equal(resumed, pd.read_parquet(table), check_exact=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("file systems can be mounted only by root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


# What is written: first the parts (80 kB), then the table (100 kB).
@pytest.mark.parametrize("room", [40_000, 120_000])
def test_full_disk(
    small_disk: Path, rendered: Render, one_camera: Callable[[Path], Workflow], room: int
):
    workflow = one_camera(small_disk / "data")
    session = rendered(workflow.root, Rig(seconds=2, scale=0.1, cameras=("right",)))
    mp4 = session / "raw_video_data" / "_iblrig_rightCamera.raw.mp4"
    assert workflow.run(mp4).status == 0
    before = data_files(session)
    filling = small_disk / "filling"
    filling.write_bytes(bytes(shutil.disk_usage(small_disk).free - room))
    table = pose_table(session, "right")

    run = workflow.run(table)
    assert run.status == 1
    sentence = "The disk is full while writing"
    assert run.text.count(sentence) == log_of(workflow, "right").count(sentence) == 1
    assert "Traceback" not in run.text
    assert data_files(session) == before
    assert list(workflow.root.rglob("*.partial")) == []

    filling.unlink()
    again = workflow.run(table)
    assert again.status == 0, again.text
    assert ("going on after frame 300" in log_of(workflow, "right")) == (room > 100_000)
    assert len(pd.read_parquet(table)) == 300
    assert poses_left_behind(workflow.root) == []
