"""Session folders on disk: found below a root, each listed once, with a note of what was read."""

import logging
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from one.alf import spec

from alfvideo.files import checksums

log = logging.getLogger(__name__)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMBER = re.compile(r"\d{3}")
_CONTENT = re.compile(r"alf|raw_\w+_data.*|_ibl_experiment\.description.*", re.IGNORECASE)
"""Names of what only session folders hold."""

_FILE_FOR_SESSION = re.compile(
    r"\d{3}(\.(tar|zip|7z|rar|gz|bz2|xz|zst|tgz|tbz2|txz|part|filepart))*", re.IGNORECASE
)
"""Names of files that stand where the folder of a session should be: packed, or half copied."""

_MEANS_SOMETHING = re.compile(r"<[a-z]\w*>|[{}]")
_NOT_PRINTABLE = re.compile("[\\x00-\\x1f\\x7f\\x85\\u2028\\u2029\\ud800-\\udfff]")

Listing = Mapping[str, os.DirEntry[str]]
"""Entries of a folder by name."""

Checksum = Callable[[Path, os.stat_result], str]
"""Gives the quick checksum of a file, as `checksums.quick`; it may remember it."""


def listing(folder: Path | str) -> Listing:
    """List entries of a folder by name; empty if it does not exist.

    Names that begin with a dot are no data: macOS leaves `._NAME` beside each file.
    """
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry for entry in entries if entry.name[0] != "."}
    except (FileNotFoundError, NotADirectoryError):
        return {}


def matching(folder: Path, pattern: str) -> list[Path]:
    """List files below a folder by a glob pattern, sorted; none whose name begins with a dot."""
    return sorted(file for file in folder.glob(pattern) if file.name[0] != ".")


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


def unusable(name: str) -> str:
    """Say why Snakemake cannot have a path with this in it; empty if it can.

    >>> unusable("mouse 1%"), unusable("a{b}")
    ('', '{ in a path means something to Snakemake')
    """
    if found := _MEANS_SOMETHING.search(name):
        return f"{found[0]} in a path means something to Snakemake"
    if found := _NOT_PRINTABLE.search(name):
        return f"{found[0]!r} in a path is no printable character"
    return ""


def numbers(day: str) -> list[str]:
    """List names in the folder of a day, sorted: of its sessions, and of others as in `walk`.

    "." is the day itself.
    """
    entries = sorted(listing(day).items())
    names = [name for name, entry in entries if _is_or_may_be_session(name, entry)]
    return ["."] * _has_content(dict(entries)) + names


def _is_or_may_be_session(name: str, entry: os.DirEntry[str]) -> bool:
    if is_folder(entry):
        return bool(_NUMBER.fullmatch(name)) or _holds_content(entry.path)
    return bool(_FILE_FOR_SESSION.fullmatch(name)) or leads_nowhere(entry)


def _has_content(names: Iterable[str]) -> bool:
    """Return whether the names in a folder are those of a session."""
    return any(map(_CONTENT.fullmatch, names))


def _holds_content(folder: str) -> bool:
    try:
        return _has_content(listing(folder))
    except OSError:
        return False


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_file(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a file, or a link to one."""
    try:
        return entry.is_file()
    except OSError:
        return False


def leads_nowhere(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a link to nothing, and named as folders are: without an ending."""
    return "." not in entry.name and entry.is_symlink() and not Path(entry).exists()


def discover(root: Path, numbers: Callable[[str], list[str]] = numbers) -> Iterator[Path]:
    """Yield session folders (`.../YYYY-MM-DD/NNN`) at any depth below a folder, no hidden ones.

    Otherwise as `walk`.
    """
    found = filter(is_session_folder, walk(root, numbers))
    return (path for path in found if not path.is_file())


def walk(root: Path, numbers: Callable[[str], list[str]] = numbers) -> Iterator[Path]:
    """Yield session folders, and what may have been meant as one or as a folder of them.

    These are folders that hold the data of a session and are not called so, packed sessions, and
    links to nothing.

    `numbers` gives the names in the folder of a day; it may remember them. Links are followed
    to folders that are not found otherwise. A folder that may not be read is left out with a
    warning.
    """
    trees = [str(root)]
    covered: set[str] = set()
    while trees:
        links: list[str] = []
        for tree in trees:
            real = os.path.realpath(tree)
            if not _is_covered(real, covered) and not _holds(real, root):
                covered.add(real)
                yield from _below(tree, numbers, links)
        trees = links


def _is_covered(real: str, covered: Collection[str]) -> bool:
    """Return whether a folder is one that is looked at already, or visible below one."""
    return any(
        real == each or (real.startswith(f"{each}/") and "/." not in real[len(each) :])
        for each in covered
    )


def _holds(real: str, root: Path) -> bool:
    """Return whether a folder holds the data folder, which would be looked at for ever."""
    return os.path.realpath(root).startswith(f"{real.rstrip('/')}/")


def _below(tree: str, numbers: Callable[[str], list[str]], links: list[str]) -> Iterator[Path]:
    """Yield as `walk` from a tree of folders, and add the links to folders to `links`."""
    waiting = [tree]
    while waiting:
        folder = waiting.pop()
        try:
            if _DATE.fullmatch(folder.rpartition("/")[2]):
                yield from (Path(folder, name) for name in numbers(folder))
                continue
            entries = sorted(listing(folder).items(), reverse=True)
        except OSError as error:
            why = "No permission to read" if isinstance(error, PermissionError) else error.strerror
            log.warning("%s %s: sessions in it are left out.", why, folder)
            continue
        if _has_content(dict(entries)) and not is_session_folder(Path(folder)):
            yield Path(folder)
        for name, entry in entries:
            if entry.is_symlink():
                if is_folder(entry):
                    links.append(f"{folder.rstrip('/')}/{name}")
                elif leads_nowhere(entry):
                    yield Path(folder, name)
            elif entry.is_dir():
                waiting.append(f"{folder.rstrip('/')}/{name}")


def is_session_folder(path: Path) -> bool:
    """Return whether a path ends with a date and a number, whatever is above these.

    >>> is_session_folder(Path("2026-01-01/001")), is_session_folder(Path("KB001/2026-01-01"))
    (True, False)
    """
    return bool(_NUMBER.fullmatch(path.name) and _DATE.fullmatch(path.parent.name))


def is_session(path: Path) -> bool:
    """Return whether a path is that of a session folder.

    >>> is_session(Path('/data/Subjects/KB001/2026-01-01/001'))
    True
    >>> is_session(Path('/data/Subjects/KB001/2026-01-01/001/alf'))
    False
    """
    return bool(spec.is_session_path(path))


def why_not_written_to(link: Path, session: Path) -> str:
    """Say why results are not written where a link of a session leads; empty if they are.

    A link out of the session counts if somebody made it who could write there as well: who runs
    this, the owner of the session, or root.
    """
    target, own = Path(os.path.realpath(link)), Path(os.path.realpath(session))
    if target.is_relative_to(own):
        return ""
    for folder in (target, *target.parents):
        if _NUMBER.fullmatch(folder.name) and _DATE.fullmatch(folder.parent.name):
            return "into another session, whose files would be overwritten"
    if link.lstat().st_uid not in (os.geteuid(), session.stat().st_uid, 0):
        return f"out of the session, made by another user ({link.lstat().st_uid})"
    return ""
