"""One fast scan of a data folder: what is done, pending or blocked, for each camera and stage."""

import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from alfvideo.configuration import Configuration
from alfvideo.files.errors import Blocked, DataError
from alfvideo.jobs import provenance
from alfvideo.planning import task_inputs, tasks
from alfvideo.planning.scan_cache import Memory, load_memory
from alfvideo.pose import cascades
from alfvideo.session import datasets, description, folders
from alfvideo.session.cameras import Session
from alfvideo.session.folders import Lookups

log = logging.getLogger(__name__)

RESULT_FOLDERS = {Path(pattern).parts[1] for task in tasks.TASKS for pattern in task.outputs}
"""Names of folders in a session. If another thing has one of them, Snakemake would end the run."""


class State(StrEnum):
    """The state of a stage of a camera; `status` tells two more from pending."""

    DONE = "done"
    PENDING = "pending"
    RUNNING = "running"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one stage of one camera, the outputs that it will write or why it is blocked.

    `outputs` are those of a pending stage, to be regenerated; `reason` is that of a blocked one.
    The camera is empty for stages of all cameras together, camera and stage are for a session that
    is blocked as a whole.
    """

    session: Path
    camera: str
    stage: str
    state: State
    outputs: tuple[Path, ...] = ()
    reason: str = ""


def check_root(root: Path) -> None:
    """See that there is a data folder.

    Raises
    ------
    DataError
        If `root` is not a folder.
    """
    if not root.is_dir():
        raise DataError(
            f"There is no data folder {root}. Set `root` in config/config.yaml, or give it "
            "on the command line: uv run snakemake --config root=FOLDER"
        )


def scan(root: Path, config: Configuration, memory: Memory | None = None) -> list[Status]:
    """List the state of each stage of the selected sessions and cameras, newest first.

    Sessions in which nothing changed are taken from `memory`, which is then saved.

    Raises
    ------
    DataError
        If `root` is not a folder.
    """
    check_root(root)
    memory = memory or Memory()
    paths = folders.discover(root, memory.numbers)
    chosen = [path for path in paths if _selected(path, root, config)]
    statuses = []
    for path in sorted(chosen, key=lambda path: path.parts[-2:], reverse=True):
        rows = memory.recall(path)
        if rows is None:
            statuses += _look(path, config, memory)
        else:
            statuses += [Status(path, c, stage, State(s), reason=why) for c, stage, s, why in rows]
    memory.save()
    return statuses


def scan_changed(root: Path, config: Configuration) -> list[Status]:
    """List as `scan`, with what the working folder remembers of earlier scans.

    Raises as `scan`.
    """
    return scan(root, config, load_memory(root, config))


def _look(path: Path, config: Configuration, memory: Memory) -> list[Status]:
    seen = Lookups()
    statuses = _scan(path, config, seen)
    if seen.cacheable and not any(status.state is State.PENDING for status in statuses):
        rows = tuple((s.camera, s.stage, s.state.value, s.reason) for s in statuses)
        memory.remember(path, rows, seen)
    return statuses


def _selected(path: Path, root: Path, config: Configuration) -> bool:
    subject, date, _ = path.parts[-3:]
    relative = path.relative_to(root).as_posix()
    return (
        any(fnmatch(relative, glob) for glob in config.sessions)
        and (not config.subjects or subject in config.subjects)
        and config.from_date <= date <= (config.to_date or date)
    )


def scan_session(path: Path, config: Configuration) -> list[Status]:
    """List the state of every stage of the selected cameras of one session."""
    return _scan(path, config, Lookups())


def _scan(path: Path, config: Configuration, seen: Lookups) -> list[Status]:
    """Scan as `scan_session`; `seen` records all that it depends on."""
    try:
        if placeholder := re.search(r"<[a-z]\w*>|[{}]", str(path)):
            raise Blocked(
                f"{placeholder[0]} in a path means something to Snakemake: rename the folder"
            )
        recorded = description.read(path, seen)
        entries = recorded.listing(".")
        for name in RESULT_FOLDERS & entries.keys():
            if not entries[name].is_dir():
                raise Blocked(f"{path / name} is a file, expected a folder: rename it")
        made_from = provenance.read(path)
        statuses = list(_scan_tasks(recorded, made_from, config))
        waiting = any(status.state is State.PENDING for status in statuses)
        # Snakemake would end the run if a folder for results cannot be made.
        if waiting and not os.access(path, os.W_OK | os.X_OK):
            seen.cacheable = False
            raise Blocked(f"no permission to write to {path}")
    except (Blocked, DataError) as error:
        statuses = [Status(path, "", "", State.BLOCKED, reason=str(error))]
        if (path / provenance.FILE_NAME).exists():
            seen.files.add(f"{path}/{provenance.FILE_NAME}")
    except PermissionError as error:
        reason = f"no permission to read {error.filename}"
        statuses = [Status(path, "", "", State.BLOCKED, reason=reason)]
        seen.cacheable = False
    return statuses


def _scan_tasks(
    recorded: Session, made_from: Mapping[str, Any], config: Configuration
) -> Iterator[Status]:
    to_be_made: set[Path] = set()
    for camera, task in tasks.selected(recorded, config):
        if not task.applies(recorded, camera, config):
            continue
        outputs = [datasets.path(pattern, recorded, camera) for pattern in task.outputs]
        exist = all(output.name in recorded.siblings(output) for output in outputs)
        reason = ""
        try:
            files = task_inputs.find(task, recorded, camera, config)
            inputs = {file for found in files.values() for file in found}
            params = task.params(recorded, camera, config)
        except Blocked as error:
            state = State.DONE if exist else State.BLOCKED
            reason = "" if exist else str(error)
        else:
            recorded.lookups.files.update(
                str(file)
                for file in inputs
                if provenance.relative(file, recorded.path) not in made_from
            )
            done = (
                exist
                and to_be_made.isdisjoint(inputs)
                and _up_to_date(recorded, inputs, outputs, params, made_from)
            )
            state = State.DONE if done else State.PENDING
        if state is not State.PENDING:
            outputs = []
        to_be_made.update(outputs)
        yield Status(recorded.path, camera.label, task.stage, state, tuple(outputs), reason)


def _up_to_date(
    recorded: Session,
    inputs: Collection[Path],
    outputs: Collection[Path],
    params: Mapping[str, Any],
    made_from: Mapping[str, Any],
) -> bool:
    """Return whether outputs are newer than their inputs and made from these with these settings.

    Outputs that alfvideo has no record of (made by another program) are judged by time alone.
    """
    oldest = min(_modified(recorded, output) for output in outputs)
    if any(_modified(recorded, file) > oldest for file in inputs):
        return False
    names = {provenance.relative(file, recorded.path) for file in inputs}
    entries = [made_from.get(provenance.relative(output, recorded.path)) for output in outputs]
    wanted = cascades.without_places(params)
    return all(
        entry is None
        or (
            cascades.without_places(entry.get("params", {})) == wanted
            and set(entry.get("inputs", ())) == names
        )
        for entry in entries
    )


def _modified(recorded: Session, file: Path) -> int:
    return recorded.siblings(file)[file.name].stat().st_mtime_ns


def targets(statuses: Iterable[Status]) -> list[str]:
    """List output paths of everything that is pending, as Snakemake targets."""
    return [
        str(output)
        for status in statuses
        if status.state is State.PENDING
        for output in status.outputs
    ]
