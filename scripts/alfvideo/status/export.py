"""The same for other programs: JSON with everything, CSV with the rows."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, TextIO

from alfvideo.pending import State
from alfvideo.status.rows import Row

COLUMNS = tuple(field.name for field in fields(Row))


def write_csv(rows: Iterable[Row], file: TextIO) -> None:
    """One line for each stage of each camera, under the names of the fields of `Row`."""
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, rows))


def write_json(rows: Iterable[Row], head: Mapping[str, Any], file: TextIO) -> None:
    """An object of `head`, numbers of `rows` by state, and the rows.

    What is not known is null or an empty text. Dataclasses become objects, paths texts.
    """
    rows = list(rows)
    counts = Counter(row.state for row in rows)
    totals = {state: counts[state] for state in State}
    json.dump({**head, "totals": totals, "rows": rows}, file, default=_simple, indent=1)
    file.write("\n")


def _simple(thing: object) -> object:
    return asdict(thing) if is_dataclass(thing) else str(thing)
