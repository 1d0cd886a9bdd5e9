"""The files of a camera: what each is called, and which of them are there."""

import re
from contextlib import suppress
from pathlib import Path

from one.alf import spec
from one.alf.path import filename_parts

from alfvideo.files.errors import Blocked
from alfvideo.session import pulse_files
from alfvideo.session.cameras import Camera, Session
from alfvideo.session.rigs import RIGS
from alfvideo.session.trials import COLUMNS
from alfvideo.trackers import TRACKERS

RAW_MP4 = "{session}/{collection}/" + spec.to_alf(
    "{camera}Camera", "raw", "mp4", namespace="iblrig"
)
RAW_AVI = RAW_MP4.removesuffix("mp4") + "avi"
RAW_CAMLOG = RAW_MP4.removesuffix("mp4") + "camlog"
_ALF = "{session}/alf{revision}/"
TIMES = _ALF + spec.to_alf("{camera}Camera", "times", "npy", namespace="ibl")
TIMING = "{session}/qc{revision}/" + spec.to_alf(
    "{camera}Camera", "timing", "json", namespace="ibl"
)
"""The method by which the times were found, and what shows it."""
VIDEO_QC = "{session}/qc/" + spec.to_alf("{camera}Camera", "videoQC", "json", namespace="ibl")
VIDEO_QC_PICTURE = "{session}/snapshot/{camera}Camera_qc.png"
RAW_DATASETS = "{session}/registration/{camera}Camera_raw.json"
ORIGINAL_REMOVED = "{session}/registration/{camera}Camera_original_removed.json"
POSE = {
    tracker: _ALF + spec.to_alf("{camera}Camera", tracker, "pqt", namespace="ibl")
    for tracker in TRACKERS
}
# Not by `spec.to_alf`, which begins the attribute with a small letter; IBL's name does not.
MOTION_ENERGY = _ALF + "{camera}Camera.ROIMotionEnergy.npy"
MOTION_ENERGY_REGION = _ALF + spec.to_alf("{camera}ROIMotionEnergy", "position", "npy")
FEATURES = _ALF + spec.to_alf("{camera}Camera", "features", "pqt", namespace="ibl")
LICKS = _ALF + spec.to_alf("licks", "times", "npy")
POSE_QC = {
    tracker: "{session}/qc/"
    + spec.to_alf("{camera}Camera", f"{tracker}QC", "json", namespace="ibl")
    for tracker in POSE
}
POSE_PICTURE = {
    name: f"{{session}}/snapshot/{tracker.picture_rule}.png" for name, tracker in TRACKERS.items()
}
SYNC = tuple(f"{{session}}/{{sync}}_sync.{name}.npy" for name in pulse_files.ARRAYS)
"""Made from the raw file of the DAQ, beside it; `sync` is folder and namespace."""
OF_FRAMES = (TIMES, *POSE.values(), FEATURES, MOTION_ENERGY)
"""Results with a row for each frame."""
ALYX_REPORT = "{session}/registration/alyx.json"
_IS_REVISION = re.compile("/#[^/#]+#").fullmatch
_PART = re.compile(r"(.+)_(\d{8})")
"""The name of a part of a recording, without its ending."""
POSE_CLIP = "{session}/snapshot/{camera}Camera.pose.mp4"


_WRITTEN_WITH = {TIMING: TIMES, MOTION_ENERGY_REGION: MOTION_ENERGY}
"""Files that are in the same revision as another one: a job writes both."""

REVISION = "(/#[^/#]+#)?"
"""Pattern of the revision of a result in its path: empty, or a folder below its collection."""


def path(pattern: str, session: Session, camera: Camera) -> Path:
    """Return the path of one of the patterns above for a camera, in the revision that counts."""
    if "{sync}" in pattern:
        pattern = pattern.replace("{sync}", pulse_files.prefix_of_made(session))
    if "{revision}" not in pattern:
        return session.file(pattern, camera)
    return session.file(pattern, camera, revision(pattern, session, camera))


