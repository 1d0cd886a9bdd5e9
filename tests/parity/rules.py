"""Runs the script of a rule for one camera, as Snakemake does but without starting it."""

import runpy
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from alfvideo import configuration
from alfvideo.files.errors import DataError
from alfvideo.planning import task_inputs, tasks
from alfvideo.planning.task import Task
from alfvideo.session import datasets, description, pulse_files
from alfvideo.session.cameras import ALL_CAMERAS, Camera, Session
from alfvideo.video import compress

_SCRIPTS = Path(__file__).parents[2] / "scripts"
_CONFIG = configuration.parse({"root": "unused", "wheel_regions": {}})
"""No alignment by the wheel, for which ibllib needs a database."""


@dataclass(frozen=True)
class Times:
    """Camera times as a rule wrote them, and what it told about them."""

    times: np.ndarray
    notes: str


class Files(list[str]):
    """Paths of a job in one list, and by name as attributes, as Snakemake gives them to scripts."""

    def __init__(self, named: dict[str, str | list[str]]):
        for files in named.values():
            self.extend([files] if isinstance(files, str) else files)
        vars(self).update(named)

    def items(self) -> Iterable[tuple[str, str | list[str]]]:
        """Names and paths."""
        return vars(self).items()


def make_mp4s(path: Path) -> None:
    """Put the videos of a session into mp4s with their frames as they are, which is quick.

    The logs of camlog rigs get the name that they have beside an mp4.
    """
    recorded = description.read(path)
    for camera in recorded.cameras.values():
        parts = datasets.avi(recorded, camera)
        compress.copy(parts, datasets.path(datasets.RAW_MP4, recorded, camera))
        if camera.compressed:
            (log,) = datasets.camlog(recorded, camera)
            copy = datasets.path(datasets.RAW_CAMLOG, recorded, camera)
            copy.write_bytes(log.read_bytes())


def make_pulses(path: Path) -> str:
    """Make the sync arrays of a session from its raw file, and return what was told about it."""
    recorded = description.read(path)
    (task,) = (task for task in tasks.TASKS if task.rule == "sync_pulses")
    assert task.applies(recorded, ALL_CAMERAS, _CONFIG)
    outputs = (datasets.path(pattern, recorded, ALL_CAMERAS) for pattern in task.outputs)
    names = dict(zip(pulse_files.ARRAYS, map(str, outputs), strict=True))
    return _run(task, recorded, ALL_CAMERAS, names)


def camera_times(path: Path, label: str) -> Times:
    """Times of one camera from the rule that applies to it.

    Raises
    ------
    DataError
        With the message of the rule, if it fails.
    """
    recorded = description.read(path)
    camera = recorded.cameras[label]
    (task,) = (
        task
        for task in tasks.TASKS
        if datasets.TIMES in task.outputs and task.applies(recorded, camera, _CONFIG)
    )
    output, timing = (
        datasets.path(pattern, recorded, camera) for pattern in (datasets.TIMES, datasets.TIMING)
    )
    notes = _run(task, recorded, camera, {"times": str(output), "timing": str(timing)})
    return Times(np.load(output), notes)


def _run(task: Task, recorded: Session, camera: Camera, outputs: dict[str, str]) -> str:
    """Run the script of a task and return its log.

    Raises
    ------
    DataError
        With the log, if it fails.
    """
    files = task_inputs.find(task, recorded, camera, _CONFIG)
    inputs = {name: list(map(str, found)) for name, found in files.items()}
    log = recorded.path / "logs" / f"{camera.label}.log"
    job = SimpleNamespace(
        rule=task.rule,
        wildcards=SimpleNamespace(session=str(recorded.path), camera=camera.label),
        input=Files(inputs),
        output=Files(outputs),
        params=SimpleNamespace(settings=task.params(recorded, camera, _CONFIG)),
        resources={},
        log=[str(log)],
    )
    try:
        runpy.run_path(str(_SCRIPTS / f"{task.rule}.py"), init_globals={"snakemake": job})
    except SystemExit:
        raise DataError(log.read_text()) from None
    return log.read_text()
