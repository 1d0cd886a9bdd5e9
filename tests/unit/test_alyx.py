"""Registration of sessions on Alyx, against a server of our own over loopback."""

import hashlib
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from one.alf.spec import QC
from tests.alyx.server import TOKEN, Fault

from alfvideo.files.errors import DataError
from alfvideo.registration.alyx import quality
from alfvideo.registration.alyx.connection import Client, Patience, Unreachable
from alfvideo.registration.alyx.credentials import Credentials
from alfvideo.registration.alyx.records import (
    Dataset,
    Details,
    Picture,
    Policy,
    SessionRecord,
    TaskRecord,
)
from alfvideo.registration.alyx.registration import register

TIMES = "alf/_ibl_leftCamera.times.npy"
POSE = "alf/_ibl_leftCamera.dlc.pqt"
TODAY = date.today().isoformat()


@pytest.fixture
def record(tmp_path):
    """A session with two files, checks of a camera, a picture and two task records."""
    session = tmp_path / "Subjects" / "KB001" / "2026-01-01" / "002"
    qc = session / "qc" / "_ibl_leftCamera.videoQC.json"
    qc.parent.mkdir(parents=True)
    qc.write_text(
        json.dumps(
            {
                "outcome": "WARNING",
                "extended_qc": {
                    "_videoLeft_framerate": ["PASS", 60.0],
                    "_videoLeft_focus": "WARNING",
                },
                "reasons": {"_videoLeft_focus": "Blurred."},
            }
        )
    )
    return SessionRecord(
        path=session,
        datasets=(write(session, TIMES, b"times"), write(session, POSE, b"pose")),
        qc=(quality.read(qc),),
        pictures=(picture(session, b"one"),),
        tasks=(
            TaskRecord("video_qc", "left", "Complete", "all well\n", "1", 2.5, "2026-01-02T03:04"),
            TaskRecord("dlc", "left", "Errored", "Traceback", "3", 100.0),
        ),
    )


def write(session, path, content, version="0.1.0"):
    """Write a file of a session and describe it as the record does."""
    file = session / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return Dataset(path, len(content), hashlib.md5(content).hexdigest(), version)


def picture(session, content, text="Left camera: video"):
    file = session / "snapshot" / "leftCamera_video.png"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"\x89PNG" + content)
    return Picture(file, text)


def known_session(alyx, **fields):
    return alyx.add_session("KB001", "2026-01-01", 2, **fields)


# Sessions


def test_a_new_session_is_registered_whole(alyx, client, record):
    report = register(record, client)
    assert report.created
    session = alyx.sessions[report.eid]
    assert session["start_time"] == "2026-01-01T00:00:00"
    assert (session["users"], session["lab"]) == (["lab_manager"], "my_lab")
    assert (session["number"], session["type"]) == (2, "Experiment")
    times = alyx.dataset(TIMES)
    assert times["hash"] == hashlib.md5(b"times").hexdigest()
    assert (times["file_size"], times["version"]) == (5, "0.1.0")
    assert times["default_dataset"]
    assert session["qc"] == "WARNING"
    assert session["extended_qc"] == {
        "_videoLeft_framerate": ["PASS", 60.0],
        "_videoLeft_focus": "WARNING",
        "videoLeft": "WARNING",
    }
    (note,) = alyx.notes.values()
    assert note["content"] == (b"\x89PNG" + b"one").hex()
    assert (note["text"], note["user"]) == ("Left camera: video", "lab_manager")
    assert {each["name"]: each["status"] for each in alyx.tasks.values()} == {
        "video_qc": "Complete",
        "dlc": "Errored",
    }


def test_registering_again_writes_nothing(alyx, client, record):
    register(record, client)
    alyx.dataset(TIMES)["qc"] = "FAIL"
    before = json.dumps([alyx.sessions, alyx.datasets, alyx.notes, alyx.tasks])
    alyx.requests.clear()
    report = register(record, client)
    assert not report.has_changes
    assert set(report.unchanged) == {TIMES, POSE}
    assert alyx.writes == []
    assert json.dumps([alyx.sessions, alyx.datasets, alyx.notes, alyx.tasks]) == before


