"""Removes the raw videos of a camera once nothing is in them that its mp4 has not."""

import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NotRequired, cast

from alfvideo.files import aside, atomic, checksums, flock, regular
from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance, raw_datasets
from alfvideo.jobs.raw_datasets import RawDataset
from alfvideo.video import compare

log = logging.getLogger(__name__)

REMOVED = "removed.jsonl"
"""In the data folder: a line for each raw file that was removed."""

ATTEMPTS = 1000
"""Jobs of other sessions write to the same file, each for a moment."""


class Removed(RawDataset):
    """A line of `REMOVED`."""

    session: str
    """Inside the data folder."""
    mp4: str
    """The video that replaces it, inside the session."""
    mp4_hash: str
    """MD5."""
    time: str
    """As `provenance.now` gives it."""
    link_to: NotRequired[str]
    """The file that a link led to: only the link was removed."""


def remove(
    originals: Sequence[Path], mp4: Path, session: Path, root: Path, record: Path
) -> list[str]:
    """Check the mp4 against the raw video, record what goes, and remove it.

    Returns a note for each file that was a link: what it leads to is not removed.

    `originals` are the video and whatever is recorded beside it; `record` is written, and `REMOVED`
    in `root`, before the first of them goes, the video itself last: whoever is stopped in between
    does all again with what is left.

    Raises
    ------
    DataError
        If the mp4 is not the one that is on record, or does not show what the video shows, or a
        file changed since the mp4 was made or meanwhile. Nothing is removed then.
    """
    before = [path.stat() for path in originals]
    made = _entry_of(mp4, session)
    here = raw_datasets.describe(originals, session)
    _check_unchanged(originals, here, made)
    gone = list(_gone_before(root, session, mp4, here))
    if not (gone and _noted(root, session, mp4, made, here)):
        _check(originals, mp4, here, made)
    for path, seen in zip(originals, before, strict=True):
        now = path.stat()
        if (now.st_size, now.st_mtime_ns) != (seen.st_size, seen.st_mtime_ns):
            raise DataError(f"{path} changed while it was compared with its mp4. Run again.")
    with atomic.output(record) as partial:
        raw_datasets.write([*here, *gone], partial)
    _note(root, session, mp4, made, here)
    notes = [
        f"{path} was a link, which was removed; the file that it led to, {path.resolve()}, is kept."
        for path in originals
        if path.is_symlink()
    ]
    for path in reversed(originals):
        path.unlink()
    return notes


def _entry_of(mp4: Path, session: Path) -> provenance.Entry:
    """Return the record of an mp4, which is set aside if it is not the recorded one."""
    name = provenance.relative(mp4, session)
    entry = provenance.read(session).get(name, {})
    known = entry.get("output", {}).get("md5")
    if known is None:
        raise DataError(
            f"{mp4}: there is no record of its checksum in {provenance.FILE_NAME}, so it may not "
            "replace the raw video, which is kept. Remove it and run again: it is regenerated."
        )
    if provenance.md5(mp4) != known:
        kept = aside.set_aside(mp4)
        raise DataError(
            f"{mp4} is not as it was made (its checksum is another one). The raw video is kept and "
            f"this file is set aside as {kept.name}. Run again: it is regenerated."
        )
    return entry


def _check_unchanged(
    originals: Sequence[Path], here: Sequence[RawDataset], made: provenance.Entry
) -> None:
    """See that the mp4 was made from these files; it may be the only whole one if they changed."""
    for path, dataset in zip(originals, here, strict=True):
        known = made.get("inputs", {}).get(dataset["path"], {})
        if "md5" in known:
            is_same = known["md5"] == dataset["hash"]
        elif "sample" in known:
            is_same = known["sample"] == checksums.quick(path, path.stat())
        else:
            continue
        if not is_same:
            raise DataError(
                f"{path} is not as it was when its mp4 was made (its checksum is another one), and "
                "the mp4 is. Both are kept. If the raw file was damaged, keep the mp4: put back a "
                "whole raw file, or remove the damaged one by hand. If it was replaced by another "
                "recording, remove the mp4 and run again: it is regenerated."
            )


