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
from alfvideo.session import datasets, description
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
    """Put the videos of a session into mp4s with their frames as they are, which is quick."""
    recorded = description.read(path)
    for camera in recorded.cameras.values():
        (avi,) = datasets.avi(recorded, camera)
        compress.copy([avi], datasets.path(datasets.RAW_MP4, recorded, camera))


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
    files = task_inputs.find(task, recorded, camera, _CONFIG)
    inputs = {name: list(map(str, found)) for name, found in files.items()}
    output, timing = (
        datasets.path(pattern, recorded, camera) for pattern in (datasets.TIMES, datasets.TIMING)
    )
    log = path / "logs" / f"{label}.log"
    job = SimpleNamespace(
        rule=task.rule,
        wildcards=SimpleNamespace(session=str(path), camera=label),
        input=Files(inputs),
        output=Files({"times": str(output), "timing": str(timing)}),
        params=SimpleNamespace(settings=task.params(recorded, camera, _CONFIG)),
        resources={},
        log=[str(log)],
    )
    try:
        runpy.run_path(str(_SCRIPTS / f"{task.rule}.py"), init_globals={"snakemake": job})
    except SystemExit:
        raise DataError(log.read_text()) from None
    return Times(np.load(output), log.read_text())
