"""The lines that a run prints before its first job."""

import sys
from collections.abc import Iterable
from pathlib import Path

from alfvideo.configuration import Configuration
from alfvideo.planning.pending import Status
from alfvideo.pose import cascades
from alfvideo.registration import names
from alfvideo.views.status import rows


def not_in_tables(statuses: Iterable[Status], root: Path, config: Configuration) -> list[str]:
    """Say which sessions are not put in the ONE tables because of their names, if any are."""
    if not config.registration.tables:
        return []
    return names.left_out(root, dict.fromkeys(status.session for status in statuses))


def show(statuses: Iterable[Status], root: Path, config: Configuration) -> None:
    """Print a table of what is to be done, and what no cascade is for, to standard error."""
    # Slow to load, and each job loads the rules without showing a table.
    from alfvideo.views.status import table

    statuses = list(statuses)
    parts = table.of_cameras(list(rows.rows(statuses)), root)
    parts += map(table.printable, not_in_tables(statuses, root, config))
    table.show(parts, sys.stderr)
    for sentence in cascades.left_out(config):
        print(sentence, file=sys.stderr)
