"""Protection of published files: a new revision, or nothing, is made instead of replacing them."""

import string
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path

from alfvideo.configuration import Configuration
from alfvideo.files import documents
from alfvideo.files.errors import Blocked, DataError
from alfvideo.jobs import provenance
from alfvideo.planning.task import Task
from alfvideo.session import datasets
from alfvideo.session.cameras import ALL_CAMERAS, Camera, Session

Protected = Mapping[Path, Collection[str]]
"""Paths of protected files in their sessions, by session, as a server said a moment ago."""

IS_PROTECTED = "is protected on Alyx"
"""In the reason of what is blocked because of it."""

REVISED = "; new revision "
"""In the reason of what is pending, before the name of the revision."""


def recorded(session: Session) -> Collection[str]:
    """Return the files of a session that were protected when it was last registered.

    Raises
    ------
    DataError
        If the record of the registration cannot be read.
    """
    file = datasets.path(datasets.ALYX_REPORT, session, ALL_CAMERAS)
    if not session.has(file):
        return ()
    session.lookups.files.add(str(file))
    try:
        names = documents.parse_json(documents.read(file)).get("protected", [])
        if not isinstance(names, list):
            raise ValueError("`protected` is no list")
        return {name for name in names if isinstance(name, str)}
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(
            f"{file} cannot be read ({error}), so it is not known which results are protected on "
            "Alyx. Remove it: the next run registers the session again."
        ) from None


def protect(
    task: Task,
    session: Session,
    camera: Camera,
    config: Configuration,
    protected: Collection[str],
) -> str:
    """Have a task write into a new revision if a file that it would replace is protected.

    Returns the name of the revision, empty if there is nothing to protect.

    Raises
    ------
    Blocked
        If the configuration wants no revisions, or there can be none of the file.
    """
    name = first_protected(task, session, camera, protected)
    if not name:
        return ""
    session.lookups.cacheable = False
    if "{revision}" not in task.outputs[0]:
        raise Blocked(
            f"{name} {IS_PROTECTED} and stays as it is: of raw data no revisions are made. "
            "Remove the protecting tag there to have it regenerated"
        )
    if config.registration.protected != "revision":
        raise Blocked(
            f"{name} {IS_PROTECTED} and stays as it is. Set `registration: {{protected: revision}}`"
            " to have a new revision made beside it, or remove the protecting tag there"
        )
    revision = _new(task, session, camera, protected)
    datasets.revise(task.outputs[0], session, camera, f"/#{revision}#")
    return revision


def first_protected(
    task: Task, session: Session, camera: Camera, protected: Collection[str]
) -> str:
    """Return the first file that a task writes and that is protected; empty if none is."""
    written = (datasets.path(pattern, session, camera) for pattern in task.written)
    names = (provenance.relative(file, session.path) for file in written)
    return next((name for name in names if name in protected), "")


def _new(task: Task, session: Session, camera: Camera, protected: Collection[str]) -> str:
    """Name a revision: that of an attempt that failed, or else by today."""
    original = session.file(task.outputs[0], camera)
    folder = f"{provenance.relative(original.parent, session.path)}/#"
    failed, _ = provenance.readable(session.path, provenance.FAILED)
    tried, published = (
        {
            name.removeprefix(folder).removesuffix(f"#/{original.name}")
            for name in names
            if name.startswith(folder) and name.endswith(f"#/{original.name}")
        }
        for names in (failed, protected)
    )
    there = {name.strip("/#") for name in datasets.revisions(original, session)}
    newest = max(there | published, default="")
    return max(tried) if max(tried, default="") > newest else after(date.today(), newest)


def after(today: date, newest: str) -> str:
    """Name a revision by a day, with a letter if ONE would take it for older than the newest.

    >>> after(date(2026, 1, 2), ""), after(date(2026, 1, 2), "2026-01-02")
    ('2026-01-02', '2026-01-02a')
    >>> after(date(2026, 1, 2), "2026-01-02b"), after(date(2026, 1, 2), "v2")
    ('2026-01-02c', 'v2a')
    """
    names = (f"{today}{letter}" for letter in ("", *string.ascii_lowercase))
    return next((name for name in names if name > newest), f"{newest}a")
