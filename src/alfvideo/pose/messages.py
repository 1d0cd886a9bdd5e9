"""Messages between alfvideo and a pose engine, which runs in an environment of its own.

A message is one line of JSON and then the bytes of its arrays. This module needs only numpy, so
that it can be imported in the environment of each engine.
"""

import json
from typing import Any, Protocol

import numpy as np

from alfvideo.array_types import Numbers


class Writable(Protocol):
    """A stream that bytes can be written to."""

    def write(self, data: bytes | memoryview, /) -> int:
        """Write as `io.BufferedWriter.write`."""

    def flush(self) -> None:
        """Flush as `io.BufferedWriter.flush`."""


class Readable(Protocol):
    """A stream that lines and blocks of bytes can be read from."""

    def readline(self) -> bytes:
        """Read as `io.BufferedReader.readline`."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Read as `io.BufferedReader.readinto`."""


def send(stream: Writable, header: dict[str, Any], **arrays: Numbers) -> None:
    """Write a message: a header that JSON can hold, and arrays of any shape and plain dtype."""
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    described = {name: [array.dtype.str, array.shape] for name, array in arrays.items()}
    stream.write(json.dumps({"header": header, "arrays": described}).encode() + b"\n")
    for array in arrays.values():
        stream.write(array.data.cast("B") if array.size else b"")
    stream.flush()


def receive(stream: Readable) -> tuple[dict[str, Any], dict[str, Numbers]]:
    """Read a message: its header and its arrays by name.

    Raises
    ------
    EOFError
        If the other side has closed the stream, or ended within a message.
    """
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError("the other side ended")
    message = json.loads(line)
    arrays = {}
    for name, (dtype, shape) in message["arrays"].items():
        array = np.empty(shape, dtype)
        if array.size and stream.readinto(array.data.cast("B")) != array.nbytes:
            raise EOFError("the other side ended within a message")
        arrays[name] = array
    return message["header"], arrays
