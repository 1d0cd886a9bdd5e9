"""The account on Alyx: from the environment, or from what ONE has stored. Nothing is written."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import one.params

from alfvideo.files.errors import DataError


@dataclass(frozen=True)
class Credentials:
    """Login, and a token or a password or both; the token is tried first."""

    login: str | None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def find(url: str, environment: Mapping[str, str] = os.environ) -> Credentials:
    """Find credentials for a server: ALYX_TOKEN or ALYX_LOGIN with ALYX_PASSWORD, or ONE's.

    Raises
    ------
    DataError
        If there are none for this server.
    """
    login = environment.get("ALYX_LOGIN") or None
    password = environment.get("ALYX_PASSWORD") or None
    if token := environment.get("ALYX_TOKEN"):
        return Credentials(login, password if login else None, token)
    if password:
        if login is None:
            raise DataError(
                "ALYX_PASSWORD is set, but not ALYX_LOGIN. Set both in the environment."
            )
        return Credentials(login, password)
    stored = _one_parameters(url)
    stored_login = stored.get("ALYX_LOGIN") or None
    login = login or stored_login
    token = (stored.get("TOKEN") or {}).get(login, {}).get("token")
    password = stored.get("ALYX_PWD") if login == stored_login else None
    if login is None or not (token or password):
        raise DataError(
            f"There is no account for Alyx at {url}. Log in once with ONE, as the user who runs "
            f"this: ONE(base_url='{url}'). Or set ALYX_LOGIN and ALYX_PASSWORD, or ALYX_TOKEN, in "
            "the environment."
        )
    return Credentials(login, password, token)


def _one_parameters(url: str) -> Mapping[str, Any]:
    """Return the parameters that ONE has stored for a server; empty if none.

    `one.params.get` is not used: it makes files and a default server where there are none.
    """
    for path in sorted(one.params.get_params_dir().glob(".*")):
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(stored, dict) and _address(str(stored.get("ALYX_URL"))) == _address(url):
            return stored
    return {}


def _address(url: str) -> str:
    """Return host and path of a URL: ONE takes http and https of a server for the same.

    >>> _address('https://Alyx.example.org/')
    'alyx.example.org'
    """
    return url.rpartition("://")[2].rstrip("/").lower()
