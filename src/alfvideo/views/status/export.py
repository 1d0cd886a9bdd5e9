"""The same for other programs: JSON with everything, CSV with the rows."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from alfvideo.files import csv_cells
from alfvideo.planning.pending import State
from alfvideo.views.status.rows import Row


def write_csv(rows: Iterable[Row], file: TextIO) -> None:
    """One line for each stage of each camera, under the names of the fields of `Row`."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(Row._fields)
    writer.writerows([csv_cells.harmless(_text(cell)) for cell in row] for row in rows)


def write_json(rows: Iterable[Row], head: Mapping[str, Any], file: TextIO) -> None:
    """Write an object of `head`, numbers of `rows` by state, and the rows.

    What is not known is null or an empty text. Paths become texts.
    """
    found = [row._asdict() for row in rows]
    counts = Counter(row["state"] for row in found)
    totals = {state: counts[state] for state in State}
    json.dump({**head, "totals": totals, "rows": found}, file, default=str, indent=1)
    file.write("\n")


def _text(cell: object) -> object:
    """Return what is no number as a text; the writer puts only line feeds in quotes."""
    return str(cell).replace("\r", "\n") if isinstance(cell, Path | str) else cell