def revision(pattern: str, session: Session, camera: Camera) -> str:
    """Return the revision of a result that counts, as it is in its path: the newest, or none."""
    if "{revision}" not in pattern:
        return ""
    original = session.file(_WRITTEN_WITH.get(pattern, pattern), camera)
    if original not in session.revisions:
        session.revisions[original] = max(revisions(original, session), default="")
    return session.revisions[original]


def revise(pattern: str, session: Session, camera: Camera, name: str) -> None:
    """Have a revision of a result count from now on, `name` as it is in its path."""
    session.revisions[session.file(_WRITTEN_WITH.get(pattern, pattern), camera)] = name


def revisions(original: Path, session: Session) -> list[str]:
    """List the revisions of a result that are there, as they are in its path."""
    return [
        f"/{name}"
        for name in session.siblings(original)
        if _IS_REVISION(f"/{name}")
        and original.name in session.lookups.listing(f"{original.parent}/{name}")
    ]


def newest(pattern: str, session: Path, camera: str = "") -> Path:
    """Return the path of a result in its newest revision, without the session's description."""
    parts = {"session": session, "camera": camera}
    original = Path(pattern.format(**parts, revision=""))
    found = [
        f"/{folder.parent.name}"
        for folder in original.parent.glob(f"#*#/{original.name}")
        if _IS_REVISION(f"/{folder.parent.name}")
    ]
    return Path(pattern.format(**parts, revision=max(found, default="")))


def timing_of(times: Path, camera: str) -> Path:
    """Return the record of a camera's times, in the same revision.

    >>> timing_of(Path("/s/alf/#2026-01-31#/_ibl_leftCamera.times.npy"), "left").as_posix()
    '/s/qc/#2026-01-31#/_ibl_leftCamera.timing.json'
    """
    folder, is_revised = times.parent, bool(_IS_REVISION(f"/{times.parent.name}"))
    session = folder.parent.parent if is_revised else folder.parent
    revision = f"/{folder.name}" if is_revised else ""
    return Path(TIMING.format(session=session, camera=camera, revision=revision))


def sync_prefix(file: Path, session: Path) -> str:
    """Return what stands for `sync` in the pattern of a sync array; of other files no such thing.

    >>> sync_prefix(Path("/s/raw_ephys_data/_spikeglx_sync.times.npy"), Path("/s"))
    'raw_ephys_data/_spikeglx'
    """
    return file.relative_to(session).as_posix().rpartition("_sync.")[0]


def camera_of(file: Path) -> str:
    """Return the label of the camera that a dataset is of.

    >>> camera_of(Path("alf/_ibl_leftCamera.times.npy"))
    'left'
    >>> camera_of(Path("alf/leftROIMotionEnergy.position.npy"))
    'left'
    """
    name: str = filename_parts(file.name)[1]
    return name.removesuffix("Camera").removesuffix("ROIMotionEnergy")


def frame_times(session: Session, camera: Camera) -> list[Path]:
    """Return the file with the camera's own timestamps: frameData, timestamps, or a log of frames.

    Raises
    ------
    Blocked
        If neither is there.
    """
    prefix = f"_iblrig_{camera.label}Camera"
    for name in ("frameData*.bin", "timestamps*"):
        if found := session.find(camera.collection, f"{prefix}.{_in_any_case(name)}"):
            return found
    if found := _log_of_frames(session, camera):
        return found
    raise Blocked(
        f"no timestamps: neither {prefix}.frameData.bin, {prefix}.timestamps.ssv nor a log of "
        f"frames ({camera.label}.csv) is in {camera.collection}"
    )


