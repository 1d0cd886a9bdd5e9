"""One session of each kind from raw files to tables for ONE, with poses that no engine had to find.

The quick tests have this run only; others look closer, at more.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from one.api import One

from alfvideo.configuration import Configuration
from rigsim import Rig, load_truth, tree
from tests.workflow.runs import (
    REPO,
    Workflow,
    error_in_frames,
    hashes,
    lost,
    small,
    temporary_files,
)

RIGS = {
    "spikeglx": small(lab="lab", cameras=("left", "body")),
    "timeline": small("timeline", subject="KB002", frame_data="ssv"),
    "bpod": small("bpod", subject="KB003", seconds=6),
    "camlog": small("camlog", subject="KB004"),
}
CAMERAS = [(kind, camera) for kind, rig in RIGS.items() for camera in rig.labels]
BEFORE_POSE = {
    "video_register_raw": 4,
    "video_compress": 4,
    "video_convert": 1,
    "video_sync_qc_nidq": 3,
    "video_sync_qc_bpod": 1,
    "video_sync_qc_camlog": 1,
    "video_qc": 5,
}
AFTER_POSE = {
    "motion_energy": 2,
    "ephys_post_dlc": 1,
    "dlc_qc": 2,
    "pose_clip": 2,
    "licks": 1,
    "dlc_qc_plot": 1,
}
"""Of the first session only: they are the same for all kinds."""


def test_each_kind_of_session(
    tmp_path: Path, config: Configuration, rendered: Callable[[Path, Rig], Path]
):
    workflow = Workflow(tmp_path / "work", tmp_path / "data")
    sessions = {kind: rendered(workflow.root, rig) for kind, rig in RIGS.items()}
    raw = hashes(workflow.root)

    first = workflow.run()
    assert first.status == 0, first.text
    assert first.finished == Counter(BEFORE_POSE)
    for kind, camera in CAMERAS:
        assert error_in_frames(sessions[kind], camera) < 0.5

    demo = yaml.safe_load((REPO / "config" / "demo.yaml").read_text())
    cascades = {camera: str(REPO / file) for camera, file in demo["cascades"]["dlc"].items()}
    tracked = {"trackers": ["dlc"], "cascades": {"dlc": cascades}, "pose_clips": True}
    session = sessions["spikeglx"]
    tree.write_poses(session, config.changed(**tracked))
    second = workflow.run(subjects=["KB001"], **tracked)
    assert second.status == 0, second.text
    assert second.finished == Counter(AFTER_POSE)
    features = pd.read_parquet(session / "alf" / "_ibl_leftCamera.features.pqt")
    diameter = load_truth(session, "left")["pupil_diameter"]
    assert np.nanmedian(np.abs(features["pupilDiameter_raw"] / diameter - 1)) < 0.1

    one = One(cache_dir=workflow.root, mode="local")
    (eid,) = one.search(subject="KB001")
    found = one.load_object(eid, "leftCamera", collection="alf")
    assert len(found["times"]) == len(found["dlc"]) == len(found["ROIMotionEnergy"])
    assert workflow.run("-n", subjects=["KB001"], **tracked).nothing_to_do
    assert lost(raw, workflow.root) == []
    assert temporary_files(workflow.root) == []
