"""Reading and writing `.npy` files."""

from pathlib import Path

import numpy as np

from alfvideo.array_types import Numbers
from alfvideo.files import atomic
from alfvideo.files.errors import DataError


def load(path: Path) -> Numbers:
    """Load an array.

    Raises
    ------
    DataError
        If the file is missing or cannot be read as an array.
    """
    try:
        array: Numbers = np.load(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from None
    except (ValueError, EOFError):
        raise DataError(
            f"{path}: expected a numpy array, and it is none or not whole. Copy the file again; if "
            "alfvideo made it, remove it and run again."
        ) from None
    return array


def save(path: Path | str, array: Numbers) -> None:
    """Save an array, whole or not at all."""
    with atomic.output(path) as partial, partial.open("wb") as file:
        np.save(file, array)
