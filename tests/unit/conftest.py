"""Shared by unit tests: an Alyx server of our own, other processes and other users."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from tests.alyx.server import PASSWORD, Alyx

from alfvideo.registration.alyx.connection import Client, Patience
from alfvideo.registration.alyx.credentials import Credentials

settings.register_profile(
    "tests", derandomize=True, deadline=None, database=None, max_examples=50, print_blob=False
)
settings.register_profile(
    "mutants", settings.get_profile("tests"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("tests")


@pytest.fixture
def alyx() -> Iterator[Alyx]:
    with Alyx() as server:
        yield server


@pytest.fixture
def client(alyx: Alyx) -> Client:
    patience = Patience(connect=5, answer=5, attempts=3, first_wait=0.01, longest_wait=0.05)
    return Client(alyx.url, Credentials("lab_manager", PASSWORD), patience)


@pytest.fixture
def hold() -> Iterator[Callable[[str, Path], subprocess.Popen]]:
    """Run code that takes a path, holds something and prints `held`, in a process of its own."""
    processes = []

    def start(code: str, path: Path) -> subprocess.Popen:
        command = [sys.executable, "-c", code, str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


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
