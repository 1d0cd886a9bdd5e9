"""All checks of one camera, made as far as there is something to check."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from alfvideo.files.errors import DataError, attempt
from alfvideo.qc import frames, picture, recording, wheel
from alfvideo.qc.outcome import Check, not_set
from alfvideo.qc.rigs import FACE, SHARP, WHEEL, Expected
from alfvideo.timing.embedded import SYNC_PIN, FrameData
from alfvideo.video.region import Region


@dataclass(frozen=True)
class Camera:
    """Inputs of a camera. An input is None if it is missing, and the error if it is broken.

    `skip` names checks that do not apply and are left out of the report.
    """

    label: str
    video: Path
    times: np.ndarray | DataError | None
    """(n,) float64, camera times, seconds."""
    frame_data: FrameData | DataError
    """From the frames, or from the camlog."""
    ttl_rises: np.ndarray | DataError | None
    """(m,) float64, rises of the sync line that is wired to the camera's GPIO, seconds."""
    wheel: tuple[np.ndarray, np.ndarray] | DataError | None
    """Timestamps and position, (k,) float64 each, seconds and rad."""
    reference: np.ndarray | DataError | None
    """(height, width) uint8, what the camera sees when it is well placed."""
    expected: Expected
    skip: tuple[str, ...] = ()


class Inspection(NamedTuple):
    """The checks of a camera, and what they were made on."""

    camera: Camera
    checks: Mapping[str, Check]
    samples: frames.Samples | None
    brightness: np.ndarray
    """(m,) float64, mean gray level of the sampled frames."""
    matched: picture.Match | None
    """Where the region of the reference frame was found."""
    motion: wheel.Motion | None


def checks_to_skip(protocol: str, camlog: bool) -> tuple[str, ...]:
    """List checks that do not apply: wheel in habituation, GPIO on camlog rigs, as in ibllib."""
    skip = ["wheel_alignment"] if "habituation" in protocol else []
    return (*skip, "pin_state") if camlog else tuple(skip)


def inspect(camera: Camera) -> Inspection:
    """Make all checks of `ibllib.qc.camera` that apply; NOT_SET where an input is broken."""
    samples = attempt(frames.read_samples, camera.video)
    levels = np.empty(0)
    matched, lacking_match = _match(camera, samples)
    if not isinstance(samples, DataError):
        levels = picture.frame_brightness(samples.frames, camera.label)
    alignment, motion = _wheel_check(camera, samples)
    checks = {
        **_recording_checks(camera, samples),
        "brightness": _lacking(samples) or picture.brightness(levels),
        "focus": _lacking(samples) or _focus(camera.label, samples.frames, matched),
        "position": lacking_match or picture.position(samples.frames, matched),
        "wheel_alignment": alignment,
    }
    return Inspection(
        camera=camera,
        checks={name: check for name, check in checks.items() if name not in camera.skip},
        samples=None if isinstance(samples, DataError) else samples,
        brightness=levels,
        matched=matched,
        motion=motion,
    )


def _recording_checks(camera: Camera, samples: frames.Samples | DataError) -> dict[str, Check]:
    data, times, ttl = camera.frame_data, camera.times, camera.ttl_rises
    clock = data if isinstance(data, DataError) else data.timestamps
    count = data if isinstance(data, DataError) else data.count
    gpio = data if isinstance(data, DataError) else data.gpio
    expected = camera.expected
    no_times = _lacking(times, "There are no camera times.")
    no_clock = _lacking(clock, "The camera saved no timestamps.")
    no_count = _lacking(count, "The camera saved no frame counter.")
    no_gpio = _lacking(gpio, "The camera saved no GPIO.")
    no_ttl = _lacking(
        ttl, "There is no recording of the sync line, or none is wired to the camera."
    )
    no_video = _lacking(samples)
    return {
        "camera_times": no_clock
        or no_video
        or recording.camera_times(clock.size, samples.n_frames),
        "dropped_frames": no_count or no_video or recording.dropped_frames(count, samples.n_frames),
        "file_headers": no_video or recording.file_headers(samples.rate, expected.fps),
        "framerate": no_times or recording.framerate(times, expected.fps),
        "pin_state": no_gpio
        or no_ttl
        or no_video
        or recording.pin_state(gpio[:, SYNC_PIN], ttl, samples.n_frames),
        "resolution": no_video
        or recording.resolution(samples.size, (expected.width, expected.height)),
        "timestamps": no_times or no_video or recording.timestamps(times, samples.n_frames),
    }


def _match(
    camera: Camera, samples: frames.Samples | DataError
) -> tuple[picture.Match | None, Check | None]:
    """Match the region of the reference to the sampled frames, or say why that is not known."""
    lacking = _lacking(samples) or _lacking(
        camera.reference,
        f"There is no reference frame of the {camera.label} camera. Make one from a session in "
        "which the camera is well placed.",
    )
    if lacking:
        return None, lacking
    shape = samples.frames.shape[1:]
    if camera.reference.shape != shape:
        sizes = (*camera.reference.shape[::-1], *shape[::-1])
        return None, not_set(
            "The reference frame has {}x{} pixels, the video {}x{}. Make a reference frame of "
            "that size.".format(*sizes)
        )
    region = _face(camera.label, shape)
    return picture.match(samples.frames, camera.reference, region), None


def _focus(label: str, images: np.ndarray, matched: picture.Match | None) -> Check:
    """Judge the focus of the match, else of known cameras' regions, else of the whole frame."""
    if matched is not None:
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
    camera: Camera, samples: frames.Samples | DataError
) -> tuple[Check, wheel.Motion | None]:
    if "wheel_alignment" in camera.skip:
        return not_set("There is no wheel task in habituation."), None
    if camera.label not in WHEEL:
        return not_set(f"The wheel is not checked in {camera.label} cameras."), None
    lacking = (
        _lacking(camera.wheel, "There is no wheel.")
        or _lacking(camera.times, "There are no camera times.")
        or _lacking(samples)
    )
    if lacking:
        return lacking, None
    times = camera.times[: samples.n_frames]
    moving = wheel.period(times, *camera.wheel)
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


def _lacking(value: object, if_missing: str = "") -> Check | None:
    """Return NOT_SET with the reason if an input is missing or broken."""
    if isinstance(value, DataError):
        return not_set(str(value))
    return not_set(if_missing) if value is None else None
