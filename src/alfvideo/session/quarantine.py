"""The one row of a session that cannot be read: a sentence, and a file with the traceback to send.

Whatever is wrong with one session must not end the scan of the others.
"""

import errno
import hashlib
import os
import platform
import re
import traceback
from importlib.metadata import version
from pathlib import Path

from alfvideo.files.errors import Blocked, Broken, DataError

FOLDER = Path("logs") / "broken"
"""In the working folder: a file for each session that raised what nobody had foreseen."""

_OS_ERRORS = {
    errno.ELOOP: "is a link that leads back to itself: remove it",
    errno.ENOENT: "is a link to nothing, or was removed just now: bring it here",
    errno.ENAMETOOLONG: "has too long a name: shorten it",
}


def reason(error: Exception, session: Path) -> str:
    """Say why a session is left alone; what was not foreseen is written to a file, too."""
    match error:
        case Blocked():
            return str(error)
        case DataError():
            return str(Broken(str(error)))
        case PermissionError(filename=str() | Path() as name):
            return f"no permission to read {name}"
        case OSError(filename=str() | Path() as name):
            what = _OS_ERRORS.get(error.errno or 0, f"cannot be read ({error.strerror})")
            return str(Broken(f"{name} {what}"))
    return str(Broken(f"{_in_short(error)}. {_written(error, session)}"))


def _in_short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:80]}" if text else type(error).__name__


def _written(error: Exception, session: Path) -> str:
    """Write the traceback, and say where it is."""
    place = "_".join(session.parts[-3:])
    digest = hashlib.md5(os.fsencode(session)).hexdigest()[:8]
    file = FOLDER / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', place)}_{digest}.txt"
    lines = [
        f"alfvideo {version('alfvideo')}, Python {platform.python_version()}\n",
        f"{session}\n\n",
        *traceback.format_exception(error),
    ]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(lines), encoding="utf-8", errors="backslashreplace")
    except OSError as problem:
        return f"{file} with the traceback cannot be written ({problem.strerror})"
    return f"Please send {file}, which has the traceback"
