"""The ONE tables of a data folder: its sessions and datasets, so that ONE finds and loads them."""

import json
import os
import stat
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
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

from alfvideo.files import atomic, documents, regular
from alfvideo.files.errors import Blocked, DataError
from alfvideo.jobs import provenance, raw_datasets
from alfvideo.registration import dataset_qc, names
from alfvideo.session import datasets, description, folders, quarantine

NAMESPACE = uuid.uuid3(uuid.NAMESPACE_DNS, "alfvideo")
"""All ids follow from it and from paths, so that they are the same on every machine for ever.

They are UUIDs of version 3, as ONE makes them: its `eid2path` refuses version 5."""

_REGISTERED = "alfvideo_made"
"""Key of the datasets table's metadata: when the provenance of each session was last changed that
is in the tables."""

_EMPTY = {
    "sessions": cache.EMPTY_SESSIONS_FRAME,
    "datasets": cache.EMPTY_DATASETS_FRAME.assign(default_revision=pd.Series(dtype=bool)),
}

_MAX_HASHED_BYTES = 200_000_000
"""Bytes; larger files that alfvideo has not made are not hashed."""

_ODD = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""Errors of what has another shape than is expected."""

_SESSION = list(cache.EMPTY_SESSIONS_FRAME.columns)


@dataclass(frozen=True)
class Update:
    """Sessions that were put in the tables, and a sentence for each that was not, or not whole."""

    n_sessions: int = 0
    left_out: tuple[str, ...] = ()


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
    Left out are sessions of which the provenance is broken, and those of `names.left_out`.
    """
    known = _registered(root)
    return [
        session
        for session in sessions
        if (made := when_made.get(session) or _made(session)) is not None
        and (name := _name(root, session)) is not None
        and known.get(name) != made
        and _is_readable(session)
    ]


def _registered(root: Path) -> Mapping[str, Any]:
    """Return when the provenance of each session was last changed that is in the tables, in ns."""
    # Others may have put a pipe there, which would be waited for.
    if not all(regular.is_regular(path(root, table)) for table in _EMPTY):
        return {}
    try:
        schema = read_schema(path(root, "datasets"))
        known = json.loads(schema.metadata[b"one_metadata"]).get(_REGISTERED, {})
    except (OSError, pa.ArrowException, *_ODD):
        return {}
    return known if isinstance(known, dict) else {}


def update(root: Path, sessions: Iterable[Path]) -> Update:
    """Put the datasets of sessions in the tables, and return what came of it.

    Other rows stay as they are, and so do ids, QC and default revisions of rows that are there.
    Datasets that are gone are marked as such. A session that cannot be put there is left out: the
    others are. Safe with several writers.

    Raises
    ------
    DataError
        If a table is there that cannot be read, or cannot be written; it stays as it is.
    """
    left_out: list[str] = []
    try:
        with (
            atomic.output(path(root, "datasets")) as new_datasets,
            atomic.output(path(root, "sessions")) as new_sessions,
        ):
            changed = outdated(root, sessions)
            if not changed:
                raise _Unchanged
            tables = _load(root)
            merged = _merge(tables, root, changed, left_out)
            if not merged:
                raise _Unchanged
            metadata = tables["_meta"]["raw"]["datasets"]
            # Of versions that did not know the ids of Alyx.
            metadata.pop("alfvideo", None)
            known = metadata.get(_REGISTERED)
            metadata[_REGISTERED] = {**(known if isinstance(known, dict) else {}), **merged}
            _save(new_sessions, tables, "sessions")
            _save(new_datasets, tables, "datasets")
    except _Unchanged:
        return Update(0, tuple(left_out))
    except OSError as error:
        raise DataError(
            f"The ONE tables in {root} cannot be written ({error.strerror}). Give the user who "
            "runs this space and write access there, or set `registration: {tables: false}`."
        ) from None
    return Update(len(merged), tuple(left_out))


