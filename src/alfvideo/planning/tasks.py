"""The tasks of a camera or session: which apply, which files each reads and writes, which version.

Rules take their input functions from here, and the scan for pending work reads the same table, so
that both always agree.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from alfvideo.behaviour import licks
from alfvideo.configuration import Configuration
from alfvideo.files.errors import Blocked
from alfvideo.jobs import provenance
from alfvideo.planning import task_settings, unfinished, up_to_date
from alfvideo.planning.task_settings import Applies, Settings
from alfvideo.planning.unfinished import Unfinished
from alfvideo.pose import roi
from alfvideo.session import datasets
from alfvideo.session.cameras import ALL_CAMERAS, Camera, Session
from alfvideo.session.rigs import KINDS, Rig, kind_of
from alfvideo.trackers import TRACKERS, Tracker

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

    def files(self, session: Session, camera: Camera, config: Configuration) -> list[Path]:
        """List the files, there or to be made.

        Raises
        ------
        Blocked
            If there is none, unless it is optional.
        """
        given = self.pattern
        pattern = given if isinstance(given, str) else given.get(config.features_from)
        if pattern is None:
            return []
        cameras = [camera]
        if camera is ALL_CAMERAS and "{camera}" in pattern:
            cameras = [c for c in session.cameras.values() if self.cameras(session, c, config)]
        files, reasons = [], []
        for each in cameras:
            try:
                find = (
                    _obtainable_unless_failed
                    if self.optional or camera is ALL_CAMERAS
                    else _obtainable
                )
                files.append(find(pattern, session, each, config))
            except Blocked as reason:
                reasons.append(str(reason))
        if not files and not self.optional:
            raise Blocked("; ".join(dict.fromkeys(reasons)))
        return files


@dataclass(frozen=True)
class EveryResult:
    """All outputs of the other tasks of the selected cameras and of the session that can be had."""

    def files(self, session: Session, camera: Camera, config: Configuration) -> list[Path]:
        """List the files, there or to be made.

        Raises
        ------
        Blocked
            If there is none.
        """
        files = []
        for each, task in selected(session, config):
            for pattern in task.outputs if task.stage != ALYX else ():
                with suppress(Blocked):
                    if task.applies(session, each, config):
                        files.append(_obtainable_unless_failed(pattern, session, each, config))
        if not files:
            raise Blocked("there is nothing to register")
        return files


@dataclass(frozen=True)
class Task:
    """One rule, seen from a camera; or, if it is `of_session`, from `ALL_CAMERAS` together.

    `stage` is its column in the table of pending work; `version` that of its algorithm, raised
    when results change; `settings` gives the parameters that results depend on, from the
    configuration; `results` are inputs that other tasks make, by name; `unfinished` says what is
    left to do although all outputs are there.
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

    @property
    def log(self) -> str:
        """Pattern of the logs of its jobs, with wildcards of the outputs.

        Where a camera may have recorded several videos each has its own. Sessions have absolute
        paths, so that the names of the folders follow without a slash.

        >>> BY_RULE["video_compress"].log, BY_RULE["licks"].log
        ('logs/video_compress{session}/{collection}/{camera}.log', 'logs/licks{session}.log')
        """
        collection = "/{collection}" if "{collection}" in self.outputs[0] else ""
        return (
            f"logs/{self.rule}{{session}}{collection}{'' if self.of_session else '/{camera}'}.log"
        )

    def files(
        self, session: Session, camera: Camera, config: Configuration
    ) -> dict[str, list[Path]]:
        """Return all files that it reads, by what they are.

        Raises
        ------
        Blocked
            If one that it needs is missing.
        """
        found = {find.__name__: find(session, camera) for find in self.inputs}
        for name, result in self.results.items():
            found[name] = result.files(session, camera, config)
        return found

    def params(self, session: Session, camera: Camera, config: Configuration) -> dict[str, Any]:
        """Return everything but the inputs that the results depend on."""
        return {"version": self.version, **self.settings(session, camera, config)}


ALYX = "alyx"
"""The stage that registers a session on Alyx."""


def selected(session: Session, config: Configuration) -> Iterator[tuple[Camera, Task]]:
    """Yield tasks of the selected cameras, and then those of all cameras together."""
    cameras = [camera for camera in session.cameras.values() if camera.label in config.cameras]
    for camera in (*cameras, ALL_CAMERAS):
        for task in TASKS:
            if task.of_session == (camera is ALL_CAMERAS):
                yield camera, task


