"""Collecting what is registered of a session: from its provenance, checks and pictures."""

import logging
import os
from pathlib import Path

from one.alf.path import ALFPath

from alfvideo.files import regular
from alfvideo.files.errors import Blocked, DataError
from alfvideo.jobs import provenance, raw_datasets
from alfvideo.jobs.provenance import Entry
from alfvideo.registration import names
from alfvideo.registration.alyx import details, quality
from alfvideo.registration.alyx.records import (
    COLLECTIONS,
    Dataset,
    Picture,
    SessionRecord,
    Status,
    TaskRecord,
)
from alfvideo.session import folders
from alfvideo.trackers import TRACKERS

log = logging.getLogger(__name__)

RULE = "register_alyx"
"""The rule that registers; its own job is not a task on Alyx."""

_LEFT_OUT = (".avi",)
"""Raw videos, which their mp4 stands for."""

_PICTURES = {tracker.picture_rule for tracker in TRACKERS.values()}
"""Names of pictures that ibllib makes, too: its notes have them as their text."""


def collect(session: Path) -> SessionRecord:
    """Read everything that is registered of a session.

    Raises
    ------
    DataError
        If one of its records cannot be read, or ONE would take it for another session.
    """
    try:
        names.check_session(session)
    except Blocked as reason:
        raise DataError(f"{session} is not registered: {reason}.") from None
    made = provenance.read(session)
    failed = provenance.read(session, provenance.FAILED)
    datasets = _datasets(session, made)
    return SessionRecord(
        path=session,
        datasets=tuple(
            each for each in datasets.values() if regular.is_regular(session / each.path)
        ),
        gone={name for name in datasets if not os.path.lexists(session / name)},
        qc=tuple(quality.read(file) for file in sorted(session.glob("qc/_ibl_*QC.json"))),
        pictures=tuple(
            Picture(file, _text(file))
            for file in folders.matching(session, "snapshot/*.png")
            if _is_of(session, file)
        ),
        tasks=(*_tasks(made, "Complete"), *_tasks(failed, "Errored")),
        details=details.read(session),
    )


def _is_of(session: Path, file: Path) -> bool:
    """Return whether it is a file of the session, and say so if it is not."""
    try:
        os.close(regular.open_for_reading(regular.inside(file, session)))
    except OSError as error:
        log.warning("%s is not registered: %s.", file, error.strerror)
        return False
    return True


def _datasets(session: Path, made: dict[str, Entry]) -> dict[str, Dataset]:
    """Return the results of alfvideo and the recorded raw datasets, whether there or gone."""
    datasets = {}
    for name, entry in made.items():
        version = str(entry.get("software", {}).get("alfvideo", ""))
        if output := entry.get("output"):
            try:
                datasets[name] = Dataset(name, output["size"], output["md5"], version)
            except KeyError:
                log.warning("%s has no size or hash in its record: not registered.", name)
        if name.endswith("_raw.json") and (session / name).exists():
            for raw in raw_datasets.read(session / name):
                datasets[raw["path"]] = Dataset(raw["path"], raw["file_size"], raw["hash"], version)
    return {
        name: dataset
        for name, dataset in sorted(datasets.items())
        if name.startswith(COLLECTIONS)
        and not name.endswith(_LEFT_OUT)
        and _is_held(name)
        and ALFPath(session / name).is_dataset
    }


def _is_held(name: str) -> bool:
    """Return whether ONE, and so the server, reads a name as it is, and say so if not."""
    if not names.holds(name):
        log.warning(
            "%r is not registered: ONE cannot hold this name. Rename folders and files to "
            "letters, digits, '.', '-' and '_'.",
            name,
        )
        return False
    return True


def _tasks(entries: dict[str, Entry], status: Status) -> tuple[TaskRecord, ...]:
    """List one record for each rule and camera."""
    records: dict[tuple[str, str | None], TaskRecord] = {}
    for entry in provenance.by_time(entries):
        rule, camera = str(entry.get("rule", "")), str(entry.get("camera") or "") or None
        if rule in ("", RULE):
            continue
        seconds = entry.get("seconds")
        text = str(entry.get("log_text", ""))
        earlier = records.get((rule, camera))
        if not text and earlier and earlier.finished == entry.get("finished"):
            text = earlier.log
        records[rule, camera] = TaskRecord(
            name=rule,
            camera=camera,
            status=status,
            log=text or _log(Path(str(entry.get("log", ""))), str(entry.get("message", ""))),
            version=str(entry.get("software", {}).get("alfvideo", "")),
            seconds=seconds if isinstance(seconds, int | float) else None,
            finished=str(entry.get("finished", "")),
        )
    return tuple(records[key] for key in sorted(records, key=str))


def _log(file: Path, message: str) -> str:
    """Return the log of a job; its message if the log is not in this working folder any more.

    The record that names it may be written by others: it must not make other files known.
    """
    try:
        if file.suffix != ".log" or ".." in file.parts:
            return message
        descriptor = regular.open_for_reading(file)
        with os.fdopen(descriptor, encoding="utf-8", errors="replace") as opened:
            status = os.fstat(descriptor)
            if file.is_absolute() and status.st_uid != os.geteuid():
                return message
            return opened.read(regular.MAX_RECORD_BYTES)
    except (OSError, ValueError):
        return message


def _text(picture: Path) -> str:
    """Describe a picture in a line.

    IBL's pages find those that ibllib makes, too, by a text that is their name.

    >>> _text(Path("snapshot/leftCamera_qc.png")), _text(Path("snapshot/dlc_qc_plot.png"))
    ('Camera QC, leftCamera', 'dlc_qc_plot')
    """
    if picture.stem in _PICTURES:
        return picture.stem
    camera = picture.stem.removesuffix("_qc")
    return f"Camera QC, {camera}"