def embedded(session: Session, camera: Camera) -> list[Path]:
    """List the embedded data of a camera, as far as there are: counter, GPIO, timestamps.

    In whatever case they are written: Windows does not tell `.BIN` from `.bin`. Without them it is
    the log of frames, if there is one.

    Raises
    ------
    Blocked
        If several could be the log of frames.
    """
    prefix = f"_iblrig_{camera.label}Camera"
    attributes = ("frameData*.bin", "timestamps*.ssv", "GPIO*.bin", "frame_counter*.bin")
    found = session.find(
        camera.collection, *(f"{prefix}.{_in_any_case(attribute)}" for attribute in attributes)
    )
    return found or _log_of_frames(session, camera)


def _log_of_frames(session: Session, camera: Camera) -> list[Path]:
    """List the CSV that a recorder keeps of the frames: `left.csv`, `left_2026-01-05.csv`."""
    names = (f"{camera.label}{rest}.csv" for rest in ("", "[_.-]*", "[cC]am*"))
    # `left_2.csv` is that of a camera called left_2, if there is one
    longer = {other for other in session.cameras if other.startswith(camera.label)} - {camera.label}
    found = [
        file
        for file in session.find(camera.collection, *names)
        if not file.name.startswith(tuple(longer))
    ]
    if len(found) > 1:
        listed = ", ".join(file.name for file in found)
        raise Blocked(f"several files could be the log of frames, keep one of them: {listed}")
    return found


def embedded_of_others(session: Session, camera: Camera) -> list[Path]:
    """List the embedded data of the other cameras, as far as they can be read."""
    found: list[Path] = []
    for other in session.cameras.values():
        if other is not camera:
            with suppress(Blocked):
                found += embedded(session, other)
    return found


def _in_any_case(pattern: str) -> str:
    """Return a glob pattern for small and capital letters.

    >>> _in_any_case("G*.b")
    '[gG]*.[bB]'
    """
    return re.sub("[A-Za-z]", lambda found: f"[{found[0].lower()}{found[0].upper()}]", pattern)


def video_code(session: Session, camera: Camera) -> list[Path]:
    """List the copy of the acquisition code that rigs leave beside their videos, if any."""
    return session.find(camera.collection, "_iblrig_videoCodeFiles.raw*")


def avi(session: Session, camera: Camera) -> list[Path]:
    """Return the raw video, uncompressed or from a rig that compresses while it records.

    The latter may be in several parts, `_00000000.avi`, `_00000001.avi` and so on, in order.

    Raises
    ------
    Blocked
        If there is none, or several that could be it, or it is a link to nothing.
    """
    if camera.compressed:
        return _parts(session, camera, f"{camera.label}_cam*.avi", "raw video")
    source = path(RAW_AVI, session, camera)
    if source.name not in session.listing(camera.collection):
        missing = f"raw video missing: {camera.collection}/{source.name}"
        if found := session.find(camera.collection, f"{camera.label}_cam*.avi"):
            missing += (
                f". {found[0].name} is of a rig that compresses while it records: if so, add "
                f"`compressed: true` to the camera {camera.label} in the description"
            )
        raise Blocked(missing)
    session.check(source)
    return [source]


def camlog(session: Session, camera: Camera) -> list[Path]:
    """Return the log that a camlog rig keeps beside its video, under the name that the rig gave it.

    A video in several parts has one log or as many.

    Raises
    ------
    Blocked
        If there is none, or several that could be it.
    """
    return _parts(session, camera, f"{camera.label}_cam*.camlog", "camera log")


def camera_log(session: Session, camera: Camera) -> list[Path]:
    """Return the log of a camlog rig beside its mp4, if it is there or will be made."""
    target = path(RAW_CAMLOG, session, camera)
    if not session.has(target):
        try:
            camlog(session, camera)
        except Blocked:
            return []
    return [target]


def originals(session: Session, camera: Camera) -> list[Path]:
    """List the raw video files that an mp4 replaces: avi, and camlog under its first name.

    Raises
    ------
    Blocked
        If they are not there.
    """
    return avi(session, camera) + (camlog(session, camera) if camera.compressed else [])


