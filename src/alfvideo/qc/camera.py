"""All checks of one camera, made as far as there is something to check."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from alfvideo.array_types import Booleans, Floats, Image
from alfvideo.files.errors import DataError, attempt
from alfvideo.qc import frames, picture, recording, wheel
from alfvideo.qc.outcome import Check, not_set
from alfvideo.qc.rigs import FACE, SHARP, WHEEL, Expected
from alfvideo.timing.evidence import Evidence
from alfvideo.timing.frame_data import SYNC_PIN, FrameData
from alfvideo.video.region import Region

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class CameraInputs:
    """Inputs of the checks of a camera: None if one is missing, and the error if it is broken.

    `skip` names checks that do not apply and are left out of the report.
    """

    label: str
    video: Path
    times: Floats | DataError | None
    """(n,) float64, camera times, seconds."""
    evidence: Evidence | DataError | None
    """The proof that the times are right; None if they have no record."""
    frame_data: FrameData | DataError
    """From the frames, or from the camlog."""
    ttl_rises: Floats | DataError | None
    """(m,) float64, rises of the sync line that is wired to the camera's GPIO, seconds."""
    wheel: tuple[Floats, Floats] | DataError | None
    """Timestamps and position, (k,) float64 each, seconds and rad."""
    reference: Image | DataError | None
    """(height, width) uint8, what the camera sees when it is well placed."""
    expected: Expected
    skip: tuple[str, ...] = ()


class Inspection(NamedTuple):
    """The checks of a camera, and what they were made on."""

    camera: CameraInputs
    checks: Mapping[str, Check]
    samples: frames.Samples | None
    brightness: Floats
    """(m,) float64, mean gray level of the sampled frames."""
    matched: picture.Match | None
    """Where the region of the reference frame was found."""
    motion: wheel.Motion | None


def checks_to_skip(protocol: str, camlog: bool) -> tuple[str, ...]:
    """List checks that do not apply: wheel in habituation, GPIO on camlog rigs, as in ibllib."""
    skip = ["wheel_alignment"] if "habituation" in protocol else []
    return (*skip, "pin_state") if camlog else tuple(skip)


def inspect(camera: CameraInputs) -> Inspection:
    """Make all checks of `ibllib.qc.camera` that apply; NOT_SET where an input is broken."""
    read: frames.Samples | DataError = attempt(frames.read_samples, camera.video)
    samples = _given(read)
    images = samples if isinstance(samples, Check) else samples.frames
    levels = np.empty(0)
    if not isinstance(images, Check):
        levels = picture.frame_brightness(images, camera.label)
    matched = _match(camera, images)
    wheel_check, motion = _wheel_check(camera, samples)
    checks = {
        **_recording_checks(camera, samples),
        "brightness": images if isinstance(images, Check) else picture.brightness(levels),
        "focus": images if isinstance(images, Check) else _focus(camera.label, images, matched),
        "position": _check(picture.position, images, matched),
        "wheel_alignment": wheel_check,
    }
    return Inspection(
        camera=camera,
        checks={name: check for name, check in checks.items() if name not in camera.skip},
        samples=None if isinstance(samples, Check) else samples,
        brightness=levels,
        matched=None if isinstance(matched, Check) else matched,
        motion=motion,
    )


def _recording_checks(camera: CameraInputs, samples: frames.Samples | Check) -> dict[str, Check]:
    data, expected = camera.frame_data, camera.expected
    clock = data if isinstance(data, DataError) else data.timestamps
    count = data if isinstance(data, DataError) else data.count
    gpio = data if isinstance(data, DataError) else data.gpio
    n_times = clock if clock is None or isinstance(clock, DataError) else clock.size
    times = _given(camera.times, "There are no camera times.")
    ttl = _given(
        camera.ttl_rises,
        "There is no recording of the sync line, or none is wired to the camera.",
    )
    n_frames = samples if isinstance(samples, Check) else samples.n_frames
    rate = samples if isinstance(samples, Check) else samples.rate
    size = samples if isinstance(samples, Check) else samples.size
    evidence = _given(
        camera.evidence,
        "There is no record of how the times were found: another program made them.",
    )
    return {
        "alignment": evidence if isinstance(evidence, Check) else recording.alignment(evidence),
        "camera_times": _check(
            recording.camera_times, _given(n_times, "The camera saved no timestamps."), n_frames
        ),
        "dropped_frames": _check(
            recording.dropped_frames, _given(count, "The camera saved no frame counter."), n_frames
        ),
        "file_headers": _check(recording.file_headers, rate, expected.fps),
        "framerate": _check(recording.framerate, times, expected.fps),
        "pin_state": _pin_state(_given(gpio, "The camera saved no GPIO."), ttl, n_frames),
        "resolution": _check(recording.resolution, size, (expected.width, expected.height)),
        "timestamps": _check(recording.timestamps, times, n_frames),
    }


