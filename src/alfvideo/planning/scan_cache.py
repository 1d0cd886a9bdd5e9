"""Remembers what the scan found in each session, and from what, so that it looks again only there.

What was found is remembered with a stamp of what it was found from, and holds as long as the stamp
does. The stamp is made of the modification and status change times of

- each folder that was listed (of one that is not there: of the nearest folder above it),
- the description of the session or its task settings, and each input of a task, raw or a result,
  with their sizes.

So this is noticed: whatever comes, goes, is renamed or replaced in these folders, and an input that
is written to in place. Not noticed is only a write in place to a result that nothing is made from,
such as a picture. To look at everything again, remove the folder `.scan`.

All is forgotten if a setting changes that is not merely a choice of sessions, or a cascade, a
model, a reference frame, or alfvideo. Never remembered are sessions in which something is pending,
or was changed in the last seconds: a second change in the same tick of the clock would not show.
"""

import hashlib
import json
import os
import time
from array import array
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from alfvideo.configuration import Configuration
from alfvideo.files import atomic, regular
from alfvideo.jobs import provenance
from alfvideo.planning import task_settings
from alfvideo.planning.known_checksums import Checksums
from alfvideo.session import folders
from alfvideo.session.folders import Lookups

FOLDER = Path(".scan")
"""In the working folder: one file for each data folder."""

SETTLED = 2 * 10**9
"""Nanoseconds after which another change has another time, on any file system."""

MAX_BYTES = 2**30
"""Of the memory of a million sessions."""

CHOICE = {"root", "sessions", "subjects", "from_date", "to_date"}
"""Keys of the configuration that choose sessions and change nothing in them."""

SOURCES = Path(__file__).parents[1]
"""Another version of alfvideo may find something else."""

Row = tuple[str, ...]

# Path.stat, on paths that are made for it, takes a second more for 10,000 sessions.
_stat = os.stat


class Watched(NamedTuple):
    """Folders and files that a finding depends on, relative to the session."""

    folders: tuple[str, ...]
    files: tuple[str, ...]


class Entry(NamedTuple):
    """Findings in a session, and the time of its provenance's last change, in ns."""

    watched: Watched
    found: tuple[Row, ...]
    stamp: str
    made: int


class Memory:
    """Findings of earlier scans in the sessions of a data folder, while they are scanned.

    Without a file it knows nothing and remembers nothing. It is only there to save time: a file
    that cannot be read is taken for empty, one that cannot be written is left alone.
    """

    def __init__(
        self, file: Path | None = None, key: str = "", checksums: Checksums | None = None
    ) -> None:
        self._file = file
        self.checksums = checksums or Checksums()
        self._key = key
        self._settled = time.time_ns() - SETTLED
        self._days, self._entries = _load(file, key) if file else ({}, {})
        self._before = self._days.copy(), self._entries.copy()
        self._visited: dict[str, list[str]] = {}

    def numbers(self, day: str) -> list[str]:
        """List names of the session folders of a day, as `folders.numbers`."""
        stamp, latest = _stamp(day, Watched(("",), ()))
        known, found = self._days.pop(day, ("", []))
        if known != stamp:
            found = folders.numbers(day)
        if latest < self._settled:
            self._days[day] = stamp, found
        self._visited[day] = found
        return found

    def recall(self, path: Path) -> tuple[Row, ...] | None:
        """Return what was found in a session; None if that is unknown or uncertain."""
        entry = self._entries.get(str(path))
        if entry is None:
            return None
        with suppress(OSError):
            if _stamp(path, entry.watched)[0] == entry.stamp:
                return entry.found
        del self._entries[str(path)]
        return None

    def remember(self, path: Path, found: tuple[Row, ...], seen: Lookups) -> None:
        """Keep what was found in a session from what was seen, if it has settled."""
        if self._file is None:
            return
        with suppress(OSError):
            watched = _watched(path, seen)
            stamp, latest = _stamp(path, watched)
            if latest < self._settled:
                made = _modified(path / provenance.FILE_NAME)
                self._entries[str(path)] = Entry(watched, found, stamp, made)

    @property
    def made(self) -> dict[Path, int]:
        """Time of the last change of each remembered session's provenance, in ns."""
        return {Path(path): entry.made for path, entry in self._entries.items() if entry.made}

    def save(self) -> None:
        """Write what is known now, if that is not what is there already."""
        self.checksums.save()
        if self._file is None:
            return
        days = {day: self._days[day] for day in self._visited if day in self._days}
        entries = {
            path: entry
            for day, numbers in self._visited.items()
            for number in numbers
            if (entry := self._entries.get(path := f"{day}/{number}"))
        }
        if (days, entries) == self._before:
            return
        watched: dict[Watched, int] = {}
        found: dict[tuple[Row, ...], int] = {}
        sessions = {
            path: [
                watched.setdefault(entry.watched, len(watched)),
                found.setdefault(entry.found, len(found)),
                entry.stamp,
                entry.made,
            ]
            for path, entry in entries.items()
        }
        content = {
            "key": self._key,
            "days": days,
            "watched": list(watched),
            "found": list(found),
            "sessions": sessions,
        }
        with suppress(OSError), atomic.output(self._file) as partial:
            partial.write_text(json.dumps(content), encoding="utf-8")


