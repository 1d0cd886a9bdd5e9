"""Outcomes of a session's checks on Alyx: merged with what is there, the worst one for the session.

The rules are those of `ibllib.qc.base.QC`: the extended QC has the checks of each camera, and its
outcome under a key without underscore; the QC of the session only ever gets worse, so a better
outcome after a repair is set by a person, on Alyx.
"""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from one.alf.spec import QC

from alfvideo.files import documents
from alfvideo.files.errors import DataError
from alfvideo.registration.alyx.connection import Client
from alfvideo.registration.alyx.records import QCReport, SessionRecord

_FILE = re.compile(r"_ibl_(?P<camera>[a-zA-Z]+)Camera\.(?P<kind>[a-zA-Z]+)QC\.json")


def read(path: Path) -> QCReport:
    """Read the checks of a camera from `_ibl_{camera}Camera.{kind}QC.json`.

    Raises
    ------
    DataError
        If the file is not one of checks.
    """
    try:
        named = _FILE.fullmatch(path.name)
        if named is None:
            raise ValueError("not the name of a report")
        content = documents.parse_json(documents.read(path))
        return QCReport(
            kind=named["kind"],
            camera=named["camera"],
            outcome=QC.validate(content["outcome"]),
            extended_qc=dict(content["extended_qc"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path} is not a report of checks. Remove it, and run again to regenerate it."
        ) from error


def extended(reports: Sequence[QCReport]) -> dict[str, Any]:
    """Return all checks and outcomes, as they are to be in the session's extended QC."""
    merged: dict[str, Any] = {}
    for report in reports:
        merged |= {key: _finite(value) for key, value in report.extended_qc.items()}
        merged[f"{report.kind}{report.camera.capitalize()}"] = report.outcome.name
    return merged


def changes(reports: Sequence[QCReport], on_server: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the session to write; empty if Alyx has it all.

    Raises
    ------
    DataError
        If the extended QC on Alyx is not a mapping.
    """
    there = on_server.get("extended_qc") or {}
    if not isinstance(there, Mapping):
        raise DataError(
            f"The extended QC of session {on_server['id']} on Alyx is {type(there).__name__}, not "
            "a mapping of checks to outcomes. Empty or correct it there, and run again."
        )
    merged = {**there, **extended(reports)}
    worst = max((report.outcome for report in reports), default=QC.NOT_SET)
    write: dict[str, Any] = {}
    if merged != there:
        write["extended_qc"] = merged
    if worst > QC.validate(on_server.get("qc") or "NOT_SET"):
        write["qc"] = worst.name
    return write


def register(record: SessionRecord, on_server: Mapping[str, Any], client: Client) -> list[str]:
    """Write outcomes that Alyx lacks, all in one request; returns the fields that were written."""
    if not record.qc:
        return []
    doing = f"write the QC of session {record.name}"
    # Read now and not at the beginning: the registration of large sets of files takes a while.
    write = changes(record.qc, client.get(f"/sessions/{on_server['id']}", doing))
    if write:
        client.patch(f"/sessions/{on_server['id']}", doing, write)
    return sorted(write)


def _finite(value: Any) -> Any:
    """Return a value as Alyx stores it: tuples are lists, and numbers that are none are None."""
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