def of_stage(stage: str, session: Session, camera: Camera, config: Configuration) -> Task:
    """Find the task of a stage that is for this camera, of those that write the same files.

    Raises
    ------
    StopIteration
        If none is.
    """
    return next(
        task
        for each, task in selected(session, config)
        if (each, task.stage) == (camera, stage) and task.applies(session, camera, config)
    )


def _obtainable(pattern: str, session: Session, camera: Camera, config: Configuration) -> Path:
    """Return the file of a pattern, if it is there or will be made.

    Raises
    ------
    Blocked
        If it is not there and cannot be made, or is of a camera that is not selected.
    """
    file = datasets.path(pattern, session, camera)
    if session.has(file):
        return file
    if camera is ALL_CAMERAS or camera.label in config.cameras:
        for task in TASKS:
            if pattern in task.outputs and task.applies(session, camera, config):
                task.files(session, camera, config)
                task.params(session, camera, config)
                return file
    raise Blocked(f"{file.name} is missing")


def _obtainable_unless_failed(
    pattern: str, session: Session, camera: Camera, config: Configuration
) -> Path:
    """Return the file as `_obtainable`, unless its last attempt failed with what is there now.

    Raises
    ------
    Blocked
        As `_obtainable`; or with what was wrong with the file, or with one that it is made from.
    """
    file = _obtainable(pattern, session, camera, config)
    if provenance.FAILED in session.listing("."):
        failed = provenance.read(session.path, provenance.FAILED)
        _check_last_attempt(file, failed, session, camera, config)
    return file


def _check_last_attempt(
    file: Path, failed: Mapping[str, Any], session: Session, camera: Camera, config: Configuration
) -> None:
    makers = (
        task
        for task in TASKS
        if task.applies(session, camera, config)
        and any(datasets.path(pattern, session, camera) == file for pattern in task.outputs)
    )
    task = None if session.has(file) else next(makers, None)
    if task is None:
        return
    inputs = [path for found in task.files(session, camera, config).values() for path in found]
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


_TIMES = Result(datasets.TIMES, optional=True)


def _frame_times(rig: Rig) -> Task:
    """Make the task of the camera times on one kind of rig."""
    return Task(
        rule=rig.rule,
        stage="times",
        version=rig.version,
        applies=lambda session, camera, config: kind_of(session, camera) is rig,
        inputs=(
            datasets.mp4,
            *(() if rig.has_camlog else (datasets.embedded,)),
            *rig.files,
            *((datasets.wheel,) if rig.records_wheel and not rig.has_camlog else ()),
        ),
        outputs=(datasets.TIMES,),
        settings=task_settings.times(rig),
    )


def _pose(tracker: Tracker) -> Task:
    """Make the task of the pose of a camera by one tracker."""
    return Task(
        rule=tracker.rule,
        stage=tracker.name,
        version=tracker.version,
        applies=task_settings.has_cascade(tracker.name),
        inputs=(datasets.mp4,),
        outputs=(datasets.POSE[tracker.name],),
        settings=task_settings.cascade_of(tracker.name),
    )


def _after_pose(tracker: Tracker) -> tuple[Task, Task]:
    """Make the tasks of features and checks of a camera, from the pose of one tracker."""
    pose = Result(datasets.POSE[tracker.name])
    return (
        Task(
            rule=tracker.features_rule,
            stage="features",
            version=1,
            applies=task_settings.has_features(tracker.name),
            inputs=(datasets.mp4,),
            outputs=(datasets.FEATURES,),
            results={"pose": pose, "times": _TIMES},
        ),
        Task(
            rule=tracker.qc_rule,
            stage=tracker.qc_stage,
            version=1,
            applies=task_settings.has_cascade(tracker.name),
            inputs=(datasets.mp4, datasets.trials),
            outputs=(datasets.POSE_QC[tracker.name],),
            settings=lambda session, camera, config: {
                "tracker": tracker.name,
                "box": task_settings.pose_box(camera, config),
            },
            results={
                "pose": pose,
                "times": _TIMES,
                "features": Result(
                    {tracker.name: datasets.FEATURES} if tracker.checks_pupil_and_paws else {},
                    optional=True,
                ),
            },
        ),
    )


