"""The results of a session in memory: a dataset per camera, licks, wheel and trials."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from alfvideo.array_types import Floats
from alfvideo.behaviour import features
from alfvideo.files import arrays, tables
from alfvideo.files.errors import DataError, attempt
from alfvideo.jobs import provenance
from alfvideo.pose import table
from alfvideo.session import datasets
from alfvideo.session import trials as trial_fields
from alfvideo.session.cameras import ALL_CAMERAS, Session
from alfvideo.timing import record, wheel
from alfvideo.timing.pulses import period
from alfvideo.timing.reliability import in_words
from alfvideo.trackers import TRACKERS

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

INDIVIDUAL = "id_0"
"""The name that `movement` gives to an animal without one."""


@dataclass(frozen=True)
class SessionData:
    """The results of a session; `data["left"]` is the dataset of its left camera."""

    path: Path
    cameras: Mapping[str, "xr.Dataset"]
    """By label, see `load`."""

    def __getitem__(self, camera: str) -> "xr.Dataset":
        """Return the dataset of a camera.

        Raises
        ------
        KeyError
            If it was not loaded.
        """
        return self.cameras[camera]

    def licks(self) -> Floats | None:
        """Load the lick times, (n,) float64, seconds; None if there are none.

        Raises
        ------
        DataError
            If they cannot be read.
        """
        file = datasets.newest(datasets.LICKS, self.path)
        return arrays.seconds(file) if file.exists() else None

    def wheel(self) -> "xr.DataArray | None":
        """Load the position of the wheel in radians over `time` in seconds; None if there is none.

        Samples that are no numbers are left out.

        Raises
        ------
        DataError
            If it cannot be read, or its two files differ in length.
        """
        import xarray as xr

        loaded = wheel.load(list(map(_newest, datasets.wheel(_bare(self.path), ALL_CAMERAS))))
        if loaded is None:
            return None
        timestamps, position = wheel.checked(*loaded)
        return xr.DataArray(
            position,
            {"time": timestamps},
            ("time",),
            "wheel_position",
            {"units": "rad", "time_unit": "seconds"},
        )

    def trials(self) -> "pd.DataFrame | None":
        """Load the trials, one row each, with the columns of IBL's tables; None if there are none.

        Those of all tasks of the session follow each other. Of trials in single arrays there are
        the columns `session.trials.COLUMNS`.

        Raises
        ------
        DataError
            If they cannot be read.
        """
        import pandas as pd

        files = list(map(_newest, datasets.trials(_bare(self.path), ALL_CAMERAS)))
        whole = [file for file in files if file.suffix == ".pqt"]
        if whole:
            return pd.concat(map(_trials_table, whole), ignore_index=True)
        if not files:
            return None
        return pd.DataFrame(
            dict(zip(trial_fields.COLUMNS.values(), trial_fields.load(files), strict=True))
        )


def load(session: Path | str, camera: str | None = None, tracker: str | None = None) -> SessionData:
    """Load the results of a session: a dataset per camera, as `movement` has those of poses.

    Variables are `position` (time, space, keypoint, individual) in pixels and `confidence`
    (time, keypoint, individual), which are not filtered, and over time `pupilDiameter_raw`,
    `pupilDiameter_smooth` (pixels) and `ROIMotionEnergy`. `time` is in seconds of the acquisition
    system; without camera times it is the number of the frame. What is not there is left out, and
    the attribute `missing` names it. The newest revision of each file is read.

    How well the times are known is in the attributes `times_method`, `times_known` (in words),
    `times_bound` (no frame is off by more than so many frames; NaN if that is not known) and
    `times_reason` (why they are not exact; empty if they are).

    Parameters
    ----------
    session
        Its folder.
    camera
        Its label; by default all that have results.
    tracker
        'dlc' or 'lightningPose'; by default the first in this order that tracked the camera. The
        attribute `tracker` says which it is, `other_trackers` which others there are.

    Raises
    ------
    DataError
        If there is no such session, camera or tracker, a file cannot be read, or two files of a
        camera differ in their number of frames.
    """
    path = Path(session)
    labels = _labels(path)
    if camera is not None and camera not in labels:
        raise DataError(
            f"{path} has no results of a {camera} camera: there are {', '.join(labels)}."
        )
    if tracker is not None and tracker not in TRACKERS:
        near = get_close_matches(tracker, TRACKERS, n=1, cutoff=0.3)
        raise DataError(f"There is no tracker {tracker!r}: name {' or '.join(near or TRACKERS)}.")
    chosen = [camera] if camera is not None else labels
    poses = {label: _poses(path, label) for label in chosen}
    if tracker is not None and not any(tracker in found for found in poses.values()):
        others = sorted({name for found in poses.values() for name in found})
        raise DataError(
            f"{path} has no poses by {tracker}{f' of the {camera} camera' * bool(camera)}: there "
            f"are {', '.join(others) or 'none'}."
        )
    return SessionData(
        path, {label: _camera(path, label, poses[label], tracker) for label in chosen}
    )


def _labels(path: Path) -> list[str]:
    """List the labels of the cameras that have results, sorted."""
    if not path.is_dir():
        raise DataError(
            f"{path} is no folder. Name a session: its folder, .../SUBJECT/YYYY-MM-DD/NNN."
        )
    found = set()
    for pattern in datasets.OF_FRAMES:
        before, after = pattern.rpartition("/")[2].split("{camera}")
        for folder in ("alf", "alf/#*#"):
            for file in path.glob(f"{folder}/{before}*{after}"):
                found.add(file.name.removeprefix(before).removesuffix(after))
    found.discard("")
    if not found:
        raise DataError(
            f"{path} has no camera times, poses, features or motion energy in alf. If it is a "
            "session, run the workflow (uv run snakemake); uv run alfvideo why SESSION says what "
            "is pending."
        )
    return sorted(found)


def _poses(path: Path, label: str) -> dict[str, Path]:
    """Return the pose tables of a camera that are there, by tracker."""
    found = {name: datasets.newest(each, path, label) for name, each in datasets.POSE.items()}
    return {name: file for name, file in found.items() if file.exists()}


def _camera(path: Path, label: str, poses: Mapping[str, Path], tracker: str | None) -> "xr.Dataset":
    """Load the dataset of a camera."""
    import xarray as xr

    chosen = tracker or next(iter(poses), None)
    files = {
        "times": datasets.newest(datasets.TIMES, path, label),
        "pose": poses.get(chosen or ""),
        "features": datasets.newest(datasets.FEATURES, path, label),
        "motion energy": datasets.newest(datasets.MOTION_ENERGY, path, label),
    }
    there = {name: file for name, file in files.items() if file is not None and file.exists()}
    missing = [name for name in files if name not in there]
    if tracker and "pose" in missing:
        missing[missing.index("pose")] = f"pose by {tracker}"
    loaded = {name: _READERS[name](file) for name, file in there.items()}
    n_frames = _n_frames(there, loaded)

    attributes: dict[str, Any] = {"ds_type": "poses", "camera": label, "session": str(path)}
    variables: dict[str, Any] = {}
    coordinates: dict[str, Any] = {"time": np.arange(n_frames), "space": ["x", "y"]}
    attributes["time_unit"] = "frames"
    if "times" in loaded:
        coordinates["time"] = loaded["times"]
        attributes |= {"time_unit": "seconds", **_rate(loaded["times"])}
    attributes |= _certainty(there.get("times"), label)
    if "pose" in loaded and chosen:
        pose = loaded["pose"]
        coordinates |= {"keypoint": table.parts(pose), "individual": [INDIVIDUAL]}
        variables |= _keypoints(pose, coordinates["keypoint"])
        attributes |= {
            # As `movement` writes it.
            "source_software": TRACKERS[chosen].label.replace(" ", ""),
            "source_file": str(there["pose"]),
            "tracker": chosen,
        }
    else:
        del coordinates["space"]
    attributes["other_trackers"] = ", ".join(name for name in poses if name != chosen)
    if "features" in loaded:
        made_from = _tracker_of(path, there["features"])
        for name, values in loaded["features"].items():
            variables[name] = ("time", values, {"units": "px", "tracker": made_from})
    if "motion energy" in loaded:
        variables["ROIMotionEnergy"] = ("time", loaded["motion energy"], _region(there, label))
    return xr.Dataset(variables, coordinates, attributes | {"missing": ", ".join(missing)})


def _features(file: Path) -> dict[str, Floats]:
    """Load the features, each (n_frames,) float64, by name."""
    found = features.load(file)
    return {name: found[name].to_numpy(np.float64) for name in features.COLUMNS}


_READERS: dict[str, Callable[[Path], Any]] = {
    "times": arrays.seconds,
    "pose": table.Columns,
    "features": _features,
    "motion energy": arrays.vector,
}


def _n_frames(files: Mapping[str, Path], loaded: Mapping[str, Any]) -> int:
    """Return the number of frames, on which all files of a camera have to agree."""
    counts = {name: _length(data) for name, data in loaded.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{files[name].name} {n:,}" for name, n in counts.items())
        raise DataError(
            f"The files of {next(iter(files.values())).parent} differ in their number of frames "
            f"({listed}). Remove those that are not of this video and run the workflow again: they "
            "are then regenerated."
        )
    return next(iter(counts.values()))


def _length(data: Any) -> int:
    if isinstance(data, table.Columns):
        return data.n_frames
    return len(next(iter(data.values()))) if isinstance(data, dict) else len(data)


def _keypoints(pose: table.Columns, parts: list[str]) -> dict[str, Any]:
    """Return position and confidence of all body parts; columns are read one after another."""
    position = np.empty((pose.n_frames, 2, len(parts), 1))
    confidence = np.empty((pose.n_frames, len(parts), 1))
    for number, part in enumerate(parts):
        position[:, 0, number, 0] = pose[f"{part}_x"]
        position[:, 1, number, 0] = pose[f"{part}_y"]
        confidence[:, number, 0] = pose[f"{part}_likelihood"]
    return {
        "position": (("time", "space", "keypoint", "individual"), position, {"units": "px"}),
        "confidence": (("time", "keypoint", "individual"), confidence),
    }


def _rate(times: Floats) -> dict[str, float]:
    """Return frames per second, as far as the times tell it."""
    finite = times[np.isfinite(times)]
    step = period(finite) if finite.size > 1 else 0.0
    return {"fps": 1 / step} if 0 < step < np.inf else {}


def _certainty(times: Path | None, label: str) -> dict[str, Any]:
    """Return how well the times are known, by the record that was written with them."""
    unknown = {"times_method": "", "times_bound": np.nan, "times_reason": ""}
    if times is None:
        return unknown | {"times_known": "no times"}
    file = datasets.timing_of(times, label)
    if not file.exists():
        return unknown | {"times_known": in_words(None)}
    found = attempt(record.load, file)
    if isinstance(found, DataError):
        return unknown | {"times_known": "not readable", "times_reason": str(found)}
    known = {"times_method": found.method, "times_known": in_words(found.evidence)}
    if found.evidence is None:
        return unknown | known
    bound = np.nan if found.evidence.bound is None else found.evidence.bound
    return known | {"times_bound": bound, "times_reason": found.evidence.reason}


def _tracker_of(path: Path, file: Path) -> str:
    """Return the tracker from whose poses features were made; empty if that is not on record."""
    entries, _ = provenance.readable(path)
    rule = entries.get(provenance.relative(file, path), {}).get("rule")
    return next((name for name, each in TRACKERS.items() if each.features_rule == rule), "")


def _region(files: Mapping[str, Path], label: str) -> dict[str, Any]:
    """Return the region of the motion energy in pixels: width, height, x, y, if it is there."""
    name = datasets.MOTION_ENERGY_REGION.rpartition("/")[2].format(camera=label)
    file = files["motion energy"].with_name(name)
    return {"region": arrays.vector(file)} if file.exists() else {}


def _bare(path: Path) -> Session:
    """Return a session that only lists its files: wheel and trials need no description."""
    return Session(path, {}, sync="", namespace="", sync_collection="", task_collection="")


def _newest(file: Path) -> Path:
    """Return the newest revision of a file."""
    return max(file.parent.glob(f"#*#/{file.name}"), default=file)


def _trials_table(file: Path) -> "pd.DataFrame":
    """Load all columns of a trials table, whatever their type."""
    import pandas as pd

    cure = "Extract the trials again."
    tables.Table(file, "a trials table", cure)
    try:
        return pd.read_parquet(file)
    except (pa.ArrowException, ValueError, OSError) as error:
        raise DataError(f"{file} cannot be read as a trials table ({error}). {cure}") from None
