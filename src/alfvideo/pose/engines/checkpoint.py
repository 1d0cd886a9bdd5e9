"""Reads the checkpoints of networks, which may hold programs, without running any.

A checkpoint is a pickle: to open it like one runs whatever it says.
"""

import hashlib
import re
from collections.abc import Callable, Collection
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

from alfvideo.pose.engines import pickled
from alfvideo.pose.engines.error import EngineError

_MORE = re.compile(
    r"unsupported global|unsupported class|call reduce|can only (?:build|create)"
    # Of pickle's other protocols: INST, STACK_GLOBAL, and FRAME before it.
    r"|unsupported operand (?:105|147|149)\b",
    re.IGNORECASE,
)
"""The words of PyTorch when a checkpoint holds more than weights and plain values."""

_NAMED = re.compile(r"GLOBAL ([\w.]+)|<class '([\w.]+)'>")

Safe = Collection[Callable[..., Any] | tuple[Callable[..., Any], str]]

_DTYPES: list[Any] = [type(np.dtype(letter)) for letter in "?bhilqBHILQefdU"]
_SCALAR: Any = np.float64(0).__reduce__()[0]
_ARRAY: Any = np.zeros(1).__reduce__()[0]

NUMBERS: Safe = (
    *(np.ndarray, np.dtype, *_DTYPES),
    # The functions that make arrays and numbers of pickles by numpy 1 and 2.
    *((_SCALAR, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    *((_ARRAY, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
)
"""Numbers and arrays of numpy, as metrics are kept. To make one runs nothing that a file says."""


def read(file: Path, trusted: Collection[str] = (), safe: Safe = ()) -> Any:
    """Read weights, plain values and objects of classes that are safe, onto the CPU.

    A file with more is only opened if its SHA-256 is among those that are trusted.

    Raises
    ------
    EngineError
        If it holds more and is not trusted, or is damaged.
    """
    try:
        with file.open("rb") as stream, torch.serialization.safe_globals(list(safe)):
            return torch.load(stream, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        if not _MORE.search(str(error)):
            raise _damaged(file, error) from error
        named = _NAMED.search(str(error))
        what = next(filter(None, named.groups())) if named else pickled.OTHER
    except (RuntimeError, EOFError, ValueError, LookupError) as error:
        raise _damaged(file, error) from error
    except OSError as error:
        raise EngineError(f"{file} cannot be read ({error.strerror}).") from error
    with file.open("rb") as stream:
        checksum = hashlib.file_digest(stream, "sha256").hexdigest()
        if checksum not in trusted:
            raise EngineError(pickled.refusal(file, what, checksum))
        stream.seek(0)
        try:
            return torch.load(stream, map_location="cpu", weights_only=False)
        except Exception as error:
            raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> EngineError:
    # PyTorch's own sentence is about opening the file nevertheless.
    said = "" if isinstance(error, UnpicklingError) else str(error).partition("\n")[0]
    reason = said or type(error).__name__
    return EngineError(
        f"{file} cannot be read ({reason}), so it is damaged or was cut while copying: copy it "
        "again from where it was trained."
    )
