"""The Alyx server of the tests has the habits of the real one, seen through ONE's own client."""

from pathlib import Path

import pytest
import requests
from one.webclient import AlyxClient
from tests.alyx.server import PASSWORD, Alyx

SESSION = "KB001/2026-01-01/002"
TIMES = "alf/_ibl_leftCamera.times.npy"


@pytest.fixture
def alyx():
    with Alyx() as server:
        yield server


@pytest.fixture
def one_client(alyx, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return AlyxClient(alyx.url, "lab_manager", PASSWORD, tmp_path, silent=True, cache_rest=None)


@pytest.fixture
def eid(alyx):
    return alyx.add_session("KB001", "2026-01-01", 2)


def body(*paths, **fields):
    """Return the body that ONE's RegistrationClient sends for files."""
    return {
        "created_by": "lab_manager",
        "path": SESSION,
        "filenames": list(paths),
        "hashes": ["a" * 32] * len(paths),
        "filesizes": [1] * len(paths),
        "versions": ["1"] * len(paths),
        "default": True,
        "check_protected": True,
        **fields,
    }


def test_an_unknown_file_is_null(alyx, one_client, eid):
    answer = one_client.post("/register-file", body("alf/some.thing.npy", "alf/x.times.xyz", TIMES))
    assert answer[:2] == [None, None]
    assert answer[2]["name"] == Path(TIMES).name


def test_an_unknown_file_stops_the_registration_in_the_middle(alyx, one_client, eid):
    alyx.breaks_on_unknown = True
    with pytest.raises(requests.HTTPError, match="No dataset type found"):
        one_client.post("/register-file", body(TIMES, "alf/some.thing.npy", "alf/x.dlc.pqt"))
    assert [each["name"] for each in alyx.datasets.values()] == [Path(TIMES).name]


def test_registering_again_resets_the_qc_and_the_default_revision(alyx, one_client, eid):
    alyx.add_dataset(eid, TIMES, qc="PASS", default_dataset=False)
    newer = alyx.add_dataset(eid, "alf/#2025-05-05#/" + Path(TIMES).name)
    one_client.post("/register-file", body(TIMES))
    assert alyx.dataset(TIMES)["qc"] == "NOT_SET"
    assert alyx.dataset(TIMES)["default_dataset"]
    assert not alyx.datasets[newer]["default_dataset"]


def test_who_registers_becomes_a_user_of_the_session(alyx, one_client, eid):
    one_client.post("/register-file", body(TIMES))
    assert alyx.sessions[eid]["users"] == ["experimenter", "lab_manager"]


def test_who_asks_for_protection_becomes_a_user_of_the_session(alyx, one_client, eid):
    one_client.get("/check-protected", data=body(TIMES))
    assert alyx.sessions[eid]["users"] == ["experimenter", "lab_manager"]


def test_protected_files(alyx, one_client, eid):
    id_ = alyx.add_dataset(eid, TIMES, qc="PASS")
    assert one_client.get("/check-protected", data=body(TIMES))["status_code"] == 200
    alyx.protected.add(id_)
    answer = one_client.get("/check-protected", data=body(TIMES))
    assert answer["status_code"] == 403
    assert answer["details"] == [{TIMES: [{"": True}]}]
    with pytest.raises(requests.HTTPError, match="One or more datasets is protected"):
        one_client.post("/register-file", body(TIMES))
    assert alyx.datasets[id_]["qc"] == "PASS"


def test_a_protected_file_that_was_not_asked_about_loses_its_qc_all_the_same(alyx, one_client, eid):
    id_ = alyx.add_dataset(eid, TIMES, qc="PASS", hash="b" * 32)
    alyx.protected.add(id_)
    with pytest.raises(requests.HTTPError, match="is protected, cannot patch"):
        one_client.post("/register-file", body(TIMES, check_protected=False))
    assert (alyx.datasets[id_]["qc"], alyx.datasets[id_]["hash"]) == ("NOT_SET", "b" * 32)


def test_a_session_that_is_put_is_overwritten(alyx, one_client, eid):
    one_client.put(f"/sessions/{eid}", {"users": ["robot"], "start_time": "2026-01-01T00:00:00"})
    assert alyx.sessions[eid]["users"] == ["robot"]
    assert alyx.sessions[eid]["start_time"] == "2026-01-01T00:00:00"


def test_a_json_field_is_written_whole(alyx, one_client, eid):
    alyx.sessions[eid]["extended_qc"] = {"task": "PASS"}
    one_client.patch(f"/sessions/{eid}", {"extended_qc": {"videoLeft": "PASS"}})
    assert alyx.sessions[eid]["extended_qc"] == {"videoLeft": "PASS"}


def test_a_task_is_unique_by_name_session_and_arguments(alyx, one_client, eid):
    task = {"name": "dlc", "session": eid, "arguments": {}, "log": " x "}
    assert one_client.post("/tasks", task)["log"] == "x"
    one_client.post("/tasks", {**task, "arguments": {"camera": "left"}})
    with pytest.raises(requests.HTTPError, match="unique set"):
        one_client.post("/tasks", task)


def test_a_wrong_token(alyx):
    answer = requests.get(alyx.url + "/subjects/KB001", headers={"Authorization": "Token x"})
    assert (answer.status_code, answer.json()) == (403, {"detail": "Invalid token."})


def test_a_picture_that_is_none(alyx, one_client, eid):
    note = {"user": "lab_manager", "content_type": "session", "object_id": eid, "text": ""}
    note |= {"json": "{}", "width": "orig"}
    with pytest.raises(requests.HTTPError, match="valid image"):
        one_client.post("/notes", note, files={"image": ("a.png", b"text")})
