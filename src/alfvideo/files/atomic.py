"""Outputs that appear whole or not at all, written by one process at a time.

Others may write to the folder of an output, and may have left anything under its temporary name.
"""

import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alfvideo.files import flock, regular

log = logging.getLogger(__name__)

MAX_WAIT = 600
"""Seconds for which a file that another user made is waited for: they may never let go."""
SECONDS_BETWEEN = 0.1


def partial_path(path: Path) -> Path:
    """Return the path at which an output is written until it is whole.

    The same file system, so that the rename is atomic; the leading dot keeps it from being taken
    for an ALF dataset.

    >>> partial_path(Path('alf/_ibl_leftCamera.times.npy')).as_posix()
    'alf/._ibl_leftCamera.times.npy.partial'
    """
    return path.with_name(f".{path.name}.partial")


@contextmanager
def output(path: Path | str) -> Iterator[Path]:
    """Give a temporary path to write to; rename it to `path` when the block ends well.

    There is one temporary name for each output and its writer holds a lock on it, so what a killed
    process left behind is overwritten, and a second writer waits for the first. If the block
    raises, the temporary file is removed and an older `path` stays as it was.

    Raises
    ------
    OSError
        If the folder cannot be made or written to, or the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    descriptor = _open_locked(partial)
    try:
        yield partial
        os.fsync(descriptor)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _open_locked(partial: Path) -> int:
    """Open and lock `partial`, empty; returns a descriptor of the file that has this name now."""
    until = time.monotonic() + MAX_WAIT
    while True:
        try:
            descriptor, is_own = regular.open_for_writing(partial, os.O_CREAT | os.O_EXCL), True
        except FileExistsError:
            opened = _open_left_over(partial)
            if opened is None:
                continue
            descriptor, is_own = opened, _is_own(opened)
        if not flock.exclusive(descriptor, attempts=1):
            log.info("Another process is writing %s: waiting for it.", partial.name)
            _wait(descriptor, partial, until)
        # The process waited for may have renamed or removed the file that was locked.
        try:
            same = os.path.samestat(os.fstat(descriptor), partial.lstat())
        except FileNotFoundError:
            same = False
        if same and is_own:
            os.truncate(descriptor, 0)
            return descriptor
        if same:
            partial.unlink()
        os.close(descriptor)


def _open_left_over(partial: Path) -> int | None:
    """Open what has the temporary name already; None if it is gone by now, or was removed."""
    try:
        return regular.open_for_writing(partial)
    except FileNotFoundError:
        return None
    except regular.NotRegular as error:
        if partial.is_dir() and not partial.is_symlink():
            raise OSError(
                errno.EISDIR, "a folder has the name of a temporary file: remove it", str(partial)
            ) from None
        log.warning("%s was removed: %s.", partial, error.strerror)
    except PermissionError:
        # Another user made it; is it being written?
        descriptor = regular.open_for_reading(partial)
        if not flock.is_free(descriptor):
            return descriptor
        os.close(descriptor)
    with suppress(FileNotFoundError):
        partial.unlink()
    return None


def _is_own(descriptor: int) -> bool:
    """Return whether this user made the file: who made it may change it later."""
    return os.fstat(descriptor).st_uid == os.geteuid()


def _wait(descriptor: int, partial: Path, until: float) -> None:
    """Wait for the lock of a file; if another user made it, not for ever.

    Raises
    ------
    OSError
        If they hold it all the while.
    """
    if _is_own(descriptor):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return
    while not flock.exclusive(descriptor, attempts=1):
        if time.monotonic() > until:
            os.close(descriptor)
            raise OSError(
                errno.EBUSY, "another user has been writing it all the while", str(partial)
            )
        time.sleep(SECONDS_BETWEEN)