def test_start_and_users_of_a_session_on_alyx_stay(alyx, client, record):
    eid = known_session(alyx)
    details = Details(users=("robot",), start_time="2026-01-01T23:00:00")
    report = register(replace(record, details=details), client)
    assert (report.eid, report.created) == (eid, False)
    assert alyx.sessions[eid]["start_time"] == "2026-01-01T10:20:30"
    assert alyx.sessions[eid]["users"] == ["experimenter"]


def test_a_session_is_created_from_its_own_files(alyx, client, record):
    details = Details(
        users=("experimenter", "somebody_else"),
        projects=("brainwide",),
        procedures=("Behavior training/tasks",),
        task_protocol="biased8.1",
        start_time="2026-01-01T12:13:14",
    )
    session = alyx.sessions[register(replace(record, details=details), client).eid]
    assert session["users"] == ["experimenter"]
    assert (session["projects"], session["procedures"]) == (
        ["brainwide"],
        ["Behavior training/tasks"],
    )
    assert (session["task_protocol"], session["start_time"]) == ("biased8.1", "2026-01-01T12:13:14")


def test_a_start_on_another_day_is_not_used(alyx, client, record):
    details = Details(start_time="2025-12-31T12:00:00")
    eid = register(replace(record, details=details), client).eid
    assert alyx.sessions[eid]["start_time"] == "2026-01-01T00:00:00"


def test_a_session_of_a_subject_that_differs_in_case_is_another(alyx, client, record):
    alyx.subjects["kb001"] = alyx.subjects["KB001"]
    other = alyx.add_session("kb001", "2026-01-01", 2)
    assert register(record, client).eid != other


def test_unknown_subject(alyx, client, record):
    del alyx.subjects["KB001"]
    with pytest.raises(DataError, match=r"has no subject KB001 \(session KB001/2026-01-01/002\)"):
        register(record, client)
    assert alyx.writes == []


def test_a_session_that_is_there_twice(alyx, client, record):
    known_session(alyx)
    known_session(alyx)
    with pytest.raises(DataError, match="has session KB001/2026-01-01/002 2 times"):
        register(record, client)
    assert alyx.writes == []


def test_what_alyx_refuses_is_told_in_its_words(alyx, client, record):
    details = Details(projects=("no_such_project",))
    with pytest.raises(
        DataError,
        match=r"refused to create session KB001/2026-01-01/002: projects: Object with "
        r"name=no_such_project does not exist \(HTTP 400\)",
    ):
        register(replace(record, details=details), client)


def test_a_lost_answer_does_not_create_a_session_twice(alyx, client, record):
    alyx.faults.append(Fault("POST /sessions", "lost"))
    report = register(record, client)
    assert list(alyx.sessions) == [report.eid]


# Files


def test_a_changed_file_keeps_its_id_qc_and_place(alyx, client, record):
    eid = known_session(alyx)
    id_ = alyx.add_dataset(eid, TIMES, hash="0" * 32, qc="PASS", default_dataset=False)
    newer = alyx.add_dataset(eid, "alf/#2025-05-05#/" + Path(TIMES).name, hash="1" * 32)
    report = register(record, client)
    assert TIMES in report.files
    assert alyx.datasets[id_]["hash"] == hashlib.md5(b"times").hexdigest()
    assert alyx.datasets[id_]["qc"] == "PASS"
    assert not alyx.datasets[id_]["default_dataset"]
    assert alyx.datasets[newer]["default_dataset"]


def test_a_new_file_does_not_displace_a_revision(alyx, client, record):
    eid = known_session(alyx)
    newer = alyx.add_dataset(eid, "alf/#2025-05-05#/" + Path(TIMES).name, hash="1" * 32)
    register(record, client)
    assert not alyx.dataset(TIMES)["default_dataset"]
    assert alyx.datasets[newer]["default_dataset"]


