"""Pictures of a session on Alyx: notes with an image, one for each picture."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from alfvideo.files import regular
from alfvideo.files.errors import DataError
from alfvideo.registration.alyx.connection import Client
from alfvideo.registration.alyx.records import Picture, SessionRecord

MAKER = "alfvideo"
TAG = "## report ##"
"""Tag of notes that IBL's pages show as a report."""


def fields(picture: Picture, content: bytes) -> dict[str, str]:
    """Return the `json` of a note: enough to know it again, and whether the picture changed."""
    return {
        "tag": TAG,
        "version": version("alfvideo"),
        "function": MAKER,
        "name": picture.path.stem,
        "md5": hashlib.md5(content).hexdigest(),
    }


def plan(
    picture: Picture, content: bytes, notes: Sequence[Mapping[str, Any]]
) -> tuple[str | None, list[str]]:
    """Return the id of the note that has this picture already, if any, and older ids to delete.

    Notes of the same file with the same text are replaced, whoever made them, and so are our own
    ones of the same file with another text.
    """
    kept, older = None, []
    for note in notes:
        has = _fields(note)
        same_text = note["text"] == picture.text.strip()
        if has.get("name") != picture.path.stem or not (same_text or has.get("function") == MAKER):
            continue
        is_current = same_text and has.get("md5") == hashlib.md5(content).hexdigest()
        if is_current and kept is None:
            kept = note["id"]
        else:
            older.append(note["id"])
    return kept, older


def register(record: SessionRecord, on_server: Mapping[str, Any], client: Client) -> list[str]:
    """Add pictures that are new or changed, then delete older ones; returns the added ones."""
    if not record.pictures:
        return []
    eid = on_server["id"]

    def notes() -> list[dict[str, Any]]:
        doing = f"list the notes of session {record.name}"
        return client.find_all("/notes", doing, django=f"object_id,{eid}")

    there, added = notes(), []
    for picture in record.pictures:
        content = regular.read(regular.inside(picture.path, record.path))
        kept, older = plan(picture, content, there)
        where = f"{picture.path.name} of session {record.name}"
        if kept is None:
            client.post(
                "/notes",
                f"add the picture {where}",
                form={
                    "user": _author(record, on_server, client),
                    "content_type": "session",
                    "object_id": eid,
                    "text": picture.text.strip(),
                    "width": "orig",
                    "json": json.dumps(fields(picture, content)),
                },
                files={"image": (picture.path.name, content)},
                existing=lambda: plan(picture, content, notes())[0],  # noqa: B023
            )
            added.append(picture.path.name)
        for note in older:
            client.delete(f"/notes/{note}", f"replace the older picture {where}")
    return added


def _author(record: SessionRecord, on_server: Mapping[str, Any], client: Client) -> str:
    """Return whose note it is: the account's, or, with only a token, the session's first user's.

    Raises
    ------
    DataError
        If neither is known.
    """
    if author := client.login or next(iter(on_server.get("users") or ()), None):
        return author
    raise DataError(
        f"Session {record.name} has no user on Alyx at {client.url}, and the server does not say "
        "whose ALYX_TOKEN it is, so its pictures cannot be added. Set ALYX_LOGIN, too."
    )


def _fields(note: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the `json` of a note, which anybody may have filled with anything."""
    content = note["json"]
    if isinstance(content, str):
        try:
            content = json.loads(content)
        except ValueError:
            content = None
    return content if isinstance(content, Mapping) else {}