def load_memory(root: Path, config: Configuration, folder: Path = FOLDER) -> Memory:
    """Load what is known of the sessions below a folder, as it is with this configuration."""
    name = hashlib.md5(str(root).encode()).hexdigest()
    checksums = Checksums(root, folder / f"{name}_checksums.json")
    return Memory(folder / f"{name}.json", _key(config), checksums)


def _key(config: Configuration) -> str:
    """Return a digest of all that findings depend on besides the sessions themselves."""
    versions = [
        (file.relative_to(SOURCES).as_posix(), _modified(file), file.stat().st_size)
        for file in sorted(SOURCES.rglob("*.py"))
    ]
    settings = config.model_dump(mode="json", exclude=CHOICE)
    everything = [versions, settings, task_settings.outside(config)]
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()


def _load(file: Path, key: str) -> tuple[dict[str, tuple[str, list[str]]], dict[str, Entry]]:
    """Load days and sessions of a file; none if it is of another key or cannot be read."""
    try:
        content = json.loads(regular.read(file, MAX_BYTES))
        if content["key"] != key:
            return {}, {}
        watched = [Watched(*map(tuple, names)) for names in content["watched"]]
        found = [tuple(map(tuple, rows)) for rows in content["found"]]
        entries = {
            path: Entry(watched[w], found[f], str(stamp), int(made))
            for path, (w, f, stamp, made) in content["sessions"].items()
        }
        days = {day: (str(stamp), list(names)) for day, (stamp, names) in content["days"].items()}
        return days, entries
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return {}, {}


def _watched(path: Path, seen: Lookups) -> Watched:
    """Choose what to watch of all that was looked up in a session."""
    top = str(path)
    folders = {""}
    for folder, entries in seen.folders.items():
        while not entries and folder != top and not Path(folder).is_dir():
            folder = folder.rpartition("/")[0]
        folders.add(folder[len(top) + 1 :])
    files = {file[len(top) + 1 :] for file in seen.files}
    return Watched(tuple(sorted(folders)), tuple(sorted(files)))


def _stamp(path: Path | str, watched: Watched) -> tuple[str, int]:
    """Return a digest of times and sizes of what is watched, and the latest time, in ns."""
    times: list[int] = []
    sizes: list[int] = []
    for name in watched.folders:
        times += _times(_stat(f"{path}/{name}"))
    for name in watched.files:
        found = _stat(f"{path}/{name}")
        times += _times(found)
        sizes.append(found.st_size)
    digest = hashlib.blake2b(array("q", times + sizes).tobytes(), digest_size=12)
    return digest.hexdigest(), max(times)


def _times(found: os.stat_result) -> tuple[int, int]:
    return found.st_mtime_ns, found.st_ctime_ns


def _modified(file: Path) -> int:
    """Return the time at which a file was last changed, in ns; 0 if it is not there."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