def test_a_changed_file_is_registered_though_a_revision_is_the_same(alyx, client, record):
    eid = known_session(alyx)
    id_ = alyx.add_dataset(eid, TIMES, hash="0" * 32)
    same = record.datasets[0].md5
    alyx.add_dataset(eid, "alf/#2025-05-05#/" + Path(TIMES).name, hash=same)
    register(record, client)
    assert alyx.datasets[id_]["hash"] == same


def test_a_file_without_hash_on_alyx_gets_one_and_nothing_else(alyx, client, record):
    eid = known_session(alyx)
    id_ = alyx.add_dataset(eid, TIMES, file_size=5, qc="PASS", exists=True)
    register(replace(record, datasets=record.datasets[:1]), client)
    assert alyx.datasets[id_]["hash"] == hashlib.md5(b"times").hexdigest()
    assert alyx.datasets[id_]["exists"]
    assert alyx.datasets[id_]["qc"] == "PASS"
    assert "POST /register-file" not in alyx.writes


def test_files_are_registered_for_the_repository_of_the_configuration(alyx, client, record):
    register(record, client, Policy(repository="my_lab_server"))
    assert alyx.dataset(TIMES)["exists"]


def test_without_a_repository_files_are_not_there_yet(alyx, client, record):
    register(record, client)
    assert not alyx.dataset(TIMES)["exists"]


def test_a_repository_that_is_named_later(alyx, client, record):
    register(record, client)
    alyx.dataset(TIMES)["qc"] = "PASS"
    alyx.protected |= alyx.datasets.keys()
    policy = Policy(repository="my_lab_server")
    assert set(register(record, client, policy).moved) == {TIMES, POSE}
    assert alyx.exists(TIMES) == {"my_lab_server": True}
    assert alyx.dataset(TIMES)["qc"] == "PASS"
    alyx.requests.clear()
    assert not register(record, client, policy).has_changes
    assert alyx.writes == []
    alyx.repositories.append("new_server")
    register(record, client, Policy(repository="new_server"))
    assert alyx.exists(TIMES) == {"my_lab_server": True, "new_server": True}


def test_a_file_that_is_gone_and_comes_back(alyx, client, record):
    policy = Policy(repository="my_lab_server")
    register(record, client, policy)
    (record.path / TIMES).unlink()
    without = replace(record, datasets=record.datasets[1:], gone={TIMES})
    assert register(without, client, policy).moved == (TIMES,)
    assert (alyx.exists(TIMES), alyx.exists(POSE)) == (
        {"my_lab_server": False},
        {"my_lab_server": True},
    )
    assert not register(without, client, policy).has_changes
    write(record.path, TIMES, b"times")
    assert register(record, client, policy).moved == (TIMES,)
    assert alyx.exists(TIMES) == {"my_lab_server": True}


def test_files_of_others_and_changed_ones_are_not_said_to_be_there(alyx, client, record):
    eid = known_session(alyx)
    alyx.add_dataset(eid, "alf/_ibl_trials.table.pqt", hash="1" * 32)
    alyx.protected.add(alyx.add_dataset(eid, TIMES, hash="0" * 32))
    with pytest.raises(DataError, match="protects the registered one"):
        register(record, client, Policy(repository="my_lab_server"))
    assert alyx.exists("alf/_ibl_trials.table.pqt") == alyx.exists(TIMES) == {}
    assert alyx.exists(POSE) == {"my_lab_server": True}


def test_a_lost_answer_does_not_add_a_file_record_twice(alyx, client, record):
    register(record, client)
    alyx.faults.append(Fault("POST /files", "lost"))
    register(record, client, Policy(repository="my_lab_server"))
    assert len(alyx.dataset(TIMES)["file_records"]) == 1


