"""Names of sessions and datasets that ONE reads as they are, and what it makes of the others.

ONE looks for its patterns somewhere in a path: it takes the subject "mouse 1" for "1", and so it
does with "rat 1". What it would call otherwise is neither put in its tables nor on a server.
"""

from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path

from one.alf.path import ALFPath, rel_path_parts

from alfvideo.files.errors import Blocked

CURE = "rename the folder to letters, digits, '.', '-' and '_'"
SUBJECTS = "Subjects"
"""The folder between that of a lab and those of its subjects."""


def check_session(session: Path) -> None:
    """See that ONE reads subject, date and number as the folders of a session are called.

    Raises
    ------
    Blocked
        If it reads something else.
    """
    subject, day, number = session.parts[-3:]
    try:
        is_written_so = (date.fromisoformat(day).isoformat(), f"{int(number):03d}") == (day, number)
    except ValueError:
        is_written_so = False
    if not is_written_so:
        raise Blocked(f"{day}/{number} is no day of the calendar and number: rename the folder")
    if (read := _subject_read(subject)) != subject:
        raise Blocked(f"ONE cannot hold the subject {subject!r}{_taken(read)}: {CURE}")


def of_session(root: Path, session: Path) -> str:
    """Return the name of a session in the tables of a data folder, as ONE finds its folder by it.

    That is `lab/subject/date/number`, or without lab if no folder names it.

    Raises
    ------
    Blocked
        If ONE would look for it elsewhere.
    """
    check_session(session)
    parts = session.relative_to(root).parts
    if len(parts) == 3:
        return "/".join(parts)
    if len(parts) != 5 or parts[1] != SUBJECTS:
        raise Blocked(
            f"ONE looks for sessions in SUBJECT/DATE/NUMBER and LAB/{SUBJECTS}/SUBJECT/DATE/NUMBER "
            "below its folder: move the session there"
        )
    if (lab := _lab_read(parts[0])) != parts[0]:
        raise Blocked(
            f"ONE cannot hold the lab {parts[0]!r}{_taken(lab)}: rename the folder to letters, "
            "digits and '_'"
        )
    return "/".join((parts[0], *parts[2:]))


@cache
def _subject_read(subject: str) -> str:
    read: str = ALFPath(subject, "2000-01-01", "001").session_parts[1]
    return read


@cache
def _lab_read(lab: str) -> str:
    read: str = ALFPath(lab, SUBJECTS, "a", "2000-01-01", "001").session_parts[0]
    return read


def holds(dataset: str) -> bool:
    r"""Return whether ONE reads collection, revision and name of a dataset as they are.

    >>> holds("alf/#2026-01-01#/a.b.npy"), holds("alf/#2026 1#/a.b.npy"), holds("alf/../a.b.npy")
    (True, False, False)
    """
    parts = rel_path_parts(dataset, assert_valid=False)
    return any(parts) and dataset.isprintable() and ".." not in dataset.split("/")


def left_out(root: Path, sessions: Iterable[Path]) -> list[str]:
    """Say which sessions are not in the tables of a data folder because of their names, and why.

    One sentence for each reason.
    """
    found: dict[str, list[str]] = {}
    for session in sessions:
        try:
            of_session(root, session)
        except Blocked as reason:
            found.setdefault(str(reason), []).append(session.relative_to(root).as_posix())
    return [
        f"Not in the ONE tables: {names[0]}"
        f"{f' and {len(names) - 1} more' if names[1:] else ''}: {reason}."
        for reason, names in found.items()
    ]


def _taken(name: str) -> str:
    return f", which it takes for {name!r}" if name else ""
