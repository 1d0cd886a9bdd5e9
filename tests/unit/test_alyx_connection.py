"""Requests to an Alyx server that is slow, refuses, breaks down or is not there."""

import logging
import socket
import time

import pytest
from tests.alyx.server import PASSWORD, TOKEN, Fault

from alfvideo.files.errors import DataError
from alfvideo.registration.alyx import connection, outage
from alfvideo.registration.alyx.connection import Client, Patience, Refused, Unreachable
from alfvideo.registration.alyx.credentials import Credentials

PATIENCE = Patience(connect=5, answer=5, attempts=3, first_wait=0.01, longest_wait=0.05)
SUBJECT = ("/subjects/KB001", "look up subject KB001")


@pytest.mark.parametrize("how", ["silence", "lost", 429, 500, 502, 503, 504])
def test_a_failure_that_passes(alyx, client, how):
    alyx.faults.append(Fault("GET /subjects", how, times=2))
    assert client.get(*SUBJECT)["lab"] == "my_lab"


@pytest.mark.parametrize("how", ["silence", 429, 500, 502, 503, 504])
def test_a_failure_that_stays_is_unreachable(alyx, client, how):
    alyx.faults.append(Fault("GET /subjects", how, times=3))
    with pytest.raises(Unreachable, match=rf"Alyx at {alyx.url} could not be asked to look up"):
        client.get(*SUBJECT)
    assert [str(each) for each in alyx.requests].count("GET /subjects/KB001") == 3


def test_a_server_that_is_not_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        client = Client(url, Credentials("lab_manager", PASSWORD), PATIENCE)
        with pytest.raises(Unreachable, match="the server takes no connections, 3 times"):
            client.get(*SUBJECT)


def test_a_server_without_a_name():
    client = Client("http://alyx.invalid", Credentials("lab_manager", PASSWORD), PATIENCE)
    with pytest.raises(Unreachable):
        client.get(*SUBJECT)


def test_a_server_that_does_not_answer_in_time(alyx):
    patience = Patience(connect=5, answer=0.1, attempts=2, first_wait=0.01)
    client = Client(alyx.url, Credentials("lab_manager", PASSWORD), patience)
    alyx.faults.append(Fault("GET /subjects", "slow", times=2, seconds=0.5))
    with pytest.raises(Unreachable, match=r"no answer within 0\.1 s, 2 times"):
        client.get(*SUBJECT)


