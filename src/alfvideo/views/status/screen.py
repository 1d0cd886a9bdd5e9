"""The state of everything below a data folder, written for people or for other programs."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from alfvideo.configuration import Configuration
from alfvideo.files import lock
from alfvideo.jobs import runs
from alfvideo.planning import left_out
from alfvideo.planning.pending import Status
from alfvideo.views import history
from alfvideo.views.status import before_run, certainty, export, rows, table
from alfvideo.views.status.rows import Row


def show(
    statuses: Iterable[Status],
    root: Path,
    chosen: Sequence[Path],
    format: str,
    file: TextIO,
    config: Configuration | None = None,
) -> None:
    """Write the state of all sessions, or of those in `chosen` folders, as table, csv or json.

    With a configuration the table is followed by what is not put in the ONE tables.

    Raises
    ------
    DataError
        If a folder that was chosen has no session.
    """
    statuses = list(statuses)
    left_out.check_folders(root, {status.session for status in statuses}, chosen)
    if chosen:
        statuses = [each for each in statuses if any(map(each.session.is_relative_to, chosen))]
    found = list(rows.rows(statuses, rows.logs_of, made=format != "table"))
    if format != "table":
        found = list(certainty.told(found))
    match format:
        case "csv":
            export.write_csv(found, file)
        case "json":
            last = list(map(asdict, runs.last(root)))
            export.write_json(
                found, {"root": root, "run": lock.held_by(root), "last_runs": last}, file
            )
        case _:
            notes = before_run.not_in_tables(statuses, root, config) if config else []
            _show_table(found, notes, root, file)


def _show_table(found: Sequence[Row], notes: Iterable[str], root: Path, file: TextIO) -> None:
    """Print what is not done, each stage, and the last runs."""
    past = history.read(dict.fromkeys(row.session for row in found), Path())
    parts = table.of_cameras(found, root)
    if found:
        parts += ["", table.of_stages(found, past), ""]
        parts += certainty.summary(found)
    parts += map(table.printable, notes)
    if holder := lock.held_by(root):
        parts.append(f"A run is at work: {holder}.")
    parts += [f"Run: {run.sentence}" for run in runs.last(root)]
    table.show(parts, file)
