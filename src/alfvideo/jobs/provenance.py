"""Provenance of each output of a session, kept in `provenance.json` of the session."""

import json
import os
import platform
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict

from alfvideo.files import atomic, checksums, documents
from alfvideo.files.errors import DataError

FILE_NAME = "provenance.json"
FAILED = "failed.json"
"""Beside it: outputs that the last job could not make, from what, and why."""

MAX_BYTES = 50_000_000
"""Bytes of a record; that of a session with all results of three cameras has some 100,000."""


_MAX_NUMBER = 2**63
"""Sizes and dates of files are below it."""


class Fingerprint(TypedDict, total=False):
    """A file as it is told from others: by size and date, or else a checksum.

    Records of version 0.1 have no checksums of inputs, edited ones may lack anything.
    """

    size: int
    """Bytes."""
    mtime_ns: int
    md5: str
    """Of the whole file; of a large input only if a job read all of it."""
    sample: str
    """Of pieces of a large file, see `checksums.quick`."""


class Entry(TypedDict, total=False):
    """The record of an output; older versions and people may have left something out."""

    rule: str
    camera: str
    inputs: dict[str, Fingerprint]
    """By path, inside the session where it is there."""
    params: dict[str, Any]
    """The settings that the result depends on."""
    host: str
    log: str
    log_text: str
    """The log of the job as far as it was written then, with the first of its outputs."""
    started: str
    finished: str
    """As `now` gives them."""
    seconds: float
    notes: list[str]
    software: dict[str, str]
    """Versions."""
    output: Fingerprint
    message: str
    """Why a job failed, in the record of failures."""


def read(session: Path, name: str = FILE_NAME) -> dict[str, Entry]:
    """Read entries by output path, relative to the session; empty if nothing was recorded yet.

    Raises
    ------
    DataError
        If the file is there and cannot be read as JSON, or has another shape.
    """
    path = session / name
    try:
        content = documents.parse_json(documents.read(path, MAX_BYTES))
        if not isinstance(content, dict) or not all(map(_is_entry, content.values())):
            raise ValueError("not a mapping of outputs to entries")
        entries: dict[str, Entry] = content
        return entries
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DataError(
            f"{path} cannot be read ({error}). It only records how outputs were made: "
            "remove it and run again."
        ) from error


def _is_entry(entry: Any) -> bool:
    """Return whether an entry has the shape that is relied on; what it says is another matter."""
    if not isinstance(entry, dict):
        return False
    inputs = entry.get("inputs", {})
    return (
        isinstance(inputs, dict)
        and all(map(_is_fingerprint, (*inputs.values(), entry.get("output", {}))))
        and isinstance(entry.get("params", {}), dict)
        and isinstance(entry.get("notes", []), list)
        and isinstance(entry.get("software", {}), dict)
    )


def _is_fingerprint(file: Any) -> bool:
    return (
        isinstance(file, dict)
        and all(
            isinstance(number := file.get(key, 0), int) and abs(number) < _MAX_NUMBER
            for key in ("size", "mtime_ns")
        )
        and all(isinstance(file.get(key, ""), str) for key in ("md5", "sample"))
    )


def readable(session: Path, name: str = FILE_NAME) -> tuple[dict[str, Entry], str]:
    """Read as `read`; of a record that cannot be read no entries, and why."""
    try:
        return read(session, name), ""
    except (DataError, OSError) as error:
        return {}, str(error)


def by_time(entries: Mapping[str, Entry]) -> list[Entry]:
    """List entries in the order in which their jobs ended: a revision follows what it replaces."""
    return sorted(entries.values(), key=lambda entry: str(entry.get("finished", "")))


