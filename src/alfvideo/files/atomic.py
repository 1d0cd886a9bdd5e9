"""Outputs that appear whole or not at all, written by one process at a time."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alfvideo.files import flock

log = logging.getLogger(__name__)


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
    """Open and lock `partial`; returns a descriptor of the file that has this name now."""
    while True:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT, 0o666)
        if not flock.exclusive(descriptor, attempts=1):
            log.info("Another process is writing %s: waiting for it.", partial.name)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # The process waited for may have renamed or removed the file that was locked.
        try:
            same = os.path.samestat(os.fstat(descriptor), partial.stat())
        except FileNotFoundError:
            same = False
        if same:
            os.truncate(descriptor, 0)
            return descriptor
        os.close(descriptor)
