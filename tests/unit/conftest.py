"""Shared by the tests of registration on Alyx: a server of our own, and a client of it."""

from collections.abc import Iterator

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
