"""Cells of CSV files that no spreadsheet takes for formulas: names and messages come from data."""

from typing import TypeVar

Cell = TypeVar("Cell")

BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Formulas begin so; the last four are = + - @ of full width."""


def harmless(cell: Cell) -> Cell | str:
    """Return a cell as it is, or with an apostrophe before it if it would be a formula.

    >>> [harmless(cell) for cell in (-1.5, "-1.5", "mouse 1", "=1+1", None)]
    [-1.5, '-1.5', 'mouse 1', "'=1+1", None]
    """
    if isinstance(cell, str) and cell.startswith(BEGINNINGS) and not _is_number(cell):
        return f"'{cell}"
    return cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip() == text
