"""Pose tables: one row per frame, `{part}_x`, `{part}_y` and `{part}_likelihood` for each part."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from alfvideo.array_types import Floats
from alfvideo.files.errors import DataError, machine_error

if TYPE_CHECKING:
    import pandas as pd

COORDINATES = ("x", "y", "likelihood")
LIKELY = 0.9
"""Likelihood from which on a point counts, as in iblvideo and ibllib."""

# pandas takes 50 MB, and motion energy has to do with little: arrow imports it to make a scalar of
# a Python float, or a numpy array by `to_numpy`, but not for what is done here.
_NAN = pa.Array.from_buffers(pa.float64(), 1, [None, pa.py_buffer(np.full(1, np.nan))])[0]


class Columns(Mapping[str, Floats]):
    """The columns of a pose table, each (n_frames,) float64, read whenever it is asked for.

    A table of 90 minutes takes 100 MB and more; its motion energy needs a few columns once.

    Raises
    ------
    DataError
        If the file is missing, cannot be read, or has no column of a body part.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _readable(path):
            self._file = parquet.ParquetFile(path, pre_buffer=False)
        if not parts(self):
            raise DataError(
                f"{path}: expected a pose table with columns PART_x, PART_y and PART_likelihood, "
                f"found {', '.join(self) or 'no columns'}. Remove the file and run again."
            )

    @property
    def n_frames(self) -> int:
        """Number of rows."""
        return int(self._file.metadata.num_rows)

    def __getitem__(self, name: str) -> Floats:
        if name not in self:
            raise KeyError(name)
        with _readable(self._path):
            column = self._file.read([name], use_threads=False).column(0)
            known = column.cast(pa.float64()).fill_null(_NAN)
        return np.asarray(np.from_dlpack(known.combine_chunks()), np.float64)

    def __contains__(self, name: object) -> bool:
        return name in self._file.schema_arrow.names

    def __iter__(self) -> Iterator[str]:
        return iter(self._file.schema_arrow.names)

    def __len__(self) -> int:
        return len(self._file.schema_arrow.names)


def load(path: Path) -> "pd.DataFrame":
    """Load a whole pose table.

    Raises
    ------
    DataError
        If the file is missing, cannot be read, or has no column of a body part.
    """
    import pandas as pd

    Columns(path)
    with _readable(path):
        return pd.read_parquet(path)


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
    xy[np.asarray(pose[f"{part}_likelihood"]) < LIKELY] = np.nan
    xy[~np.isfinite(xy)] = np.nan
    return xy


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise machine_error(getattr(error, "errno", None), path) or DataError(
            f"{path}: expected a pose table, but it cannot be read ({reason}). "
            "Remove the file and run again: it is then regenerated from the video."
        ) from None
