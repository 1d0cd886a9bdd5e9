"""Checks before the first job of a run starts: engines, and the server of Alyx."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from alfvideo.configuration import Configuration
from alfvideo.files.errors import DataError
from alfvideo.planning import published, tasks
from alfvideo.planning.pending import State, Status
from alfvideo.planning.published import Protected
from alfvideo.pose import environment
from alfvideo.registration.alyx import connection, protection, records
from alfvideo.session import datasets
from alfvideo.trackers import TRACKERS

RECORDS = Path(".environments")
"""Where the records of engines' environments are, below the folder that Snakemake runs in."""


def check_engines(statuses: Iterable[Status], config: Configuration, made_by_conda: bool) -> None:
    """See that the engines of pending poses can be had.

    Environments that Snakemake makes by conda, before its first job, are not looked at.

    Raises
    ------
    DataError
        If the Python that is configured or recorded lacks the engine, or there is no uv.
    """
    waiting = {status.stage for status in statuses if status.state is State.PENDING}
    for engine in sorted(waiting & TRACKERS.keys()):
        record = RECORDS / f"{engine}.json"
        python = environment.known_python(config.environments[engine], record)
        if python or not made_by_conda:
            environment.quick_check(engine, python)


def protected(statuses: Iterable[Status], config: Configuration) -> Protected:
    """Ask Alyx which files are protected of the sessions in which something may be replaced.

    Two requests for each subject. Nothing is asked without a server; if it does not answer, a
    sentence on standard error says that the last registration counts.
    """
    sessions = {status.session for status in statuses if _may_replace(status)}
    if not config.registration.alyx or not sessions:
        return {}
    try:
        client = connection.connect(config.registration.alyx, connection.Patience(20, 20, 1))
        return protection.find(sessions, client)
    except DataError as error:
        print(
            f"What is protected on Alyx is known from the last registration only. {error}",
            file=sys.stderr,
        )
        return {}


def _may_replace(status: Status) -> bool:
    """Return whether a stage may replace something that is published."""
    if published.IS_PROTECTED in status.reason:
        return True
    registered = Path(datasets.ALYX_REPORT.format(session=status.session))
    return status.state is State.PENDING and any(
        file.relative_to(status.session).as_posix().startswith(records.COLLECTIONS)
        and (file.exists() or registered.exists())
        for file in status.outputs
    )


def without_unreachable_server(statuses: Sequence[Status], config: Configuration) -> list[Status]:
    """Leave registration on Alyx to the next run if the server is down: each job would wait for it.

    A sentence on standard error says so.
    """
    waiting = [s for s in statuses if s.stage == tasks.ALYX and s.state is State.PENDING]
    if waiting:
        try:
            connection.check(config.registration.alyx, config.registration.repository)
        except connection.Unreachable as error:
            print(f"Sessions will not be registered in this run. {error}", file=sys.stderr)
            return [status for status in statuses if status not in waiting]
    return list(statuses)