def _merge(
    tables: dict[str, Any], root: Path, changed: Iterable[Path], left_out: list[str]
) -> dict[str, int | None]:
    """Put sessions and their datasets in the tables, in place.

    Returns their names and when their provenance was last changed, in ns, before their files were
    looked at: what is made meanwhile is for the next time. A sentence for each session that cannot
    be put there, or not whole, is added to `left_out`.
    """
    changed = list(changed)
    left_out += _take_ids_of_alyx(tables, root, changed)
    ids = _known_sessions(tables["sessions"])
    taken = set(ids.values())
    merged: dict[str, int | None] = {}
    new, found = [], []
    for session in changed:
        try:
            name, made = names.of_session(root, session), _made(session)
            eid = ids.get(name) or _new_id(session, name, taken)
            taken.add(eid)
            known = tables["datasets"]
            known = known.loc[eid].reset_index() if eid in known.index else known[:0]
            by_path = {row["rel_path"]: row for row in known.to_dict("records")}
            row = {"id": eid, **_session_row(name, session)}
            rows, problems = _dataset_rows(session, eid, by_path)
        # Whatever is wrong with it must not keep the others out.
        except Exception as error:
            reason = quarantine.reason(error, session)
            left_out.append(f"Not put in the ONE tables: {session}: {reason}")
            continue
        left_out += problems
        merged[name] = made
        found += rows
        if name not in ids:
            new.append(row)
    if found:
        cache.merge_tables(
            tables,
            origin=str(root),
            sessions=pd.DataFrame(new, columns=["id", *_SESSION]).set_index("id"),
            datasets=pd.DataFrame(found).set_index(["eid", "id"]),
        )
    return merged


def _take_ids_of_alyx(tables: dict[str, Any], root: Path, sessions: Iterable[Path]) -> list[str]:
    """Give sessions of the tables the ids that they have on Alyx, in place: a session has one id.

    Returns a sentence if any had another.
    """
    known = _known_sessions(tables["sessions"])
    taken = set(known.values())
    renamed: dict[uuid.UUID, uuid.UUID] = {}
    for session in sessions:
        before, eid = known.get(_name(root, session) or ""), _id_on_alyx(session)
        # A copy of a session has its record, too.
        if before is not None and eid is not None and eid not in taken:
            renamed[before] = eid
            taken.add(eid)
    if not renamed:
        return []
    tables["sessions"] = tables["sessions"].rename(index=renamed)
    tables["datasets"] = tables["datasets"].rename(index=renamed, level="eid")
    before, eid = next(iter(renamed.items()))
    return [
        f"{len(renamed)} sessions of the ONE tables in {root} have the ids of Alyx, where they had "
        f"others (the first {eid}, before {before}). Ids of sessions that you noted down before "
        "are to be looked up again by subject, date and number; those of datasets stay."
    ]


def _new_id(session: Path, name: str, taken: Collection[uuid.UUID]) -> uuid.UUID:
    """Return the id of a session that is new: that on Alyx, or what its name gives."""
    eid = _id_on_alyx(session)
    return uuid.uuid3(NAMESPACE, name) if eid is None or eid in taken else eid


def _id_on_alyx(session: Path) -> uuid.UUID | None:
    """Return the id of a session on Alyx, as its last registration recorded it; None if unknown."""
    file = Path(datasets.ALYX_REPORT.format(session=session))
    try:
        return uuid.UUID(documents.parse_json(documents.read(file))["eid"])
    # The file may be anything.
    except (OSError, *_ODD):
        return None


def _load(root: Path) -> dict[str, Any]:
    """Load the tables as ONE loads them, empty ones where there are none."""
    tables: dict[str, Any] = cache.default_cache(str(root))
    for name, empty in _EMPTY.items():
        file = path(root, name)
        metadata: dict[str, Any] = {"date_created": datetime.now().isoformat(" ", "minutes")}
        tables[name] = empty
        if os.path.lexists(file):
            try:
                if not regular.is_regular(file):
                    raise ValueError("it is no file")
                loaded = cache.load_tables(root, file.name)
                tables[name], metadata = loaded[name], loaded["_meta"]["raw"][name]
                _check(tables[name], name, metadata)
            except (OSError, pa.ArrowException, *_ODD) as error:
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
    if name == "sessions":
        _known_sessions(table)


def _save(file: Path, tables: Mapping[str, Any], name: str) -> None:
    metadata = dict(tables["_meta"]["raw"][name])
    metadata["origin"] = sorted(metadata.get("origin", ()))
    metadata["date_modified"] = datetime.now().isoformat(" ", "minutes")
    parquet.save(file, cache.cast_index_object(tables[name].copy(), str), metadata)


def _name(root: Path, session: Path) -> str | None:
    """Return the name of a session in the tables; None if ONE cannot hold it."""
    try:
        return names.of_session(root, session)
    except Blocked:
        return None


