"""Registration at the end of real runs: ONE tables, and an Alyx server of our own."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from one.api import One

from rigsim import Fault, Rig
from tests.alyx.server import PASSWORD, Alyx
from tests.workflow.runs import Workflow, small

pytestmark = pytest.mark.slow

Render = Callable[[Path, Rig], Path]
TIMES = "alf/_ibl_bodyCamera.times.npy"


def test_tables_after_a_run_in_which_a_job_failed(workflow: Workflow, rendered: Render):
    good = rendered(workflow.root, small(subject="KB001"))
    rendered(workflow.root, small(subject="KB002", faults={"body": (Fault.TRUNCATED_AVI,)}))
    run = workflow.run()
    assert run.status != 0
    assert run.failed["video_compress"] == 1
    one = One(cache_dir=workflow.root, mode="local")
    (eid,) = one.search(subject="KB001")
    assert one.eid2path(eid) == good
    assert "times" in one.load_object(eid, "bodyCamera", collection="alf")


def test_tables_that_were_lost_are_made_by_the_next_run(workflow: Workflow, rendered: Render):
    rendered(workflow.root, small())
    assert workflow.run().status == 0
    tables = [workflow.root / f"{name}.pqt" for name in ("sessions", "datasets")]
    before = One(cache_dir=workflow.root, mode="local").search()
    assert workflow.run().nothing_to_do
    for table in tables:
        table.unlink()
    assert not workflow.run("-n").nothing_to_do
    assert workflow.run().status == 0
    assert One(cache_dir=workflow.root, mode="local").search() == before
    assert workflow.run().nothing_to_do


def test_broken_table_is_one_sentence(workflow: Workflow, rendered: Render):
    path = rendered(workflow.root, small())
    table = workflow.root / "sessions.pqt"
    table.write_bytes(b"no table")
    run = workflow.run()
    assert run.status != 0
    assert run.row(f"{table} cannot be used as a ONE table", "move it away")
    assert "Traceback" not in run.text
    assert table.read_bytes() == b"no table"
    assert (path / TIMES).exists()


def test_tables_may_be_left_out(workflow: Workflow, rendered: Render):
    rendered(workflow.root, small())
    assert workflow.run(registration={"tables": False}).status == 0
    assert not list(workflow.root.glob("*.pqt"))


@pytest.fixture
def alyx(monkeypatch: pytest.MonkeyPatch) -> Iterator[Alyx]:
    monkeypatch.setenv("ALYX_LOGIN", "lab_manager")
    monkeypatch.setenv("ALYX_PASSWORD", PASSWORD)
    with Alyx() as server:
        server.projects.append("rendered")
        server.formats += [".bin", ".zip"]
        server.types += [
            ("_iblrig_Camera.frameData", "_iblrig_*Camera.frameData.*"),
            ("_iblrig_videoCodeFiles.raw", "_iblrig_videoCodeFiles.raw*"),
        ]
        yield server


def test_alyx(workflow: Workflow, rendered: Render, alyx: Alyx):
    """A session is registered once, what changes again, and never while the server is down."""
    path = rendered(workflow.root, small(subject="KB001"))
    workflow.config["registration"] = {"alyx": alyx.url}
    run = workflow.run()
    assert run.status == 0, run.text
    assert run.finished["register_alyx"] == 1
    report = json.loads((path / "registration" / "alyx.json").read_text())
    assert report["created"]
    assert TIMES in report["files"]
    assert alyx.dataset(TIMES)["hash"]
    assert report["qc"]
    assert report["pictures"]
    assert report["tasks"]
    assert workflow.run().nothing_to_do
    for text in (run.text, *(log.read_text() for log in workflow.workdir.rglob("*.log"))):
        assert PASSWORD not in text

    written = len(alyx.writes)
    checks = path / "qc" / "_ibl_bodyCamera.videoQC.json"
    shutil.copyfile(checks, checks.with_name(".copy")).replace(checks)
    run = workflow.run()
    assert run.finished == {"register_alyx": 1}
    assert len(alyx.writes) == written, "nothing has changed"


def test_alyx_is_down(workflow: Workflow, rendered: Render, alyx: Alyx):
    """Nothing waits for it: everything else is done, and the next run registers."""
    path = rendered(workflow.root, small(subject="KB001"))
    workflow.config["registration"] = {"alyx": "http://127.0.0.1:9"}
    run = workflow.run()
    assert run.status == 0, run.text
    assert run.row("will not be registered in this run", "could not be asked to", "once")
    assert "register_alyx" not in run.planned
    assert (path / TIMES).exists()
    run = workflow.run(registration={"alyx": alyx.url})
    assert run.status == 0, run.text
    assert run.finished == {"register_alyx": 1}
    assert alyx.dataset(TIMES)


def test_alyx_does_not_know_the_account(
    workflow: Workflow, rendered: Render, alyx: Alyx, monkeypatch: pytest.MonkeyPatch
):
    """That is said before hours of work, and a dry run does not ask."""
    rendered(workflow.root, small(subject="KB001"))
    monkeypatch.setenv("ALYX_PASSWORD", "wrong")
    workflow.config["registration"] = {"alyx": alyx.url}
    assert workflow.run("-n").status == 0
    run = workflow.run()
    assert run.status != 0
    assert run.row("refused the login of lab_manager")
    assert not run.finished
