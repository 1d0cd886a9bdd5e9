"""Types of what is registered of a session; everything else here works on them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from one.alf.spec import QC

COLLECTIONS = ("alf", "raw_")
"""Beginnings of the collections of which files are registered."""


@dataclass(frozen=True)
class Dataset:
    """A file to register: path relative to the session, size in bytes, MD5 and alfvideo version."""

    path: str
    file_size: int
    md5: str
    version: str


@dataclass(frozen=True)
class QCReport:
    """The checks of a camera. `kind` is 'video' or the name of a tracker."""

    kind: str
    camera: str
    outcome: QC
    extended_qc: Mapping[str, Any]


@dataclass(frozen=True)
class Picture:
    """A picture to show with the session, and what it shows in a line of text."""

    path: Path
    text: str


Status = Literal["Complete", "Errored"]


@dataclass(frozen=True)
class TaskRecord:
    """The state of a stage of a camera; `camera` is None for a stage of the whole session.

    `version` is that of alfvideo, `seconds` is how long it took, `finished` when it ended (ISO
    8601), as its provenance says.
    """

    name: str
    camera: str | None
    status: Status
    log: str
    version: str
    seconds: float | None = None
    finished: str = ""


@dataclass(frozen=True)
class Details:
    """Details of a session from its own files; used only if it has to be created on Alyx.

    `start_time` is ISO 8601 in the lab's time, empty if it is not known.
    """

    users: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    task_protocol: str = ""
    start_time: str = ""


@dataclass(frozen=True)
class SessionRecord:
    """All there is to register of one session."""

    path: Path
    datasets: Sequence[Dataset] = ()
    qc: Sequence[QCReport] = ()
    pictures: Sequence[Picture] = ()
    tasks: Sequence[TaskRecord] = ()
    details: Details = field(default_factory=Details)
    gone: Collection[str] = ()
    """Paths of results and raw datasets that were there and are not on disk."""

    @property
    def parts(self) -> tuple[str, str, int]:
        """Subject, date and number.

        >>> SessionRecord(Path('/data/Subjects/KB001/2026-01-01/001')).parts
        ('KB001', '2026-01-01', 1)
        """
        subject, date, number = self.path.parts[-3:]
        return subject, date, int(number)

    @property
    def name(self) -> str:
        """Subject, date and number, as a person names the session and as Alyx wants its path."""
        return "/".join(self.path.parts[-3:])


@dataclass(frozen=True)
class Policy:
    """The configuration of registration.

    `repository` is the name on Alyx of the data repository where the files are; without it the
    files are registered for the repositories of the lab, as not there yet, and records of files
    stay as they are. `protected` says what
    to do with a changed file that Alyx protects: refuse it, or register it as a new revision.
    """

    repository: str | None = None
    protected: Literal["error", "revision"] = "error"
