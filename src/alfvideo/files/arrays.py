"""Reading and writing `.npy` files."""

import math
import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.lib import format as npy

from alfvideo.array_types import Floats, Numbers
from alfvideo.files import atomic, inputs
from alfvideo.files.errors import DataError

MAX_BYTES = 2_000_000_000
"""Bytes of an array: 250 million values of 8 bytes."""

_KINDS = "iuf"
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def load(path: Path, max_ndim: int = 2) -> Numbers:
    """Load an array of numbers, of at most so many dimensions.

    The header is checked before anything is allocated, and nothing is unpickled.

    Raises
    ------
    DataError
        If the file is missing or holds something else.
    OSError
        If it may not be read, or the disk fails.
    """
    with inputs.opened(path, MAX_BYTES) as file:
        _check(file, path, max_ndim)
        file.seek(0)
        array: Numbers = npy.read_array(file, allow_pickle=False)
    return array


def vector(path: Path) -> Floats:
    """Load an array as (n,) float64, whatever its shape; otherwise as `load`."""
    return load(path).ravel().astype(np.float64)


def seconds(path: Path) -> Floats:
    """Load times, (n,) float64, NaN for what is no number of seconds; otherwise as `load`."""
    times = vector(path)
    times[~(np.abs(times) < inputs.MAX_SECONDS)] = np.nan
    return times


def mapped(
    path: Path, max_ndim: int = 2, max_bytes: int = MAX_BYTES, kinds: str = _KINDS
) -> Numbers:
    """Map an array into memory, of which only what is used is read; otherwise as `load`.

    `kinds` are those of numpy's types that it may have.
    """
    with inputs.opened(path, max_bytes) as file:
        _check(file, path, max_ndim, kinds)
    array: Numbers = np.load(path, mmap_mode="r")
    return array


def unfinished(path: Path) -> tuple[Numbers, int]:
    """Load a vector of numbers that a program may have left without saying how many there are.

    Returns
    -------
    The values that are there whole, (n,), and the number that the header says.

    Raises
    ------
    DataError, OSError
        As `load`, but not if the number is another.
    """
    with inputs.opened(path, MAX_BYTES) as file:
        header = _header(file, path)
        _check_kind(header, path, 2, _KINDS)
        content = file.read()
    size = header.dtype.itemsize
    n = len(content) // size
    return np.frombuffer(content, header.dtype, n), math.prod(header.shape)


class _Header(NamedTuple):
    shape: tuple[int, ...]
    fortran_order: bool
    dtype: "np.dtype[np.generic]"


def _check(file: BinaryIO, path: Path, max_ndim: int, kinds: str = _KINDS) -> None:
    """See that a file holds numbers, and as many as its header says, before any are read."""
    size = os.fstat(file.fileno()).st_size
    header = _header(file, path)
    _check_kind(header, path, max_ndim, kinds)
    expected = file.tell() + math.prod(header.shape) * header.dtype.itemsize
    if size != expected:
        raise _not_an_array(path, f"{size:,} bytes, its header says {expected:,}")


def _header(file: BinaryIO, path: Path) -> _Header:
    try:
        version = npy.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"version {version} of the format is not for numbers")
        return _Header(*_HEADERS[version](file))
    # The header is a literal of Python: what is wrong in it raises whatever Python raises.
    except Exception as error:
        raise _not_an_array(path, " ".join(str(error).split())[:200]) from None


def _check_kind(header: _Header, path: Path, max_ndim: int, kinds: str) -> None:
    shape, dtype = header.shape, header.dtype
    if dtype.kind not in kinds or len(shape) > max_ndim or min(shape, default=0) < 0:
        raise DataError(
            f"{path}: expected an array of numbers with at most {max_ndim} dimensions, found one "
            f"of {str(dtype)[:80]} and shape {str(shape)[:80]}. Copy the file again; if alfvideo "
            "made it, remove it and run again."
        )


def _not_an_array(path: Path, reason: str) -> DataError:
    return DataError(
        f"{path}: expected a numpy array, and it is none or not whole ({reason}). Copy the file "
        "again; if alfvideo made it, remove it and run again."
    )


def save(path: Path | str, array: Numbers) -> None:
    """Save an array, whole or not at all."""
    with atomic.output(path) as partial, partial.open("wb") as file:
        np.save(file, array)
