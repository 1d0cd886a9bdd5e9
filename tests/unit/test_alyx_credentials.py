"""Where the account on Alyx is found, and that looking for it leaves no trace."""

import json

import pytest

from alfvideo.files.errors import DataError
from alfvideo.registration.alyx import credentials
from alfvideo.registration.alyx.connection import connect

URL = "https://alyx.example.org"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def store(home, **parameters):
    """Parameters as ONE stores them."""
    (home / ".one").mkdir(exist_ok=True)
    (home / ".one" / ".caches").write_text('{"CLIENT_MAP": {}, "DEFAULT": "x"}')
    file = home / ".one" / ".alyx.example.org"
    file.write_text(json.dumps({"ALYX_URL": URL, **parameters}))


def test_token_in_the_environment(home):
    found = credentials.find(URL, {"ALYX_TOKEN": "t", "ALYX_PASSWORD": "p", "ALYX_LOGIN": "me"})
    assert (found.login, found.password, found.token) == ("me", "p", "t")
    alone = credentials.find(URL, {"ALYX_TOKEN": "t", "ALYX_PASSWORD": "p"})
    assert (alone.login, alone.password, alone.token) == (None, None, "t")


def test_password_in_the_environment(home):
    store(home, ALYX_LOGIN="other", TOKEN={"other": {"token": "t"}})
    found = credentials.find(URL, {"ALYX_LOGIN": "me", "ALYX_PASSWORD": "p"})
    assert (found.login, found.password, found.token) == ("me", "p", None)


def test_password_without_login(home):
    with pytest.raises(DataError, match="not ALYX_LOGIN"):
        credentials.find(URL, {"ALYX_PASSWORD": "p"})


@pytest.mark.parametrize("url", [URL, URL + "/", "http://Alyx.example.org"])
def test_what_one_has_stored(home, url):
    store(home, ALYX_LOGIN="me", ALYX_PWD="p", TOKEN={"me": {"token": "t"}, "x": {"token": "u"}})
    found = credentials.find(url, {})
    assert (found.login, found.password, found.token) == ("me", "p", "t")


def test_another_login_than_the_stored_one(home):
    store(home, ALYX_LOGIN="me", ALYX_PWD="p", TOKEN={"x": {"token": "u"}})
    found = credentials.find(URL, {"ALYX_LOGIN": "x"})
    assert (found.login, found.password, found.token) == ("x", None, "u")


@pytest.mark.parametrize("stored", [{}, {"ALYX_LOGIN": "me"}, {"ALYX_LOGIN": "", "TOKEN": {}}])
def test_no_account(home, stored):
    store(home, **stored)
    with pytest.raises(DataError, match=f"There is no account for Alyx at {URL}"):
        credentials.find(URL, {})


def test_the_account_of_another_server_is_not_used(home):
    store(home, ALYX_LOGIN="me", ALYX_PWD="p")
    with pytest.raises(DataError, match="There is no account"):
        credentials.find("https://alyx.elsewhere.org", {})


def test_nothing_is_made_in_the_home_folder(home):
    with pytest.raises(DataError):
        credentials.find(URL, {})
    assert list(home.iterdir()) == []


def test_secrets_are_not_shown(home):
    store(home, ALYX_LOGIN="me", ALYX_PWD="s3cret", TOKEN={"me": {"token": "t0ken"}})
    shown = repr(credentials.find(URL, {}))
    assert "me" in shown
    assert "s3cret" not in shown
    assert "t0ken" not in shown


def test_a_secret_in_the_address_is_not_shown(home):
    with pytest.raises(DataError) as caught:
        connect("https://me:s3cret@alyx.example.org")
    assert "s3cret" not in str(caught.value)