def _picture(tracker: Tracker) -> Task:
    """Make the task of a session's picture by one tracker, with features of the other."""
    tracked = task_settings.has_cascade(tracker.name)
    featured = task_settings.finds(lambda found: True)

    def shown(session: Session, camera: Camera, config: Configuration) -> bool:
        return tracked(session, camera, config) or featured(session, camera, config)

    return Task(
        rule=tracker.picture_rule,
        stage=tracker.picture_stage,
        version=1,
        applies=task_settings.any_camera(tracked),
        inputs=(datasets.trials, datasets.wheel),
        outputs=(datasets.POSE_PICTURE[tracker.name],),
        settings=lambda session, camera, config: {
            "tracker": tracker.name,
            "features_from": config.features_from,
        },
        results={
            "pose": Result(datasets.POSE[tracker.name], cameras=tracked),
            "mp4": Result(datasets.RAW_MP4, optional=True, cameras=shown),
            "times": Result(datasets.TIMES, optional=True, cameras=shown),
            "energy": Result(datasets.MOTION_ENERGY, optional=True, cameras=featured),
            "region": Result(datasets.MOTION_ENERGY_REGION, optional=True, cameras=featured),
            "features": Result(datasets.FEATURES, optional=True, cameras=featured),
            "licks": Result(datasets.LICKS, optional=True),
        },
        of_session=True,
    )


TASKS = (
    Task(
        rule="video_register_raw",
        stage="raw",
        version=1,
        applies=lambda session, camera, config: not camera.compressed,
        inputs=(datasets.frame_times, datasets.embedded, datasets.video_code),
        outputs=(datasets.RAW_DATASETS,),
    ),
    Task(
        rule="video_compress",
        stage="video",
        version=1,
        applies=lambda session, camera, config: not camera.compressed,
        inputs=(datasets.avi,),
        outputs=(datasets.RAW_MP4,),
        settings=task_settings.compression,
        unfinished=unfinished.mp4_is_another,
    ),
    Task(
        rule="video_convert",
        stage="video",
        version=1,
        applies=lambda session, camera, config: camera.compressed,
        inputs=(datasets.originals,),
        outputs=(datasets.RAW_MP4, datasets.RAW_CAMLOG),
        unfinished=unfinished.mp4_is_another,
    ),
    *map(_frame_times, KINDS),
    Task(
        rule="video_qc",
        stage="qc",
        version=1,
        applies=lambda session, camera, config: True,
        inputs=(datasets.mp4, datasets.times, datasets.frame_log, datasets.ttl, datasets.wheel),
        outputs=(datasets.VIDEO_QC, datasets.VIDEO_QC_PICTURE),
        settings=task_settings.checks,
    ),
    *map(_pose, TRACKERS.values()),
    Task(
        rule="motion_energy",
        stage="energy",
        version=1,
        applies=task_settings.finds(roi.possible),
        inputs=(datasets.mp4,),
        outputs=(datasets.MOTION_ENERGY, datasets.MOTION_ENERGY_REGION),
        results={"pose": Result(datasets.POSE)},
    ),
    *chain.from_iterable(map(_after_pose, TRACKERS.values())),
    Task(
        rule="pose_clip",
        stage="clip",
        version=1,
        applies=task_settings.has_clip,
        inputs=(datasets.mp4, datasets.trials),
        outputs=(datasets.POSE_CLIP,),
        results={"pose": Result(datasets.POSE), "times": _TIMES},
    ),
    Task(
        rule="licks",
        stage="licks",
        version=1,
        applies=task_settings.any_camera(task_settings.sees(licks.TONGUE)),
        inputs=(),
        outputs=(datasets.LICKS,),
        results={
            "pose": Result(datasets.POSE, cameras=task_settings.sees(licks.TONGUE)),
            "times": Result(datasets.TIMES, cameras=task_settings.sees(licks.TONGUE)),
        },
        of_session=True,
    ),
    *map(_picture, TRACKERS.values()),
    Task(
        rule="register_alyx",
        stage=ALYX,
        version=1,
        applies=lambda session, camera, config: bool(config.registration.alyx),
        inputs=(),
        outputs=(datasets.ALYX_REPORT,),
        settings=lambda session, camera, config: {
            "url": config.registration.alyx,
            "repository": config.registration.repository,
            "protected": config.registration.protected,
        },
        results={"results": EveryResult()},
        of_session=True,
    ),
    Task(
        rule="video_remove_original",
        stage="avi",
        version=1,
        applies=lambda session, camera, config: (
            not config.keep_avi and datasets.has_raw_video(session, camera)
        ),
        inputs=(datasets.raw_video, datasets.mp4),
        outputs=(datasets.ORIGINAL_REMOVED,),
        unfinished=unfinished.raw_video_is_there,
    ),
)

BY_RULE = {task.rule: task for task in TASKS}
