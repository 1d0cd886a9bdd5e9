"""Users, projects, procedures and start of a session, read from its own files."""

from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from alfvideo.files import documents
from alfvideo.files.errors import DataError
from alfvideo.registration.alyx.records import Details
from alfvideo.session import description, folders

TASK_SETTINGS = "raw_*/_iblrig_taskSettings.raw*.json"


def read(path: Path) -> Details:
    """Read details of a session from its description and task settings, as far as there are any.

    Raises
    ------
    DataError
        If one of these files cannot be read.
    """
    descriptions = sorted(
        name for name in folders.listing(path) if fnmatch(name, description.DESCRIPTION)
    )
    described = _load(path / descriptions[0]) if descriptions else {}
    return combine(described, [_load(file) for file in folders.matching(path, TASK_SETTINGS)])


def combine(described: Mapping[str, Any], settings: list[Mapping[str, Any]]) -> Details:
    """Combine what a description and the settings of the tasks, in order, tell."""
    users = dict.fromkeys(filter(None, map(_user, settings)))
    starts = sorted(filter(None, map(_start, settings)))
    protocols = [f"{_text(each, 'PYBPOD_PROTOCOL')}{_version(each)}" for each in settings]
    return Details(
        users=tuple(users),
        projects=description.names(described.get("projects")),
        procedures=description.names(described.get("procedures")),
        task_protocol="/".join(filter(None, protocols)),
        start_time=starts[0] if starts else "",
    )


def _user(settings: Mapping[str, Any]) -> str:
    """Return who ran the task: Bpod rigs write a list of name and id."""
    creator = settings.get("PYBPOD_CREATOR") or settings.get("ALYX_USER")
    creator = creator[0] if isinstance(creator, list) and creator else creator
    return creator if isinstance(creator, str) else ""


def _start(settings: Mapping[str, Any]) -> str:
    """Start of the task in the rig's time, ISO 8601; empty if it is missing or malformed."""
    text = _text(settings, "SESSION_START_TIME") or _text(settings, "SESSION_DATETIME")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None).isoformat()
    except ValueError:
        return ""


def _version(settings: Mapping[str, Any]) -> str:
    return _text(settings, "IBLRIG_VERSION") or _text(settings, "IBLRIG_VERSION_TAG")


def _text(settings: Mapping[str, Any], key: str) -> str:
    value = settings.get(key)
    return value if isinstance(value, str) else ""


def _load(path: Path) -> Mapping[str, Any]:
    """Load a YAML or JSON file that holds a mapping."""
    try:
        text = documents.read(path)
        is_json = path.suffix == ".json"
        content = documents.parse_json(text) if is_json else documents.parse_yaml(text)
    except ValueError as error:
        raise DataError(
            f"{path} cannot be read ({type(error).__name__}), and the session is to be created on "
            "Alyx from it. Transfer the file again from the rig, or create the session on Alyx."
        ) from error
    return content if isinstance(content, Mapping) else {}
