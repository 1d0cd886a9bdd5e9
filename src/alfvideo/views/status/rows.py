"""The results of the scan, and what it does not look at: running and failed jobs, and times."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from alfvideo.jobs import provenance, running
from alfvideo.jobs.provenance import Entry
from alfvideo.planning import tasks
from alfvideo.planning.pending import State, Status
from alfvideo.session import datasets, quarantine

LogsOf = Callable[[Status], Iterable[Path]]
"""The logs that the jobs of a pending stage may write."""


class Row(NamedTuple):
    """One stage of one camera; camera and stage are empty as in `pending.Status`.

    `message` says why it is pending or blocked, what went wrong, how far it is, or which results
    are not what was made. `log` is that of the job
    that runs, failed or made it; `finished` (UTC) and `seconds` are of the job that made it.
    """

    session: Path
    camera: str
    stage: str
    state: State
    message: str = ""
    log: str = ""
    finished: str = ""
    seconds: float | None = None


def rows(
    statuses: Iterable[Status], logs_of: LogsOf = lambda status: (), made: bool = False
) -> Iterator[Row]:
    """Yield a row for each status, in their order; those of a session must follow each other.

    With `made`, the records of finished jobs are read, too.
    """
    for path, group in groupby(statuses, key=lambda status: status.session):
        try:
            found = list(_of_session(path, list(group), logs_of, made))
        # Whatever is wrong with a session: the others are shown.
        except Exception as error:
            found = [Row(path, "", "", State.BLOCKED, quarantine.reason(error, path))]
        yield from found


def _of_session(
    path: Path, statuses: Sequence[Status], logs_of: LogsOf, made: bool
) -> Iterator[Row]:
    failed: dict[str, Entry] = {}
    unknown = ""
    if any(status.state is State.PENDING for status in statuses):
        failed, unknown = provenance.readable(path, provenance.FAILED)
    jobs = _jobs(provenance.readable(path)[0]) if made else {}
    for status in statuses:
        match status.state:
            case State.PENDING:
                yield _waiting(status, failed, unknown, logs_of)
            case State.DONE if made:
                job = jobs.get((status.stage, status.camera), {})
                yield _row(status, job, message=status.reason)
            case state:
                yield Row(path, status.camera, status.stage, state, status.reason)


def logs_of(status: Status) -> Iterator[Path]:
    """Yield the logs that the jobs of a pending stage may write, below the folder of the run."""
    output = next(iter(status.outputs))
    wildcards = {
        "session": status.session,
        "camera": status.camera,
        "collection": output.parent.relative_to(status.session),
        "revision": f"/{output.parent.name}" if output.parent.name.startswith("#") else "",
        "sync": datasets.sync_prefix(output, status.session),
    }
    for task in tasks.TASKS:
        if task.stage == status.stage:
            yield Path(task.log.format(**wildcards))


def failure(status: Status, failed: Mapping[str, Entry]) -> Entry | None:
    """Find the job that could not make a pending stage, in the record of failures."""
    names = (provenance.relative(output, status.session) for output in status.outputs)
    return next((failed[name] for name in names if name in failed), None)


def _waiting(status: Status, failed: Mapping[str, Entry], unknown: str, logs_of: LogsOf) -> Row:
    """Return the row of a pending stage: running, failed, or why that is `unknown`."""
    for log in logs_of(status):
        if running.is_running(log):
            return _row(status, {"log": str(log)}, State.RUNNING, running.progress(log))
    entry = failure(status, failed)
    if entry is None:
        return _row(status, message=unknown or status.reason)
    return _row(status, {"log": entry.get("log", "")}, State.FAILED, str(entry.get("message", "")))


def _row(
    status: Status, job: Entry | None = None, state: State | None = None, message: str = ""
) -> Row:
    job = job or {}
    seconds = job.get("seconds")
    return Row(
        *(status.session, status.camera, status.stage, state or status.state, message),
        log=str(job.get("log", "")),
        finished=str(job.get("finished", "")),
        seconds=seconds if isinstance(seconds, int | float) else None,
    )


def _jobs(entries: Mapping[str, Entry]) -> dict[tuple[str, str], Entry]:
    """Return the entries of a session's provenance by stage and camera."""
    return {
        (tasks.BY_RULE[entry["rule"]].stage, entry.get("camera", "")): entry
        for entry in provenance.by_time(entries)
        if isinstance(entry.get("rule"), str)
        and entry["rule"] in tasks.BY_RULE
        and isinstance(entry.get("camera", ""), str)
    }
