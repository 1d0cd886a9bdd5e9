"""`alfvideo plan` on a small session: it learns from runs, and touches nothing."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from alfvideo.files import lock
from tests.workflow.runs import Workflow, small, tree


@pytest.fixture
def workflow(tmp_path: Path, rendered: Callable) -> Workflow:
    rendered(tmp_path / "data", small())
    return Workflow(tmp_path / "working", tmp_path / "data")


@pytest.mark.slow
def test_it_can_be_asked_while_a_run_is_at_work_and_changes_nothing(workflow: Workflow):
    lock.acquire(workflow.root)
    before = tree(workflow.root)
    asked = workflow.look("plan")
    assert asked.status == 0, asked.text
    assert re.search(r"^video_compress +1 +not counted +0$", asked.text, re.M)
    assert tree(workflow.root) == before


def test_a_missing_data_folder_is_said(workflow: Workflow):
    asked = workflow.look("plan", root=str(workflow.root / "nowhere"))
    assert asked.status != 0
    assert "There is no data folder" in asked.text


@pytest.mark.slow
def test_it_learns_from_the_run_before(workflow: Workflow, rendered: Callable):
    assert workflow.run("all").status == 0
    assert "Nothing is pending." in workflow.look("plan").text
    rendered(workflow.root, small(date="2026-02-02"))
    text = workflow.look("plan", "--cores", 3, "--gpus", 2).text
    assert "With 3 cores, 2 GPUs: " in text
    assert re.search(r"^ +3 cores +6 cores +12 cores$", text, re.M)
    rows = re.findall(r"^(video_\w+) +1 +\d+ s +1 +0.5 to 2.0$", text, re.M)
    assert rows == ["video_register_raw", "video_compress", "video_sync_qc_nidq", "video_qc"]
    assert "no past job" not in text
