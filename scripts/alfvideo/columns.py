"""Rows of text, one below the other."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Each row as a line in which its cells stand below those of the others.

    >>> aligned([["a", "b"], ["long", ""]])
    ['a     b', 'long']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
