"""Why results of one session are pending, blocked or failed, with the files that were compared."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from rich.console import RenderableType
from rich.text import Text

from alfvideo.configuration import Configuration
from alfvideo.files.errors import Blocked, DataError
from alfvideo.jobs import provenance
from alfvideo.jobs.provenance import Entry, Fingerprint
from alfvideo.planning import pending, task_inputs, tasks, up_to_date
from alfvideo.planning.pending import State, Status
from alfvideo.planning.up_to_date import Files
from alfvideo.session import datasets, description
from alfvideo.session.cameras import ALL_CAMERAS
from alfvideo.views.status import rows, table

VERDICTS = {True: "the same", False: "changed", None: "unknown"}


class Compared(NamedTuple):
    """A file beside its record; what is not there, or not on record, is empty."""

    name: str
    recorded: Fingerprint
    found: os.stat_result | None
    verdict: str


def find(session: Path, root: Path) -> Path:
    """Return the folder of a session, given whole or as it is below the data folder.

    Raises
    ------
    DataError
        If there is none.
    """
    for path in (session, root / session):
        if path.is_dir():
            # Not `resolve`: parts of the data folder may be links to other disks.
            return Path(os.path.normpath(path.absolute()))
    raise DataError(
        f"{session} is no folder, and {root} has none of this name. Name a session: its folder, or "
        "SUBJECT/YYYY-MM-DD/NNN as it is below root."
    )


def explain(session: Path, label: str, config: Configuration) -> list[RenderableType]:
    """Say why each stage that is not done is not, of one camera or of all (`label` is empty).

    Raises
    ------
    DataError
        If the session has no such camera, or it is not selected.
    """
    statuses = pending.scan_session(session, config)
    known = {status.camera for status in statuses} - {""}
    if label and label not in known and statuses[0].stage:
        raise DataError(
            f"{session} has no {label} camera that is selected: there are "
            f"{', '.join(sorted(known)) or 'none'}. `cameras` in the configuration selects them."
        )
    chosen = [status for status in statuses if not label or status.camera in (label, "")]
    overview = table.columns("camera", "stage", "state", "why")
    for row in rows.rows(chosen, rows.logs_of):
        if row.state is not State.DONE or row.message:
            log = f" Log: {row.log}" if row.log else ""
            overview.add_row(row.camera, row.stage or "(all)", row.state, Text(row.message + log))
    if not overview.row_count:
        return [Text("Everything is done.")]
    return [overview, *_details(session, chosen, config)]


def _details(
    session: Path, statuses: Iterable[Status], config: Configuration
) -> Iterator[RenderableType]:
    """Yield a table of the compared files of each stage that is not done and has a record."""
    try:
        recorded, records = description.read(session), provenance.read(session)
    except (Blocked, DataError):
        return
    files = up_to_date.files_of(recorded)
    for status in statuses:
        if status.state is not State.PENDING and not status.reason:
            continue
        camera = recorded.cameras.get(status.camera, ALL_CAMERAS)
        task = tasks.of_stage(status.stage, recorded, camera, config)
        outputs = [datasets.path(pattern, recorded, camera) for pattern in task.outputs]
        try:
            inputs = list(chain(*task_inputs.find(task, recorded, camera, config).values()))
        except Blocked:
            continue
        made, read = (
            [provenance.relative(file, session) for file in found] for found in (outputs, inputs)
        )
        yield from _table(status, compared(made, read, records, files))


def compared(
    outputs: Sequence[str], inputs: Sequence[str], records: Mapping[str, Entry], files: Files
) -> list[Compared]:
    """Compare the files of a task with the record of the job that made its outputs."""
    entry: Entry = {}
    pairs: dict[str, Fingerprint] = {}
    for name in outputs:
        entry = entry or records.get(name, {})
        pairs[name] = records.get(name, {}).get("output", {})
    known = entry.get("inputs", {})
    for name in dict.fromkeys([*inputs, *known]):
        pairs[name] = up_to_date.recorded_input(entry, name, records) if name in known else {}
    return [_compared(name, recorded, files) for name, recorded in pairs.items()]


def _compared(name: str, recorded: Fingerprint, files: Files) -> Compared:
    try:
        found = files.stat(name)
    except (KeyError, Blocked):
        return Compared(name, recorded, None, "missing")
    if not recorded:
        return Compared(name, recorded, found, "not on record")
    return Compared(name, recorded, found, VERDICTS[files.are_as(name, recorded)])


def _table(status: Status, files: Iterable[Compared]) -> Iterator[RenderableType]:
    shown = table.columns("file", "recorded", "there is", "")
    for file in files:
        there: Fingerprint = provenance.dated(file.found) if file.found else {}
        shown.add_row(Text(file.name), _text(file.recorded), _text(there), file.verdict)
    yield Text(f"\n{' '.join(filter(None, (status.camera, status.stage)))}: {status.reason}")
    yield shown


def _text(file: Fingerprint) -> str:
    if "size" not in file:
        return ""
    date = datetime.fromtimestamp(file.get("mtime_ns", 0) / 1e9, UTC)
    return f"{file['size']:,} bytes, {date:%Y-%m-%d %H:%M:%S}"