def test_unknown_repository(alyx, client, record):
    with pytest.raises(DataError, match="The specified repository does not exist"):
        register(record, client, Policy(repository="elsewhere"))
    assert alyx.datasets == {}


@pytest.mark.parametrize("breaks", [True, False])
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("alf/_ibl_leftCamera.lightningPose.pqt", "there is no dataset type for it"),
        ("raw_video_data/_iblrig_leftCamera.raw.avi", "there are 0 data formats with the exten"),
    ],
)
def test_a_file_that_alyx_does_not_know_is_an_error_after_the_others(
    alyx, client, record, path, reason, breaks
):
    alyx.breaks_on_unknown = breaks
    unknown = write(record.path, path, b"content")
    with pytest.raises(DataError) as caught:
        register(replace(record, datasets=(unknown, *record.datasets)), client)
    assert f"cannot take {path} of session KB001/2026-01-01/002: {reason}" in str(caught.value)
    assert alyx.dataset(TIMES)["hash"]
    assert len(alyx.notes) == 1
    assert len(alyx.tasks) == 2


def test_a_camera_log_is_registered_where_alyx_has_the_format(alyx, client, record):
    name = "raw_video_data/_iblrig_leftCamera.raw.camlog"
    log = write(record.path, name, b"log")
    record = replace(record, datasets=(log, *record.datasets))
    assert set(register(record, client).files) == {TIMES, POSE}
    alyx.formats.append(".camlog")
    assert register(record, client).files == (name,)
    assert not register(record, client).has_changes


def test_a_file_that_fits_two_types(alyx, client, record):
    alyx.types.append(("any.times", "*.times.*"))
    with pytest.raises(DataError, match=f"{TIMES}.*it fits more than one dataset type"):
        register(record, client)


def test_a_null_for_a_file_is_an_error(alyx, client, record):
    alyx.null_for.add(Path(POSE).name)
    with pytest.raises(DataError, match=f"did not register {POSE} of session KB001/2026-01-01/002"):
        register(record, client)
    assert alyx.dataset(TIMES)["hash"]


def test_a_list_of_types_of_several_pages(alyx, client, record):
    alyx.page_size = 1
    assert set(register(record, client).files) == {TIMES, POSE}
    assert not register(record, client).has_changes


@pytest.fixture
def protected(alyx):
    """Id of a protected dataset of other contents."""
    id_ = alyx.add_dataset(known_session(alyx), TIMES, hash="0" * 32, qc="PASS")
    alyx.protected.add(id_)
    return id_


def test_a_changed_protected_file_is_refused_and_stays(alyx, client, record, protected):
    before = dict(alyx.datasets[protected])
    with pytest.raises(DataError, match=f"{TIMES} of session .* protects the registered one"):
        register(record, client)
    assert alyx.datasets[protected] == before
    assert (record.path / TIMES).read_bytes() == b"times"
    assert alyx.dataset(POSE)["hash"]
    (session,) = alyx.sessions.values()
    assert session["users"] == ["experimenter"]


def test_a_protected_file_that_has_not_changed_is_no_error(alyx, client, record, protected):
    alyx.datasets[protected]["hash"] = hashlib.md5(b"times").hexdigest()
    assert TIMES in register(record, client).unchanged


def test_a_changed_protected_file_becomes_a_revision(alyx, client, record, protected):
    before = dict(alyx.datasets[protected])
    revision = f"alf/#{TODAY}#/{Path(TIMES).name}"
    report = register(record, client, Policy(protected="revision"))
    assert revision in report.files
    assert alyx.datasets[protected] == {**before, "default_dataset": False}
    assert alyx.dataset(revision)["hash"] == hashlib.md5(b"times").hexdigest()
    assert alyx.dataset(revision)["default_dataset"]
    assert (record.path / TIMES).read_bytes() == b"times"
    assert (record.path / revision).read_bytes() == b"times"