def test_a_server_that_asks_for_time_gets_it(alyx, monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    patience = Patience(attempts=4, first_wait=1, longest_wait=30)
    client = Client(alyx.url, Credentials("lab_manager", PASSWORD), patience)
    alyx.faults += [
        Fault("GET /subjects", 429, headers={"Retry-After": "7"}),
        Fault("GET /subjects", 503, headers={"Retry-After": "900"}),
        Fault("GET /subjects", 503, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
    ]
    client.get(*SUBJECT)
    assert waits == [7, 30, 4]


def test_an_error_that_alyx_explains_is_no_outage(alyx, client):
    content = {"status_code": 500, "detail": "LabMember matching query does not exist."}
    alyx.faults.append(Fault("GET /subjects", 500, times=3, content=content))
    with pytest.raises(Refused, match="failed to look up subject KB001: LabMember matching"):
        client.get(*SUBJECT)


def test_a_refusal_is_told_once_and_not_repeated(alyx, client):
    with pytest.raises(Refused, match=r"refused to look .*No Subject matches.*\(HTTP 404\)"):
        client.get("/subjects/none", "look up subject none")
    assert [str(each) for each in alyx.requests].count("GET /subjects/none") == 1


def test_what_is_deleted_already_is_no_error(alyx, client):
    client.delete("/notes/gone", "delete a note")


def test_a_server_elsewhere(alyx, client):
    headers = {"Location": "https://alyx.example.org/auth-token"}
    alyx.faults.append(Fault("POST /auth-token", 301, headers=headers))
    with pytest.raises(DataError, match=r"sends requests on to https://alyx\.example\.org\."):
        client.get(*SUBJECT)
    assert len(alyx.requests) == 1


@pytest.mark.parametrize("request_", ["GET /subjects", "POST /auth-token"])
def test_a_server_that_is_not_alyx(alyx, client, request_):
    alyx.faults.append(Fault(request_, 200, content="<html>Please log in</html>"))
    with pytest.raises(DataError, match="answers, but not as Alyx does"):
        client.get(*SUBJECT)


@pytest.mark.parametrize(
    "url",
    ["alyx.example.org", "ftp://alyx.example.org", "https://me:secret@alyx.example.org", "http://"],
)
def test_an_address_that_is_none(url):
    with pytest.raises(DataError, match="must look like https://") as caught:
        Client(url, Credentials("me", "x"), PATIENCE)
    assert "secret" not in str(caught.value)


# Accounts


def test_a_token_needs_no_login(alyx):
    client = Client(alyx.url, Credentials(None, token=TOKEN), PATIENCE)
    client.get(*SUBJECT)
    assert [str(each) for each in alyx.requests] == ["GET /subjects/KB001"]


def test_one_login_for_all_requests(alyx, client):
    client.get(*SUBJECT)
    client.get(*SUBJECT)
    assert [str(each) for each in alyx.requests].count("POST /auth-token") == 1


def test_a_stored_token_that_was_replaced(alyx):
    client = Client(alyx.url, Credentials("lab_manager", PASSWORD, "0ld"), PATIENCE)
    assert client.get(*SUBJECT)["lab"] == "my_lab"


def test_a_token_that_is_refused(alyx):
    client = Client(alyx.url, Credentials("lab_manager", token="0ld-t0ken"), PATIENCE)
    with pytest.raises(DataError, match="does not accept the token of lab_manager"):
        client.get(*SUBJECT)


def test_a_login_that_is_refused(alyx):
    client = Client(alyx.url, Credentials("lab_manager", "wrong-password"), PATIENCE)
    with pytest.raises(DataError, match="refused the login of lab_manager"):
        client.get(*SUBJECT)


def test_a_token_that_is_lost_is_renewed_with_the_password(alyx, client):
    assert client.get(*SUBJECT)["lab"] == "my_lab"
    alyx.token = "another"
    assert client.get(*SUBJECT)["lab"] == "my_lab"
    assert [str(each) for each in alyx.requests].count("POST /auth-token") == 2


def test_a_login_in_netrc_is_not_sent(alyx, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    client = Client(alyx.url, Credentials(None, token=TOKEN), PATIENCE)
    assert client.get(*SUBJECT)["lab"] == "my_lab"


@pytest.mark.parametrize("how", ["silence", 400, 403, 500, 301])
@pytest.mark.parametrize("request_", ["POST /auth-token", "GET /subjects"])
def test_no_message_and_no_log_has_a_secret(alyx, caplog, tmp_path, monkeypatch, how, request_):
    monkeypatch.setenv("HOME", str(tmp_path))
    caplog.set_level(logging.DEBUG)
    alyx.faults.append(Fault(request_, how, times=9, content={"detail": "no"}))
    account = Credentials("lab_manager", PASSWORD)
    client = Client(alyx.url, account, PATIENCE)
    with pytest.raises(DataError) as caught:
        client.get(*SUBJECT)
    told = [caplog.text, repr(account), repr(client)]
    error = caught.value
    while error:
        told += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    assert "lab_manager" in "".join(told)
    for secret in (PASSWORD, TOKEN):
        assert secret not in "".join(told)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def account(monkeypatch):
    monkeypatch.setenv("ALYX_LOGIN", "lab_manager")
    monkeypatch.setenv("ALYX_PASSWORD", PASSWORD)


def test_check_of_a_server_that_takes_the_account(alyx, account):
    connection.check(alyx.url)
    assert not alyx.writes


@pytest.mark.parametrize(("token", "is_taken"), [(TOKEN, True), ("0ld-t0ken", False)])
def test_check_of_a_token_alone(alyx, monkeypatch, token, is_taken):
    monkeypatch.delenv("ALYX_LOGIN", raising=False)
    monkeypatch.delenv("ALYX_PASSWORD", raising=False)
    monkeypatch.setenv("ALYX_TOKEN", token)
    if is_taken:
        connection.check(alyx.url)
    else:
        with pytest.raises(DataError, match="does not accept the token of this account"):
            connection.check(alyx.url)
    assert len(alyx.requests) == 1


def test_check_of_a_repository(alyx, account):
    connection.check(alyx.url, "my_lab_server")
    with pytest.raises(DataError, match=r"no data repository 'elsewhere'.*There are: my_lab_serv"):
        connection.check(alyx.url, "elsewhere")


def test_an_outage_is_asked_about_once_more_and_then_left_to_the_next_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert outage.patience() == Patience()
    outage.notice()
    assert outage.patience().attempts == 1
    outage.notice()
    with pytest.raises(Unreachable, match="is not asked again in it"):
        outage.patience()
    outage.forget()
    assert outage.patience() == Patience()


def test_check_asks_once(alyx, account):
    alyx.faults.append(Fault("POST /auth-token", 503, times=5))
    with pytest.raises(Unreachable, match=r"could not be asked to log in lab_manager.* once"):
        connection.check(alyx.url)
    assert len(alyx.requests) == 1


def test_check_of_an_account_that_is_not_known(alyx, account, monkeypatch):
    monkeypatch.setenv("ALYX_PASSWORD", "wrong")
    with pytest.raises(DataError, match="refused the login of lab_manager"):
        connection.check(alyx.url)
