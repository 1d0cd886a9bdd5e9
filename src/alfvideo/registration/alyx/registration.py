"""Registration of a session on Alyx: everything that is new or changed, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from alfvideo.files.errors import DataError
from alfvideo.registration.alyx import datasets, notes, quality, sessions, tasks
from alfvideo.registration.alyx.connection import Client, Unreachable
from alfvideo.registration.alyx.dataset_plan import Plan
from alfvideo.registration.alyx.records import Policy, SessionRecord

Result = TypeVar("Result")


@dataclass(frozen=True)
class Report:
    """Changes on Alyx for a session: names of files, fields, pictures and tasks.

    `files` are paths as Alyx has them, in revisions too; `unchanged` those left alone.
    """

    eid: str
    created: bool
    files: tuple[str, ...]
    unchanged: tuple[str, ...]
    qc: tuple[str, ...]
    pictures: tuple[str, ...]
    tasks: tuple[str, ...]
    moved: tuple[str, ...] = ()
    """Files of which it was written whether they are in the repository."""
    protected: tuple[str, ...] = ()
    """All files of the session that Alyx protects: the plan of later runs leaves them alone."""

    @property
    def has_changes(self) -> bool:
        """True if anything was written."""
        written = (self.files, self.moved, self.qc, self.pictures, self.tasks)
        return self.created or any(written)


def register(record: SessionRecord, client: Client, policy: Policy | None = None) -> Report:
    """Bring Alyx up to date with a session. One process at a time for a session.

    What can be registered is, before an error is raised for the rest.

    Raises
    ------
    Unreachable
        If Alyx is down: what is missing is registered when this is called again.
    DataError
        If something could not be registered; a sentence for each thing.
    """
    on_server, created = sessions.ensure(record, client)
    today = date.today().isoformat()
    problems: list[str] = []

    def attempt(step: Callable[[], Result], nothing: Result) -> Result:
        try:
            return step()
        except Unreachable:
            raise
        except DataError as error:
            problems.append(str(error))
            return nothing

    no_plan: tuple[Plan, list[str]] = (Plan(), [])
    no_lines: list[str] = []
    plan, file_problems = attempt(
        lambda: datasets.register(record, on_server, client, policy or Policy(), today), no_plan
    )
    problems += file_problems
    qc = attempt(lambda: quality.register(record, on_server, client), no_lines)
    pictures = attempt(lambda: notes.register(record, on_server, client), no_lines)
    written = attempt(lambda: tasks.register(record, on_server, client), no_lines)
    if problems:
        raise DataError("\n".join(problems))
    return Report(
        eid=on_server["id"],
        created=created,
        files=(
            *(each.target for each in plan.register),
            *(dataset.path for _, dataset in plan.complete),
        ),
        unchanged=plan.unchanged,
        qc=tuple(qc),
        pictures=tuple(pictures),
        tasks=tuple(written),
        moved=plan.moved,
        protected=plan.protected,
    )
