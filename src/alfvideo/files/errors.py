"""The exceptions for bad input and bad machines, written for the person who has to fix it."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class DataError(Exception):
    """Something is wrong with the data, not with the program.

    The message names the file, says what was expected and what was found, and what to do.
    Session and camera are added where the message is shown.
    """


class MachineError(DataError):
    """Something is wrong with the machine, not with the data: another attempt may succeed."""


class Blocked(Exception):
    """The reason why a session or camera cannot be processed now, in words for a rig manager."""


class Broken(Blocked):
    """The reason why a session cannot be processed until somebody repairs what is wrong with it."""

    def __str__(self) -> str:
        return f"broken: {super().__str__()}"


def attempt(load: Callable[..., T], *args: object) -> T | DataError:
    """Load an input that can be done without; if it is broken, the error is the result."""
    try:
        return load(*args)
    except DataError as error:
        return error
