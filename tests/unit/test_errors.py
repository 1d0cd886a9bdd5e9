"""Inputs that can be done without."""

from alfvideo.files import errors
from alfvideo.files.errors import DataError


def test_attempt_returns_the_error():
    broken = DataError("it is broken")

    def load(path):
        raise broken

    assert errors.attempt(load, "x") is broken
    assert errors.attempt(int, "3") == 3
