"""Protection of the files of many sessions, asked in a few requests."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from alfvideo.registration.alyx import dataset_plan
from alfvideo.registration.alyx.connection import Client


def find(sessions: Iterable[Path], client: Client) -> dict[Path, set[str]]:
    """Return the paths of the protected files of each session; two requests for a subject.

    Raises
    ------
    DataError
        If the server does not answer, or refuses to.
    """
    by_subject = defaultdict(list)
    for session in sessions:
        by_subject[session.parts[-3]].append(session)
    return {
        session: files
        for subject, of_subject in by_subject.items()
        for session, files in _of_subject(subject, of_subject, client).items()
    }


def _of_subject(subject: str, sessions: list[Path], client: Client) -> dict[Path, set[str]]:
    doing = f"say what is protected of subject {subject}"
    records = client.find_all("/datasets", doing, subject=subject, protected="True", limit=1000)
    files = defaultdict(set)
    for record, dataset in zip(records, dataset_plan.known(records), strict=True):
        files[record["session"].rstrip("/").rpartition("/")[2]].add(dataset.path)
    found: dict[Path, set[str]] = {session: set() for session in sessions}
    if files:
        there = client.find_all("/sessions", doing, subject=subject, limit=1000)
        # Alyx looks for subjects without regard to case.
        eids = {
            (each["start_time"][:10], int(each["number"])): each["id"]
            for each in there
            if each["subject"] == subject
        }
        for session in sessions:
            eid = eids.get((session.parts[-2], int(session.parts[-1])))
            found[session] |= files[eid]
    return found
