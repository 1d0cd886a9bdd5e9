"""The session on Alyx: found by subject, date and number, created only if it is not there."""

import logging
from collections.abc import Mapping
from typing import Any

from alfvideo.files.errors import DataError
from alfvideo.registration.alyx.connection import Client, Refused
from alfvideo.registration.alyx.records import Details, SessionRecord

log = logging.getLogger(__name__)


def ensure(record: SessionRecord, client: Client) -> tuple[dict[str, Any], bool]:
    """Return the session's record on Alyx, and whether it was created now.

    A session that is there is only read: its times and users are not ours.

    Raises
    ------
    DataError
        If the subject is not known, or the session is there more than once.
    """
    if found := find(record, client):
        return found, False
    subject = _subject(record, client)
    details = record.details
    users = [user for user in details.users if _is_known(user, client)]
    request = creation(record, users, subject)
    created = client.post(
        "/sessions",
        f"create session {record.name}",
        request,
        existing=lambda: find(record, client),
    )
    log.info("Alyx: created session %s, %s.", record.name, created["id"])
    return created, True


def find(record: SessionRecord, client: Client) -> dict[str, Any] | None:
    """Return the session's whole record on Alyx, or None."""
    subject, date, number = record.parts
    doing = f"look up session {record.name}"
    sessions = client.find_all(
        "/sessions", doing, subject=subject, date_range=f"{date},{date}", number=number
    )
    # Alyx looks for subjects without regard to case, but files belong to the exact one.
    ids = [each["id"] for each in sessions if each["subject"] == subject]
    if len(ids) > 1:
        raise DataError(
            f"Alyx at {client.url} has session {record.name} {len(ids)} times "
            f"({', '.join(ids)}). Delete all but the right one there, and run again."
        )
    return client.get(f"/sessions/{ids[0]}", doing) if ids else None


def creation(record: SessionRecord, users: list[str], subject: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request that creates a session.

    Without users that Alyx knows, the session is that of who is responsible for the subject.
    """
    nickname, date, number = record.parts
    details: Details = record.details
    users = users or [user for user in [subject.get("responsible_user")] if user]
    # A start on another day would be that of another session.
    start = details.start_time if details.start_time.startswith(date) else f"{date}T00:00:00"
    request = {
        "subject": nickname,
        "number": number,
        "type": "Experiment",
        "start_time": start,
        "lab": subject.get("lab"),
        "users": users,
        "projects": list(details.projects) or list(subject.get("projects") or ()),
        "procedures": list(details.procedures),
        "task_protocol": details.task_protocol,
    }
    return {key: value for key, value in request.items() if value not in (None, [], "")}


def _subject(record: SessionRecord, client: Client) -> dict[str, Any]:
    subject = record.parts[0]
    try:
        found: dict[str, Any] = client.get(f"/subjects/{subject}", f"look up subject {subject}")
    except Refused as refused:
        if refused.status != 404:
            raise
        raise DataError(
            f"Alyx at {client.url} has no subject {subject} (session {record.name}). Add the "
            "subject there, or correct the name of its folder, and run again."
        ) from None
    return found


def _is_known(user: str, client: Client) -> bool:
    try:
        client.get(f"/users/{user}", f"look up user {user}")
    except Refused as refused:
        if refused.status != 404:
            raise
        log.warning("Alyx has no user %s, whom the task settings name: left out.", user)
        return False
    return True
