"""Published files stay: the plan makes revisions of what is protected, or leaves it alone."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from tests.alyx.server import PASSWORD, Alyx
from tests.unit.test_pending import finish, small
from tests.unit.test_targets import Started, planner

from alfvideo.configuration import Configuration
from alfvideo.jobs import provenance
from alfvideo.planning import pending, published, tasks
from alfvideo.planning.pending import State, Status
from alfvideo.registration.alyx import protection
from alfvideo.registration.alyx.connection import Client
from alfvideo.session import datasets
from rigsim import Rig

Render = Callable[[Path, Rig], Path]
NAME = "_ibl_bodyCamera.times.npy"
TIMES = f"alf/{NAME}"
TIMING = "qc/_ibl_bodyCamera.timing.json"
MP4 = "raw_video_data/_iblrig_bodyCamera.raw.mp4"
TODAY = date.today().isoformat()


@pytest.fixture
def revised(config: Configuration) -> Configuration:
    registration = config.registration.model_copy(update={"protected": "revision"})
    return config.model_copy(update={"registration": registration})


@pytest.fixture
def session(tmp_path: Path, config: Configuration, rendered: Render) -> Path:
    """A finished session whose times are protected and of an older version of the algorithm."""
    path = rendered(tmp_path, small())
    finish(path, config)
    protect(path, TIMES)
    outdate(path, TIMES)
    return path


def protect(path: Path, *names: str) -> None:
    report = path / "registration" / "alyx.json"
    report.parent.mkdir(exist_ok=True)
    report.write_text(json.dumps({"protected": names}))


def outdate(path: Path, *names: str) -> None:
    records = json.loads((path / provenance.FILE_NAME).read_text())
    for name in names:
        records[name]["params"] = {**records[name]["params"], "version": 0}
    (path / provenance.FILE_NAME).write_text(json.dumps(records))


def stage(path: Path, config: Configuration, name: str = "times") -> Status:
    (found,) = (each for each in pending.scan_session(path, config) if each.stage == name)
    return found


def make(path: Path, status: Status) -> None:
    """Leave outputs and records as the job does."""
    records = json.loads((path / provenance.FILE_NAME).read_text())
    for output in status.outputs:
        output.parent.mkdir(exist_ok=True)
        output.write_text("new")
        name = provenance.relative(output, path)
        original = output.parents[1] / output.name
        old = records[provenance.relative(original, path)]
        records[name] = {**old, "params": {**old["params"], "version": version()}}
    (path / provenance.FILE_NAME).write_text(json.dumps(records))


def version() -> int:
    return tasks.BY_RULE["video_sync_qc_nidq"].version


def test_a_protected_file_is_not_replaced(session: Path, config: Configuration):
    found = stage(session, config)
    assert found.state is State.BLOCKED
    assert found.reason.startswith(f"{TIMES} is protected on Alyx and stays as it is. Set")
    assert stage(session, config, "qc").state is State.DONE


def test_a_missing_protected_file_is_not_made_in_its_place(session: Path, config: Configuration):
    (session / TIMES).unlink()
    assert stage(session, config).state is State.BLOCKED


def test_what_replaces_a_protected_file_is_a_revision(session: Path, revised: Configuration):
    found = stage(session, revised)
    assert found.outputs == (
        session / f"alf/#{TODAY}#/{NAME}",
        session / f"qc/#{TODAY}#/{TIMING[3:]}",
    )
    assert found.reason == f"version 0 → {version()}; new revision {TODAY}"
    follows = stage(session, revised, "qc")
    assert (follows.state, follows.reason) == (State.PENDING, "input times pending")


def test_done_stays_done_and_the_newest_revision_counts(session: Path, revised: Configuration):
    make(session, stage(session, revised))
    assert stage(session, revised).state is State.DONE
    assert (
        stage(session, revised, "qc").reason
        == "times.npy is new, timing.json is new, times.npy is gone, 1 more"
    )
    first = f"alf/#{TODAY}#/{NAME}"
    outdate(session, first)
    assert stage(session, revised).outputs[0] == session / first, "it is not protected"
    protect(session, TIMES, first)
    assert stage(session, revised).outputs[0] == session / f"alf/#{TODAY}a#/{NAME}"


def test_a_revision_that_is_removed_is_regenerated(session: Path, revised: Configuration):
    found = stage(session, revised)
    make(session, found)
    for output in found.outputs:
        output.unlink()
    assert stage(session, revised) == found


def test_the_revision_of_a_failed_attempt_is_tried_again(session: Path, revised: Configuration):
    tried = f"alf/#{TODAY}x#/{NAME}"
    (session / provenance.FAILED).write_text(json.dumps({tried: {"message": "no"}}))
    assert stage(session, revised).outputs[0] == session / tried


def test_revisions_of_others_are_older(session: Path, revised: Configuration):
    other = session / "alf" / "#v2#" / NAME
    other.parent.mkdir()
    other.write_text("of somebody")
    protect(session, TIMES, f"alf/#v2#/{NAME}")
    (session / TIMES).write_text("changed")
    edited = json.loads((session / provenance.FILE_NAME).read_text())
    edited[f"alf/#v2#/{NAME}"] = edited[TIMES]
    (session / provenance.FILE_NAME).write_text(json.dumps(edited))
    assert stage(session, revised).outputs[0] == session / "alf" / "#v2a#" / NAME


def test_a_protected_video_is_never_regenerated(session: Path, revised: Configuration):
    protect(session, MP4)
    outdate(session, MP4)
    found = stage(session, revised, "video")
    assert found.state is State.BLOCKED
    assert f"{MP4} is protected on Alyx and stays as it is: of raw data" in found.reason


def test_what_is_not_protected_is_replaced(session: Path, config: Configuration):
    protect(session, "alf/licks.times.npy")
    assert stage(session, config).outputs[0] == session / TIMES


def test_a_record_that_cannot_be_read_blocks_the_session(session: Path, config: Configuration):
    (session / "registration" / "alyx.json").write_text("{half")
    (found,) = pending.scan_session(session, config)
    assert found.state is State.BLOCKED
    assert "so it is not known which results are protected" in found.reason


def test_newest_revision_by_name_only(session: Path, revised: Configuration):
    make(session, stage(session, revised))
    assert datasets.newest(datasets.TIMES, session, "body") == session / f"alf/#{TODAY}#/{NAME}"
    assert datasets.newest(datasets.LICKS, session) == session / "alf" / "licks.times.npy"


@pytest.fixture
def server(alyx: Alyx, session: Path, monkeypatch: pytest.MonkeyPatch) -> Alyx:
    """A server on which only the video of the session is protected."""
    monkeypatch.setenv("ALYX_LOGIN", "lab_manager")
    monkeypatch.setenv("ALYX_PASSWORD", PASSWORD)
    subject, day, number = session.parts[-3:]
    eid = alyx.add_session(subject, day, int(number))
    alyx.add_dataset(eid, TIMES)
    alyx.protected.add(alyx.add_dataset(eid, MP4))
    return alyx


def test_protection_of_many_sessions_is_asked_by_subject(
    server: Alyx, client: Client, session: Path
):
    others = [session.with_name(f"{n:03d}") for n in range(2, 50)]
    found = protection.find([session, *others], client)
    assert found == {session: {MP4}} | {each: set() for each in others}
    assert [str(each) for each in server.requests] == [
        *("POST /auth-token", "GET /datasets", "GET /sessions"),
    ]


def test_a_run_goes_by_the_server_and_not_by_the_record(
    server: Alyx, session: Path, config: Configuration
):
    registration = config.registration.model_copy(update={"alyx": server.url})
    config = config.model_copy(update={"registration": registration})
    wanted = planner(config, session.parents[2]).pending(session.parents[2])
    assert str(session / TIMES) in wanted
    server.protected |= server.datasets.keys()
    wanted = planner(config, session.parents[2]).pending(session.parents[2])
    assert str(session / TIMES) not in wanted


def test_without_an_answer_the_record_counts(
    session: Path, config: Configuration, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.setenv("ALYX_TOKEN", "x")
    registration = config.registration.model_copy(update={"alyx": "http://127.0.0.1:9"})
    config = config.model_copy(update={"registration": registration})
    wanted = planner(config, session.parents[2]).pending(session.parents[2])
    assert str(session / TIMES) not in wanted
    assert "is known from the last registration only. Alyx at" in capsys.readouterr().err


def test_a_file_that_is_asked_for_is_made_where_the_plan_says(
    session: Path, config: Configuration, revised: Configuration
):
    def inputs(config: Configuration, revision: str = "", **options: bool):
        made = planner(config, session.parents[2], Started(**options))
        return made.inputs("video_sync_qc_nidq", session, "body", revision)

    assert f"it is made as {session}/alf/#{TODAY}#/{NAME}" in inputs(revised)["blocked"]
    assert "mp4" in inputs(revised, f"/#{TODAY}#")
    assert published.IS_PROTECTED in inputs(config, regenerates=True)["blocked"]
    assert "mp4" in inputs(revised, f"/#{TODAY}#", plans_jobs=False), "a job has its own file"
