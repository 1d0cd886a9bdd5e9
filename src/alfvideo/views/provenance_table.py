"""The inputs and settings of all outputs below a data folder, as one table.

Run as `python -m alfvideo.views.provenance_table ROOT TABLE.csv` (or `TABLE.pqt`).
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from alfvideo.files import atomic, csv_cells
from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance
from alfvideo.jobs.provenance import Entry
from alfvideo.session import folders, quarantine

COLUMNS = (
    *(
        "session",
        "camera",
        "output",
        "rule",
        "started",
        "finished",
        "seconds",
        "host",
        "size",
        "md5",
    ),
    *("version", "params", "inputs", "software", "notes", "log"),
)


def rows(root: Path, left_out: list[str]) -> Iterator[dict[str, Any]]:
    """One row an output; what has parts itself (params, inputs, software, notes) is JSON.

    A sentence for each session whose provenance cannot be read is added to `left_out`.
    """
    for path in folders.discover(root):
        try:
            made = [
                _row(path.relative_to(root).as_posix(), output, entry)
                for output, entry in sorted(provenance.read(path).items())
            ]
        # Whatever is wrong with it must not keep the others out.
        except Exception as error:
            left_out.append(f"Not in the table: {path}: {quarantine.reason(error, path)}")
        else:
            yield from made


def _row(session: str, output: str, entry: Entry) -> dict[str, Any]:
    made: Mapping[str, Any] = entry.get("output") or {}
    row: dict[str, Any] = {
        name: str(entry[name])
        for name in ("camera", "rule", "started", "finished", "host", "log")
        if name in entry
    }
    for name in ("params", "inputs", "software", "notes"):
        row[name] = json.dumps(entry.get(name), sort_keys=True)
    row |= {"session": session, "output": output}
    row |= {"seconds": _number(entry.get("seconds")), "size": _number(made.get("size"))}
    row["md5"] = str(made["md5"]) if "md5" in made else None
    row["version"] = _number(entry.get("params", {}).get("version"))
    return {column: row.get(column) for column in COLUMNS}


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) else None


def write(root: Path, file: Path) -> tuple[int, list[str]]:
    """Write the table as csv, or as parquet if the file is called so.

    Returns its length, and a sentence for each session that is left out.
    """
    left_out: list[str] = []
    table = pd.DataFrame(rows(root, left_out), columns=COLUMNS)
    with atomic.output(file) as partial:
        if file.suffix in (".pqt", ".parquet"):
            table.to_parquet(partial)
        else:
            table.map(csv_cells.harmless).to_csv(partial, index=False, errors="backslashreplace")
    return len(table), left_out


def main() -> None:
    """Write the table of a data folder; the status is 1 if a session is left out."""
    parser = argparse.ArgumentParser(
        prog="python -m alfvideo.views.provenance_table", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("root", type=Path, help="the folder that holds the sessions")
    parser.add_argument("table", type=Path, help="the file to write, .csv or .pqt")
    arguments = parser.parse_args()
    try:
        count, left_out = write(arguments.root, arguments.table)
    except DataError as error:
        sys.exit(str(error))
    print(f"{arguments.table}: {count} outputs")
    if left_out:
        sys.exit("\n".join(left_out))


if __name__ == "__main__":
    main()
