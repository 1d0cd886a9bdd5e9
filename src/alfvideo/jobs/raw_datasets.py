"""The record of a camera's raw datasets: what was there, how large, and its hash."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypedDict

from alfvideo.files import documents, inputs
from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance

MAX_BYTES = 10_000_000_000
"""Bytes of a raw file of a camera that is no video."""


class RawDataset(TypedDict):
    """A raw file as the record has it."""

    path: str
    """Inside the session."""
    file_size: int
    """Bytes."""
    hash: str
    """MD5."""


def describe(
    files: Iterable[Path], session: Path, max_bytes: int | None = None
) -> list[RawDataset]:
    """Return path in the session, size in bytes and MD5 (as ONE and Alyx use it) of each file.

    Raises
    ------
    DataError
        If a file is missing, empty, something else than a file, or has more than `max_bytes`.
    """
    datasets: list[RawDataset] = []
    for path in files:
        size = inputs.check(path, max_bytes)
        if size == 0:
            raise DataError(f"{path} is empty (0 bytes). Transfer it again from the rig.")
        name, md5 = provenance.relative(path, session), provenance.md5(path)
        datasets.append({"path": name, "file_size": size, "hash": md5})
    return datasets


def write(datasets: list[RawDataset], path: Path) -> None:
    """Write the record as JSON."""
    path.write_text(json.dumps({"datasets": datasets}, indent=1), encoding="utf-8")


def read(path: Path) -> list[RawDataset]:
    """Read the raw datasets of a record, as `describe` gives them.

    Raises
    ------
    DataError
        If it cannot be read, or has another shape.
    """
    try:
        content = documents.parse_json(documents.read(path))
        datasets: list[RawDataset] = content["datasets"]
        if not all(map(_is_dataset, datasets)):
            raise ValueError("not a list of datasets with path, file_size and hash")
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise DataError(
            f"{path} cannot be read ({type(error).__name__}: {error}). It only records the raw "
            "files: remove it and run again."
        ) from None
    return datasets


def _is_dataset(raw: Any) -> bool:
    kinds = {"path": str, "file_size": int, "hash": str}
    return all(isinstance(raw[name], kind) for name, kind in kinds.items())
