"""The lines that a run prints before its first job."""

import sys
from collections.abc import Iterable
from pathlib import Path

from alfvideo.configuration import Configuration
from alfvideo.planning.pending import Status
from alfvideo.pose import cascades
from alfvideo.views.status import rows


def show(statuses: Iterable[Status], root: Path, config: Configuration) -> None:
    """Print a table of what is to be done, and what no cascade is for, to standard error."""
    # Slow to load, and each job loads the rules without showing a table.
    from alfvideo.views.status import table

    table.show(table.of_cameras(list(rows.rows(statuses)), root), sys.stderr)
    for sentence in cascades.left_out(config):
        print(sentence, file=sys.stderr)
