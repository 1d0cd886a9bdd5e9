"""One run at a time below a data folder; the lock ends with the process that holds it."""

import fcntl
import os
import platform
from pathlib import Path

from alfvideo.errors import DataError

FILE_NAME = ".alfvideo.lock"

_held: list[int] = []


def acquire(root: Path) -> None:
    """Hold the lock of a data folder until this process ends, however it ends.

    Raises
    ------
    DataError
        If another run holds it, or the folder cannot be written to.
    """
    path = root / FILE_NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise DataError(
            f"{root} cannot be written to ({error.strerror}). Results are kept beside the raw "
            "data: give the user who runs this write access."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 200).decode(errors="replace")
        os.close(descriptor)
        raise DataError(f"Another run is at work below {root} ({holder}): nothing to do.") from None
    os.truncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {platform.node()}".encode())
    _held.append(descriptor)
