"""Shared by unit tests: an Alyx server of our own and a client of it, and work as other users."""

import os
from collections.abc import Callable, Iterator

import pytest
from tests.alyx.server import PASSWORD, Alyx

from alfvideo.alyx.connection import Client, Patience
from alfvideo.alyx.credentials import Credentials


@pytest.fixture
def alyx() -> Iterator[Alyx]:
    with Alyx() as server:
        yield server


@pytest.fixture
def client(alyx: Alyx) -> Client:
    patience = Patience(connect=5, answer=5, attempts=3, first_wait=0.01, longest_wait=0.05)
    return Client(alyx.url, Credentials("lab_manager", PASSWORD), patience)


@pytest.fixture
def become() -> Iterator[Callable[[int], None]]:
    """Work as another user, whose files others may read and not write."""
    if os.geteuid() != 0:
        pytest.skip("only root can become other users")
    umask = os.umask(0o022)

    def change(user: int) -> None:
        os.seteuid(0)
        os.seteuid(user)

    yield change
    os.seteuid(0)
    os.umask(umask)
