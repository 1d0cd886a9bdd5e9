"""The inputs and settings of all outputs below a data folder, as one table.

Run as `python -m alfvideo.views.provenance_table ROOT TABLE.csv` (or `TABLE.pqt`).
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from alfvideo.files import atomic
from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance
from alfvideo.session import folders

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


def rows(root: Path) -> Iterator[dict[str, Any]]:
    """One row an output; what has parts itself (params, inputs, software, notes) is JSON.

    Raises
    ------
    DataError
        If the provenance of a session cannot be read.
    """
    for path in folders.discover(root):
        for output, entry in sorted(provenance.read(path).items()):
            made = entry.get("output", {})
            nested = {
                name: json.dumps(entry.get(name), sort_keys=True)
                for name in ("params", "inputs", "software", "notes")
            }
            row = {
                **entry,
                **nested,
                "session": path.relative_to(root).as_posix(),
                "output": output,
                "size": made.get("size"),
                "md5": made.get("md5"),
                "version": entry.get("params", {}).get("version"),
            }
            yield {column: row.get(column) for column in COLUMNS}


def write(root: Path, file: Path) -> int:
    """Write the table as csv, or as parquet if the file is called so; returns its length."""
    table = pd.DataFrame(rows(root), columns=COLUMNS)
    with atomic.output(file) as partial:
        if file.suffix in (".pqt", ".parquet"):
            table.to_parquet(partial)
        else:
            table.to_csv(partial, index=False)
    return len(table)


def main() -> None:
    """Write the table of a data folder."""
    parser = argparse.ArgumentParser(
        prog="python -m alfvideo.views.provenance_table", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("root", type=Path, help="the folder that holds the sessions")
    parser.add_argument("table", type=Path, help="the file to write, .csv or .pqt")
    arguments = parser.parse_args()
    try:
        count = write(arguments.root, arguments.table)
    except DataError as error:
        sys.exit(str(error))
    print(f"{arguments.table}: {count} outputs")


if __name__ == "__main__":
    main()
