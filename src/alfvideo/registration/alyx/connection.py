"""Requests to an Alyx server that end in its answer, or in one sentence that says what is wrong.

ONE's AlyxClient is not used: it waits for ever, retries what must not be repeated, logs its token
at debug level and stores it in a file that everybody may read.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.auth import AuthBase

from alfvideo.files.errors import DataError
from alfvideo.registration.alyx import answers, credentials
from alfvideo.registration.alyx.credentials import Credentials

log = logging.getLogger(__name__)


class Unreachable(DataError):
    """Alyx does not answer, or answers that it cannot work now: try again later."""


class Refused(DataError):
    """Alyx answered that it will not do what was asked; `status` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Patience:
    """Time-outs of a connection and an answer in seconds, and the number of attempts.

    The wait before another attempt doubles each time. A server that asks for more time gets it,
    up to the longest wait.
    """

    connect: float = 10
    answer: float = 60
    attempts: int = 5
    first_wait: float = 1
    longest_wait: float = 60


class _Token(AuthBase):
    """Sends the token; without it, requests would send the login of a .netrc file."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Token {self._token}"
        return request


def connect(url: str, patience: Patience | None = None) -> "Client":
    """Make a client for a server, with the account of the environment or of ONE's parameters.

    Raises
    ------
    DataError
        If the URL is not one of a server, or there is no account for it.
    """
    url = _address(url)
    return Client(url, credentials.find(url), patience or Patience())


def check(url: str, repository: str = "") -> None:
    """Ask a server once whether it takes the account, and has a data repository, if one is named.

    Raises
    ------
    Unreachable
        If it does not answer.
    DataError
        If the address is wrong, there is no account, it is not accepted, or the server has no such
        repository.
    """
    client = connect(url, Patience(answer=20, attempts=1))
    # A page for those who have logged in; Alyx 3.6 has none that says who that is.
    client.get("/users", "say whether it knows the account", {"limit": 1})
    if repository:
        known = client.find_all("/data-repository", "list the data repositories", limit=1000)
        names = sorted(each["name"] for each in known)
        if repository not in names:
            raise DataError(
                f"Alyx at {client.url} has no data repository {repository!r}, which "
                f"`registration: repository` names. There are: {', '.join(names) or 'none'}. "
                "Correct the key, or add the repository on Alyx."
            )


class Client:
    """An account on an Alyx server. Logs in with its first request.

    Each method takes `doing`, what the request is for, as it ends the sentence 'Alyx refused to'.
    All raise Unreachable, Refused, or DataError for refused credentials or a wrong address.
    """

    def __init__(self, url: str, account: Credentials, patience: Patience) -> None:
        self.url = _address(url)
        self.patience = patience
        self._account = account
        self._token: str | None = account.token
        self._http = requests.Session()
        self._http.headers["Accept"] = "application/json"

    @property
    def login(self) -> str | None:
        """The name of the account; None if there is only a token: Alyx does not say whose it is."""
        return self._account.login

    def get(
        self,
        path: str,
        doing: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
    ) -> Any:
        """Return the answer to a question."""
        return self._call("GET", path, doing, params=params, json=json)

    def find_all(self, path: str, doing: str, **filters: Any) -> list[dict[str, Any]]:
        """Return all records that match, from all pages."""
        records: list[dict[str, Any]] = []
        params = filters
        while True:
            answer = self.get(path, doing, params)
            if isinstance(answer, list):
                return records + answer
            records += answer["results"]
            if not answer["next"]:
                return records
            # Only the query: behind a proxy, Alyx names a host that is not to be seen from here.
            params = dict(parse_qsl(urlsplit(answer["next"]).query))

    def post(
        self,
        path: str,
        doing: str,
        json: Any = None,
        *,
        form: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        existing: Callable[[], Any] | None = None,
    ) -> Any:
        """Create something.

        If no answer came, nobody knows whether it was done: before the next attempt, `existing`
        looks for the thing and returns it, or None. Only what may be done twice goes without.
        """
        return self._call("POST", path, doing, existing, json=json, data=form, files=files)

    def patch(self, path: str, doing: str, json: Any) -> Any:
        """Change fields of a record."""
        return self._call("PATCH", path, doing, json=json)

    def delete(self, path: str, doing: str) -> None:
        """Delete a record; it is no error if it is gone already."""
        try:
            self._call("DELETE", path, doing)
        except Refused as refused:
            if refused.status != 404:
                raise

    def _call(
        self,
        method: str,
        path: str,
        doing: str,
        existing: Callable[[], Any] | None = None,
        **content: Any,
    ) -> Any:
        if self._token is None:
            self._token = self._log_in()
        answer = self._send(method, path, doing, existing, self._token, **content)
        if answers.is_unknown_account(answer) and self._account.password:
            # It ran out or was replaced: the one that ONE had stored, or that of the first login.
            self._token = self._log_in()
            answer = self._send(method, path, doing, existing, self._token, **content)
        if answers.is_unknown_account(answer):
            raise DataError(
                f"Alyx at {self.url} does not accept the token of {self.login or 'this account'}. "
                "Log in again with ONE, or set ALYX_LOGIN and ALYX_PASSWORD, or ALYX_TOKEN, again."
            )
        return self._content(answer, doing) if isinstance(answer, requests.Response) else answer

    def _log_in(self) -> str:
        form = {"username": self._account.login, "password": self._account.password}
        doing = f"log in {self._account.login}"
        answer = self._send("POST", "/auth-token", doing, None, None, data=form)
        if answer.status_code in (400, 401, 403):
            raise DataError(
                f"Alyx at {self.url} refused the login of {self._account.login}. Check the user "
                "name and the password, in ALYX_LOGIN and ALYX_PASSWORD or in ONE's parameters."
            )
        content = self._content(answer, doing)
        if not isinstance(content, dict) or not isinstance(content.get("token"), str):
            raise self._not_alyx()
        return str(content["token"])

    def _send(
        self,
        method: str,
        path: str,
        doing: str,
        existing: Callable[[], Any] | None,
        token: str | None,
        **content: Any,
    ) -> Any:
        """Return the server's response, or what `existing` found before another attempt."""
        trouble = answers.Trouble("")
        for attempt in range(self.patience.attempts):
            if attempt:
                wait = max(self.patience.first_wait * 2 ** (attempt - 1), trouble.wait)
                wait = min(wait, self.patience.longest_wait)
                log.warning("Alyx: %s. Trying again in %g s.", trouble.reason, wait)
                time.sleep(wait)
                if existing and (found := existing()) is not None:
                    return found
            try:
                response = self._http.request(
                    method,
                    self.url + path,
                    timeout=(self.patience.connect, self.patience.answer),
                    allow_redirects=False,
                    auth=_Token(token),
                    **content,
                )
            except requests.exceptions.SSLError:
                raise DataError(
                    f"The certificate of Alyx at {self.url} is not accepted. Check the address; if "
                    "the lab signs its own certificates, set REQUESTS_CA_BUNDLE to their file."
                ) from None
            except answers.LOST as error:
                trouble = answers.lost(error, self.patience.connect, self.patience.answer)
                continue
            if response.status_code != 429 and response.status_code < 500:
                return response
            trouble = answers.busy(response)
        if trouble.response is not None and (detail := answers.own_error(trouble.response)):
            raise Refused(
                f"Alyx at {self.url} failed to {doing}: {detail}. If this is about something in "
                "the message, fix it; if not, send the message to who keeps the server.",
                trouble.response.status_code,
            )
        raise Unreachable(
            f"Alyx at {self.url} could not be asked to {doing}: {trouble.reason}, "
            f"{_times(self.patience.attempts)}. Run again when the server is up."
        )

    def _content(self, response: requests.Response, doing: str) -> Any:
        """Return the server's answer, if it did what was asked."""
        status = response.status_code
        if 300 <= status < 400:
            elsewhere = answers.origin(response.headers.get("Location", ""))
            raise DataError(
                f"{self.url} sends requests on to {elsewhere}. Put the right address of Alyx in "
                "the configuration."
            )
        if status >= 400:
            detail = answers.detail(response)
            raise Refused(
                f"Alyx at {self.url} refused to {doing}: {detail or 'no reason given'} "
                f"(HTTP {status}). Fix this, or have it fixed on Alyx, and run again.",
                status,
            )
        if status == 204:
            return None
        try:
            return response.json()
        except requests.exceptions.JSONDecodeError:
            raise self._not_alyx() from None

    def _not_alyx(self) -> DataError:
        return DataError(
            f"{self.url} answers, but not as Alyx does. Check the address in the configuration, "
            "and whether a proxy or a log-in page is in between."
        )


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _address(url: str) -> str:
    """Check the URL of a server before it gets into any message, and return it."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise DataError(
            "The address of Alyx in the configuration must look like "
            "https://alyx.example.org, without login or password."
        )
    return url.rstrip("/")
