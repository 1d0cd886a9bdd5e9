"""IBL's own SessionLoader reads results by the ONE tables, as docs/loading.md shows it."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alfvideo.jobs import provenance
from alfvideo.registration import one_tables
from tests.parity import pose_tables

pytestmark = pytest.mark.parity

DOCS = Path(__file__).parents[2] / "docs" / "loading.md"
SAVE = """
pose.to_parquet("pose.pqt")
energy.to_parquet("energy.pqt")
loader.licks.to_parquet("licks.pqt")
loader.trials.to_parquet("trials.pqt")
"""


def test_recipe_for_brainbox(peer_python: Path, tmp_path: Path):
    recorded = pose_tables.record("left", seconds=4)
    root, times = tmp_path / "Subjects", recorded.times
    session = pose_tables.write(recorded, "dlc", root)
    np.save(session / "alf" / "leftCamera.ROIMotionEnergy.npy", np.arange(times.size, dtype=float))
    np.save(session / "alf" / "licks.times.npy", times[10:20])
    work = provenance.Work(
        rule="dlc",
        camera="left",
        inputs={},
        outputs=[session / "alf" / "_ibl_leftCamera.dlc.pqt"],
        params={},
        log=Path("left.log"),
    )
    provenance.record(session, work, started=provenance.now(), seconds=1)
    assert one_tables.update(root, [session]).n_sessions == 1

    section = DOCS.read_text().split("# brainbox\n", 1)[1]
    code = re.search(r"```python\n(.*?)```", section, re.S)[1]
    code = code.replace("/data/Subjects/KB001/2026-01-05/001", str(session))
    code = code.replace("/data/Subjects", str(root))
    done = subprocess.run(
        [peer_python, "-c", code + SAVE], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = {
        name: pd.read_parquet(tmp_path / f"{name}.pqt")
        for name in ("pose", "energy", "licks", "trials")
    }
    likely = recorded.pose.nose_tip_likelihood >= 0.9
    np.testing.assert_array_equal(found["pose"].nose_tip_x, recorded.pose.nose_tip_x.where(likely))
    for name in ("pose", "energy"):
        np.testing.assert_allclose(found[name].times, times)
    np.testing.assert_array_equal(found["energy"].whiskerMotionEnergy, np.arange(times.size))
    np.testing.assert_array_equal(found["licks"].times, times[10:20])
    assert len(found["trials"]) == len(pd.read_parquet(session / "alf" / "_ibl_trials.table.pqt"))