def test_a_file_beside_a_protected_revision_may_change(alyx, client, record):
    eid = known_session(alyx)
    id_ = alyx.add_dataset(eid, TIMES, hash="0" * 32)
    revision = alyx.add_dataset(eid, "alf/#2025-05-05#/" + Path(TIMES).name, hash="1" * 32)
    alyx.protected.add(revision)
    register(record, client)
    assert alyx.datasets[id_]["hash"] == record.datasets[0].md5
    assert alyx.datasets[revision]["hash"] == "1" * 32


def test_a_revision_is_registered_once(alyx, client, record, protected):
    register(record, client, Policy(protected="revision"))
    alyx.requests.clear()
    report = register(record, client, Policy(protected="revision"))
    assert TIMES in report.unchanged
    assert alyx.writes == []


def test_a_file_that_changes_twice_on_a_day_gets_two_revisions(alyx, client, record, protected):
    register(record, client, Policy(protected="revision"))
    (record.path / TIMES).unlink()
    again = write(record.path, TIMES, b"other times")
    register(replace(record, datasets=(again,)), client, Policy(protected="revision"))
    first, second = (f"alf/#{TODAY}{letter}#/{Path(TIMES).name}" for letter in ("", "a"))
    assert (record.path / first).read_bytes() == b"times"
    assert (record.path / second).read_bytes() == b"other times"
    assert [alyx.dataset(each)["default_dataset"] for each in (first, second)] == [False, True]


def test_another_file_in_the_place_of_a_revision_stays(alyx, client, record, protected):
    revision = f"alf/#{TODAY}#/{Path(TIMES).name}"
    write(record.path, revision, b"of somebody")
    with pytest.raises(DataError, match="is there with other contents"):
        register(record, client, Policy(protected="revision"))
    assert (record.path / revision).read_bytes() == b"of somebody"
    assert alyx.datasets[protected]["default_dataset"]


# Accounts


@pytest.mark.parametrize("is_there", [True, False])
def test_a_token_alone_is_enough(alyx, record, is_there):
    if is_there:
        known_session(alyx)
    register(record, Client(alyx.url, Credentials(None, token=TOKEN), Patience(attempts=1)))
    (note,) = alyx.notes.values()
    assert note["user"] == ("experimenter" if is_there else "lab_manager")


def test_a_token_alone_for_a_session_without_users(alyx, record):
    known_session(alyx, users=[])
    client = Client(alyx.url, Credentials(None, token=TOKEN), Patience(attempts=1))
    with pytest.raises(DataError, match=r"002 has no user on Alyx.*Set ALYX_LOGIN, too"):
        register(replace(record, datasets=()), client)
    assert len(alyx.tasks) == 2


# Checks


def test_checks_are_merged_with_those_on_alyx(alyx, client, record):
    there = {"_task_trials": "PASS", "task": "PASS", "videoLeft": "PASS"}
    eid = known_session(alyx, extended_qc=there, qc="PASS")
    assert register(record, client).qc == ("extended_qc", "qc")
    assert alyx.sessions[eid]["extended_qc"] == {
        "_task_trials": "PASS",
        "task": "PASS",
        "videoLeft": "WARNING",
        "_videoLeft_framerate": ["PASS", 60.0],
        "_videoLeft_focus": "WARNING",
    }
    assert alyx.sessions[eid]["qc"] == "WARNING"
    assert alyx.writes.count(f"PATCH /sessions/{eid}") == 1


def test_a_worse_qc_on_alyx_stays(alyx, client, record):
    eid = known_session(alyx, qc="CRITICAL")
    assert register(record, client).qc == ("extended_qc",)
    assert alyx.sessions[eid]["qc"] == "CRITICAL"


def test_the_worst_camera_decides(alyx, client, record):
    (left,) = record.qc
    body = replace(left, camera="body", outcome=QC.FAIL, extended_qc={})
    eid = register(replace(record, qc=(body, left)), client).eid
    assert alyx.sessions[eid]["qc"] == "FAIL"
    assert alyx.sessions[eid]["extended_qc"]["videoBody"] == "FAIL"


