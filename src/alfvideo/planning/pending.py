"""One fast scan of a data folder: what is done, pending or blocked, for each camera and stage."""

import logging
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch
from itertools import filterfalse
from pathlib import Path
from types import MappingProxyType

from alfvideo.configuration import Configuration
from alfvideo.files.errors import Blocked, Broken, DataError
from alfvideo.jobs import provenance
from alfvideo.jobs.provenance import Entry
from alfvideo.planning import left_out, published, task_inputs, tasks, up_to_date
from alfvideo.planning.published import Protected
from alfvideo.planning.scan_cache import Memory, load_memory
from alfvideo.planning.task import Task
from alfvideo.session import datasets, description, folders, quarantine
from alfvideo.session.cameras import Camera, Session
from alfvideo.session.folders import Lookups

log = logging.getLogger(__name__)

RESULT_FOLDERS = {
    Path(pattern.replace("{revision}", "")).parts[1]
    for task in tasks.TASKS
    for pattern in task.written
}
"""Names of folders in a session. If another thing has one of them, Snakemake would end the run."""

RECORDS = {provenance.FILE_NAME, provenance.FAILED}
"""Names of files that say how outputs were made or why not."""


class State(StrEnum):
    """The state of a stage of a camera; `status` tells two more from pending."""

    DONE = "done"
    PENDING = "pending"
    RUNNING = "running"
    FAILED = "failed"
    BLOCKED = "blocked"
    LEFT_OUT = "left out"
    """Of a camera, video or session that no task is for; it has no stage."""


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one stage of one camera, the outputs that it will write or why it is blocked.

    `outputs` are all files of a pending stage, to be regenerated. `reason` says why it is pending
    or blocked; of one that is done, which of its outputs are not what was made.
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
        If `root` is not a folder, holds no sessions, is in one, or the configuration chooses no
        session or no camera of them.
    """
    check_root(root)
    memory = memory or Memory()
    statuses = []
    for path in selected(root, config, memory):
        rows = memory.recall(path)
        if rows is None:
            statuses += _look(path, config, memory)
        else:
            statuses += [Status(path, c, stage, State(s), reason=why) for c, stage, s, why in rows]
    memory.save()
    _check_cameras(statuses, root, config)
    return statuses


def selected(root: Path, config: Configuration, memory: Memory | None = None) -> list[Path]:
    """List the selected sessions below a folder, newest first.

    Warnings name what is nearly a session, and subjects that are selected and not there.

    Raises
    ------
    DataError
        If the folder holds no sessions, is in one, or the configuration chooses none of them.
    """
    found = list(folders.walk(root, (memory or Memory()).numbers))
    paths = [path for path in found if folders.is_session_folder(path)]
    nearly = left_out.nearly(root, filterfalse(folders.is_session_folder, found), config)
    chosen = [path for path in paths if _selected(path, root, config)]
    left_out.check_choice(root, paths, chosen, nearly, config)
    for sentence in (*nearly, *left_out.missing(root, paths, config)):
        log.warning(sentence)
    return sorted(chosen, key=lambda path: path.parts[-2:], reverse=True)


def _check_cameras(statuses: Sequence[Status], root: Path, config: Configuration) -> None:
    """See that the cameras of the configuration are there; say so of one that is in no session.

    The cameras of a session that cannot be read are not known.
    """
    if any(each.state is State.BLOCKED and not each.camera + each.stage for each in statuses):
        return
    labels = {status.camera for status in statuses} - {""}
    for sentence in left_out.missing_cameras(root, labels, config):
        log.warning(sentence)


def scan_changed(root: Path, config: Configuration) -> list[Status]:
    """List as `scan`, with what the working folder remembers of earlier scans.

    Raises as `scan`.
    """
    return scan(root, config, load_memory(root, config))


def _look(path: Path, config: Configuration, memory: Memory) -> list[Status]:
    seen = Lookups(checksum=memory.checksums)
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


def scan_session(
    path: Path, config: Configuration, protected: Protected = MappingProxyType({})
) -> list[Status]:
    """List the state of every stage of the selected cameras of one session.

    What is `protected` of a session that is not there is known from its last registration.
    """
    return _scan(path, config, Lookups(), protected.get(path))


def _scan(
    path: Path, config: Configuration, seen: Lookups, protected: Collection[str] | None = None
) -> list[Status]:
    """Scan as `scan_session`; `seen` records all that it depends on."""
    try:
        return list(_scan_readable(path, config, seen, protected))
    # Whatever it is: it must not end the scan of the other sessions.
    except Exception as error:
        if isinstance(error, DataError):
            seen.files.update(f"{path}/{name}" for name in RECORDS & seen.listing(str(path)).keys())
        elif not isinstance(error, Blocked):
            seen.cacheable = False
        return [Status(path, "", "", State.BLOCKED, reason=quarantine.reason(error, path))]


def _scan_readable(
    path: Path, config: Configuration, seen: Lookups, protected: Collection[str] | None
) -> Iterator[Status]:
    if what := folders.unusable(str(path)):
        raise Blocked(f"{what}: rename the folder")
    # A link that leads nowhere says so itself.
    path.stat()
    entries = seen.listing(str(path))
    recorded = description.read(path, seen)
    for name in RESULT_FOLDERS & entries.keys():
        if not folders.is_folder(entries[name]):
            # As above.
            (path / name).stat()
            raise Blocked(f"{path / name} is a file, expected a folder: rename it")
    collections = {camera.collection.partition("/")[0] for camera in recorded.cameras.values()}
    for name in sorted((RESULT_FOLDERS | collections) & entries.keys()):
        if entries[name].is_symlink() and (why := folders.why_not_written_to(path / name, path)):
            raise Blocked(f"{path / name} is a link {why}: have a folder in its place")
    made_from = provenance.read(path)
    statuses = list(_scan_tasks(recorded, made_from, config, protected))
    for each in left_out.in_session(recorded, config):
        state = State.BLOCKED if each.is_mistake else State.LEFT_OUT
        statuses.append(Status(path, each.camera, "", state, reason=each.reason))
    waiting = any(status.state is State.PENDING for status in statuses)
    # Snakemake would end the run if a folder for results cannot be made.
    if waiting and not os.access(path, os.W_OK | os.X_OK):
        seen.cacheable = False
        raise Blocked(f"no permission to write to {path}")
    yield from statuses


def _scan_tasks(
    recorded: Session,
    made_from: Mapping[str, Entry],
    config: Configuration,
    protected: Collection[str] | None,
) -> Iterator[Status]:
    makers: dict[Path, str] = {}
    blocked: dict[Path, str] = {}
    for camera, task in tasks.selected(recorded, config):
        if not task.applies(recorded, camera, config):
            continue
        outputs = [datasets.path(pattern, recorded, camera) for pattern in task.outputs]
        state, reason = _judge(task, recorded, camera, outputs, config, made_from, makers, blocked)
        if state is State.PENDING:
            if protected is None:
                protected = published.recorded(recorded)
            try:
                if revision := published.protect(task, recorded, camera, config, protected):
                    reason += f"{published.REVISED}{revision}"
            except Blocked as why:
                state, reason = State.BLOCKED, str(why)
        if state is State.BLOCKED:
            # What needs them would be asked of Snakemake, which ends without any job.
            missing = (file for file in outputs if file.name not in recorded.siblings(file))
            blocked.update(dict.fromkeys(missing, reason))
        written: list[Path] = []
        if state is State.PENDING:
            written = [datasets.path(pattern, recorded, camera) for pattern in task.written]
        makers.update(dict.fromkeys(written, task.stage))
        yield Status(recorded.path, camera.label, task.stage, state, tuple(written), reason)


def _judge(
    task: Task,
    recorded: Session,
    camera: Camera,
    outputs: Sequence[Path],
    config: Configuration,
    made_from: Mapping[str, Entry],
    makers: Mapping[Path, str],
    blocked: Mapping[Path, str],
) -> tuple[State, str]:
    """Return the state of a task and why.

    `makers` are the pending stages of the files to come, `blocked` why others will not.
    """
    lacking: Sequence[Path] = outputs
    try:
        for output in outputs:
            recorded.check(output)
        lacking = [output for output in outputs if not recorded.has(output)]
        files = task_inputs.find(task, recorded, camera, config, makers.keys())
        inputs = {file for found in files.values() for file in found}
        params = task.params(recorded, camera, config)
        if needed := blocked.keys() & inputs:
            raise Blocked(blocked[min(needed)])
        if are_of_others(task, recorded, outputs, made_from):
            if lacking:
                raise Blocked(_not_whole(outputs, lacking))
            return State.DONE, ""
        recorded.lookups.files.update(map(str, inputs))
        if lacking:
            return State.PENDING, _lacking(recorded, lacking, outputs)
        if coming := makers.keys() & inputs:
            return State.PENDING, up_to_date.after(min(makers[file] for file in coming))
        if reason := task.unfinished(recorded, camera, config, made_from):
            return State.PENDING, reason
        made = [provenance.relative(output, recorded.path) for output in outputs]
        names = [provenance.relative(file, recorded.path) for file in inputs]
        there = up_to_date.files_of(recorded)
        if reason := up_to_date.why_not(made, names, params, made_from, there):
            return State.PENDING, reason
        return State.DONE, up_to_date.changed(made, made_from, there)
    except Blocked as error:
        if lacking:
            return State.BLOCKED, str(error)
        # What is gone may have been archived; what is broken somebody has to repair.
        return State.DONE, str(error) if isinstance(error, Broken) else ""


def are_of_others(
    task: Task, recorded: Session, outputs: Sequence[Path], made_from: Mapping[str, Entry]
) -> bool:
    """Return whether outputs are there that another program made and that are to be kept."""
    return (
        task.keeps_others
        and any(output.name in recorded.siblings(output) for output in outputs)
        and not any(provenance.relative(output, recorded.path) in made_from for output in outputs)
    )


def _not_whole(outputs: Sequence[Path], lacking: Sequence[Path]) -> str:
    """Say that another program left only some of its files."""
    there = [output.name for output in outputs if output not in lacking]
    missing = ", ".join(output.name for output in lacking)
    return (
        f"another program made {', '.join(there) or 'empty files'} in {outputs[0].parent.name} and "
        f"not {missing}: have it make all, or remove what is there, so that all are made here"
    )


def _lacking(recorded: Session, lacking: Sequence[Path], outputs: Sequence[Path]) -> str:
    """Say which outputs are missing or empty."""
    empty = [file for file in lacking if file.name in recorded.siblings(file)]
    what = "empty" if empty else "missing"
    if len(lacking) == len(outputs):
        return what
    return f"{up_to_date.short((empty or lacking)[0].name)} {what}"


def targets(statuses: Iterable[Status]) -> list[str]:
    """List output paths of everything that is pending, as Snakemake targets."""
    return [
        str(output)
        for status in statuses
        if status.state is State.PENDING
        for output in status.outputs
    ]
