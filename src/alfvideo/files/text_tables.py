"""Tables in text that other programs wrote, whatever separates their columns, named or not."""

import io
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from alfvideo.files import inputs
from alfvideo.files.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_SEPARATORS = ("\t", ";", ",", " ")
"""The first that is there: others may be in names, and commas in numbers."""
_AGAIN = "Copy the file from the rig again."
_VALUE = re.compile(
    r"[-+]?(\d+([.,]\d*)?|[.,]\d+)(e[-+]?\d+)?|nan|inf|true|false|\d{4}-\d\d-\d\d.*", re.IGNORECASE
)
"""Numbers, truth values and dates: a line that begins with one names no columns."""


class TextTable(NamedTuple):
    """A table in text."""

    table: "pd.DataFrame"
    """Columns are numbers where all of their cells are, else texts. Their names are those of the
    first line, or their numbers from 0."""
    has_names: bool
    """True if the first line names the columns."""


def read(path: Path, notes: list[str], max_bytes: int = inputs.MAX_TEXT) -> TextTable:
    """Read a table with commas, tabs, semicolons or spaces between its columns.

    Lines that begin with # are none. Rows with too many columns are left out, and those with too
    few are filled, and so are lines of names that come again; `notes` get a sentence for each.

    Raises
    ------
    DataError
        If there is one column only, or two of one name.
    """
    # Slow to load.
    import pandas as pd

    content = inputs.text(path, max_bytes).replace("\0", "")
    first = next((line for line in content.split("\n", 1000) if _is_row(line)), "")
    separator = next((each for each in _SEPARATORS if each in first.strip()), ",")
    fields = [field.strip(" \"'") for field in first.strip().split(separator)]
    if not fields[-1]:
        # each row ends with a separator
        del fields[-1]
    if len(fields) < 2:
        raise DataError(
            f"{path}: expected rows of several columns with commas, semicolons, tabs or spaces "
            f"between them, found {first.strip()[:80]!r}. Check that it is the right file."
        )
    has_names = not _VALUE.fullmatch(fields[0]) or not any(map(_VALUE.fullmatch, fields))
    names = fields if has_names else [str(n) for n in range(len(fields))]
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise DataError(f"{path}: the column '{twice[0]}' is there twice. Name one differently.")
    body = content[content.index(first) + has_names * len(first) :]
    try:
        table = pd.read_csv(
            io.StringIO(body),
            sep=r"\s+" if separator == " " else separator,
            header=None,
            names=names,
            comment="#",
            decimal="," if separator == ";" else ".",
            skipinitialspace=True,
            on_bad_lines="skip",
            low_memory=False,
            index_col=False,
        )
    except (ValueError, ArithmeticError, LookupError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: its rows cannot be read ({reason}). {_AGAIN}") from None
    if longer := sum(map(_is_row, body.split("\n"))) - len(table):
        notes.append(
            f"{path.name}: {longer} rows have more than {len(fields)} columns: they were left out. "
            f"{_AGAIN}"
        )
    if not has_names:
        return TextTable(table, False)
    repeated = table.iloc[:, 0].astype(str).str.strip(" \"'") == names[0]
    if n := np.count_nonzero(repeated):
        notes.append(
            f"{path.name}: the line with the names of the columns is there {n + 1} times: several "
            "files were joined in it."
        )
        table = table[~repeated].reset_index(drop=True)
    return TextTable(table, True)


def _is_row(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")
