"""The pending work as jobs: what each waits for, and what is known of how long it takes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import Path

from alfvideo.configuration import Configuration
from alfvideo.jobs import provenance
from alfvideo.planning import tasks
from alfvideo.planning.pending import State, Status
from alfvideo.session import datasets, description
from alfvideo.views.plan import settings, videos
from alfvideo.views.plan.estimate import Estimate, Estimates
from alfvideo.views.plan.videos import Lengths


@dataclass(frozen=True)
class Job:
    """A pending job; `needs` are the places in the list of the jobs that must end before it.

    `frames` is how long the videos are that it reads.
    """

    rule: str
    session: Path
    camera: str
    frames: float
    estimate: Estimate | None
    needs: tuple[int, ...]

    @property
    def seconds(self) -> float:
        """What it is estimated to take; nothing if there was no such job yet."""
        return self.estimate.seconds(self.frames) if self.estimate else 0.0

    @property
    def fast(self) -> float:
        """What it takes if it is as fast as the fastest tenth of past jobs."""
        return self.seconds * self.estimate.low if self.estimate else 0.0

    @property
    def slow(self) -> float:
        """What it takes if it is as slow as the slowest tenth of past jobs."""
        return self.seconds * self.estimate.high if self.estimate else 0.0


def jobs(
    statuses: Iterable[Status],
    config: Configuration,
    estimates: Estimates,
    lengths: Lengths,
) -> list[Job]:
    """The jobs of everything that is pending, in the order of the statuses.

    The statuses of a session must follow each other, as those of a scan do.
    """
    pending = (status for status in statuses if status.state is State.PENDING)
    found: list[Job] = []
    for path, of_session in groupby(pending, key=lambda status: status.session):
        found += _of_session(path, of_session, config, estimates, lengths, len(found))
    return found


def _of_session(
    path: Path,
    statuses: Iterable[Status],
    config: Configuration,
    estimates: Estimates,
    lengths: Lengths,
    first: int,
) -> Iterator[Job]:
    recorded = description.read(path)
    known = videos.recorded(provenance.read(path))
    makers: dict[Path, int] = {}
    for place, status in enumerate(statuses, first):
        camera = recorded.cameras.get(status.camera, description.ALL_CAMERAS)
        task = next(task for task in tasks.TASKS if _is_of(status, task, recorded, config))
        inputs = list(chain(*task.files(recorded, camera, config).values()))
        frames = sum(
            lengths.frames(_video(file, status.camera, recorded, known))
            for file in inputs
            if videos.is_video(file)
        )
        params = settings.text(task.params(recorded, camera, config))
        estimate = estimates.find(task.rule, status.camera, params)
        needs = {makers[file] for file in inputs if file in makers}
        makers.update(dict.fromkeys(status.outputs, place))
        yield Job(task.rule, path, status.camera, frames, estimate, tuple(needs))


def _is_of(
    status: Status, task: tasks.Task, recorded: description.Session, config: Configuration
) -> bool:
    """Whether a status is of this task: several that write the same files share a stage."""
    camera = recorded.cameras.get(status.camera, description.ALL_CAMERAS)
    return (
        task.stage == status.stage
        and task.of_session == (camera is description.ALL_CAMERAS)
        and task.applies(recorded, camera, config)
    )


def _video(
    file: Path, camera: str, recorded: description.Session, known: videos.Recorded
) -> videos.Video:
    """A video that a job reads; if it is not there yet, the raw one that it will be made from."""
    label = camera or datasets.camera_of(file)
    entry = recorded.siblings(file).get(file.name)
    if entry is None:
        file = datasets.avi(recorded, recorded.cameras[label])[0]
        entry = recorded.siblings(file)[file.name]
    video = known.video(file, label, entry.stat().st_size)
    # Times that another program made are in no record.
    times = datasets.path(datasets.TIMES, recorded, recorded.cameras[label])
    found = recorded.siblings(times).get(times.name)
    return replace(video, frames=videos.frames_of(found.stat().st_size)) if found else video