@dataclass(frozen=True)
class Work:
    """Outputs and inputs of a job: `inputs` with their fingerprints, taken before it started."""

    rule: str
    camera: str
    inputs: Mapping[Path, Fingerprint]
    outputs: Iterable[Path]
    params: Mapping[str, Any]
    log: Path
    log_text: str = ""

    def entry(self, session: Path) -> Entry:
        """Return it as it is written in a record."""
        return {
            "rule": self.rule,
            "camera": self.camera,
            "inputs": {relative(path, session): stamp for path, stamp in self.inputs.items()},
            "params": dict(self.params),
            "host": platform.node(),
            "finished": now(),
            "log": str(self.log),
        }


def record(
    session: Path,
    work: Work,
    *,
    started: str,
    seconds: float,
    notes: Iterable[str] = (),
    software: Mapping[str, str] | None = None,
) -> None:
    """Add one job to the session's provenance, replacing earlier entries of its outputs.

    `started` is as `now` gives it; `software` holds versions of other programs that took part.
    """
    entry: Entry = {
        **work.entry(session),
        "notes": list(notes),
        "software": {
            "alfvideo": version("alfvideo"),
            "python": platform.python_version(),
            **(software or {}),
        },
        "started": started,
        "seconds": round(seconds, 2),
    }
    made: dict[str, Entry | None] = {
        name: {**each, "output": with_md5(fingerprint(session / name), session / name)}
        for name, each in _by_output(entry, work, session).items()
    }
    _update(session, FILE_NAME, made)
    if (session / FAILED).exists():
        # Results that are made must not be lost for it.
        with suppress(OSError):
            _update(session, FAILED, dict.fromkeys(made))


def record_failure(session: Path, work: Work, message: str) -> None:
    """Remember that outputs could not be made from these inputs, until they are made."""
    entry: Entry = {
        **work.entry(session),
        "software": {"alfvideo": version("alfvideo")},
        "message": message,
    }
    _update(session, FAILED, _by_output(entry, work, session))


def _by_output(entry: Entry, work: Work, session: Path) -> dict[str, Entry]:
    """Return the entry of each output; the log is long and only in the first."""
    names = [relative(path, session) for path in work.outputs]
    entries = dict.fromkeys(names, entry)
    if names and work.log_text:
        entries[names[0]] = {**entry, "log_text": work.log_text}
    return entries


def _update(session: Path, name: str, changes: Mapping[str, Entry | None]) -> None:
    """Replace entries of a record, and remove those that become None; whole or not at all.

    A record of failures that cannot be read is begun again.
    """
    with atomic.output(session / name) as partial:
        there = readable(session, name)[0] if name == FAILED else read(session, name)
        entries = {**there, **changes}
        kept = {output: entry for output, entry in entries.items() if entry is not None}
        partial.write_text(json.dumps(kept, indent=1, sort_keys=True), encoding="utf-8")


def now() -> str:
    """Return the time in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def md5(path: Path) -> str:
    """Return the hash of a file that ONE and Alyx compare."""
    return checksums.md5(path)


def fingerprints(paths: Iterable[Path], session: Path) -> dict[str, Fingerprint]:
    """Return fingerprints of the files that are there, by their paths as the record has them."""
    return {relative(path, session): fingerprint(path) for path in paths if path.exists()}


def fingerprint(path: Path) -> Fingerprint:
    """Return size in bytes, modification time in ns, and the quick checksum of a file."""
    found = path.stat()
    known = dated(found)
    known[checksums.kind(found.st_size)] = checksums.quick(path, found)
    return known


def dated(found: os.stat_result) -> Fingerprint:
    """Return size in bytes and modification time in ns of a file."""
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns}


def same_stamp(one: Fingerprint, other: Fingerprint) -> bool:
    """Return whether two records are of a file of the same size and date."""
    return one.get("size") == other.get("size") and one.get("mtime_ns") == other.get("mtime_ns")


def with_md5(known: Fingerprint, path: Path) -> Fingerprint:
    """Return a fingerprint with the checksum of the whole file."""
    return known if "md5" in known else {**known, "md5": checksums.md5(path)}


def relative(path: Path, session: Path) -> str:
    """Return the path inside the session, as it is written in the record; other paths whole."""
    return str(path).removeprefix(f"{session}/")
