"""One run at a time below a data folder; the lock ends with the process that holds it.

A run holds the lock of its folder alone, and those that are there in the folders above it together
with other runs. A lock that nobody has held before is made after a look at those below it.

Who may write to the folder may hold the lock, too, as long as they like: so it says who does.
"""

import getpass
import os
import platform
import re
import time
from contextlib import suppress
from pathlib import Path

import psutil

from alfvideo.files import flock, regular
from alfvideo.files.errors import DataError

FILE_NAME = ".alfvideo.lock"
MAX_BYTES = 200
"""More is not read of what the holder says of itself."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
"""The name of a folder in whose folders no run is."""

_held: dict[Path, int] = {}
_shared: dict[Path, int] = {}
"""Descriptors of the locks of this process, by real folder."""

_LOCKS = Path("/proc/locks")
_LOCK = re.compile(r"^\d+: FLOCK +\S+ +\S+ (\d+) (\w+):(\w+):(\d+) ", re.M)
"""A lock that is held on this machine: process, device and file."""


def held_by(root: Path) -> str:
    """Describe the process that is at work below a data folder or one above; empty if none is."""
    return next(filter(None, map(_held_by, (root, *root.parents))), "")


def _held_by(folder: Path) -> str:
    try:
        descriptor = regular.open_for_reading(folder / FILE_NAME)
    except OSError:
        return ""
    try:
        return "" if flock.is_free(descriptor) else _holder(descriptor)
    finally:
        os.close(descriptor)


def acquire(root: Path) -> None:
    """Hold the lock of a data folder until this process ends, however it ends.

    Raises
    ------
    DataError
        If another run holds it, or that of a folder above or below, the folder cannot be written
        to, or something else has the name of the lock.
    """
    try:
        descriptor = _open(root / FILE_NAME)
    except regular.NotRegular as error:
        raise DataError(
            f"{error.filename} cannot be used as a lock: {error.strerror}. Remove it, and ask who "
            f"can write to {root} how it came there."
        ) from None
    except OSError as error:
        if os.path.lexists(root / FILE_NAME):
            raise DataError(
                f"{root / FILE_NAME} cannot be opened ({error.strerror}). Let all who share the "
                "folder read and write it, or remove it if no run is at work."
            ) from None
        raise DataError(
            f"{root} cannot be written to ({error.strerror}). Results are kept beside the raw "
            "data: give the user who runs this write access."
        ) from error
    real = Path(os.path.realpath(root))
    if real in _shared:
        os.close(_shared.pop(real))
    try:
        if not flock.exclusive(descriptor):
            raise DataError(_at_work(root, _holder(descriptor)))
        _share_above(root.absolute(), real)
        if not os.fstat(descriptor).st_size:
            _check_below(root)
    except DataError:
        os.close(descriptor)
        raise
    os.truncate(descriptor, 0)
    since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    line = f"process {os.getpid()} on {platform.node()}, user {_user()}, since {since}"
    os.write(descriptor, line.encode(errors="replace")[:MAX_BYTES])
    _held[real] = descriptor


def _share_above(root: Path, real: Path) -> None:
    """Share the locks in the folders above; this process may have one of them for itself.

    Raises
    ------
    DataError
        If another run has one for itself.
    """
    for folder in (*root.parents, *real.parents):
        place = Path(os.path.realpath(folder))
        if place in _held or place in _shared:
            continue
        try:
            descriptor = regular.open_for_reading(folder / FILE_NAME)
        except OSError:
            continue
        if not flock.shared(descriptor):
            holder = _holder(descriptor)
            os.close(descriptor)
            raise DataError(_at_work(folder, holder))
        _shared[place] = descriptor


def _check_below(root: Path) -> None:
    """See that no other run is at work in a folder below, or where a link there leads.

    Raises
    ------
    DataError
        If one is.
    """
    seen: set[str] = set()
    for name, folders, files in os.walk(root, followlinks=True):
        folder, real = Path(name), os.path.realpath(name)
        if real in seen:
            folders[:] = []
            continue
        seen.add(real)
        is_other = folder != root and Path(real) not in _held
        if FILE_NAME in files and is_other and (holder := _held_by(folder)):
            raise DataError(_at_work(folder, holder))
        # Another run may be at work above the place that a link leads to.
        above = Path(real).parents if folder.is_symlink() else ()
        for each in above:
            if each not in _held and (holder := _held_by(each)):
                raise DataError(_at_work(each, holder))
        is_day = _DAY.fullmatch(folder.name)
        folders[:] = [] if is_day else [each for each in folders if each[0] != "."]


def _open(path: Path) -> int:
    """Open the file of the lock, made for all who share the folder if it is not there."""
    try:
        descriptor = regular.open_for_writing(path, os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return regular.open_for_writing(path)
    with suppress(PermissionError):
        os.fchmod(descriptor, 0o666)
    return descriptor


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def _holder(descriptor: int) -> str:
    """Describe who holds a lock, by what it wrote there and by what this machine says."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    written = os.read(descriptor, MAX_BYTES).decode(errors="replace")
    said = "".join(letter if letter.isprintable() else "?" for letter in written)
    if flock.is_free(descriptor):
        # It is shared, by runs that write nothing there.
        said = "in a folder of it, on another machine"
    for process in _processes(descriptor):
        if not said.startswith(f"process {process.pid} on {platform.node()}"):
            # The line is of an earlier holder, or not true.
            with suppress(psutil.Error):
                since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(process.create_time()))
                return (
                    f"process {process.pid} on {platform.node()}, user {process.username()}, "
                    f"since {since}; it is called {process.name()!r}"
                )
    return said or "a process that has just begun"


def _processes(descriptor: int) -> list[psutil.Process]:
    """List the processes of this machine that hold the lock of an open file, as far as is known."""
    status = os.fstat(descriptor)
    file = os.major(status.st_dev), os.minor(status.st_dev), status.st_ino
    try:
        held = _LOCK.findall(_LOCKS.read_text(encoding="utf-8"))
    except OSError:
        return []
    found = []
    for pid, major, minor, inode in held:
        if (int(major, 16), int(minor, 16), int(inode)) == file:
            with suppress(psutil.Error):
                found.append(psutil.Process(int(pid)))
    return found


def _at_work(root: Path, holder: str) -> str:
    return f"Another run is at work below {root} ({holder}): nothing to do."