def _pin_state(gpio: Booleans | Check, ttl_rises: Floats | Check, n_frames: int | Check) -> Check:
    if isinstance(gpio, Check):
        return gpio
    if isinstance(ttl_rises, Check):
        return ttl_rises
    if isinstance(n_frames, Check):
        return n_frames
    return recording.pin_state(gpio[:, SYNC_PIN], ttl_rises, n_frames)


def _match(camera: CameraInputs, images: Image | Check) -> picture.Match | Check:
    """Match the region of the reference to the sampled frames, or say why that is not known."""
    if isinstance(images, Check):
        return images
    reference = _given(
        camera.reference,
        f"There is no reference frame of the {camera.label} camera. Make one from a session in "
        "which the camera is well placed.",
    )
    if isinstance(reference, Check):
        return reference
    shape = images.shape[1:]
    if reference.shape != shape:
        sizes = (*reference.shape[::-1], *shape[::-1])
        return not_set(
            "The reference frame has {}x{} pixels, the video {}x{}. Make a reference frame of "
            "that size.".format(*sizes)
        )
    return picture.match(images, reference, _face(camera.label, shape))


def _focus(label: str, images: Image, matched: picture.Match | Check) -> Check:
    """Judge the focus of the match, else of known cameras' regions, else of the whole frame."""
    if not isinstance(matched, Check):
        return picture.focus(images, [matched.found_region])
    height, width = images.shape[1:]
    known = [region.within(width, height) for region in SHARP.get(label, ())]
    return picture.focus(images, known or [Region(0, 0, width, height)])


def _face(label: str, shape: tuple[int, int]) -> Region:
    """Return the region to look for in frames: the middle for cameras of unknown place."""
    height, width = shape
    if label in FACE:
        return FACE[label].within(width, height)
    return Region(width // 4, height // 4, width // 2, height // 2)


def _wheel_check(
    camera: CameraInputs, samples: frames.Samples | Check
) -> tuple[Check, wheel.Motion | None]:
    if "wheel_alignment" in camera.skip:
        return not_set("There is no wheel task in habituation."), None
    if camera.label not in WHEEL:
        return not_set(f"The wheel is not checked in {camera.label} cameras."), None
    recorded = _given(camera.wheel, "There is no wheel.")
    if isinstance(recorded, Check):
        return recorded, None
    times = _given(camera.times, "There are no camera times.")
    if isinstance(times, Check):
        return times, None
    if isinstance(samples, Check):
        return samples, None
    times = times[: samples.n_frames]
    moving = wheel.period(times, *recorded)
    if isinstance(moving, Check):
        return moving, None
    height, width = samples.frames.shape[1:]
    region = WHEEL[camera.label].within(width, height)
    motion = attempt(wheel.motion, camera.video, region, times, *moving)
    if isinstance(motion, DataError):
        return not_set(str(motion)), None
    if isinstance(motion, Check):
        return motion, None
    return wheel.alignment(motion), motion


def _given(value: T | DataError | None, if_missing: str = "") -> T | Check:
    """Return an input of the checks; NOT_SET with the reason if it is missing or broken."""
    if isinstance(value, DataError):
        return not_set(str(value))
    return not_set(if_missing) if value is None else value


def _check(check: Callable[[T, U], Check], one: T | Check, other: U | Check) -> Check:
    """Make a check of two inputs; NOT_SET where one is."""
    if isinstance(one, Check):
        return one
    if isinstance(other, Check):
        return other
    return check(one, other)
