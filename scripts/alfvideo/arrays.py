"""Reading and writing `.npy` files."""

from pathlib import Path

import numpy as np

from alfvideo import atomic
from alfvideo.errors import DataError


def load(path: Path) -> np.ndarray:
    """Load an array.

    Raises
    ------
    DataError
        If the file is missing or cannot be read as an array.
    """
    try:
        return np.load(path)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{path}: expected a numpy array ({error}). Copy the file again.") from None


def save(path: Path | str, array: np.ndarray) -> None:
    """Save an array, whole or not at all."""
    with atomic.output(path) as partial, partial.open("wb") as file:
        np.save(file, array)