def _check(
    originals: Sequence[Path], mp4: Path, here: Sequence[RawDataset], made: provenance.Entry
) -> None:
    """Compare the video with the mp4, and what is beside it with the copy that has its ending.

    Both may be in several parts, which are one after the other in what was made of them.
    """
    crf = made.get("params", {}).get("crf")
    step = 0.0 if crf is None else compare.quantiser_step(float(crf))
    endings = dict.fromkeys(path.suffix for path in originals)
    video, *others = ([path for path in originals if path.suffix == each] for each in endings)
    compare.check_every_frame(video, mp4, step)
    for parts in others:
        copy = mp4.with_suffix(parts[0].suffix)
        if not copy.exists() or provenance.md5(copy) != _md5(parts, originals, here):
            names = ", ".join(path.name for path in parts)
            raise DataError(
                f"{copy} is not a copy of {names}, which is kept. Remove it and run again."
            )


def _md5(parts: Sequence[Path], originals: Sequence[Path], here: Sequence[RawDataset]) -> str:
    """Return the MD5 of files after each other; that of a single one is known."""
    if len(parts) == 1:
        return here[originals.index(parts[0])]["hash"]
    return checksums.md5_joined(parts)


def _gone_before(
    root: Path, session: Path, mp4: Path, here: Sequence[RawDataset]
) -> Iterator[RawDataset]:
    """Yield what an earlier attempt, which was stopped, has removed for the same mp4."""
    known = {dataset["path"] for dataset in here}
    name = provenance.relative(mp4, session)
    for line in removed(root):
        path, of_this = line["path"], (line["session"], line["mp4"]) == (_name(session, root), name)
        if of_this and path not in known and not (session / path).exists():
            known.add(path)
            yield {"path": path, "file_size": line["file_size"], "hash": line["hash"]}


def _noted(
    root: Path, session: Path, mp4: Path, made: provenance.Entry, here: Sequence[RawDataset]
) -> bool:
    """Return whether all that is here was compared with this mp4 before, which is noted then.

    Of a video in several parts some may be gone.
    """
    this = (_name(session, root), provenance.relative(mp4, session), made["output"]["md5"])
    noted = {
        (line["path"], line["hash"])
        for line in removed(root)
        if (line["session"], line["mp4"], line["mp4_hash"]) == this
    }
    return all((dataset["path"], dataset["hash"]) in noted for dataset in here)


def _name(session: Path, root: Path) -> str:
    return session.relative_to(root).as_posix()


def removed(root: Path) -> Iterator[Removed]:
    """Yield the lines of `REMOVED`; those that were cut, when the disk was full, are left out."""
    try:
        descriptor = regular.open_for_reading(root / REMOVED)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            with suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict) and Removed.__required_keys__ <= found.keys():
                    yield cast(Removed, found)


def _note(
    root: Path,
    session: Path,
    mp4: Path,
    made: provenance.Entry,
    datasets: Iterable[RawDataset],
) -> None:
    """Add a line for each file to `REMOVED`, on disk before this returns."""
    noted = {(line["session"], line["path"], line["hash"]) for line in removed(root)}
    lines: list[Removed] = [
        {
            "path": dataset["path"],
            "file_size": dataset["file_size"],
            "hash": dataset["hash"],
            "session": _name(session, root),
            "mp4": provenance.relative(mp4, session),
            "mp4_hash": made["output"]["md5"],
            "time": provenance.now(),
        }
        for dataset in datasets
        if (_name(session, root), dataset["path"], dataset["hash"]) not in noted
    ]
    for line in lines:
        path = session / line["path"]
        if path.is_symlink():
            line["link_to"] = str(path.resolve())
    text = "".join(json.dumps(line) + "\n" for line in lines)
    descriptor = regular.open_for_writing(root / REMOVED, os.O_APPEND | os.O_CREAT)
    with os.fdopen(descriptor, "r+b") as file:
        with suppress(OSError):
            # A file system without locks writes a short line as a whole.
            flock.exclusive(descriptor, ATTEMPTS)
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            text = text if file.read(1) == b"\n" else f"\n{text}"
        file.write(text.encode())
        file.flush()
        os.fsync(descriptor)
