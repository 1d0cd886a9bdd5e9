"""Folders of a session as they are on disk, each read once, and a note of what was looked at."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Listing = Mapping[str, os.DirEntry]
"""Entries of a folder by name."""


def listing(folder: Path | str) -> Listing:
    """Entries of a folder by name; empty if it does not exist."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return {}


@dataclass
class Seen:
    """What was looked at: folders by path, each listed once, and files that were read or dated.

    `lasting` is whether the same would be found again as long as none of these changes.
    """

    folders: dict[str, Listing] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    lasting: bool = True

    def listing(self, folder: str) -> Listing:
        """Entries of a folder; empty if it does not exist."""
        if folder not in self.folders:
            self.folders[folder] = listing(folder)
        return self.folders[folder]
