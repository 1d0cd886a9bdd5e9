"""Opening parquet tables: of bounded size, and whatever is wrong with them is one sentence."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from alfvideo.array_types import Floats
from alfvideo.files import inputs
from alfvideo.files.errors import DataError

MAX_BYTES = 10_000_000_000
MAX_COLUMNS = 10_000

# pandas takes 50 MB, and motion energy has to do with little: arrow imports it to make a scalar of
# a Python float, or a numpy array by `to_numpy`, but not for what is done here.
_NAN = pa.Array.from_buffers(pa.float64(), 1, [None, pa.py_buffer(np.full(1, np.nan))])[0]


class Table:
    """A parquet table with a row for each frame, trial, or the like.

    Raises
    ------
    DataError
        If the file is missing, cannot be read, or has more rows or columns than there can be.
    OSError
        If it may not be read, or the disk fails.
    """

    def __init__(self, path: Path, what: str, cure: str) -> None:
        """Open a table; `what` is expected in the file, `cure` is what to do if it is not."""
        self._path, self._what, self._cure = path, what, cure
        inputs.check(path, MAX_BYTES)
        with self._readable():
            self._file = parquet.ParquetFile(path, pre_buffer=False)
            self.n_rows = int(self._file.metadata.num_rows)
            self.columns: Sequence[str] = tuple(self._file.schema_arrow.names)
        if not 0 <= self.n_rows <= inputs.MAX_FRAMES or len(self.columns) > MAX_COLUMNS:
            raise DataError(
                f"{path}: expected {what}, found {self.n_rows:,} rows and {len(self.columns):,} "
                f"columns. {cure}"
            )

    def column(self, name: str) -> Floats:
        """Read a column of numbers, (n_rows,) float64, NaN where nothing is written.

        Raises
        ------
        DataError
            If it cannot be read, or holds something else.
        """
        with self._readable():
            column = self._file.read([name], use_threads=False).column(0)
            known = column.cast(pa.float64()).fill_null(_NAN)
            values = np.asarray(np.from_dlpack(known.combine_chunks()), np.float64)
            if values.shape != (self.n_rows,):
                raise ValueError(f"{name} has {values.size} of {self.n_rows} values")
        return values

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError, ValueError, LookupError) as error:
            if getattr(error, "errno", None):
                # The disk's, not the table's.
                raise
            reason = str(error).partition("\n")[0]
            raise DataError(
                f"{self._path}: expected {self._what}, but it cannot be read ({reason}). "
                f"{self._cure}"
            ) from None
