"""The log that camlog rigs keep of each frame."""

import io
from pathlib import Path

import numpy as np

from alfvideo.files import inputs
from alfvideo.files.errors import DataError
from alfvideo.timing.embedded import FrameData

_HEADER = "# Log header:"


def load(path: Path) -> FrameData:
    """Read a camlog, whose columns are named in the line '# Log header:'; there is no GPIO in it.

    Raises
    ------
    DataError
        If it is missing or lacks the columns frame_id and timestamp.
    """
    # Slow to load, and few rigs keep a camlog.
    import pandas as pd

    text = inputs.text(path)
    try:
        header = next(line for line in text.splitlines() if line.startswith(_HEADER))
        columns = [name.strip() for name in header.removeprefix(_HEADER).split(",")]
        table = pd.read_csv(io.StringIO(text), names=columns, comment="#")
        if not pd.api.types.is_integer_dtype(table["frame_id"]) and len(table):
            raise ValueError("a frame_id is not a whole number")
        return FrameData(
            timestamps=table["timestamp"].to_numpy(np.float64),
            count=table["frame_id"].to_numpy(np.int64),
            gpio=None,
        )
    except (StopIteration, KeyError, ValueError, ArithmeticError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path}: expected a line '{_HEADER}' that names frame_id and timestamp, and a row for "
            f"each frame ({type(error).__name__} {reason}). Transfer it again from the rig."
        ) from None
