"""The methods section: it says what is on record, and nothing else."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.parity import pose_tables

from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance
from alfvideo.planning.tasks import BY_RULE
from alfvideo.timing import record
from alfvideo.timing.evidence import Evidence
from alfvideo.timing.record import TimingRecord
from alfvideo.trackers import TRACKERS
from alfvideo.views.methods import results, text

REPO = Path(__file__).parents[2]
EXACT = Evidence(0.01, "", 0.0)
CASCADE = {
    "networks": {
        "face": {"models": {"/models/side/snapshot-1.pt": "a" * 64}, "smoothing": {"median": 5}},
        "eye": {"models": {"/models/eye": "b" * 64}},
    }
}
DLC = {"deeplabcut": "3.0.2", "torch": "2.13.0", "model of eye 1": "train/snapshot-7.pt"}

Add = Callable[..., Path]


@pytest.fixture
def add(tmp_path: Path) -> Add:
    """Write a result of a session, and put it on record as its job does."""

    def write(
        rule: str,
        name: str,
        camera: str = "left",
        content: bytes = b"result",
        software: dict[str, str] | None = None,
        number: str = "001",
        **params: Any,
    ) -> Path:
        session = tmp_path / "KB001" / "2026-01-05" / number
        file = session / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_bytes(content)
        work = provenance.Work(
            rule=rule,
            camera=camera,
            inputs={},
            outputs=[file],
            params={"version": BY_RULE[rule].version} | params,
            log=Path("a.log"),
        )
        provenance.record(
            session, work, started="2026-01-05T12:00:00Z", seconds=1, software=software
        )
        return session

    return write


def timed(
    add: Add,
    tmp_path: Path,
    evidence: Evidence | None = EXACT,
    method: str = "gpio",
    camera: str = "left",
    number: str = "001",
    n_frames: int = 600,
    **params: Any,
) -> Path:
    """Write times of a camera and how they were found."""
    session = tmp_path / "KB001" / "2026-01-05" / number
    times = session / "alf" / f"_ibl_{camera}Camera.times.npy"
    record.save(
        TimingRecord(method, (), evidence),
        session / "qc" / f"_ibl_{camera}Camera.timing.json",
        np.arange(n_frames) / 60,
        times,
    )
    rule = params.pop("rule", "video_sync_qc_nidq")
    return add(
        rule, str(times.relative_to(session)), camera, number=number, namespace="spikeglx", **params
    )


def said(*sessions: Path) -> str:
    return text.text(results.collect(sessions))


def test_compression_by_its_settings(add: Add):
    sessions = {
        add(
            "video_compress",
            f"raw_video_data/_iblrig_{camera}Camera.raw.mp4",
            camera,
            crf=crf,
            preset="slow",
        )
        for camera, crf in (("left", 17), ("right", 17), ("body", 29))
    }
    found = said(*sessions)
    assert found.startswith("3 videos (1 body, 1 left, 1 right; their frames were not counted) ")
    assert "of 1 session were processed with alfvideo 0.1.0, a Snakemake workflow" in found
    assert (
        "3 raw videos were compressed with H.264 (libx264; constant rate factor 17, preset slow (2)"
        " and constant rate factor 29, preset slow (1)), and each was decoded" in found
    )
    assert "The version of ffmpeg is not on record for 3 videos." in found
    for word in ("were tracked", "assigned the time", "International Brain", "Licks", "mathis2018"):
        assert word not in found


def test_ffmpeg_where_it_is_on_record(add: Add):
    session = add(
        "video_compress",
        "raw_video_data/_iblrig_leftCamera.raw.mp4",
        software={"ffmpeg": "7.1"},
        crf=17,
        preset="slow",
    )
    found = said(session)
    assert "(libx264, ffmpeg 7.1; constant rate factor 17, preset slow)" in found
    assert "not on record" not in found


def test_times_by_method_and_by_how_well_they_are_known(add: Add, tmp_path: Path):
    timed(add, tmp_path)
    timed(add, tmp_path, camera="right", evidence=Evidence(0.2, "", 0.125))
    timed(add, tmp_path, camera="body", method="wheel", evidence=Evidence(2.0, "Wheel.", 0.0))
    session = timed(add, tmp_path, camera="belly", method="pulses", evidence=Evidence(None, "?", 0))
    found = said(session)
    assert found.startswith(
        "4 videos (1 belly, 1 body, 1 left, 1 right; 2,400 frames) of 1 session"
    )
    assert "the time of the camera's pulse on the SpikeGLX DAQ; pulses and frames" in found
    assert (
        "were matched by the sync signal on the camera's GPIO pin (2), by taking the last pulse for"
        " that of the last frame (1) and by the movement of the wheel in the video (1)." in found
    )
    assert (
        "How well the times are known: exact (2), unknown (1) and within 2 frames (1) (exact: off "
        "by less than half a frame)." in found
    )
    assert "In 1 video frames before the first or after the last recorded pulse, up to 12.5%" in (
        found
    )


@pytest.mark.parametrize("content", [None, "{"])
def test_times_without_a_record_are_claimed_to_be_nothing(add: Add, tmp_path: Path, content):
    session = timed(add, tmp_path, rule="video_sync_qc_bpod")
    file = session / "qc" / "_ibl_leftCamera.timing.json"
    file.unlink()
    if content:
        file.write_text(content)
    found = said(session)
    assert "pulse on Bpod; pulses and frames were matched in a way that is not known." in found
    assert "How well the times are known: not recorded." in found


def test_every_method_has_words():
    documented = Path(record.__file__).read_text().split("    method: str\n")[1].splitlines()[0]
    assert list(text._METHODS) == re.findall(r"'(\w+)'", documented)


def pose(add: Add, tmp_path: Path, rule: str, software: dict[str, str], cascade: Any) -> Path:
    """Write poses of the left camera."""
    tracker = results.tracker_of(rule)
    if not (tmp_path / "written").exists():
        pose_tables.write(pose_tables.record("left", seconds=2), tracker, tmp_path / "written")
    (file,) = (tmp_path / "written").rglob(f"*Camera.{tracker}.pqt")
    return add(
        rule,
        f"alf/_ibl_leftCamera.{tracker}.pqt",
        content=file.read_bytes(),
        software=software,
        cascade=cascade,
        tracker=tracker,
    )


def test_models_with_their_snapshots_and_checksums(add: Add, tmp_path: Path):
    found = said(pose(add, tmp_path, "dlc", DLC, CASCADE))
    assert found.startswith("1 video (1 left; 120 frames) of 1 session was processed")
    assert (
        "Body parts in 1 video were tracked by DeepLabCut (deeplabcut 3.0.2, torch 2.13.0; Mathis "
        "et al., 2018; Lauer et al., 2022) with a cascade of 2 networks. Their positions were "
        "smoothed by a running median over 5 frames (1 video)." in found
    )
    assert "- DeepLabCut, network face: snapshot-1.pt, SHA-256 aaaaaaaaaaaa… (1 video)" in found
    assert "network eye: eye, train/snapshot-7.pt, SHA-256 bbbbbbbbbbbb… (1 video)" in found
    assert "How the networks were trained is not on record" in found
    assert "@article{mathis2018," in found
    assert "biderman2024" not in found


def test_ensembles_of_lightning_pose(add: Add, tmp_path: Path):
    smoothing = {"pupil": {"diameter": 0.9999, "centre": 0.999}}
    models = {f"/models/{n}": str(n) * 64 for n in range(5)}
    cascade = {"networks": {"eye": {"models": models, "smoothing": smoothing}}}
    pose(add, tmp_path, "lightning_pose", {"lightning-pose": "2.4.3"}, cascade)
    session = add("ephys_post_lightning_pose", "alf/_ibl_leftCamera.features.pqt")
    found = said(session)
    assert (
        "tracked by Lightning Pose (lightning-pose 2.4.3, ensemble-kalman-smoother (version not "
        "recorded), torch (version not recorded); Biderman et al., 2024) with one network "
        "(ensembles of up to 5 models). Their positions were smoothed by the Ensemble Kalman "
        "Smoother for pupil (1 video)." in found
    )
    assert "Of the ensembles (1 video) it is that of the smoothed points." in found
    assert "Savitzky" not in found
    assert "@article{biderman2024," in found
    assert "mathis2018" not in found


def test_behaviour(add: Add):
    add("ephys_post_dlc", "alf/_ibl_rightCamera.features.pqt", "right")
    add("motion_energy", "alf/rightCamera.ROIMotionEnergy.npy", "right")
    session = add("licks", "alf/licks.times.npy", "")
    found = said(session)
    assert "Savitzky-Golay filter of order 3 over 75 frames (right)." in found
    assert "Motion energy (1 video)" in found
    assert "Licks (1 session)" in found


def test_a_job_counts_once_and_of_revisions_the_newest(add: Add, tmp_path: Path):
    timed(add, tmp_path, n_frames=600)
    add("video_sync_qc_nidq", "qc/_ibl_leftCamera.timing.json", namespace="spikeglx")
    session = timed(add, tmp_path, n_frames=600)
    times = session / "alf" / "#2026-01-31#" / "_ibl_leftCamera.times.npy"
    times.parent.mkdir()
    np.save(times, np.arange(500) / 60)
    add("video_sync_qc_nidq", str(times.relative_to(session)), namespace="timeline")
    found = said(session)
    assert found.startswith("1 video (1 left; 500 frames)")
    assert "Each frame of 1 video was assigned the time of the camera's pulse on the Timeline" in (
        found
    )
    # The record beside the first times says nothing of these.
    assert "How well the times are known: not recorded." in found


def test_what_is_gone_or_changed_is_not_claimed(add: Add, tmp_path: Path):
    session = timed(add, tmp_path)
    (add("licks", "alf/licks.times.npy", "") / "alf" / "licks.times.npy").unlink()
    energy = "alf/leftCamera.ROIMotionEnergy.npy"
    (add("motion_energy", energy) / energy).write_bytes(b"cut")
    found = said(session)
    assert "Licks" not in found
    assert "Motion energy" not in found
    for rule in ("licks", "motion_energy"):
        assert f"- 1 of {rule} on record is gone or changed since, and left out" in found


def test_what_other_programs_made_is_not_claimed(add: Add, tmp_path: Path):
    session = timed(add, tmp_path)
    (session / "alf" / "_ibl_rightCamera.dlc.pqt").touch()
    found = said(session)
    assert "- 1 dlc.pqt is not on record, as files of other programs: the text says" in found
    assert "were tracked" not in found


def test_another_version_of_the_algorithm_is_named(add: Add, tmp_path: Path):
    session = timed(add, tmp_path, version=1)
    now = BY_RULE["video_sync_qc_nidq"].version
    assert (
        "- 1 of 1 results of video_sync_qc_nidq are of version 1 of its algorithm, the text is of "
        f"version {now}" in said(session)
    )


def test_a_record_that_cannot_be_read_leaves_out_its_session(add: Add, tmp_path: Path):
    good = timed(add, tmp_path)
    bad = timed(add, tmp_path, number="002")
    (bad / provenance.FILE_NAME).write_text("{")
    found = said(good, bad)
    assert found.startswith("1 video (1 left; 600 frames) of 1 session was")
    assert f"- {bad} is left out: " in found


@pytest.mark.parametrize(
    "entry",
    [
        {"rule": "dlc", "params": {"cascade": []}},
        {"rule": "dlc", "params": {"cascade": {"networks": {"a": 3}}, "version": []}},
        {
            "rule": "dlc",
            "camera": "left",
            "params": {"cascade": {"networks": {"a": {"models": 1}}}},
        },
        {"rule": 3, "camera": 4},
        {},
    ],
)
def test_records_that_people_edited(add: Add, tmp_path: Path, entry: dict):
    session = timed(add, tmp_path)
    file = session / provenance.FILE_NAME
    kept = json.loads(file.read_text())
    name = "alf/_ibl_leftCamera.dlc.pqt"
    (session / name).write_bytes(b"no table")
    file.write_text(json.dumps(kept | {name: {"camera": "left"} | entry}))
    assert said(session).startswith("1 video (1 left; 600 frames) of 1 session was")


def test_nothing_on_record(tmp_path: Path):
    with pytest.raises(DataError, match="No result of these sessions is on record"):
        said(tmp_path)


def test_references_are_complete_and_as_the_citation_file_says():
    entries = re.split(r"\n\n(?=@)", text.REFERENCES.read_text(encoding="utf-8").strip())
    keys = {text._key(entry) for entry in entries}
    assert keys == {"alfvideo", *text._IN_TEXT}
    assert text._CITED.keys() == TRACKERS.keys()
    assert {key for cited in text._CITED.values() for key in cited} <= keys
    citation = yaml.safe_load((REPO / "CITATION.cff").read_text())
    assert f"title = {{{citation['title']}: " in entries[0]
    assert f"author = {{{{{citation['authors'][0]['name']}}}}}" in entries[0]
    for entry in entries:
        assert entry.count("{") == entry.count("}")
