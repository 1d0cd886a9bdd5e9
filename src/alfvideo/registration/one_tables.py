"""The ONE tables of a data folder: its sessions and datasets, so that ONE finds and loads them."""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import pyarrow as pa
from iblutil.io import parquet
from one.alf import cache, spec
from one.alf.path import ALFPath
from pyarrow.parquet import read_schema

from alfvideo.files import atomic
from alfvideo.files.errors import Blocked, DataError
from alfvideo.jobs import provenance
from alfvideo.registration import registry
from alfvideo.session import description

NAMESPACE = uuid.uuid3(uuid.NAMESPACE_DNS, "alfvideo")
"""All ids follow from it and from paths, so that they are the same on every machine for ever.

They are UUIDs of version 3, as ONE makes them: its `eid2path` refuses version 5."""

_REGISTERED = "alfvideo"
"""Key of the datasets table's metadata: when the provenance of each session was last changed that
is in the tables."""

_EMPTY = {
    "sessions": cache.EMPTY_SESSIONS_FRAME,
    "datasets": cache.EMPTY_DATASETS_FRAME.assign(default_revision=pd.Series(dtype=bool)),
}

_MAX_HASHED_BYTES = 200_000_000
"""Bytes; larger files that alfvideo has not made are not hashed."""

_SESSION = list(cache.EMPTY_SESSIONS_FRAME.columns)


class _Unchanged(Exception):
    """There is nothing to write."""


def path(root: Path, table: str) -> Path:
    """Return the path at which ONE looks for a table, 'sessions' or 'datasets'."""
    return root / f"{table}.pqt"


def outdated(
    root: Path, sessions: Iterable[Path], when_made: Mapping[Path, int] = MappingProxyType({})
) -> list[Path]:
    """List the sessions of which results were made since they were last put in the tables.

    `when_made` says of some sessions when their provenance was last changed, in ns, to save asking.
    Left out are sessions of which the provenance is broken, and those that ONE would look for
    elsewhere: it knows `lab/Subjects/subject` and `subject` below its root.
    """
    try:
        metadata = json.loads(read_schema(path(root, "datasets")).metadata[b"one_metadata"])
        known = metadata.get(_REGISTERED, {}) if path(root, "sessions").exists() else {}
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        known = {}
    return [
        session
        for session in sessions
        if len(session.relative_to(root).parts) in (3, 5)
        and (made := when_made.get(session) or _made(session)) is not None
        and known.get(_relative(root, session)) != made
        and _is_readable(session)
    ]


def update(root: Path, sessions: Iterable[Path]) -> int:
    """Put the datasets of sessions in the tables, and return how many sessions that were.

    Other rows stay as they are, and so do ids, QC and default revisions of rows that are there.
    Datasets that are gone are marked as such. Safe with several writers.

    Raises
    ------
    DataError
        If a table is there that cannot be read, or cannot be written; it stays as it is.
    """
    try:
        with (
            atomic.output(path(root, "datasets")) as new_datasets,
            atomic.output(path(root, "sessions")) as new_sessions,
        ):
            changed = outdated(root, sessions)
            if not changed:
                raise _Unchanged
            tables = _load(root)
            registered = tables["_meta"]["raw"]["datasets"].setdefault(_REGISTERED, {})
            # As it was before the files are looked at: what is made meanwhile is for the next time.
            registered |= {_relative(root, session): _made(session) for session in changed}
            _merge(tables, root, changed)
            _save(new_sessions, tables, "sessions")
            _save(new_datasets, tables, "datasets")
    except _Unchanged:
        return 0
    except OSError as error:
        raise DataError(
            f"The ONE tables in {root} cannot be written ({error.strerror}). Give the user who "
            "runs this space and write access there, or set `registration: {tables: false}`."
        ) from None
    return len(changed)


def _merge(tables: Mapping[str, Any], root: Path, changed: Iterable[Path]) -> None:
    """Put sessions and their datasets in the tables, in place."""
    ids = _known_sessions(tables["sessions"])
    sessions, datasets = [], []
    for session in changed:
        name = _relative(root, session)
        eid = ids.get(name) or uuid.uuid3(NAMESPACE, name)
        if name not in ids:
            sessions.append({"id": eid, **_session_row(root, session)})
        known = tables["datasets"]
        known = known.loc[eid].reset_index() if eid in known.index else known[:0]
        by_path = {row["rel_path"]: row for row in known.to_dict("records")}
        datasets += _dataset_rows(session, eid, by_path)
    cache.merge_tables(
        tables,
        origin=str(root),
        sessions=pd.DataFrame(sessions, columns=["id", *_SESSION]).set_index("id"),
        datasets=pd.DataFrame(datasets).set_index(["eid", "id"]),
    )


def _load(root: Path) -> Mapping[str, Any]:
    """Load the tables as ONE loads them, empty ones where there are none."""
    tables: dict[str, Any] = cache.default_cache(str(root))
    for name, empty in _EMPTY.items():
        file = path(root, name)
        metadata: dict[str, Any] = {"date_created": datetime.now().isoformat(" ", "minutes")}
        tables[name] = empty
        if file.exists():
            try:
                loaded = cache.load_tables(root, file.name)
                tables[name], metadata = loaded[name], loaded["_meta"]["raw"][name]
                _check(tables[name], name, metadata)
            except (OSError, pa.ArrowException, KeyError, ValueError, AttributeError) as error:
                reason = str(error).partition("\n")[0]
                raise DataError(
                    f"{file} cannot be used as a ONE table ({reason}). It is left as it is. Put a "
                    "whole one in its place, or move it away: it is then regenerated."
                ) from None
        tables["_meta"]["raw"][name] = metadata
    return tables