def raw_video(session: Session, camera: Camera) -> list[Path]:
    """List what is left of the raw video files: the avi, and the camlog if it is still there.

    Raises
    ------
    Blocked
        If there is no avi.
    """
    found = avi(session, camera)
    if camera.compressed:
        with suppress(Blocked):
            found += camlog(session, camera)
    return found


def has_raw_video(session: Session, camera: Camera) -> bool:
    """Return whether the raw video is there."""
    try:
        return bool(raw_video(session, camera))
    except Blocked:
        return False


def _parts(session: Session, camera: Camera, pattern: str, what: str) -> list[Path]:
    """Find a file, or the numbered parts of it from 0 on, in order."""
    found = session.find(camera.collection, pattern)
    if not found:
        raise Blocked(f"{what} missing: {camera.collection}/{pattern}")
    if len(found) == 1:
        return found
    names = ", ".join(file.name for file in found)
    numbered = [_PART.fullmatch(file.stem) for file in found]
    if len({part and part[1] for part in numbered}) > 1 or None in numbered:
        raise Blocked(f"several files could be the {what}, keep one of them: {names}")
    by_number = {int(part[2]): file for part, file in zip(numbered, found, strict=True) if part}
    if missing := set(range(max(by_number))) - by_number.keys():
        numbers = ", ".join(map(str, sorted(missing)))
        raise Blocked(f"part {numbers} of the {what} is missing, copy it from the rig: {names}")
    return [by_number[number] for number in sorted(by_number)]


def mp4(session: Session, camera: Camera) -> list[Path]:
    """Return the compressed video, which is there or will be made from the avi.

    Raises
    ------
    Blocked
        If there is neither an mp4 nor what it is made from.
    """
    target = path(RAW_MP4, session, camera)
    if not session.has(target):
        originals(session, camera)
    return [target]


def times(session: Session, camera: Camera) -> list[Path]:
    """Return the camera times, which are there or will be made.

    Raises
    ------
    Blocked
        If they are not there and cannot be made.
    """
    target = path(TIMES, session, camera)
    if not session.has(target):
        mp4(session, camera)
        pulses(session, camera)
    return [target]


def pulses(session: Session, camera: Camera) -> list[Path]:
    """List the files with the pulses of the camera, as the kind of rig has them.

    Raises
    ------
    Blocked
        If they are not there.
    """
    return RIGS[session.sync].files[0](session, camera)


def ttl(session: Session, camera: Camera) -> list[Path]:
    """List the files with the sync line that is wired to the camera's GPIO, if they are there."""
    try:
        return [file for find in RIGS[session.sync].files for file in find(session, camera)]
    except Blocked:
        return []


def wheel(session: Session, camera: Camera) -> list[Path]:
    """List timestamps and position of the wheel, if both are there."""
    for collection in _alf_collections(session):
        found = session.find(collection, "*wheel.timestamps*.npy", "*wheel.position*.npy")
        if len(found) == 2:
            return found
    return []


def trials(session: Session, camera: Camera) -> list[Path]:
    """List the trials of all tasks, in order: their tables, or else those of the whole session.

    Revisions (folders in #) are left out.
    """
    whole, *tasks = _alf_collections(session)
    tables = [file for name in tasks for file in session.find(name, "*trials.table*.pqt")]
    return (
        tables
        or session.find(whole, "*trials.table*.pqt")
        or session.find(whole, *(f"*trials.{name}*.npy" for name in COLUMNS.values()))
    )


def _alf_collections(session: Session) -> list[str]:
    """List the collection of the results, and those below it of single tasks and probes."""
    below = [
        f"alf/{name}"
        for name, entry in sorted(session.listing("alf").items())
        if not name.startswith("#") and entry.is_dir()
    ]
    return ["alf", *below]


def frame_log(session: Session, camera: Camera) -> list[Path]:
    """List the data of each frame: the camlog on rigs that keep one, else the embedded data."""
    return [path(RAW_CAMLOG, session, camera)] if camera.compressed else embedded(session, camera)
