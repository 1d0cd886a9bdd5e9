"""Reads raw files and results, and compares them with the checksums that are on record."""

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from alfvideo.files import checksums
from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance
from alfvideo.jobs.provenance import Entry, Fingerprint
from alfvideo.planning import up_to_date
from alfvideo.session import quarantine

SECONDS_BETWEEN_REPORTS = 10

OWN = {provenance.FILE_NAME, provenance.FAILED}
"""Files of a session that are records themselves."""


class Part(NamedTuple):
    """One of `n` equal parts of all files; which part a file is in depends on its path only."""

    number: int = 0
    n: int = 1

    def has(self, name: str) -> bool:
        """Return whether a file is in this part.

        >>> [sum(Part(n, 4).has(str(i)) for i in range(1000)) for n in range(4)]
        [252, 253, 235, 260]
        """
        digest = hashlib.md5(os.fsencode(name), usedforsecurity=False).digest()
        return int.from_bytes(digest[:8], "big") % self.n == self.number % self.n


ALL = Part()


def part(sample: str, today: float | None = None) -> Part:
    """Return the part of the files to be read today, for a share such as '1%'.

    Each day has the next part, so that with 1 % a hundred days have them all.

    >>> part("1%", today=86400 * 203), part("100%"), part("30%", today=0)
    (Part(number=3, n=100), Part(number=0, n=1), Part(number=0, n=3))

    Raises
    ------
    DataError
        If it is no share between 0 and 100 %.
    """
    try:
        share = float(sample.strip().removesuffix("%"))
    except ValueError:
        share = 0
    if not 0 < share <= 100:
        raise DataError(f"--sample {sample}: give a share of the files, such as 1%.")
    n = max(1, int(100 / share))
    days = int((time.time() if today is None else today) // 86400)
    return Part(days % n, n)


@dataclass
class Findings:
    """Sums of the files read, and a sentence for each that is not the recorded one."""

    checked: int = 0
    in_part: int = 0
    """Those of `checked` of which only pieces are on record."""
    read: int = 0
    """Bytes."""
    without: int = 0
    """Files that have no checksum on record."""
    wrong: list[str] = field(default_factory=list)

    def sentence(self) -> str:
        """Return the sums in words."""
        pieces = f" ({self.in_part:,} of them in part)" if self.in_part else ""
        return (
            f"{self.checked:,} files checked{pieces}, {self.read / 1e9:,.1f} GB read; "
            f"{len(self.wrong):,} differ; {self.without:,} have no checksum on record."
        )


def verify(
    sessions: Iterable[Path], chosen: Part = ALL, say: Callable[[str], None] = print
) -> Findings:
    """Compare the files of sessions with their records, and say at once what differs.

    How far it is goes to standard error every ten seconds.
    """
    findings = Findings()
    reports = time.monotonic()

    def go_on(size: int) -> bool:
        nonlocal reports
        findings.read += size
        if time.monotonic() - reports >= SECONDS_BETWEEN_REPORTS:
            reports = time.monotonic()
            print(f"so far: {findings.sentence()}", file=sys.stderr, flush=True)
        return True

    for session in sessions:
        for sentence in _of_session(session, chosen, findings, go_on):
            findings.wrong.append(sentence)
            say(sentence)
    return findings


def _of_session(
    session: Path, chosen: Part, findings: Findings, go_on: Callable[[int], bool]
) -> Iterator[str]:
    try:
        yield from _verify_session(session, chosen, findings, go_on)
    # Whatever is wrong with a session: the others are verified.
    except Exception as error:
        yield f"{session}: {quarantine.reason(error, session)}"


def _verify_session(
    session: Path, chosen: Part, findings: Findings, go_on: Callable[[int], bool]
) -> Iterator[str]:
    records, unknown = provenance.readable(session)
    if unknown:
        yield unknown
        return
    known = on_record(records)
    findings.without += sum(
        chosen.has(f"{session}/{name}") for name in files(session) if name not in known
    )
    for name, recorded in sorted(known.items()):
        if chosen.has(f"{session}/{name}"):
            try:
                if wrong := _compare(session / name, recorded, findings, go_on):
                    yield wrong
            except OSError as error:
                yield f"{session / name} cannot be read: {error.strerror or error}."


def on_record(records: Mapping[str, Entry]) -> dict[str, Fingerprint]:
    """Return what is on record of the results and inputs of a session, by name; the latest counts.

    Files that have no checksum there are left out, and so are those outside the session and raw
    videos that were removed on purpose.
    """
    known: dict[str, Fingerprint] = {}
    removed: set[str] = set()
    for entry in sorted(records.values(), key=lambda entry: str(entry.get("finished", ""))):
        for name, file in entry.get("inputs", {}).items():
            whole = known.get(name, {}).get("md5")
            same = provenance.same_stamp(known.get(name, {}), file)
            known[name] = {"md5": whole, **file} if whole and same else file
        if entry.get("rule") == "video_remove_original":
            removed.update(name for name in entry.get("inputs", ()) if not name.endswith(".mp4"))
    known |= {name: entry["output"] for name, entry in records.items() if "output" in entry}
    return {
        name: file
        for name, file in known.items()
        if is_inside(name) and name not in removed and {"md5", "sample"} & file.keys()
    }


def is_inside(name: str) -> bool:
    """Return whether a name on record is that of a file of the session.

    >>> is_inside("alf/licks.times.npy"), is_inside("/dev/zero"), is_inside("alf/../../x")
    (True, False, False)
    """
    return not name.startswith("/") and ".." not in Path(name).parts


def files(session: Path) -> Iterator[str]:
    """Yield names of the files of a session, without hidden ones and its own records."""
    for folder, folders, names in os.walk(session):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file = str(Path(folder, name).relative_to(session))
            if not name.startswith(".") and file not in OWN:
                yield file


def _compare(
    path: Path, recorded: Fingerprint, findings: Findings, go_on: Callable[[int], bool]
) -> str:
    """Say what is wrong with a file, if anything is."""
    findings.checked += 1
    try:
        found = path.stat()
    except FileNotFoundError:
        return f"{path} is gone."
    if not S_ISREG(found.st_mode):
        return f"{path} is not a file, but something else of this name."
    if recorded.get("size") != found.st_size:
        return (
            f"{path} has {found.st_size:,} bytes, {recorded.get('size', 0):,} are on record: it "
            "was cut, replaced or sent again."
        )
    if "md5" in recorded:
        same = checksums.md5(path, go_on) == recorded["md5"]
    else:
        findings.in_part += 1
        same = checksums.quick(path, found) == recorded["sample"]
        go_on(checksums.PIECES * checksums.PIECE)
    if same:
        return ""
    if up_to_date.is_as_made(found, recorded):
        return (
            f"{path} has other content, with the size and date on record: the disk or a copy has "
            "damaged it. Bring it back from another copy."
        )
    return f"{path} has other content than is on record, of the same size: it was replaced."
