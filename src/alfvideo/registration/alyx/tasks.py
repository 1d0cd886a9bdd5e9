"""Task records of a session on Alyx: how each stage went, for a lab's central view."""

from collections.abc import Mapping
from typing import Any

from alfvideo.registration.alyx.connection import Client
from alfvideo.registration.alyx.records import SessionRecord, TaskRecord

GRAPH = "alfvideo"
"""Alyx shows the tasks of a graph on a page of their own."""

MAX_LOG_LENGTH = 20_000
"""Characters of a log that are kept: a quarter from its beginning, the rest from its end."""

MAX_VERSION_LENGTH = 64


def fields(task: TaskRecord) -> dict[str, Any]:
    """Return a task record as Alyx has it, without the session."""
    heading = f"Finished {task.finished}\n" if task.finished else ""
    return {
        "name": task.name,
        "arguments": {"camera": task.camera} if task.camera else {},
        "graph": GRAPH,
        "status": task.status,
        "version": task.version[:MAX_VERSION_LENGTH],
        "log": shortened(storable(heading + task.log)),
        "time_elapsed_secs": task.seconds,
    }


def storable(text: str) -> str:
    """Strip what Alyx does not store: null and broken characters, outer white space."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()


def shortened(text: str, longest: int = MAX_LOG_LENGTH) -> str:
    """Shorten a text by its middle if it is too long.

    >>> shortened('abcdefghijkl', 8)
    'ab\\n[... 4 characters left out ...]\\nghijkl'
    """
    left_out = len(text) - longest
    if left_out <= 0:
        return text
    head = longest // 4
    return f"{text[:head]}\n[... {left_out} characters left out ...]\n{text[head + left_out :]}"


def find(task: Mapping[str, Any], there: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Find the record on Alyx of the same name and arguments: there is at most one in a session."""
    same = (task["name"], task["arguments"])
    return next((each for each in there if (each["name"], each["arguments"]) == same), None)


def register(record: SessionRecord, on_server: Mapping[str, Any], client: Client) -> list[str]:
    """Create or update records that are new or changed; returns their names."""
    if not record.tasks:
        return []

    def tasks() -> list[dict[str, Any]]:
        doing = f"list the tasks of session {record.name}"
        return client.find_all("/tasks", doing, session=on_server["id"])

    there, written = tasks(), []
    for task in record.tasks:
        wanted = fields(task)
        doing = f"record task {task.name} of session {record.name}"
        found = find(wanted, there)
        if found is None:
            client.post(
                "/tasks",
                doing,
                {**wanted, "session": on_server["id"]},
                existing=lambda: find(wanted, tasks()),  # noqa: B023
            )
        elif different := {key: value for key, value in wanted.items() if found[key] != value}:
            client.patch(f"/tasks/{found['id']}", doing, different)
        else:
            continue
        written.append(" ".join(filter(None, (task.name, task.camera))))
    return written
