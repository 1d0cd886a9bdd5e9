"""The kinds of arrays that functions take and return; shapes are in their docstrings."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""Times in seconds, positions in pixels, and other measured values."""

Integers = NDArray[np.integer[Any]]
"""Whole numbers: counts, indices, polarities."""

Booleans = NDArray[np.bool_]

Image = NDArray[np.uint8]
"""Gray values (height, width), or colours (height, width, 3)."""

Numbers = NDArray[Any]
"""Numbers of a kind that only the file knows."""
