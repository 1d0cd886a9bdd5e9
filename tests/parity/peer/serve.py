"""Answers questions with ibllib, one JSON line each; run by the Python of this folder.

A question is {"call": name of a function below, "arguments": {...}, "save": npz file or null}. The
answer is {"seconds": time that the call took, "cpu_seconds": ...} or {"error": ...}; the arrays are
in the npz file.
"""

import contextlib
import json
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what ibllib prints is no answer

import ibllib.io.ffmpeg  # noqa: E402
import ibllib.io.raw_data_loaders as raw  # noqa: E402
from brainbox.behavior import dlc  # noqa: E402
from brainbox.behavior.wheel import interpolate_position, velocity_filtered  # noqa: E402
from ibldsp.utils import WindowGenerator  # noqa: E402
from ibllib.io import session_params  # noqa: E402
from ibllib.io.extractors.camera import (  # noqa: E402
    CameraTimestampsBpod,
    CameraTimestampsFPGA,
    align_with_gpio,
    extract_camera_sync,
    groom_pin_state,
)
from ibllib.io.extractors.ephys_fpga import (  # noqa: E402
    extract_sync,
    get_sync_and_chn_map,
    get_sync_fronts,
)
from ibllib.io.extractors.video_motion import MotionAlignmentFullSession  # noqa: E402
from ibllib.io.raw_daq_loaders import extract_sync_timeline, load_sync_tdms  # noqa: E402
from ibllib.io.video import get_video_frames_preload, get_video_meta  # noqa: E402
from ibllib.pipes import video_tasks  # noqa: E402
from ibllib.pipes.dynamic_pipeline import acquisition_description_legacy_session  # noqa: E402
from ibllib.qc.dlc import DlcQC, LpQC  # noqa: E402
from one.alf.spec import QC  # noqa: E402
from one.api import ONE  # noqa: E402
from scipy.ndimage import percentile_filter  # noqa: E402


def camera_times(session: str, camera: str) -> dict[str, np.ndarray]:
    """Times of one camera from ibllib's own task for that kind of session."""
    path = Path(session)
    description = session_params.read_params(path) or acquisition_description_legacy_session(path)
    device = description["devices"]["cameras"][camera]
    sync, settings = next(iter(description["sync"].items()))
    sync_arguments = {
        "sync": sync,
        "sync_collection": settings.get("collection"),
        "sync_namespace": settings.get("acquisition_software"),
    }
    if sync == "bpod":
        (task,) = description["tasks"]
        ((protocol, behaviour),) = task.items()
        task = video_tasks.VideoSyncQcBpod(
            path,
            cameras=[camera],
            **sync_arguments,
            collection=behaviour["collection"],
            protocol=protocol,
        )
        return {"times": task.extract_camera(save=False)[0]}
    kind = video_tasks.VideoSyncQcNidq
    if device.get("compressed"):
        kind = video_tasks.VideoSyncQcCamlog
    task = kind(path, cameras=[camera], **sync_arguments)
    return {"times": task.extract_camera(save=False)[0][f"{camera}_camera_timestamps"]}


def frame_data(session: str, camera: str) -> dict[str, np.ndarray]:
    """Camera timestamps in seconds, frame counter, and fronts of the fourth GPIO pin."""
    _, timestamps = raw.load_camera_ssv_times(session, camera)
    count, (*_, pin) = raw.load_embedded_frame_data(session, camera)
    return {
        "timestamps": timestamps,
        "count": count,
        "front_indices": pin["indices"],
        "front_polarities": pin["polarities"],
    }


def raw_sync(session: str) -> dict[str, np.ndarray]:
    """Fronts of the raw SpikeGLX file of a session, which are written beside it."""
    ((sync,), _) = extract_sync(session, overwrite=True)
    return dict(sync)


def timeline_sync(folder: str) -> dict[str, np.ndarray]:
    """Fronts of all inputs of a raw Timeline file."""
    sync, _ = extract_sync_timeline(folder)
    return dict(sync)


def tdms_sync(file: str, lines: dict[str, str]) -> dict[str, np.ndarray]:
    """Fronts of the analog lines of a TDMS file, by the names of their channels."""
    sync, _ = load_sync_tdms(file, lines)
    return dict(sync)