def test_numbers_that_are_none(alyx, client, record):
    (left,) = record.qc
    left = replace(left, extended_qc={"_videoLeft_pin_state": ["PASS", float("nan"), 3]})
    eid = register(replace(record, qc=(left,)), client).eid
    assert alyx.sessions[eid]["extended_qc"]["_videoLeft_pin_state"] == ["PASS", None, 3]


def test_an_extended_qc_that_is_no_mapping_is_not_overwritten(alyx, client, record):
    eid = known_session(alyx, extended_qc=["PASS"])
    with pytest.raises(DataError, match=f"extended QC of session {eid} on Alyx is list"):
        register(record, client)
    assert alyx.sessions[eid]["extended_qc"] == ["PASS"]


def test_a_report_of_checks_that_cannot_be_read(tmp_path):
    path = tmp_path / "_ibl_leftCamera.videoQC.json"
    path.write_text('{"outcome": "GOOD", "extended_qc": {}}')
    with pytest.raises(DataError, match=f"{path} is not a report of checks"):
        quality.read(path)


# Pictures


def test_a_changed_picture_replaces_the_older_note(alyx, client, record):
    register(record, client)
    (old,) = alyx.notes
    changed = replace(record, pictures=(picture(record.path, b"two"),))
    assert register(changed, client).pictures == ("leftCamera_video.png",)
    (note,) = alyx.notes.values()
    assert note["id"] != old
    assert note["content"] == (b"\x89PNG" + b"two").hex()
    assert not register(changed, client).has_changes


def test_a_note_of_the_peer_for_the_same_picture_is_replaced(alyx, client, record):
    eid = known_session(alyx)
    add_note(alyx, eid, "old", "Left camera: video", {"name": "leftCamera_video"})
    register(record, client)
    assert "old" not in alyx.notes
    assert len(alyx.notes) == 1


def test_notes_of_others_stay(alyx, client, record):
    eid = known_session(alyx)
    add_note(alyx, eid, "text", "Left camera: video", None)
    add_note(alyx, eid, "other", "Left camera: video", {"name": "rightCamera_video"})
    add_note(alyx, eid, "by_hand", "The lens was dirty", {"name": "leftCamera_video"})
    add_note(alyx, eid, "odd", "Left camera: video", "[not json")
    register(record, client)
    assert {"text", "other", "by_hand", "odd"} <= set(alyx.notes)


def test_the_new_note_is_there_before_the_older_one_goes(alyx, client, record):
    register(record, client)
    (old,) = alyx.notes
    alyx.faults.append(Fault("POST /notes", 500, times=9))
    changed = replace(record, pictures=(picture(record.path, b"two"),))
    with pytest.raises(Unreachable):
        register(changed, client)
    assert list(alyx.notes) == [old]


def test_a_lost_answer_does_not_pile_up_notes(alyx, client, record):
    alyx.faults.append(Fault("POST /notes", "lost"))
    register(record, client)
    assert len(alyx.notes) == 1


def test_a_picture_of_ibllib_is_replaced(alyx, client, record):
    eid = known_session(alyx)
    theirs = {"name": "dlc_qc_plot", "function": "ibllib.plots.figures.dlc_qc_plot"}
    add_note(alyx, eid, "theirs", "dlc_qc_plot", theirs)
    add_note(alyx, eid, "a remark", "a remark", {})
    file = picture(record.path, b"pose").path.rename(record.path / "snapshot" / "dlc_qc_plot.png")
    register(replace(record, pictures=(Picture(file, "dlc_qc_plot"),)), client)
    found = {note["text"]: note["json"].get("function") for note in alyx.notes.values()}
    assert found == {"dlc_qc_plot": "alfvideo", "a remark": None}


def add_note(alyx, eid, id_, text, content):
    alyx.notes[id_] = {"id": id_, "object_id": eid, "text": text, "json": content}