def _check(table: pd.DataFrame, name: str, metadata: Mapping[str, Any]) -> None:
    """Raise ValueError if a table is not one of ONE's."""
    expected = _EMPTY[name].drop(columns="default_revision", errors="ignore")
    missing = [column for column in expected.columns if column not in table.columns]
    if "date_created" not in metadata:
        raise ValueError("it was not written by ONE")
    if missing or list(table.index.names) != list(expected.index.names):
        raise ValueError(f"it lacks {', '.join(missing) or 'the ids of ONE'}")


def _save(file: Path, tables: Mapping[str, Any], name: str) -> None:
    metadata = dict(tables["_meta"]["raw"][name])
    metadata["origin"] = sorted(metadata.get("origin", ()))
    metadata["date_modified"] = datetime.now().isoformat(" ", "minutes")
    parquet.save(file, cache.cast_index_object(tables[name].copy(), str), metadata)


def _relative(root: Path, session: Path) -> str:
    """Return a session as `lab/subject/date/number`, or without lab if no folder names it."""
    inside = ALFPath(session.relative_to(root))
    return "/".join(filter(None, inside.session_parts))


def _made(session: Path) -> int | None:
    """Return the time at which something was last made of a session, in ns; None if nothing was."""
    try:
        return (session / provenance.FILE_NAME).stat().st_mtime_ns
    except OSError:
        return None


def _is_readable(session: Path) -> bool:
    """Return whether the records of a session can be read; if not, the scan blocks it."""
    try:
        return bool(provenance.read(session))
    except DataError:
        return False


def _known_sessions(sessions: pd.DataFrame) -> dict[str, uuid.UUID]:
    """Return the ids of the sessions of a table, by `lab/subject/date/number`."""
    days = pd.to_datetime(sessions["date"]).dt.strftime("%Y-%m-%d")
    labs = sessions["lab"].fillna("").astype(str)
    numbers = sessions["number"].astype(int).map("{:03d}".format)
    names = zip(labs, sessions["subject"], days, numbers, strict=True)
    return {
        "/".join(filter(None, map(str, name))): eid
        for name, eid in zip(names, sessions.index, strict=True)
    }


def _session_row(root: Path, session: Path) -> dict[str, Any]:
    lab, subject, day, number = ALFPath(session.relative_to(root)).session_parts
    try:
        recorded = description.read(session)
        protocols, projects = recorded.protocols, recorded.projects
    except Blocked:
        protocols, projects = (), ()
    return {
        "lab": lab or "",
        "subject": subject,
        "date": date.fromisoformat(day),
        "number": int(number),
        "task_protocol": "/".join(protocols),
        "projects": ",".join(projects),
    }


def _dataset_rows(
    session: Path, eid: uuid.UUID, known: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Build rows of all datasets of a session; `known` are those in the table, by path."""
    hashes = _hashes(session)
    rows = {path: {**row, "exists": False} for path, row in known.items()}
    for file, size in _datasets(session):
        name = file.relative_to(session).as_posix()
        before = known.get(name, {})
        md5 = hashes.get((name, size))
        if md5 is None and before.get("file_size") == size and pd.notna(before["hash"]):
            md5 = before["hash"]
        if md5 is None and size <= _MAX_HASHED_BYTES:
            with suppress(PermissionError):
                md5 = provenance.md5(file)
        rows[name] = {
            "id": uuid.uuid3(eid, name),
            "qc": "NOT_SET",
            **before,
            "rel_path": name,
            "file_size": size,
            "hash": md5,
            "exists": True,
        }
    defaults = _default_revisions(session, rows, known)
    return [{**row, "eid": eid, "default_revision": defaults[name]} for name, row in rows.items()]


def _datasets(session: Path) -> Iterator[tuple[Path, int]]:
    """Yield the datasets of a session and their sizes, without hidden (temporary) files."""
    for file in ALFPath(session).iter_datasets(recursive=True):
        hidden = any(part.startswith(".") for part in file.relative_to(session).parts)
        if spec.is_valid(file.name) and not hidden and file.exists():
            yield file, file.stat().st_size


def _hashes(session: Path) -> dict[tuple[str, int], str]:
    """Return the MD5 of files that alfvideo made or registered, by path and size."""
    hashes = {}
    for name, entry in provenance.read(session).items():
        if made := entry.get("output"):
            hashes[name, made["size"]] = made["md5"]
    for record in session.glob("registration/*_raw.json"):
        for raw in registry.read(record):
            hashes[raw["path"], raw["file_size"]] = raw["hash"]
    return hashes


def _default_revisions(
    session: Path, rows: Mapping[str, Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]
) -> dict[str, bool]:
    """Return for each dataset whether it is loaded by default: the newest revision, or as known."""
    revisions: dict[ALFPath, list[str]] = {}
    for name in rows:
        revisions.setdefault(ALFPath(session / name).without_revision(), []).append(name)
    defaults: dict[str, bool] = {}
    for names in revisions.values():
        chosen = [name for name in names if known.get(name, {}).get("default_revision")]
        if len(chosen) != 1 or not all(name in known for name in names):
            there = [name for name in names if rows[name]["exists"]] or names
            chosen = [max(there, key=lambda name: ALFPath(session / name).revision or "")]
        defaults |= {name: name in chosen for name in names}
    return defaults
