"""Opening the data of a session: regular files of bounded size, whatever else is in their place.

A link to a regular file is followed, wherever that is: git-annex and moved raw data are made of
such links.
"""

import errno
import os
from pathlib import Path
from typing import Any, BinaryIO

from alfvideo.files import documents, regular
from alfvideo.files.errors import DataError, machine_error

MAX_JSON = 10_000_000
"""Bytes of a JSON file: settings, wiring, checks."""
MAX_TEXT = 300_000_000
"""Bytes of a text with a line for each frame or trial: 3 hours at 500 frames per second."""
MAX_FRAMES = 10_000_000
"""Frames of a video: 9 hours at 300 Hz. A file with a row for each frame has no more rows."""

MAX_SECONDS = 1e10
"""Times beyond this are no seconds: those since 1970 are below it for three hundred years."""

_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


def check(path: Path, max_bytes: int | None = None) -> int:
    """See that an input is a regular file of bounded size; returns its size in bytes.

    For a file that another library opens by its path.

    Raises
    ------
    DataError
        If it is missing, something else than a file, or larger than `max_bytes`.
    MachineError
        If it may not be read, or the disk fails.
    """
    with opened(path, max_bytes) as file:
        return os.fstat(file.fileno()).st_size


def opened(path: Path, max_bytes: int | None = None) -> BinaryIO:
    """Open an input for reading bytes.

    Raises
    ------
    DataError, MachineError
        As `check`.
    """
    try:
        descriptor = regular.open_for_reading(path, follow_links=True)
    except regular.NotRegular:
        what = regular.kind(path.stat().st_mode)
        link = f"a link to {what}" if path.is_symlink() else what
        raise DataError(
            f"{path} is {link}, expected a file. Remove it and copy the file again."
        ) from None
    except OSError as error:
        raise _missing(path, error) or machine_error(error.errno, path) or error from None
    file = os.fdopen(descriptor, "rb")
    size = os.fstat(descriptor).st_size
    if max_bytes is not None and size > max_bytes:
        file.close()
        raise DataError(
            f"{path} has {size:,} bytes, expected at most {max_bytes:,}. It is not what its name "
            "says: copy the file again."
        )
    return file


def text(path: Path, max_bytes: int = MAX_TEXT) -> str:
    """Read a text in UTF-8, with or without a byte order mark; line ends are those of Unix.

    Raises
    ------
    DataError, MachineError
        As `check`; DataError also if it is not UTF-8.
    """
    with opened(path, max_bytes) as file:
        content = file.read(max_bytes + 1)
    try:
        found = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected text in UTF-8, found byte 0x{content[error.start]:02x} at position "
            f"{error.start}. The file is damaged or something else; copy it again."
        ) from None
    return found.replace("\r\n", "\n")


def mapping(path: Path, max_bytes: int = MAX_JSON) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    DataError, MachineError
        As `text`; DataError also if it is not JSON, is nested too deeply, or not an object.
    """
    try:
        content = documents.parse_json(text(path, max_bytes))
    except documents.UnreadableError as error:
        raise DataError(f"{path}: not valid JSON ({error}). Correct or copy it again.") from None
    if not isinstance(content, dict):
        raise DataError(
            f"{path}: expected a JSON object, found a {type(content).__name__}. Correct or copy it "
            "again."
        )
    return content


def _missing(path: Path, error: OSError) -> DataError | None:
    """Return the error of a file that is not there; None if something else is wrong."""
    if error.errno == errno.ELOOP:
        return DataError(f"{path} is a link that leads back to itself. Replace it by the file.")
    if error.errno not in _NOT_THERE:
        return None
    if path.is_symlink():
        return DataError(
            f"{path} is a link to {path.readlink()}, which is not there. Mount the disk that it "
            "is on, or get its content (git annex get, datalad get)."
        )
    return DataError(f"{path} is missing. Copy it again; if alfvideo makes it, run again.")
