"""Pose tables: one row per frame, `{part}_x`, `{part}_y` and `{part}_likelihood` for each part."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.files.errors import DataError
from alfvideo.files.tables import Table

if TYPE_CHECKING:
    import pandas as pd

COORDINATES = ("x", "y", "likelihood")
LIKELY = 0.9
"""Likelihood from which on a point counts, as in iblvideo and ibllib."""

MAX_PIXELS = 1e6
"""No picture is as large: what is further away is no position."""

_CURE = "Remove the file and run again: it is then regenerated from the video."


class Columns(Mapping[str, Floats]):
    """The columns of a pose table, each (n_frames,) float64, read whenever it is asked for.

    A table of 90 minutes takes 100 MB and more; its motion energy needs a few columns once.

    Raises
    ------
    DataError
        If the file is missing, cannot be read, or has no column of a body part.
    """

    def __init__(self, path: Path) -> None:
        self._table = Table(path, "a pose table", _CURE)
        if not parts(self):
            raise DataError(
                f"{path}: expected a pose table with columns PART_x, PART_y and PART_likelihood, "
                f"found {', '.join(self) or 'no columns'}. Remove the file and run again."
            )

    @property
    def n_frames(self) -> int:
        """Number of rows."""
        return self._table.n_rows

    def __getitem__(self, name: str) -> Floats:
        if name not in self:
            raise KeyError(name)
        return self._table.column(name)

    def __contains__(self, name: object) -> bool:
        return name in self._table.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.columns)

    def __len__(self) -> int:
        return len(self._table.columns)


def load(path: Path) -> "pd.DataFrame":
    """Load a whole pose table.

    Raises
    ------
    DataError
        If the file is missing, cannot be read, or has no column of a body part.
    """
    import pandas as pd

    return pd.DataFrame(dict(Columns(path)))


def parts(columns: Iterable[str]) -> list[str]:
    """List the body parts that have all their columns, in the order of the table.

    >>> parts(['nose_tip_x', 'nose_tip_y', 'nose_tip_likelihood', 'paw_l_x', 'index'])
    ['nose_tip']
    """
    columns = list(columns)
    candidates = [column.removesuffix("_x") for column in columns if column.endswith("_x")]
    return [
        part
        for part in candidates
        if all(f"{part}_{coordinate}" in columns for coordinate in COORDINATES)
    ]


def points(pose: Mapping[str, Floats], part: str, estimate: str = "") -> Floats:
    """Return the points of a body part, (n_frames, 2) float64: x and y in pixels of the frame.

    NaN where the likelihood is below `LIKELY`, and everywhere if the table lacks the part.
    `estimate` names other columns of the position: "_ens_median" for the median of an ensemble.
    """
    columns = [f"{part}_x{estimate}", f"{part}_y{estimate}"]
    if not all(column in pose for column in (*columns, f"{part}_likelihood")):
        n_frames = len(pose[next(iter(pose))])
        return np.full((n_frames, 2), np.nan)
    xy = np.column_stack([np.asarray(pose[column], np.float64) for column in columns])
    xy[~(np.asarray(pose[f"{part}_likelihood"]) >= LIKELY)] = np.nan
    xy[~(np.abs(xy) < MAX_PIXELS)] = np.nan
    return xy
