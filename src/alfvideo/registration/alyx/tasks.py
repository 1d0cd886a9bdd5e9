"""Task records of a session on Alyx: how each stage went, for a lab's central view."""

from collections.abc import Mapping
from typing import Any

from alfvideo.jobs.log_file import shortened
from alfvideo.registration.alyx.connection import Client
from alfvideo.registration.alyx.records import SessionRecord, TaskRecord

GRAPH = "alfvideo"
"""Alyx shows the tasks of a graph on a page of their own."""

MAX_VERSION_LENGTH = 64


def fields(task: TaskRecord) -> dict[str, Any]:
    """Return a task record as Alyx has it, without the session."""
    return {
        "name": task.name,
        "arguments": {"camera": task.camera} if task.camera else {},
        "graph": GRAPH,
        "status": task.status,
        "version": task.version[:MAX_VERSION_LENGTH],
        "log": shortened(storable(_heading(task) + task.log)),
        "time_elapsed_secs": task.seconds,
    }


def _heading(task: TaskRecord) -> str:
    return f"Finished {task.finished}\n" if task.finished else ""


def _is_unknown_here(task: TaskRecord, there: Mapping[str, Any]) -> bool:
    """Return whether only Alyx has the log of a job: there is none here, and none of another job.

    So it is where it was registered from another folder, by a version that did not keep logs.
    """
    begins = storable(_heading(task))
    # Without the time the version has to tell; with it, that may have been the rule's number.
    known = bool(begins) or there["version"] == fields(task)["version"]
    same_job = there["status"] == task.status and known
    return not task.log.strip() and str(there["log"]).startswith(begins) and same_job


def storable(text: str) -> str:
    """Strip what Alyx does not store: null and broken characters, outer white space."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()


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
        else:
            different = {key: value for key, value in wanted.items() if found[key] != value}
            if _is_unknown_here(task, found):
                different.pop("log", None)
            if not different:
                continue
            client.patch(f"/tasks/{found['id']}", doing, different)
        written.append(" ".join(filter(None, (task.name, task.camera))))
    return written
