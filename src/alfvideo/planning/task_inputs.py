"""The files that a task reads: raw data, and what other tasks made or will make."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

from alfvideo.configuration import Configuration
from alfvideo.files.errors import Blocked
from alfvideo.jobs import provenance
from alfvideo.jobs.provenance import Entry
from alfvideo.planning import tasks, up_to_date
from alfvideo.planning.task import EveryResult, Result, Task
from alfvideo.session import datasets
from alfvideo.session.cameras import ALL_CAMERAS, Camera, Session


def find(
    task: Task,
    session: Session,
    camera: Camera,
    config: Configuration,
    coming: Collection[Path] = (),
) -> dict[str, list[Path]]:
    """Return all files that a task reads, by what they are.

    `coming` are those that pending tasks will write: what is written beside their outputs is found
    only there, or if it exists.

    Raises
    ------
    Blocked
        If one that it needs is missing, or one that is there cannot be read.
    """
    found = {raw.__name__: raw(session, camera) for raw in task.inputs}
    for name, result in task.results.items():
        if isinstance(result, EveryResult):
            found[name] = _of_all(session, config)
        else:
            found[name] = _of_one(result, session, camera, config, coming)
    for file in chain.from_iterable(found.values()):
        session.check(file)
    return found


def _of_one(
    result: Result,
    session: Session,
    camera: Camera,
    config: Configuration,
    coming: Collection[Path],
) -> list[Path]:
    """List the files of an input that another task makes, there or to be made.

    Raises
    ------
    Blocked
        If there is none, unless it is optional.
    """
    given = result.pattern
    pattern = given if isinstance(given, str) else given.get(config.features_from)
    if pattern is None:
        return []
    cameras = [camera]
    if camera is ALL_CAMERAS and "{camera}" in pattern:
        cameras = [c for c in session.cameras.values() if result.cameras(session, c, config)]
    tolerant = result.optional or camera is ALL_CAMERAS
    files, reasons = [], []
    for each in cameras:
        try:
            file = _obtainable(pattern, session, each, config, coming)
            if tolerant:
                _check_not_failed(file, session, each, config)
            files.append(file)
        except Blocked as reason:
            reasons.append(str(reason))
    if not files and not result.optional:
        raise Blocked("; ".join(dict.fromkeys(reasons)))
    return files


def _of_all(session: Session, config: Configuration) -> list[Path]:
    """List the outputs of all other tasks, there or to be made.

    Raises
    ------
    Blocked
        If there is none.
    """
    files = []
    for each, task in tasks.selected(session, config):
        for pattern in task.outputs if task.stage != tasks.ALYX else ():
            with suppress(Blocked):
                if task.applies(session, each, config):
                    file = _obtainable(pattern, session, each, config)
                    _check_not_failed(file, session, each, config)
                    files.append(file)
    if not files:
        raise Blocked("there is nothing to register")
    return files


def _obtainable(
    pattern: str,
    session: Session,
    camera: Camera,
    config: Configuration,
    coming: Collection[Path] = (),
) -> Path:
    """Return the file of a pattern, if it is there or will be made.

    Raises
    ------
    Blocked
        If it is not there and cannot be made, or is of a camera that is not selected.
    """
    file = datasets.path(pattern, session, camera)
    if session.has(file) or file in coming:
        return file
    if camera is ALL_CAMERAS or camera.label in config.cameras:
        for task in tasks.TASKS:
            if pattern in task.outputs and task.applies(session, camera, config):
                find(task, session, camera, config)
                task.params(session, camera, config)
                return file
    raise Blocked(f"{file.name} is missing")


def _check_not_failed(file: Path, session: Session, camera: Camera, config: Configuration) -> None:
    """See that the last attempt to make a file did not fail with what is there now.

    Raises
    ------
    Blocked
        With what was wrong with the file, or with one that it is made from.
    """
    if provenance.FAILED in session.listing("."):
        failed = provenance.read(session.path, provenance.FAILED)
        _check_last_attempt(file, failed, session, camera, config)


def _check_last_attempt(
    file: Path, failed: Mapping[str, Entry], session: Session, camera: Camera, config: Configuration
) -> None:
    makers = (
        task
        for task in tasks.TASKS
        if task.applies(session, camera, config)
        and any(datasets.path(pattern, session, camera) == file for pattern in task.outputs)
    )
    task = None if session.has(file) else next(makers, None)
    if task is None:
        return
    inputs = [path for found in find(task, session, camera, config).values() for path in found]
    there = {provenance.relative(path, session.path) for path in inputs if session.has(path)}
    entry = failed.get(provenance.relative(file, session.path))
    if (
        entry
        and not up_to_date.setting_changes(entry["params"], task.params(session, camera, config))
        and up_to_date.same_inputs(entry, there, up_to_date.files_of(session))
    ):
        raise Blocked(f"{file.name} could not be made: {entry['message']}")
    for path in inputs:
        _check_last_attempt(path, failed, session, camera, config)
