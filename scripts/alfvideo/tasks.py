"""The tasks of a camera: which apply to it, which files each reads and writes, which version.

Rules take their input functions from here, and the scan for pending work reads the same table, so
that both always agree.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alfvideo import datasets, roi
from alfvideo.pose import cascade
from alfvideo.qc import reference, rigs
from alfvideo.session import Blocked, Camera, Session

Config = Mapping[str, Any]
Inputs = Callable[[Session, Camera], list[Path]]


@dataclass(frozen=True)
class Task:
    """One rule, seen from a camera.

    `stage` is its column in the table of pending work; `version` that of its algorithm, raised
    when results change; `settings` gives the parameters that results depend on, from the
    configuration; `reads_pose` is for tasks that read the pose of the tracker in `features_from`.
    """

    rule: str
    stage: str
    version: int
    applies: Callable[[Session, Camera, Config], bool]
    inputs: tuple[Inputs, ...]
    outputs: tuple[str, ...]
    settings: Callable[[Session, Camera, Config], dict[str, Any]] = lambda *of: {}
    reads_pose: bool = False

    def files(self, session: Session, camera: Camera, config: Config) -> dict[str, list[Path]]:
        """All files that it reads, by what they are.

        Raises
        ------
        Blocked
            If one that it needs is missing.
        """
        found = {find.__name__: find(session, camera) for find in self.inputs}
        if self.reads_pose:
            found["pose"] = pose(session, camera, config)
        return found

    def params(self, session: Session, camera: Camera, config: Config) -> dict[str, Any]:
        """Everything but the inputs that the results depend on."""
        return {"version": self.version, **self.settings(session, camera, config)}


def compression(session: Session, camera: Camera, config: Config) -> dict[str, Any]:
    """The encoder's settings: videos of training rigs (Bpod) are compressed more."""
    settings = config["compression"]
    crf = settings["crf_bpod"] if session.sync == "bpod" else settings["crf"]
    return {"preset": settings["preset"], "crf": crf}


def daq(session: Session, camera: Camera, config: Config) -> dict[str, Any]:
    """Which sync arrays to read, and which of their channels is wired to the camera's GPIO."""
    return {"namespace": session.namespace, "sync_label": camera.sync_label}


def timing(session: Session, camera: Camera, config: Config) -> dict[str, Any]:
    """As `daq`, and where the camera sees the wheel, by which it is timed if GPIO is of no use."""
    region = config["wheel_regions"].get(camera.label)
    return {**daq(session, camera, config), "wheel_region": region}


def checks(session: Session, camera: Camera, config: Config) -> dict[str, Any]:
    """What the checks of a camera expect of it; a changed reference frame counts as a setting."""
    folder = config["reference_frames"]
    reference_frame = reference.find(Path(folder).expanduser(), camera.label) if folder else None
    return {
        **daq(session, camera, config),
        "sync": session.sync,
        "expected": asdict(rigs.expected(camera.label, session.sync, camera.described)),
        "protocols": list(session.protocols),
        "reference_frame": str(reference_frame or ""),
        "reference_frame_modified": reference_frame.stat().st_mtime_ns if reference_frame else 0,
    }


def pose(session: Session, camera: Camera, config: Config) -> list[Path]:
    """The pose table that motion energy and features are made from.

    Raises
    ------
    Blocked
        If it is not there and cannot be made.
    """
    tracker = config["features_from"]
    table = datasets.path(datasets.POSE[tracker], session, camera)
    if table.name not in session.listing("alf"):
        _cascade(tracker)(session, camera, config)
    return [table]


def _has_cascade(tracker: str) -> Callable[[Session, Camera, Config], bool]:
    return lambda session, camera, config: cascade.of(config, tracker, camera.label) is not None


def _cascade(tracker: str) -> Callable[[Session, Camera, Config], dict[str, Any]]:
    """The cascade as a setting: with the checksums of its models, without comments."""

    def settings(session: Session, camera: Camera, config: Config) -> dict[str, Any]:
        file = cascade.of(config, tracker, camera.label)
        return {"tracker": tracker, "cascade": cascade.load(file, tracker)}

    return settings


def _has_motion_energy(session: Session, camera: Camera, config: Config) -> bool:
    """Whether the cascade finds the body parts that place the region, as far as is known."""
    tracker = config["features_from"]
    file = cascade.of(config, tracker, camera.label)
    if file is None:
        return False
    try:
        parts = cascade.body_parts(file, tracker)
    except Blocked:
        parts = None
    return parts is None or roi.possible(parts)


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
        settings=compression,
    ),
    Task(
        rule="video_convert",
        stage="video",
        version=1,
        applies=lambda session, camera, config: camera.compressed,
        inputs=(datasets.originals,),
        outputs=(datasets.RAW_MP4, datasets.RAW_CAMLOG),
    ),
    Task(
        rule="video_sync_qc_nidq",
        stage="times",
        version=1,
        applies=lambda session, camera, config: session.sync == "nidq" and not camera.compressed,
        inputs=(
            datasets.mp4,
            datasets.embedded,
            datasets.sync_arrays,
            datasets.wiring,
            datasets.wheel,
        ),
        outputs=(datasets.TIMES,),
        settings=timing,
    ),
    Task(
        rule="video_sync_qc_bpod",
        stage="times",
        version=1,
        applies=lambda session, camera, config: session.sync == "bpod" and not camera.compressed,
        inputs=(datasets.mp4, datasets.embedded, datasets.task_data),
        outputs=(datasets.TIMES,),
    ),
    Task(
        rule="video_sync_qc_camlog",
        stage="times",
        version=1,
        applies=lambda session, camera, config: camera.compressed,
        inputs=(datasets.mp4, datasets.sync_arrays, datasets.wiring),
        outputs=(datasets.TIMES,),
        settings=daq,
    ),
    Task(
        rule="video_qc",
        stage="qc",
        version=1,
        applies=lambda session, camera, config: True,
        inputs=(datasets.mp4, datasets.times, datasets.frame_log, datasets.ttl, datasets.wheel),
        outputs=(datasets.VIDEO_QC, datasets.VIDEO_QC_PICTURE),
        settings=checks,
    ),
    Task(
        rule="dlc",
        stage="dlc",
        version=1,
        applies=_has_cascade("dlc"),
        inputs=(datasets.mp4,),
        outputs=(datasets.POSE["dlc"],),
        settings=_cascade("dlc"),
    ),
    Task(
        rule="lightning_pose",
        stage="lightningPose",
        version=1,
        applies=_has_cascade("lightningPose"),
        inputs=(datasets.mp4,),
        outputs=(datasets.POSE["lightningPose"],),
        settings=_cascade("lightningPose"),
    ),
    Task(
        rule="motion_energy",
        stage="energy",
        version=1,
        applies=_has_motion_energy,
        inputs=(datasets.mp4,),
        outputs=(datasets.MOTION_ENERGY, datasets.MOTION_ENERGY_REGION),
        reads_pose=True,
    ),
    Task(
        rule="video_remove_original",
        stage="avi",
        version=1,
        applies=lambda session, camera, config: (
            not config["keep_avi"] and datasets.has_originals(session, camera)
        ),
        inputs=(datasets.originals, datasets.mp4),
        outputs=(datasets.ORIGINAL_REMOVED,),
    ),
)

BY_RULE = {task.rule: task for task in TASKS}
