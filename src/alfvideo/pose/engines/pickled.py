"""Names what a checkpoint would make or call when it is opened, without opening it.

It needs no engine, so that the scan can refuse a checkpoint before a run. It knows less than the
engine, which has the last word.
"""

import pickletools
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from itertools import chain
from pathlib import Path

OTHER = "other objects"
"""Instead of a name that is not known."""
_OTHER = {"STACK_GLOBAL", "INST"}
"""Further codes that look something up; PyTorch does not write them."""

MAX_BYTES = 100_000_000
"""Of a checkpoint without its arrays; more is left to the engine."""

N_PICKLES = 4
"""In a checkpoint that is no zip file, before its arrays: a mark, version, machine, content."""

_MODULES = {"torch", "numpy", "omegaconf", "collections", "typing", "pathlib", "_codecs"}
"""Engines open some of what is in these, and of the types below, and nothing else."""

_BUILTINS = {"builtins", "__builtin__"}
_TYPES = {
    *("bytearray", "set", "complex", "list", "dict", "int", "float", "str", "bool", "tuple"),
    # By their names in Python 2, which PyTorch writes.
    *("long", "unicode"),
}


def refusal(file: Path, what: str, checksum: str) -> str:
    """Say why a checkpoint that holds more than weights is not opened, and the cure."""
    return (
        f"{file} holds more than weights and plain values ({what}), which can run any program when "
        "it is opened, so it is not. If you made it or trust who did, add its checksum to "
        f"`trusted_models` in the configuration: {checksum}"
    )


def refused(file: Path) -> str:
    """Return the name of what no engine opens by itself; empty if there is none, or not known."""
    names = chain.from_iterable(map(_names, _contents(file)))
    return next((name for name in names if not _may_be_opened(name)), "")


def _may_be_opened(name: str) -> bool:
    module, _, kind = name.rpartition(".")
    return kind in _TYPES if module in _BUILTINS else name.partition(".")[0] in _MODULES


def _names(content: BytesIO) -> Iterator[str]:
    """Yield the names that pickles look up, as far as these can be read."""
    # Of a damaged one the engine says what is wrong, and whatever may be raised.
    with suppress(Exception):
        for _ in range(N_PICKLES):
            for code, argument, _ in pickletools.genops(content):
                if code.name == "GLOBAL":
                    yield str(argument).replace(" ", ".")
                elif code.name in _OTHER:
                    yield OTHER


def _contents(file: Path) -> Iterator[BytesIO]:
    """Yield the pickles of a checkpoint, a zip file or, of earlier versions of PyTorch, one."""
    if not zipfile.is_zipfile(file):
        with file.open("rb") as stream:
            yield BytesIO(stream.read(MAX_BYTES))
        return
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if name.endswith("/data.pkl"):
                with archive.open(name) as stream:
                    yield BytesIO(stream.read(MAX_BYTES))
