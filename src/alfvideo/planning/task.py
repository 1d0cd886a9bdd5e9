"""A task of a camera or session, as the table of tasks describes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alfvideo.configuration import Configuration
from alfvideo.planning.task_settings import Applies, Settings
from alfvideo.planning.unfinished import Unfinished
from alfvideo.session.cameras import Camera, Session

Inputs = Callable[[Session, Camera], list[Path]]


@dataclass(frozen=True)
class Result:
    """An input that another task makes, by the pattern of its path.

    Patterns by tracker are for what is made from the tracker in `features_from`; if that one has
    none, there is no such input. A task of all cameras gets the files of each camera in `cameras`
    that can be had. An `optional` input is left out if it is not there and cannot be made.
    """

    pattern: str | Mapping[str, str]
    optional: bool = False
    cameras: Applies = lambda session, camera, config: True


@dataclass(frozen=True)
class EveryResult:
    """All outputs of the other tasks of the selected cameras and of the session that can be had."""


@dataclass(frozen=True)
class Task:
    """One rule, seen from a camera; or, if it is `of_session`, from `ALL_CAMERAS` together.

    `stage` is its column in the table of pending work; `version` that of its algorithm, raised
    when results change; `settings` gives the parameters that results depend on, from the
    configuration; `results` are inputs that other tasks make, by name; `unfinished` says what is
    left to do although all outputs are there. Files that are written `beside` the outputs are
    declared and recorded like them, but their absence alone makes nothing pending: another
    program, or an earlier version, makes outputs without them. A task `of_session` that comes
    `before_cameras` makes what those of cameras read. One that `keeps_others` never replaces
    outputs that are there and not on record: another program made them.
    """

    rule: str
    stage: str
    version: int
    applies: Applies
    inputs: tuple[Inputs, ...]
    outputs: tuple[str, ...]
    settings: Settings = lambda *_: {}
    results: Mapping[str, Result | EveryResult] = field(default_factory=dict)
    of_session: bool = False
    unfinished: Unfinished = lambda *_: ""
    beside: tuple[str, ...] = ()
    before_cameras: bool = False
    keeps_others: bool = False

    @property
    def written(self) -> tuple[str, ...]:
        """Patterns of all files that its rule writes."""
        return (*self.outputs, *self.beside)

    @property
    def log(self) -> str:
        """Pattern of the logs of its jobs, with wildcards of the outputs.

        Where a camera may have recorded several videos each has its own. Sessions have absolute
        paths, so that the names of the folders follow without a slash.

        >>> from alfvideo.planning.tasks import BY_RULE
        >>> BY_RULE["video_compress"].log
        'logs/video_compress{session}/{collection}/{camera}.log'
        >>> BY_RULE["licks"].log
        'logs/licks{session}{revision}.log'
        """
        revision = "{revision}" if "{revision}" in self.outputs[0] else ""
        where = (name for name in ("{collection}", "{sync}") if name in self.outputs[0])
        camera = [] if self.of_session else ["{camera}"]
        return f"{'/'.join([f'logs/{self.rule}{{session}}{revision}', *where, *camera])}.log"

    def params(self, session: Session, camera: Camera, config: Configuration) -> dict[str, Any]:
        """Return everything but the inputs that the results depend on."""
        return {"version": self.version, **self.settings(session, camera, config)}