class Nidq:
    """The arrays from which times are made, kept from one question to the next."""

    def load(self, session: str, camera: str) -> dict[str, np.ndarray]:
        """Read what the DAQ recorded and what the camera wrote into its frames."""
        sync, channels = get_sync_and_chn_map(Path(session), "raw_ephys_data")
        self.pulses = extract_camera_sync(sync, channels)[camera]
        self.ttl = get_sync_fronts(sync, channels["audio"])
        self.count, (*_, self.pin) = raw.load_embedded_frame_data(session, camera)
        _, self.timestamps = raw.load_camera_ssv_times(session, camera)
        return {}

    def align(self) -> dict[str, np.ndarray]:
        """Times of the frames of what was loaded."""
        pin, ttl, _ = groom_pin_state(self.pin, self.ttl, self.timestamps)
        return {"times": align_with_gpio(self.pulses, ttl, pin, self.count)}


def times_of_arrays(
    session: str, camera: str, sync: str, channels: dict[str, int], sync_label: str, n_frames: int
) -> dict[str, np.ndarray]:
    """Times of one camera from fronts in an npz file and the frame data in a session's folder."""
    with np.load(sync) as fronts:
        arrays = dict(fronts)
    extractor = CameraTimestampsFPGA(camera, Path(session))
    times = extractor._extract(
        sync=arrays, chmap=channels, video_path=n_frames, sync_label=sync_label
    )
    return {"times": times}


def bpod_events(session: str, collection: str) -> dict[str, np.ndarray]:
    """Camera pulses of the Bpod, filled between trials, and the fronts of BNC2."""
    extractor = CameraTimestampsBpod(session)
    extractor.bpod_trials = raw.load_data(session, task_collection=collection)
    _, fronts = raw.load_bpod_fronts(session, data=extractor.bpod_trials)
    return {
        "pulses": extractor._times_from_bpod(),
        "front_times": fronts["times"],
        "front_polarities": fronts["polarities"],
    }


def compress(session: str, preset: str, crf: int) -> dict[str, np.ndarray]:
    """Compress all avi files of a session as ibllib's task does; the avi files are removed."""
    command = (
        f"ffmpeg -i {{file_in}} -y -nostdin -codec:v libx264 -preset {preset} -crf {crf} "
        "-loglevel 0 -codec:a copy {file_out}"
    )
    ibllib.io.ffmpeg.iblrig_video_compression(Path(session), command)
    return {}


def sampled_frames(video: str) -> dict[str, np.ndarray]:
    """The frames that camera QC reads, by OpenCV."""
    length = get_video_meta(video).length
    numbers = np.linspace(100, length - 100, 100).astype(int)
    frames = get_video_frames_preload(video, numbers, mask=np.s_[:, :, 0], quiet=True)
    return {"numbers": numbers, "frames": frames}


class WheelAlignment(MotionAlignmentFullSession):
    """ibllib's alignment by the wheel, of arrays and videos without a session around them."""

    def __init__(self, video: str | None = None):
        self.label, self.threshold, self.twin, self.camera_path = "left", 20, 150, video


def wheel_motion_energy(video: str, frames: int) -> dict[str, np.ndarray]:
    """Motion energy in the region of the wheel of all frames."""
    alignment = WheelAlignment(video)
    alignment.roi, alignment.mask = alignment.get_roi_mask()
    windows = SimpleNamespace(nwin=99)
    with Path(os.devnull).open("w") as screen, contextlib.redirect_stdout(screen):
        return {"energy": alignment.compute_motion_energy(0, frames, windows, 1)}


