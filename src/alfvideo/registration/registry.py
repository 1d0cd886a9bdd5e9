"""The record of a camera's raw datasets: what was there, how large, and its hash."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance


class RawDataset(TypedDict):
    """A raw file as the record has it."""

    path: str
    """Inside the session."""
    file_size: int
    """Bytes."""
    hash: str
    """MD5."""


def describe(files: Iterable[Path], session: Path) -> list[RawDataset]:
    """Return path in the session, size in bytes and MD5 (as ONE and Alyx use it) of each file.

    Raises
    ------
    DataError
        If a file is empty.
    """
    datasets: list[RawDataset] = []
    for path in files:
        size = path.stat().st_size
        if size == 0:
            raise DataError(f"{path} is empty (0 bytes). Transfer it again from the rig.")
        name, md5 = provenance.relative(path, session), provenance.md5(path)
        datasets.append({"path": name, "file_size": size, "hash": md5})
    return datasets


def write(datasets: list[RawDataset], path: Path) -> None:
    """Write the record as JSON."""
    path.write_text(json.dumps({"datasets": datasets}, indent=1), encoding="utf-8")


def read(path: Path) -> list[RawDataset]:
    """Read the raw datasets of a record, as `describe` gives them."""
    datasets: list[RawDataset] = json.loads(path.read_text(encoding="utf-8"))["datasets"]
    return datasets
