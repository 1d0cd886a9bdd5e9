"""Which tasks apply to a camera, and the parameters that their results depend on."""

from collections.abc import Callable, Collection
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from alfvideo.behaviour import pupil
from alfvideo.configuration import Configuration
from alfvideo.files import checksums
from alfvideo.files.errors import Blocked, DataError
from alfvideo.pose import cascades
from alfvideo.qc import reference, rigs
from alfvideo.registration import names
from alfvideo.session import pulse_files
from alfvideo.session.cameras import Camera, Session
from alfvideo.session.rigs import RIGS, Rig

Applies = Callable[[Session, Camera, Configuration], bool]
Settings = Callable[[Session, Camera, Configuration], dict[str, Any]]


def compression(session: Session, camera: Camera, config: Configuration) -> dict[str, Any]:
    """Return the encoder's settings: some kinds of rig have a quality of their own."""
    settings = config.compression
    crf = getattr(settings, RIGS[session.sync].crf)
    return {"preset": settings.preset, "crf": crf}


def daq(session: Session, camera: Camera, config: Configuration) -> dict[str, Any]:
    """Return the sync arrays to read, and the channel that is wired to the camera's GPIO."""
    return {"namespace": session.namespace, "sync_label": camera.sync_label}


def frame_log(camera: Camera, config: Configuration) -> dict[str, Any]:
    """Return the columns of the camera's log of frames, if the configuration names them."""
    columns = config.frame_logs.get(camera.label)
    return {"frame_log": columns.model_dump(mode="json")} if columns else {}


def timing(session: Session, camera: Camera, config: Configuration) -> dict[str, Any]:
    """Add to `daq` where the camera sees the wheel, by which it is timed if GPIO is of no use."""
    region = config.wheel_regions.get(camera.label)
    return {
        **daq(session, camera, config),
        **frame_log(camera, config),
        "wheel_region": region and region.model_dump(),
    }


def has_raw_daq(session: Session, camera: Camera, config: Configuration) -> bool:
    """Return whether the sync arrays are made from a raw file of the DAQ."""
    reads_arrays = pulse_files.sync_arrays in RIGS[session.sync].files
    return reads_arrays and pulse_files.is_made_here(session)


def raw_daq(session: Session, camera: Camera, config: Configuration) -> dict[str, Any]:
    """Return the format of the raw file of the DAQ, by its name in the table.

    Raises
    ------
    Blocked
        If there is no such file, or several.
    """
    return {"format": pulse_files.find_raw_daq(session).format.name}


def times(rig: Rig) -> Settings:
    """Make the function that gives what the times of a kind of rig depend on."""
    if not rig.has_labels:
        return lambda session, camera, config: frame_log(camera, config)
    return timing if rig.records_wheel and not rig.has_camlog else daq


def pose_box(camera: Camera, config: Configuration) -> dict[str, int] | None:
    """Return the box in which the mean of all body parts of a camera is expected, if known."""
    box = config.pose_boxes.get(camera.label)
    return box.model_dump() if box else None


def checks(session: Session, camera: Camera, config: Configuration) -> dict[str, Any]:
    """Return what the checks of a camera expect; a changed reference frame counts as a setting."""
    reference_frame, md5 = _reference_frame(camera.label, config)
    return {
        **daq(session, camera, config),
        **frame_log(camera, config),
        "sync": session.sync,
        "expected": asdict(rigs.expected(camera.label, session.sync, camera.described)),
        "protocols": list(session.protocols),
        "reference_frame": reference_frame,
        "reference_frame_md5": md5,
    }


def alyx(session: Session, camera: Camera, config: Configuration) -> dict[str, Any]:
    """Return where a session is registered and how.

    Raises
    ------
    Blocked
        If ONE, and so the server, would take its folder for another session.
    """
    names.check_session(session.path)
    return {
        "url": config.registration.alyx,
        "repository": config.registration.repository,
        "protected": config.registration.protected,
    }


def outside(config: Configuration) -> dict[str, Any]:
    """Return all that the settings of tasks depend on besides the configuration and the sessions.

    That is, of each camera, its cascades with the checksums of their models, and its reference
    frame; instead of what cannot be had the reason.
    """
    found: dict[str, Any] = {}
    for tracker, label, file in cascades.files(config):
        try:
            parts = cascades.body_parts(file, tracker)
            found[f"{tracker} {label}"] = [cascades.settings(file, tracker), sorted(parts or [])]
        except (Blocked, DataError) as reason:
            found[f"{tracker} {label}"] = str(reason)
    for label in config.cameras if config.reference_frames else ():
        try:
            found[label] = _reference_frame(label, config)
        except DataError as reason:
            found[label] = str(reason)
    return found


def _reference_frame(label: str, config: Configuration) -> tuple[str, str | None]:
    """Return the file of a camera's reference frame and its checksum."""
    folder = config.reference_frames
    found = reference.find(Path(folder).expanduser(), label) if folder else None
    if found is None:
        return "", None
    stat = found.stat()
    return str(found), _md5(found, stat.st_size, stat.st_mtime_ns)


@cache
def _md5(path: Path, _size: int, _modified: int) -> str:
    return checksums.md5(path)


def has_cascade(tracker: str) -> Applies:
    """Apply if the camera has a cascade of a tracker."""
    return lambda session, camera, config: cascades.file(config, tracker, camera.label) is not None


def cascade_of(tracker: str) -> Settings:
    """Return the cascade as a setting: with the checksums of its models, without comments."""

    def settings(session: Session, camera: Camera, config: Configuration) -> dict[str, Any]:
        file = cascades.file(config, tracker, camera.label)
        assert file is not None, "the task applies to cameras with a cascade"
        cascades.check_trusted(file, tracker, config.trusted_models)
        return {"tracker": tracker, "cascade": cascades.settings(file, tracker)}

    return settings


def finds(possible: Callable[[Collection[str]], bool]) -> Applies:
    """Apply if the cascade of `features_from` finds the body parts, as far as is known."""

    def applies(session: Session, camera: Camera, config: Configuration) -> bool:
        tracker = config.features_from
        file = cascades.file(config, tracker, camera.label)
        if file is None:
            return False
        try:
            parts = cascades.body_parts(file, tracker)
        except Blocked:
            parts = None
        return parts is None or possible(parts)

    return applies


def sees(parts: Collection[str]) -> Applies:
    """Apply if it is a camera of the face whose cascade finds one of the body parts."""
    seen = finds(lambda found: not set(parts).isdisjoint(found))
    return lambda session, camera, config: (
        camera.label in pupil.WINDOWS and seen(session, camera, config)
    )


def has_features(tracker: str) -> Applies:
    """Apply if features are made of the camera from this tracker."""
    sees_pupil = sees(pupil.POINTS)
    return lambda session, camera, config: (
        config.features_from == tracker and sees_pupil(session, camera, config)
    )


def has_clip(session: Session, camera: Camera, config: Configuration) -> bool:
    """Return whether a clip is made of the camera."""
    return config.pose_clips and finds(lambda found: True)(session, camera, config)


def any_camera(applies: Applies) -> Applies:
    """Apply if something applies to one of the selected cameras."""
    return lambda session, everyone, config: any(
        applies(session, camera, config)
        for camera in session.cameras.values()
        if camera.label in config.cameras
    )
