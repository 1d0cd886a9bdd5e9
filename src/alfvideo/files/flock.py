"""Locks on open files that end with their process, on this machine or on a shared file system."""

import fcntl
import time

ATTEMPTS = 20
SECONDS_BETWEEN = 0.01
"""Whoever asks whether a file is locked has it for a moment."""


def exclusive(descriptor: int, attempts: int = ATTEMPTS) -> bool:
    """Lock an open file; False if another process holds it all the while.

    On NFS it must be open for writing.
    """
    for attempt in range(attempts):
        if attempt:
            time.sleep(SECONDS_BETWEEN)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False


def shared(descriptor: int) -> bool:
    """Lock a file open for reading together with others; False if one has it for itself."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(descriptor: int) -> bool:
    """Return whether nobody has a file open for reading for itself; others may ask as well."""
    if not shared(descriptor):
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True
