"""The meaning of answers of an Alyx server, and of proxies before it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

MAX_DETAIL_LENGTH = 500
"""Characters of the server's own words in a message."""

LOST = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
"""Errors after which nobody knows whether the server has done what was asked."""


@dataclass(frozen=True)
class Trouble:
    """A failed attempt: its reason, how long the server asks to wait, and its answer, if any."""

    reason: str
    wait: float = 0
    response: requests.Response | None = None


def lost(error: Exception, connect: float, answer: float) -> Trouble:
    """Explain why there was no answer; `connect` and `answer` are the time-outs in s."""
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return Trouble(f"no connection within {connect:g} s")
    if isinstance(error, requests.exceptions.Timeout):
        return Trouble(f"no answer within {answer:g} s")
    if isinstance(cause, NameResolutionError):
        return Trouble("the name of the server is not known")
    if isinstance(cause, NewConnectionError):
        return Trouble("the server takes no connections")
    return Trouble("the connection was lost")


def busy(response: requests.Response) -> Trouble:
    """Describe a failure that may not occur at the next attempt."""
    try:
        wait = max(0.0, float(response.headers.get("Retry-After", 0)))
    except ValueError:
        wait = 0.0
    return Trouble(f"the server answers {response.status_code}", wait, response)


def own_error(response: requests.Response) -> str:
    """Return what Alyx itself says about an error 500; empty if the answer is that of a proxy."""
    is_json = response.headers.get("Content-Type", "").startswith("application/json")
    return detail(response) if response.status_code == 500 and is_json else ""


def is_unknown_account(answer: Any) -> bool:
    """Return whether the server does not know who asks, other than that he may not do it."""
    if not isinstance(answer, requests.Response) or answer.status_code not in (401, 403):
        return False
    text = detail(answer).lower()
    words = ("invalid token", "credentials were not provided", "inactive")
    return answer.status_code == 401 or any(each in text for each in words)


def detail(response: requests.Response) -> str:
    """Return the server's own words about an error, in a line; empty if it is a page of HTML."""
    try:
        content = response.json()
    except requests.exceptions.JSONDecodeError:
        content = "" if "<" in response.text else response.text
    if isinstance(content, dict):
        content.pop("status_code", None)
        content = content.get("detail") or content.get("error") or content
    if isinstance(content, dict):
        content = "; ".join(f"{key}: {_joined(value)}" for key, value in content.items())
    return " ".join(_joined(content).split())[:MAX_DETAIL_LENGTH].rstrip(" .")


def _joined(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def origin(url: str) -> str:
    """Return scheme and host of a URL, or that it is on the same server.

    >>> origin('https://alyx.example.org/sessions?user=x')
    'https://alyx.example.org'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else "another page of it"
