"""Remembers checksums of files whose dates are not those on record, so that each is read once.

Copied data has other dates than the records say. What was read to see that it is the same is kept
in the working folder, by path, size and date. It is only there to save time.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from alfvideo.files import atomic, checksums

Known = tuple[int, int, str]
"""Size in bytes, modification time in ns, quick checksum."""


class Checksums:
    """Quick checksums of the files below a folder; without a file for them, none is remembered."""

    def __init__(self, root: Path = Path("/"), file: Path | None = None) -> None:
        self._root = f"{root}/"
        self._file = file
        self._known: dict[str, Known] | None = None
        self._new: dict[str, Known] = {}

    def __call__(self, path: Path, found: os.stat_result) -> str:
        """Return the quick checksum of a file of this size and date."""
        if self._known is None:
            self._known = _load(self._file)
        name = str(path).removeprefix(self._root)
        size, date, checksum = self._known.get(name, (-1, -1, ""))
        if (size, date) != (found.st_size, found.st_mtime_ns):
            checksum = checksums.quick(path, found)
            self._known[name] = self._new[name] = found.st_size, found.st_mtime_ns, checksum
        return checksum

    def save(self) -> None:
        """Write what is new, beside what others have written meanwhile."""
        if self._file is None or not self._new:
            return
        with suppress(OSError), atomic.output(self._file) as partial:
            partial.write_text(json.dumps(_load(self._file) | self._new), encoding="utf-8")
        self._new = {}


def _load(file: Path | None) -> dict[str, Known]:
    """Load what is known; nothing if it cannot be read."""
    try:
        content = json.loads(file.read_text(encoding="utf-8")) if file else {}
        return {str(name): (int(s), int(d), str(c)) for name, (s, d, c) in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
