"""A recording session and its cameras, and which of their files are there."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cache
from pathlib import Path

from alfvideo.files import regular
from alfvideo.files.errors import Blocked
from alfvideo.session.folders import Listing, Lookups, is_file, unusable

VIDEO_COLLECTION = "raw_video_data"


@dataclass(frozen=True)
class Camera:
    """A camera of a session; `sync_label` names the DAQ channel wired to its GPIO.

    `described` holds what the description expects of its video: `width` and `height` in pixels and
    `fps` in Hz, as far as they are there.
    """

    label: str
    collection: str = VIDEO_COLLECTION
    sync_label: str | None = "audio"
    compressed: bool = False
    described: Mapping[str, float] = field(default_factory=dict)


ALL_CAMERAS = Camera(label="")
"""Stands for all cameras of a session together."""


@dataclass(frozen=True)
class Session:
    """The recordings of a session and their places. Paths inside it are relative to `path`.

    `sync` is the device that recorded the pulses, a key of `rigs.RIGS`, and `namespace` that of its
    sync arrays. `protocols` are the names of the tasks, in order;
    `projects` those of the projects that it belongs to.
    """

    path: Path
    cameras: Mapping[str, Camera]
    sync: str
    namespace: str
    sync_collection: str
    task_collection: str
    protocols: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    lookups: Lookups = field(default_factory=Lookups, compare=False, repr=False)
    _found: dict[tuple[str, ...], list[Path]] = field(
        default_factory=dict, compare=False, repr=False
    )
    _checked: set[str] = field(default_factory=set, compare=False, repr=False)
    _paths: dict[tuple[str, str, str], Path] = field(
        default_factory=dict, compare=False, repr=False
    )
    revisions: dict[Path, str] = field(default_factory=dict, compare=False, repr=False)
    """By path of a result without revision: that which counts, as it is in the path."""

    def listing(self, collection: str) -> Listing:
        """List entries of a collection by name, read from disk once; empty if it does not exist."""
        return self.lookups.listing(
            f"{self.path}/{collection}" if collection != "." else f"{self.path}"
        )

    def siblings(self, file: Path) -> Listing:
        """List entries of the folder of a file of the session, by name."""
        return self.lookups.listing(str(file).rpartition("/")[0])

    def has(self, file: Path) -> bool:
        """Return whether a file of the session is there and not empty.

        Raises
        ------
        Blocked
            As `check`.
        """
        return file.name in self.siblings(file) and self.stat(str(file)).st_size > 0

    def stat(self, file: str) -> os.stat_result:
        """Return size and dates of a file of the session that is listed, read from disk once.

        Raises
        ------
        Blocked
            As `check`.
        """
        folder, _, name = file.rpartition("/")
        try:
            return self.lookups.listing(folder)[name].stat()
        except OSError:
            self.check(Path(file))
            raise

    def check(self, file: Path) -> None:
        """See that a file, if it is there, is one that can be read and that Snakemake can have.

        Raises
        ------
        Blocked
            If it is a link to nothing, a folder, a pipe, or has a name that Snakemake cannot have.
        """
        place = str(file)
        if place in self._checked:
            return
        entry = self.siblings(file).get(file.name)
        if entry is None:
            return
        if what := unusable(file.name):
            raise Blocked(f"{str(file)!r}: {what}: rename the file")
        if is_file(entry):
            self._checked.add(place)
            return
        # What a link leads to changes without a change here.
        self.lookups.cacheable = False
        if not file.exists():
            raise Blocked(f"{file} is a link to a file that is not there: bring it here")
        what = regular.kind(file.stat().st_mode)
        raise Blocked(f"{file} is {what}, expected a file: remove it")

    def find(self, collection: str, *patterns: str) -> list[Path]:
        """Find files of a collection that match any of the glob patterns, sorted by name.

        Raises
        ------
        Blocked
            As `check`.
        """
        key = (collection, *patterns)
        if key not in self._found:
            matches = any_of(patterns)
            names = sorted(name for name in self.listing(collection) if matches(name))
            found = [self.path / collection / name for name in names]
            for file in found:
                self.check(file)
            self._found[key] = found
        return list(self._found[key])

    def file(self, pattern: str, camera: Camera, revision: str = "") -> Path:
        """Return a camera's path of a pattern such as '{session}/{collection}/{camera}.avi'."""
        key = (pattern, camera.label, revision)
        if key not in self._paths:
            of_camera = {
                "camera": camera.label,
                "collection": camera.collection,
                "revision": revision,
            }
            self._paths[key] = Path(pattern.format(session=self.path, **of_camera))
        return self._paths[key]


@cache
def any_of(patterns: tuple[str, ...]) -> Callable[[str], object]:
    """Compile a test whether a name matches one of the glob patterns."""
    return re.compile("|".join(map(translate, patterns))).match