def wheel_shifts(arrays: str) -> dict[str, np.ndarray]:
    """Shifts of all windows, from motion energy and wheel position."""
    data = np.load(arrays)
    alignment = WheelAlignment()
    alignment.times, alignment.frate = data["times"], 60
    position, alignment.wheel_time = interpolate_position(
        data["timestamps"], data["position"], freq=1000
    )
    alignment.wheel_vel, _ = velocity_filtered(position, 1000)
    overlap = alignment.twin - 1
    early = data["times"][0] - np.arange(60 * overlap, 0, -1) / 60
    times = np.concatenate((early, data["times"]))
    energy = np.concatenate((np.full(60 * overlap, np.nan), data["energy"]))
    windows = WindowGenerator(energy.size - 1, 60 * alignment.twin, 60 * overlap)
    found = [
        alignment.compute_shifts(times, energy, first, last, i, windows)
        for i, (first, last) in enumerate(windows.firstlast)
    ]
    shifts = percentile_filter(np.array([shift for shift, *_ in found]), 80, 120)
    return {"shifts": alignment.clean_shifts(alignment.clean_shifts(shifts, n=1), n=2)}


def pupil(pose: str, camera: str, rate: float | None) -> dict[str, np.ndarray]:
    """Raw and smooth diameter of a pose table, as ibllib's task makes them of DeepLabCut.

    What cannot be smoothed is NaN. Without a rate, that of the camera's label is taken.
    """
    raw = dlc.get_pupil_diameter(dlc.likelihood_threshold(pd.read_parquet(pose)))
    try:
        smooth = dlc.get_smooth_pupil_diameter(raw, camera, fr=rate)
    except (ValueError, np.linalg.LinAlgError):
        smooth = np.full(raw.size, np.nan)
    return {"raw": raw, "smooth": smooth}


def pupil_of_ensemble(pose: str) -> dict[str, np.ndarray]:
    """Raw and smooth diameter of a pose table, as ibllib's task makes them of Lightning Pose."""
    table = dlc.likelihood_threshold(pd.read_parquet(pose))
    columns = [f"pupil_{side}_r_{c}" for side in ("top", "bottom", "left", "right") for c in "xy"]
    median = pd.DataFrame({column: table[f"{column}_ens_median"] for column in columns})
    return {"raw": dlc.get_pupil_diameter(median), "smooth": dlc.get_pupil_diameter(table)}


def licks(pose: str, times: str) -> dict[str, np.ndarray]:
    """Lick times of a pose table and camera times."""
    table = dlc.likelihood_threshold(pd.read_parquet(pose))
    return {"times": dlc.get_licks(table, np.load(times))}


def pose_qc(session: str, camera: str, tracker: str) -> dict[str, np.ndarray]:
    """Overall outcome, and keys, outcomes and numbers (NaN where there is none) of all checks."""
    kind = {"dlc": DlcQC, "lightningPose": LpQC}[tracker]
    with tempfile.TemporaryDirectory() as folder:
        qc = kind(session, camera, one=ONE(mode="local", cache_dir=folder), download_data=False)
        outcome, metrics = qc.run()
    found = [m if isinstance(m, tuple) else (m, np.nan) for m in metrics.values()]
    return {
        "outcome": np.array(QC.validate(outcome).name),
        "keys": np.array(list(metrics)),
        "outcomes": np.array([QC.validate(name).name for name, _ in found]),
        "numbers": np.array([number for _, number in found]),
    }


nidq = Nidq()
CALLS = {
    "camera_times": camera_times,
    "times_of_arrays": times_of_arrays,
    "frame_data": frame_data,
    "raw_sync": raw_sync,
    "timeline_sync": timeline_sync,
    "tdms_sync": tdms_sync,
    "load_nidq": nidq.load,
    "align_nidq": nidq.align,
    "bpod_events": bpod_events,
    "compress": compress,
    "sampled_frames": sampled_frames,
    "wheel_motion_energy": wheel_motion_energy,
    "wheel_shifts": wheel_shifts,
    "pupil": pupil,
    "pupil_of_ensemble": pupil_of_ensemble,
    "licks": licks,
    "pose_qc": pose_qc,
}


def answer(question: dict) -> dict:
    """Do what a question asks for; whatever ibllib raises is part of the answer."""
    start, cpu_start = time.perf_counter(), time.process_time()
    try:
        arrays = CALLS[question["call"]](**question["arguments"])
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    if question["save"]:
        np.savez(question["save"], **arrays)
    return {"seconds": seconds, "cpu_seconds": cpu_seconds}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)