def _made(session: Path) -> int | None:
    """Return the time at which something was last made of a session, in ns; None if nothing was."""
    try:
        return (session / provenance.FILE_NAME).stat().st_mtime_ns
    except OSError:
        return None


def _is_readable(session: Path) -> bool:
    """Return whether the records of a session can be read; if not, the scan blocks it."""
    return bool(provenance.readable(session)[0])


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


def _session_row(name: str, session: Path) -> dict[str, Any]:
    *lab, subject, day, number = name.split("/")
    try:
        recorded = description.read(session)
        protocols, projects = recorded.protocols, recorded.projects
    except Blocked:
        protocols, projects = (), ()
    return {
        "lab": "".join(lab),
        "subject": subject,
        "date": date.fromisoformat(day),
        "number": int(number),
        "task_protocol": "/".join(map(str, protocols)),
        "projects": ",".join(map(str, projects)),
    }


def _dataset_rows(
    session: Path, eid: uuid.UUID, known: Mapping[str, Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Build rows of all datasets of a session, and say what is left out or not known of them.

    `known` are those in the table, by path.
    """
    hashes, problems = _hashes(session)
    rows = {path: {**row, "exists": False} for path, row in known.items()}
    others = []
    for file, size in _datasets(session):
        name = file.relative_to(session).as_posix()
        if not names.holds(name):
            others.append(name)
            continue
        before = known.get(name, {})
        md5 = hashes.get((name, size))
        if md5 is None and before.get("file_size") == size and pd.notna(before["hash"]):
            md5 = before["hash"]
        if md5 is None and size <= _MAX_HASHED_BYTES:
            with suppress(OSError, DataError):
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
    for name, outcome in dataset_qc.camera_times(session).items():
        if name in rows:
            rows[name]["qc"] = outcome
    if others:
        more = f" and {len(others) - 1} more" if others[1:] else ""
        problems.append(
            f"Not in the ONE tables: {others[0]!r}{more} of {session}: ONE cannot hold these "
            "names. Rename folders and files to letters, digits, '.', '-' and '_'."
        )
    defaults = _default_revisions(session, rows, known)
    found = [{**row, "eid": eid, "default_revision": defaults[name]} for name, row in rows.items()]
    return found, problems


def _datasets(session: Path) -> Iterator[tuple[Path, int]]:
    """Yield the datasets of a session and their sizes, without hidden (temporary) files.

    What is no file, or a link to none, is left out.
    """
    for file in ALFPath(session).iter_datasets(recursive=True):
        hidden = any(part.startswith(".") for part in file.relative_to(session).parts)
        if spec.is_valid(file.name) and not hidden:
            with suppress(OSError):
                status = file.stat()
                if stat.S_ISREG(status.st_mode):
                    yield file, status.st_size


def _hashes(session: Path) -> tuple[dict[tuple[str, int], str], list[str]]:
    """Return the MD5 of files that alfvideo made or registered, by path and size.

    Also a sentence for each record that cannot be read: the others count.
    """
    hashes, problems = {}, []
    for name, entry in provenance.read(session).items():
        made: Mapping[str, Any] = entry.get("output") or {}
        size, md5 = made.get("size"), made.get("md5")
        if isinstance(size, int) and isinstance(md5, str):
            hashes[name, size] = md5
    for record in folders.matching(session, "registration/*_raw.json"):
        try:
            for raw in raw_datasets.read(record):
                hashes[raw["path"], raw["file_size"]] = raw["hash"]
        except DataError as error:
            problems.append(str(error))
    return hashes, problems


def _default_revisions(
    session: Path, rows: Mapping[str, Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]
) -> dict[str, bool]:
    """Return for each dataset whether it is loaded by default: the newest revision, or as known."""
    revisions: dict[ALFPath, list[str]] = {}
    for name in rows:
        revisions.setdefault(ALFPath(session / name).without_revision(), []).append(name)
    defaults: dict[str, bool] = {}
    for paths in revisions.values():
        chosen = [name for name in paths if known.get(name, {}).get("default_revision")]
        if len(chosen) != 1 or not all(name in known for name in paths):
            there = [name for name in paths if rows[name]["exists"]] or paths
            chosen = [max(there, key=lambda name: ALFPath(session / name).revision or "")]
        defaults |= {name: name in chosen for name in paths}
    return defaults
