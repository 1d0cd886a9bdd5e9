"""Session folders on disk: found below a root, each listed once, with a note of what was read."""

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from one.alf import spec

from alfvideo.files import checksums

log = logging.getLogger(__name__)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMBER = re.compile(r"\d{3}")

Listing = Mapping[str, os.DirEntry[str]]
"""Entries of a folder by name."""

Checksum = Callable[[Path, os.stat_result], str]
"""Gives the quick checksum of a file, as `checksums.quick`; it may remember it."""


def listing(folder: Path | str) -> Listing:
    """List entries of a folder by name; empty if it does not exist."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return {}


@dataclass
class Lookups:
    """Lookups in a session: folders by path, each listed once, and files that were read or dated.

    `cacheable` is False if the same may not be found again although none of these changes.
    """

    folders: dict[str, Listing] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    cacheable: bool = True
    checksum: Checksum = checksums.quick

    def listing(self, folder: str) -> Listing:
        """List entries of a folder; empty if it does not exist."""
        if folder not in self.folders:
            self.folders[folder] = listing(folder)
        return self.folders[folder]


def numbers(day: str) -> list[str]:
    """List names of the session folders in the folder of a day, sorted."""
    entries = sorted(listing(day).items())
    return [name for name, entry in entries if _NUMBER.fullmatch(name) and entry.is_dir()]


def discover(root: Path, numbers: Callable[[str], list[str]] = numbers) -> Iterator[Path]:
    """Yield session folders (`.../YYYY-MM-DD/NNN`) at any depth below a folder, no hidden ones.

    `numbers` gives the names of the sessions of a day; it may remember them. A folder that may not
    be read is left out with a warning.
    """
    try:
        if _DATE.fullmatch(root.name):
            yield from (root / name for name in numbers(str(root)))
            return
        entries = sorted(listing(root).items())
    except PermissionError:
        log.warning("No permission to read %s: sessions in it are left out.", root)
        return
    for name, entry in entries:
        if not name.startswith(".") and entry.is_dir():
            yield from discover(root / name, numbers)


def is_session(path: Path) -> bool:
    """Return whether a path is that of a session folder.

    >>> is_session(Path('/data/Subjects/KB001/2026-01-01/001'))
    True
    >>> is_session(Path('/data/Subjects/KB001/2026-01-01/001/alf'))
    False
    """
    return bool(spec.is_session_path(path))
