"""Collecting what is registered of a session: from its provenance, checks and pictures."""

from pathlib import Path

from one.alf.path import ALFPath

from alfvideo.jobs import provenance
from alfvideo.jobs.provenance import Entry
from alfvideo.registration import registry
from alfvideo.registration.alyx import details, quality
from alfvideo.registration.alyx.records import Dataset, Picture, SessionRecord, Status, TaskRecord
from alfvideo.trackers import TRACKERS

RULE = "register_alyx"
"""The rule that registers; its own job is not a task on Alyx."""

_COLLECTIONS = ("alf", "raw_")
"""Beginnings of the collections of which files are registered."""
_LEFT_OUT = (".avi", ".camlog")
"""Raw videos, which their mp4 stands for, and logs of which Alyx's stock formats know nothing."""

_PICTURES = {tracker.picture_rule: tracker.picture_title for tracker in TRACKERS.values()}
"""Text of the note by the name of the picture."""


def collect(session: Path) -> SessionRecord:
    """Read everything that is registered of a session.

    Raises
    ------
    DataError
        If one of its records cannot be read.
    """
    made = provenance.read(session)
    failed = provenance.read(session, provenance.FAILED)
    return SessionRecord(
        path=session,
        datasets=_datasets(session, made),
        qc=tuple(quality.read(file) for file in sorted(session.glob("qc/_ibl_*QC.json"))),
        pictures=tuple(
            Picture(file, _text(file)) for file in sorted(session.glob("snapshot/*.png"))
        ),
        tasks=(*_tasks(made, "Complete"), *_tasks(failed, "Errored")),
        details=details.read(session),
    )


def _datasets(session: Path, made: dict[str, Entry]) -> tuple[Dataset, ...]:
    """List the results of alfvideo and the recorded raw datasets, if they are there."""
    datasets = {}
    for name, entry in made.items():
        if output := entry.get("output"):
            version = entry["software"]["alfvideo"]
            datasets[name] = Dataset(name, output["size"], output["md5"], version)
        if name.endswith("_raw.json") and (session / name).exists():
            for raw in registry.read(session / name):
                version = entry["software"]["alfvideo"]
                datasets[raw["path"]] = Dataset(raw["path"], raw["file_size"], raw["hash"], version)
    return tuple(
        dataset
        for name, dataset in sorted(datasets.items())
        if name.startswith(_COLLECTIONS)
        and not name.endswith(_LEFT_OUT)
        and ALFPath(session / name).is_dataset
        and (session / name).exists()
    )


def _tasks(entries: dict[str, Entry], status: Status) -> tuple[TaskRecord, ...]:
    """List one record for each rule and camera."""
    records = {}
    for entry in entries.values():
        rule, camera = entry["rule"], entry.get("camera") or None
        if rule == RULE:
            continue
        records[rule, camera] = TaskRecord(
            name=rule,
            camera=camera,
            status=status,
            log=_log(Path(entry["log"]), entry.get("message", "")),
            version=str(entry["params"].get("version", "")),
            seconds=entry.get("seconds"),
            finished=entry.get("finished", ""),
        )
    return tuple(records[key] for key in sorted(records, key=str))


def _log(file: Path, message: str) -> str:
    """Return the log of a job; its message if the log is not in this working folder any more."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return message


def _text(picture: Path) -> str:
    """Describe a picture in a line.

    >>> _text(Path("snapshot/leftCamera_qc.png"))
    'Camera QC, leftCamera'
    """
    camera = picture.stem.removesuffix("_qc")
    return _PICTURES.get(picture.stem) or f"Camera QC, {camera}"
