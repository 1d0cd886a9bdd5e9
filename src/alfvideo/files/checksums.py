"""Checksums of files: of all of a file, and the quick one by which files of equal size are told."""

import hashlib
from collections.abc import Callable, Iterable
from os import SEEK_SET, stat_result
from pathlib import Path
from typing import BinaryIO, Literal

from alfvideo.files import inputs

MAX_WHOLE = 64 * 1024**2
"""Bytes up to which the quick checksum is that of the whole file: 0.1 s of reading and hashing."""

PIECES = 16
PIECE = 256 * 1024
"""Of larger files, that are videos and raw recordings, so many pieces of so many bytes are read."""

BLOCK = 1024**2

Kind = Literal["md5", "sample"]


def md5(path: Path, go_on: Callable[[int], object] = lambda n: True) -> str:
    """Return the MD5 of a whole file; empty if told to stop.

    `go_on` is told the number of bytes after each block, and stops it by returning false.
    """
    digest = hashlib.md5(usedforsecurity=False)
    with inputs.opened(path) as file:
        while block := file.read(BLOCK):
            digest.update(block)
            if not go_on(len(block)):
                return ""
    return digest.hexdigest()


def md5_joined(paths: Iterable[Path]) -> str:
    """Return the MD5 of files after each other."""
    digest = hashlib.md5(usedforsecurity=False)
    for path in paths:
        with inputs.opened(path) as file:
            while block := file.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()


def kind(size: int) -> Kind:
    """Return which checksum is the quick one of a file of so many bytes.

    >>> kind(3200), kind(50_000_000_000)
    ('md5', 'sample')
    """
    return "md5" if size <= MAX_WHOLE else "sample"


def quick(path: Path, found: stat_result) -> str:
    """Return the quick checksum of a file: the md5 of all of it, or of pieces of a large one.

    The pieces lie evenly between the first and the last byte. A changed byte between them is not
    noticed: `md5` reads all.
    """
    if kind(found.st_size) == "md5":
        return md5(path)
    digest = hashlib.md5(usedforsecurity=False)
    with inputs.opened(path) as file:
        for number in range(PIECES):
            digest.update(_piece(file, (found.st_size - PIECE) * number // (PIECES - 1)))
    return digest.hexdigest()


def _piece(file: BinaryIO, start: int) -> bytes:
    file.seek(start, SEEK_SET)
    return file.read(PIECE)
