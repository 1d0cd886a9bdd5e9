"""Registration at the end of real runs: ONE tables, and an Alyx server of our own."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date
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


def test_odd_sessions_keep_no_other_out_of_the_tables(workflow: Workflow, rendered: Render):
    """Links and pipes that others left in a shared folder lead to nothing, too."""
    good, unheld, odd = (
        rendered(workflow.root, small(subject=subject)) for subject in ("KB001", "KB002", "KB003")
    )
    animals = [workflow.root / name for name in ("mouse 1", "rat 1")]
    for animal in animals:
        shutil.copytree(unheld.parents[1], animal)
    shutil.rmtree(unheld.parents[1])
    description = next(odd.glob("_ibl_experiment.description*"))
    text = description.read_text().replace("_iblrig_tasks_ephysChoiceWorld", "3")
    description.write_text(text)
    cut = rendered(workflow.root, small(subject="KB004", faults={"body": (Fault.TRUNCATED_AVI,)}))
    thesis = workflow.root.with_name("thesis")
    thesis.write_text("the thesis")
    for place in (good / TIMES, workflow.root / "sessions.pqt"):
        place.with_name(f".{place.name}.partial").symlink_to(thesis)
    os.mkfifo(workflow.root / ".datasets.pqt.partial")

    run = workflow.run()
    assert run.failed == {"video_compress": 1}
    assert "Traceback" not in run.text
    assert run.row(" jobs done, 1 failed: alfvideo status says why")
    assert run.row("Not in the ONE tables: mouse 1/2026-01-01/001", "which it takes for '1'")
    assert thesis.read_text() == "the thesis"
    assert all((animal / good.relative_to(good.parents[1]) / TIMES).exists() for animal in animals)
    one = One(cache_dir=workflow.root, mode="local")
    assert sorted(map(one.eid2path, one.search())) == [good, odd, cut]

    (odd / "registration" / "bodyCamera_raw.json").write_text("{half")
    for name in ("sessions", "datasets"):
        (workflow.root / f"{name}.pqt").unlink()
    again = workflow.run(sessions=["KB00[13]*"])
    assert again.row("bodyCamera_raw.json cannot be read")
    assert sorted(map(one.eid2path, One(cache_dir=workflow.root, mode="local").search())) == [
        *(good, odd, cut)
    ]
    seen = workflow.look("status")
    assert seen.row("Not in the ONE tables: rat 1/2026-01-01/001")
    assert workflow.look("qc").status == 0


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
    assert workflow.run().nothing_to_do
    assert len(alyx.writes) == written, "nothing has changed"

    (times,) = (id_ for id_, each in alyx.datasets.items() if each["name"] == Path(TIMES).name)
    alyx.protected.add(times)
    published = (path / TIMES).read_bytes()
    records = json.loads((path / "provenance.json").read_text())
    for name in (TIMES, "qc/_ibl_bodyCamera.timing.json"):
        records[name]["params"]["version"] = -1
    (path / ".copy").write_text(json.dumps(records))
    (path / ".copy").replace(path / "provenance.json")
    refused = workflow.run("-n")
    assert refused.row("body", f"{TIMES} is protected on Alyx and stays as it is")
    assert "video_sync_qc_nidq" not in refused.planned
    workflow.config["registration"] = {"alyx": alyx.url, "protected": "revision"}
    planned = workflow.run("-n")
    revision = f"alf/#{date.today()}#/{Path(TIMES).name}"
    assert planned.row("body", f"; new revision {date.today()}")
    assert planned.planned["video_sync_qc_nidq"] == 1
    run = workflow.run()
    assert run.status == 0, run.text
    assert (path / TIMES).read_bytes() == published
    assert (path / revision).read_bytes() == published
    assert revision in json.loads((path / "registration" / "alyx.json").read_text())["files"]
    assert alyx.dataset(revision)["default_dataset"]
    assert workflow.run().nothing_to_do
    asked = workflow.run("-n", path / TIMES, "-F")
    assert (path / TIMES).read_bytes() == published
    assert "video_sync_qc_nidq" not in asked.planned


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
