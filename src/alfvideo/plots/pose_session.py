"""Data of a session for the figure of its pose, and the names of what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from alfvideo.array_types import Floats, Image
from alfvideo.behaviour import features
from alfvideo.files import arrays
from alfvideo.files.errors import DataError, attempt
from alfvideo.pose import table
from alfvideo.pose.table import MAX_PIXELS
from alfvideo.session import trials
from alfvideo.session.datasets import camera_of
from alfvideo.session.trials import Trials
from alfvideo.timing import wheel
from alfvideo.video import frames, probe
from alfvideo.video.region import Region

T = TypeVar("T")

CAMERAS = ("left", "right", "body")
"""Cameras that always have their place in the figure."""
FACE = ("left", "right")
"""Cameras that see eye and tongue."""

_SHOWN = 300
"""Seconds from the start of the video to the frame that is shown, as in ibllib."""


@dataclass(frozen=True)
class CameraData:
    """Data of a camera: None if it is missing, and the error if it is broken."""

    frame: tuple[int, Image] | DataError | None = None
    """Number of a frame of the video, and its picture, (height, width[, 3]) uint8."""
    pose: Mapping[str, Floats] | DataError | None = None
    """Columns of the pose table."""
    times: Floats | DataError | None = None
    """(n,) seconds."""
    energy: Floats | DataError | None = None
    """(n,) motion energy."""
    region: Region | DataError | None = None
    """The region that motion energy is taken of."""
    pupil: Floats | DataError | None = None
    """(n,) smoothed pupil diameter."""

    @property
    def picture(self) -> Image | None:
        """The picture of the frame, if there is one."""
        return self.frame[1] if isinstance(self.frame, tuple) else None


@dataclass(frozen=True)
class SessionData:
    """Data of a session: None if it is missing, and the error if it is broken."""

    tracker: str
    features_from: str
    """The tracker that motion energy, licks and pupil are made from."""
    cameras: Mapping[str, CameraData] = field(default_factory=dict)
    trials: Trials | DataError | None = None
    wheel: tuple[Floats, Floats] | DataError | None = None
    """Timestamps and position, (k,) each, seconds and rad."""
    licks: Floats | DataError | None = None
    """(m,) seconds."""

    @property
    def broken(self) -> list[str]:
        """The reasons why inputs cannot be read."""
        values = [getattr(self, each.name) for each in fields(self)]
        for camera in self.cameras.values():
            values += [getattr(camera, each.name) for each in fields(camera)]
        return [str(value) for value in values if isinstance(value, DataError)]

    @property
    def labels(self) -> list[str]:
        """The cameras that have their place in the figure."""
        return [*CAMERAS, *(label for label in self.cameras if label not in CAMERAS)]

    def camera(self, label: str) -> CameraData:
        """Return a camera, empty if there is nothing of it."""
        return self.cameras.get(label, CameraData())

    def pose(self, label: str) -> Mapping[str, Floats]:
        """Return the pose of a camera; raise DataError if it is missing or broken."""
        return given(self.camera(label).pose, f"{label}Camera.{self.tracker}.pqt")

    def complete_trials(self) -> Trials:
        """Return the trials that are drawn; raise DataError if there are none."""
        trials = given(self.trials, "trials.table.pqt")
        complete = trials.complete()
        if not complete.feedbacks.size:
            number = trials.feedbacks.size
            raise DataError(
                f"None of the {number} trials has stimulus, choice and feedback within 10 s."
                if number
                else "The session has no trials."
            )
        return complete

    def frame_times(self, label: str, n_frames: int) -> tuple[Floats, list[str]]:
        """Return a camera's time of each frame, and a note if there are more times than frames.

        Raises
        ------
        DataError
            If there are less, or no times.
        """
        times = given(self.camera(label).times, f"{label}Camera.times.npy")
        if times.size < n_frames:
            raise DataError(f"{label} camera: {times.size} times for {n_frames} frames.")
        if np.count_nonzero(np.isfinite(times[:n_frames])) < 2:
            raise DataError(f"{label}Camera.times.npy holds less than 2 times.")
        if times.size == n_frames:
            return times, []
        note = f"{label} camera: {times.size} times for {n_frames} frames, the first are used"
        return times[:n_frames], [note]

    def lick_times(self) -> tuple[Floats, tuple[float, float]]:
        """Return the licks, and from when to when a camera saw the tongue, in seconds.

        Without camera times, from the first to the last lick. Raises DataError if there are no
        licks.
        """
        licks = given(self.licks, "licks.times.npy")
        licks = licks[np.isfinite(licks)]
        if not licks.size:
            raise DataError("licks.times.npy holds no lick.")
        cameras = [self.camera(label).times for label in FACE]
        nothing = np.empty(0)
        seen = np.concatenate(
            [times for times in cameras if isinstance(times, np.ndarray)] or [nothing]
        )
        seen = seen[np.isfinite(seen)] if np.isfinite(seen).any() else licks
        return licks, (seen.min(), seen.max())


def given(value: T | DataError | None, name: str) -> T:
    """Return what is there; raise DataError if it is missing (then with its name) or broken."""
    if value is None:
        raise DataError(f"There is no {name}.")
    if isinstance(value, DataError):
        raise value
    return value


def load(files: Mapping[str, Sequence[Path]], tracker: str, features_from: str) -> SessionData:
    """Load what there is of a session.

    Parameters
    ----------
    files
        Of each kind any number: `mp4`, `pose`, `times`, `energy`, `region` and `features` of
        cameras, by their names; `licks`, `trials` and `wheel` of the session.
    """
    loaders = {
        "frame": ("mp4", shown_frame),
        "pose": ("pose", table.Columns),
        "times": ("times", arrays.seconds),
        "energy": ("energy", arrays.vector),
        "region": ("region", region),
        "pupil": ("features", pupil_diameter),
    }
    found: dict[str, dict[str, Any]] = {}
    for name, (kind, loader) in loaders.items():
        for file in files[kind]:
            found.setdefault(camera_of(file), {})[name] = attempt(loader, file)
    return SessionData(
        tracker,
        features_from,
        {label: CameraData(**of_camera) for label, of_camera in sorted(found.items())},
        attempt(trials.load, files["trials"]) if files["trials"] else None,
        attempt(wheel.load, files["wheel"]) if files["wheel"] else None,
        attempt(arrays.seconds, files["licks"][0]) if files["licks"] else None,
    )


def pupil_diameter(file: Path) -> Floats:
    """Load the smoothed diameter of the pupil, (n,) float64; DataError if it cannot be read."""
    return features.load(file)["pupilDiameter_smooth"].to_numpy(np.float64)


def shown_frame(mp4: Path) -> tuple[int, Image]:
    """Read the frame 5 minutes after the start of a video, or in the middle of a shorter one.

    Returns its number and its picture; raises DataError if it cannot be read.
    """
    with probe.opened(mp4) as (_, stream):
        n_frames, number = stream.frames, int(_SHOWN * (stream.average_rate or 0))
    number = number if number < n_frames else n_frames // 2
    return number, frames.picture(next(frames.read(mp4, [number])))


def region(file: Path) -> Region:
    """Load a region from its file; DataError if that does not hold width, height, x and y."""
    values = arrays.vector(file)
    if values.size != 4 or not (np.abs(values) < MAX_PIXELS).all():
        raise DataError(
            f"{file}: expected width, height, x and y of a region, found {values.tolist()[:8]}. "
            "Remove the file and run again."
        )
    width, height, x, y = (int(value) for value in values)
    return Region(x, y, width, height)
