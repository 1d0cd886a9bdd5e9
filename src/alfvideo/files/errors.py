"""The exceptions for bad input and bad machines, written for the person who has to fix it."""

import os
from collections.abc import Callable
from errno import EACCES, EDQUOT, EFBIG, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC, EPERM, EROFS, ESTALE
from pathlib import Path
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


MACHINE_ERRORS = {
    ENOSPC: "The disk is full while writing {where}. Free some space and run again.",
    EDQUOT: "The disk quota of this user is used up while writing {where}. Free some space, or ask "
    "for a larger quota, and run again.",
    EFBIG: "{where} would be larger than this user or disk allows for a file. Raise the limit "
    "(ulimit -f) or choose another disk, and run again.",
    EACCES: "No permission for {where}. Give the user who runs this read and write access.",
    EPERM: "No permission for {where}. Give the user who runs this read and write access.",
    EROFS: "{where} is on a disk that can only be read. Have it mounted for writing and run again.",
    EIO: "The disk of {where} gives an input/output error, so the disk, its cable or its network "
    "is broken. Have it checked, then run again.",
    ESTALE: "The network disk of {where} was mounted another time (stale file handle). Run again.",
    ENOMEM: "The memory of the machine is used up, for {where}. End other programs and run again.",
    EMFILE: "Too many files are open, for {where}. Raise the limit (ulimit -n) and run again.",
    ENFILE: "Too many files are open on this machine, for {where}. Run again.",
}
"""Errors of the operating system that say nothing about the data, and the cure of each."""


def machine_error(number: int | None, where: Path | str) -> MachineError | None:
    """Return the error for a number of the operating system, None if it is not the machine's.

    >>> machine_error(EACCES, "a.avi")
    MachineError('No permission for a.avi. Give the user who runs this read and write access.')
    """
    sentence = MACHINE_ERRORS.get(number or 0)
    return MachineError(sentence.format(where=where)) if sentence else None


def machine_error_named(text: str, where: Path | str) -> MachineError | None:
    """Return the error that a line of another program names in the system's words, None if none.

    >>> str(machine_error_named("a.mp4: No space left on device", "a.mp4"))
    'The disk is full while writing a.mp4. Free some space and run again.'
    """
    named = (number for number in MACHINE_ERRORS if os.strerror(number) in text)
    return machine_error(next(named, None), where)


def attempt(load: Callable[..., T], *args: object) -> T | DataError:
    """Load an input that can be done without; if it is broken, the error is the result.

    Raises
    ------
    MachineError
        If it may be whole, and cannot be read now.
    """
    try:
        return load(*args)
    except MachineError:
        raise
    except DataError as error:
        return error
