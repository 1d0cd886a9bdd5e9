"""The log that camlog rigs keep of each frame."""

from pathlib import Path

import numpy as np

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

    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        header = next(line for line in text.splitlines() if line.startswith(_HEADER))
        columns = [name.strip() for name in header.removeprefix(_HEADER).split(",")]
        table = pd.read_csv(path, names=columns, comment="#")
        return FrameData(
            timestamps=table["timestamp"].to_numpy(np.float64),
            count=table["frame_id"].to_numpy(np.int64),
            gpio=None,
        )
    except FileNotFoundError:
        raise DataError(f"{path} is missing. Transfer it again from the rig.") from None
    except (StopIteration, KeyError, ValueError) as error:
        raise DataError(
            f"{path}: expected a line '{_HEADER}' that names frame_id and timestamp, and a row for "
            f"each frame ({type(error).__name__} {error}). Transfer it again from the rig."
        ) from None
