"""Copied data is done, replaced data is not, whatever the dates; the scan and Snakemake agree."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rigsim import Rig
from tests.workflow.runs import Workflow, small

pytestmark = pytest.mark.slow

Render = Callable[[Path, Rig], Path]
FRAME_DATA = "raw_video_data/_iblrig_bodyCamera.frameData.bin"
YEAR = 365 * 24 * 3600


def test_copied_and_replaced_data(workflow: Workflow, rendered: Render):
    path = rendered(workflow.root, small())
    (avi,) = path.rglob("*.raw.avi")
    now = avi.stat().st_mtime
    # The clock of the rig was wrong.
    os.utime(avi, (now + YEAR, now + YEAR))
    run = workflow.run()
    assert run.status == 0, run.text
    assert run.finished.total() == 4

    copy = workflow.root.with_name("copy")
    subprocess.run(["cp", "-r", str(workflow.root), str(copy)], check=True)
    session = copy / path.relative_to(workflow.root)
    for age, file in enumerate(sorted(session.rglob("*.*"))):
        os.utime(file, (now - age, now - age))
    # As any order of copying may leave them: raw data newer than what was made of it.
    os.utime(session / avi.relative_to(path), (now + 10, now + 10))
    elsewhere = Workflow(workflow.workdir.with_name("elsewhere"), copy)
    run = elsewhere.run("-n")
    assert (run.status, run.planned) == (0, {}), run.text
    assert run.row("1 cameras: 1 done, 0 pending, 0 blocked")

    # Sent again by rsync -a: of another length, and older.
    rows = np.fromfile(session / FRAME_DATA).reshape(-1, 4)
    rows[:-1].tofile(session / FRAME_DATA)
    os.utime(session / FRAME_DATA, (now - YEAR, now - YEAR))
    run = elsewhere.run("-n", session / "qc" / "_ibl_bodyCamera.videoQC.json")
    assert run.planned == {"video_sync_qc_nidq": 1, "video_qc": 1}
    run = elsewhere.run("-n")
    assert run.planned == {"video_register_raw": 1, "video_sync_qc_nidq": 1, "video_qc": 1}
    assert run.row("KB001", "raw times qc", "frameData.bin changed")
