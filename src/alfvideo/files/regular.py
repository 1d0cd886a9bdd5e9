"""Files in folders that others may write to, opened only if they are what they should be.

A fifo would wait for ever and a device never end, so neither is opened. Of alfvideo's own files
links are refused, too, and so is, for writing, a file that has a second name: whoever put it there
would have another file read or overwritten.
"""

import errno
import os
import stat
from pathlib import Path

MAX_RECORD_BYTES = 64 * 2**20
"""Records and checks of a session take kilobytes."""


class NotRegular(OSError):
    """Something else is in place of a regular file, or it is in another folder."""


def is_regular(path: Path) -> bool:
    """Return whether a path, or what it links to, is a regular file."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def kind(mode: int) -> str:
    """Name what is in place of a file, from its mode.

    >>> kind(stat.S_IFIFO), kind(stat.S_IFDIR)
    ('a named pipe', 'a folder')
    """
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def open_for_reading(path: Path, *, follow_links: bool = False) -> int:
    """Open a regular file and return its descriptor.

    Raises
    ------
    OSError
        If it is not there or cannot be opened; `NotRegular` if it is something else.
    """
    # Before opening, too: that alone does something to some devices.
    found = path.stat(follow_symlinks=follow_links)
    if not stat.S_ISLNK(found.st_mode):
        _check(path, found.st_mode)
    return _checked(path, _open(path, os.O_RDONLY, 0 if follow_links else os.O_NOFOLLOW))


def open_for_writing(path: Path, flags: int = 0) -> int:
    """Open a regular file of one name for reading and writing.

    `flags` are further ones of `os.open`, as `os.O_CREAT | os.O_EXCL` for one that is not there.

    Raises
    ------
    OSError
        If it cannot be opened; `NotRegular` if it is something else, or has a second name.
    """
    descriptor = _checked(path, _open(path, os.O_RDWR | flags, os.O_NOFOLLOW))
    if os.fstat(descriptor).st_nlink > 1:
        os.close(descriptor)
        raise NotRegular(errno.EMLINK, "it is a second name of another file", str(path))
    return descriptor


def read(path: Path, max_bytes: int = MAX_RECORD_BYTES) -> bytes:
    """Return the content of a regular file; links are not followed.

    Raises
    ------
    OSError
        As `open_for_reading`; `NotRegular` also if it is larger than `max_bytes`.
    """
    with os.fdopen(open_for_reading(path), "rb") as file:
        if os.fstat(file.fileno()).st_size > max_bytes:
            raise NotRegular(errno.EFBIG, f"it has more than {max_bytes} bytes", str(path))
        return file.read(max_bytes)


def inside(path: Path, folder: Path) -> Path:
    """Follow links that stay in a folder, and return where they lead.

    Raises
    ------
    OSError
        If nothing is there; `NotRegular` if it is outside the folder.
    """
    try:
        target = path.resolve(strict=True)
    except RuntimeError:
        # Python before 3.13 says so of a loop of links.
        raise NotRegular(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from None
    if not target.is_relative_to(folder.resolve()):
        raise NotRegular(errno.EXDEV, "it is a link out of the session", str(path))
    return target


def _open(path: Path, flags: int, no_links: int) -> int:
    try:
        return os.open(path, flags | no_links | os.O_NONBLOCK | os.O_NOCTTY, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP and no_links:
            raise NotRegular(errno.ELOOP, "it is a link", str(path)) from None
        if error.errno in (errno.EISDIR, errno.ENXIO):
            raise NotRegular(error.errno, "it is not a regular file", str(path)) from None
        raise


def _checked(path: Path, descriptor: int) -> int:
    try:
        _check(path, os.fstat(descriptor).st_mode)
    except NotRegular:
        os.close(descriptor)
        raise
    return descriptor


def _check(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise NotRegular(errno.EINVAL, f"it is {kind(mode)}, expected a file", str(path))
