"""What each output of a session was made from, kept in `provenance.json` of the session."""

import json
import platform
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from alfvideo import atomic
from alfvideo.errors import DataError

FILE_NAME = "provenance.json"


def read(session: Path) -> dict[str, Any]:
    """Entries by output path, relative to the session; empty if nothing was recorded yet.

    Raises
    ------
    DataError
        If the file is there and cannot be read as JSON.
    """
    path = session / FILE_NAME
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(entries, dict) or not all(isinstance(e, dict) for e in entries.values()):
            raise ValueError("not a mapping of outputs to entries")
        return entries
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DataError(
            f"{path} cannot be read ({error}). It only records how outputs were made: "
            "remove it and run again."
        ) from error


def record(
    session: Path,
    *,
    rule: str,
    inputs: Mapping[Path, Mapping[str, int]],
    outputs: Iterable[Path],
    params: Mapping[str, Any],
    log: Path,
    seconds: float,
    notes: Iterable[str] = (),
    software: Mapping[str, str] | None = None,
) -> None:
    """Add one job to the session's provenance, replacing earlier entries of its outputs.

    `inputs` are paths with their fingerprints, taken before the job started; `software` holds
    versions of other programs that took part.
    """
    entry = {
        "rule": rule,
        "inputs": {relative(path, session): dict(of) for path, of in inputs.items()},
        "params": dict(params),
        "notes": list(notes),
        "software": {
            "alfvideo": version("alfvideo"),
            "python": platform.python_version(),
            **(software or {}),
        },
        "host": platform.node(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": round(seconds, 2),
        "log": str(log),
    }
    with atomic.output(session / FILE_NAME) as partial:
        entries = read(session) | {relative(path, session): entry for path in outputs}
        partial.write_text(json.dumps(entries, indent=1, sort_keys=True), encoding="utf-8")


def fingerprint(path: Path) -> dict[str, int]:
    """Size in bytes and modification time in ns."""
    stat = path.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def relative(path: Path, session: Path) -> str:
    """The path inside the session, as it is written in the record; other paths whole."""
    return path.relative_to(session).as_posix() if path.is_relative_to(session) else str(path)
