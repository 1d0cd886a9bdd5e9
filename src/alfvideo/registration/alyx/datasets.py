"""The files of a session on Alyx: registered with hash, size and version if new or changed."""

import filecmp
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from alfvideo.files import atomic
from alfvideo.files.errors import DataError
from alfvideo.registration.alyx import dataset_plan, file_records
from alfvideo.registration.alyx.connection import Client
from alfvideo.registration.alyx.dataset_plan import Plan, Registration
from alfvideo.registration.alyx.records import Policy, SessionRecord

_OPTIONAL = (".camlog",)
"""Endings of files that are registered only where the server has a format and a type for them."""


def register(
    record: SessionRecord, on_server: Mapping[str, Any], client: Client, policy: Policy, today: str
) -> tuple[Plan, list[str]]:
    """Register the files that are new, changed, gone, or known only in another repository.

    Returns what was done and what went wrong.

    `on_server` is the session as Alyx has it. What can be registered is, before the problems of the
    other files are told.
    """
    where = f"session {record.name}"
    session = Path(record.path)
    listed = client.find_all(
        "/datasets", f"list the datasets of {where}", session=on_server["id"], limit=1000
    )
    on_alyx = dataset_plan.known(listed)
    owner = next(iter(on_server.get("users") or ()), None)
    changed = dataset_plan.to_check(record.datasets, session, on_alyx)
    protection = _protection(changed, record.name, owner, client) if changed else {}
    todo = dataset_plan.plan(record.datasets, session, on_alyx, protection, policy.protected, today)
    problems = [_protected(path, where, client.url) for path in todo.refused]
    for id_, dataset in todo.complete:
        facts = {"hash": dataset.md5, "file_size": dataset.file_size}
        client.patch(f"/datasets/{id_}", f"add the hash of {dataset.path} of {where}", facts)
    moved: list[str] = []
    if policy.repository:
        moved = file_records.register(record, listed, policy.repository, client)
    reasons: dict[str, str] = {}
    if todo.register:
        types = client.find_all("/dataset-types", "list the dataset types", limit=1000)
        formats = client.find_all("/data-formats", "list the data formats", limit=1000)
        reasons = dataset_plan.unknown_kinds(todo.register, types, formats)
        problems += [
            f"Alyx at {client.url} cannot take {path} of {where}: {reason}. Correct this on Alyx "
            "and run again; the documentation lists the dataset types of video files."
            for path, reason in reasons.items()
            if not path.endswith(_OPTIONAL)
        ]
    wanted = [each for each in todo.register if each.dataset.path not in reasons]
    done: list[Registration] = []
    for group, body in dataset_plan.requests(wanted, record.name, owner, policy):
        for each in group:
            if each.target != each.dataset.path:
                _provide(session / each.dataset.path, session / each.target)
        names = ", ".join(each.dataset.path for each in group)
        answers = client.post("/register-file", f"register {names} of {where}", body)
        for each, answer in zip(group, [*answers, *[None] * len(group)], strict=False):
            if answer is None:
                problems.append(
                    f"Alyx at {client.url} did not register {each.dataset.path} of {where} and "
                    "gave no reason. Check on Alyx that there are a dataset type and a data format "
                    "for it, and run again."
                )
            else:
                done.append(each)
    return replace(todo, register=tuple(done), moved=tuple(moved)), problems


def _protection(
    paths: Sequence[str], session_name: str, owner: str | None, client: Client
) -> dict[str, dict[str, bool]]:
    """Ask which revisions of these files are protected."""
    body = {"path": session_name, "filenames": list(paths)}
    if owner:
        body["created_by"] = owner
    doing = f"say which files of session {session_name} are protected"
    answer = client.get("/check-protected", doing, json=body)
    if answer["status_code"] == 200:
        return {}
    return {
        path: {name: protected for each in revisions for name, protected in each.items()}
        for file in answer["details"]
        for path, revisions in file.items()
    }


def _protected(path: str, where: str, url: str) -> str:
    return (
        f"{path} of {where} has changed, but Alyx at {url} protects the registered one, so the new "
        "one was not registered. Remove the protecting tag there, or set `protected: revision` in "
        "the configuration of the registration to register it as a new revision."
    )


def _provide(file: Path, revision: Path) -> None:
    """Have a copy of the file in its revision folder, where Alyx says that it is.

    No hard link: who writes to the file would change the revision.

    Raises
    ------
    DataError
        If another file is there.
    """
    if revision.exists():
        if filecmp.cmp(revision, file, shallow=False):
            return
        raise DataError(
            f"{revision} is to be made from {file}, but is there with other contents. Move it away "
            "and run again."
        )
    with atomic.output(revision) as partial:
        shutil.copyfile(file, partial)