# Task records


def test_a_task_that_is_done_again_is_updated(alyx, client, record):
    register(record, client)
    (id_,) = (each["id"] for each in alyx.tasks.values() if each["name"] == "dlc")
    again = replace(record.tasks[1], status="Complete", log="done", seconds=90.0)
    report = register(replace(record, tasks=(record.tasks[0], again)), client)
    assert report.tasks == ("dlc left",)
    assert len(alyx.tasks) == 2
    assert (alyx.tasks[id_]["status"], alyx.tasks[id_]["log"]) == ("Complete", "done")
    assert alyx.tasks[id_]["time_elapsed_secs"] == 90.0


def test_a_task_of_each_camera(alyx, client, record):
    register(record, client)
    right = replace(record.tasks[0], camera="right")
    whole = replace(record.tasks[0], camera=None)
    register(replace(record, tasks=(right, whole)), client)
    arguments = [each["arguments"] for each in alyx.tasks.values() if each["name"] == "video_qc"]
    assert arguments == [{"camera": "left"}, {"camera": "right"}, {}]


def test_a_long_log_keeps_its_beginning_and_end(alyx, client, record):
    log = "start " + "x" * 100_000 + " end\0\n"
    register(replace(record, tasks=(replace(record.tasks[1], log=log),)), client)
    (task,) = alyx.tasks.values()
    assert task["log"].startswith("start ")
    assert task["log"].endswith(" end")
    assert len(task["log"]) < 20_100


def test_a_log_that_is_only_on_alyx_stays_there(alyx, client, record):
    """So it is from another folder, a fresh clone, or without `logs/`, for older sessions."""
    register(record, client)
    logs = {id_: each["log"] for id_, each in alyx.tasks.items()}
    without = replace(record, tasks=tuple(replace(each, log="") for each in record.tasks))
    assert not register(without, client).has_changes
    slower = tuple(replace(each, seconds=200.0) for each in without.tasks)
    assert register(replace(record, tasks=slower), client).tasks == ("video_qc left", "dlc left")
    assert {id_: each["log"] for id_, each in alyx.tasks.items()} == logs


@pytest.mark.parametrize(
    "change",
    [
        {"status": "Errored"},
        {"finished": "2026-02-02T03:04"},
        {"version": "2", "finished": "2026-03-03"},
    ],
)
def test_the_log_of_an_earlier_job_does_not_stay(alyx, client, record, change):
    record = replace(record, tasks=record.tasks[:1])
    register(record, client)
    (task,) = record.tasks
    register(replace(record, tasks=(replace(task, log="", **change),)), client)
    (there,) = alyx.tasks.values()
    assert "all well" not in there["log"]


def test_a_lost_answer_does_not_record_a_task_twice(alyx, client, record):
    alyx.faults.append(Fault("POST /tasks", "lost"))
    register(record, client)
    assert len(alyx.tasks) == 2


# Several problems, and Alyx down in the middle


def test_all_problems_are_told(alyx, client, record, protected):
    unknown = write(record.path, "alf/_ibl_leftCamera.features.pqt", b"features")
    with pytest.raises(DataError) as caught:
        register(replace(record, datasets=(*record.datasets, unknown)), client)
    assert [line.split(" of session")[0].split()[-1] for line in str(caught.value).split("\n")] == [
        TIMES,
        unknown.path,
    ]


@pytest.mark.parametrize("request_", ["GET /datasets", "POST /register-file", "PATCH /sessions"])
def test_what_is_missing_is_registered_when_alyx_is_up_again(alyx, client, record, request_):
    alyx.faults.append(Fault(request_, "silence", times=3))
    with pytest.raises(Unreachable, match="the connection was lost, 3 times"):
        register(record, client)
    assert register(record, client).has_changes
    assert len(alyx.sessions) == 1
    assert len(alyx.datasets) == 2
    assert not register(record, client).has_changes
