"""Locks on open files that end with their process, on this machine or on a shared file system."""

import fcntl
import time

ATTEMPTS = 20
SECONDS_BETWEEN = 0.01
"""Whoever asks whether a file is locked has it for a moment."""


def exclusive(descriptor: int) -> bool:
    """Lock a file that is open for writing; False if another process holds it for longer."""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(SECONDS_BETWEEN)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False


def is_free(descriptor: int) -> bool:
    """Whether nobody holds the lock of a file that is open for reading; others may ask as well."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True
