"""The table of the tasks: which apply, which files each reads and writes, which version.

Rules take their input functions from here, and the scan for pending work reads the same table, so
that both always agree.
"""

from collections.abc import Iterator
from itertools import chain

from alfvideo.behaviour import licks
from alfvideo.configuration import Configuration
from alfvideo.planning import task_settings, unfinished
from alfvideo.planning.task import EveryResult, Result, Task
from alfvideo.pose import roi
from alfvideo.session import datasets, pulse_files
from alfvideo.session.cameras import ALL_CAMERAS, Camera, Session
from alfvideo.session.rigs import KINDS, Rig, kind_of
from alfvideo.trackers import TRACKERS, Tracker

ALYX = "alyx"
"""The stage that registers a session on Alyx."""

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
            datasets.camera_log if rig.has_camlog else datasets.embedded,
            *rig.files,
            pulse_files.timing_decision,
            *(
                (datasets.wheel, datasets.embedded_of_others)
                if rig.records_wheel and not rig.has_camlog
                else ()
            ),
        ),
        outputs=(datasets.TIMES,),
        settings=task_settings.times(rig),
        beside=(datasets.TIMING,),
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
    Task(
        rule="sync_pulses",
        stage="pulses",
        version=1,
        applies=task_settings.has_raw_daq,
        inputs=(pulse_files.raw_daq,),
        outputs=datasets.SYNC,
        settings=task_settings.raw_daq,
        of_session=True,
        before_cameras=True,
        keeps_others=True,
    ),
    *map(_frame_times, KINDS),
    Task(
        rule="video_qc",
        stage="qc",
        version=2,
        applies=lambda session, camera, config: True,
        inputs=(datasets.mp4, datasets.times, datasets.frame_log, datasets.ttl, datasets.wheel),
        outputs=(datasets.VIDEO_QC, datasets.VIDEO_QC_PICTURE),
        settings=task_settings.checks,
        results={"timing": Result(datasets.TIMING, optional=True)},
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
        settings=task_settings.alyx,
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


def selected(session: Session, config: Configuration) -> Iterator[tuple[Camera, Task]]:
    """Yield tasks of the selected cameras, and then those of all cameras together.

    Before them those of all cameras together whose results the former read.
    """
    of_session = [task for task in TASKS if task.of_session]
    cameras = [camera for camera in session.cameras.values() if camera.label in config.cameras]
    yield from ((ALL_CAMERAS, task) for task in of_session if task.before_cameras)
    for camera in cameras:
        yield from ((camera, task) for task in TASKS if not task.of_session)
    yield from ((ALL_CAMERAS, task) for task in of_session if not task.before_cameras)


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
