"""Answers questions with ibllib, one JSON line each; run by the Python of this folder.

A question is {"call": name of a function below, "arguments": {...}, "save": npz file or null}. The
answer is {"seconds": time that the call took} or {"error": ...}; the arrays are in the npz file.
"""

import json
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np

answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what ibllib prints is no answer

import ibllib.io.ffmpeg  # noqa: E402
import ibllib.io.raw_data_loaders as raw  # noqa: E402
from ibllib.io import session_params  # noqa: E402
from ibllib.io.extractors.camera import (  # noqa: E402
    CameraTimestampsBpod,
    align_with_gpio,
    extract_camera_sync,
    groom_pin_state,
)
from ibllib.io.extractors.ephys_fpga import (  # noqa: E402
    get_sync_and_chn_map,
    get_sync_fronts,
)
from ibllib.pipes import video_tasks  # noqa: E402
from ibllib.pipes.dynamic_pipeline import acquisition_description_legacy_session  # noqa: E402


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


nidq = Nidq()
CALLS = {
    "camera_times": camera_times,
    "frame_data": frame_data,
    "load_nidq": nidq.load,
    "align_nidq": nidq.align,
    "bpod_events": bpod_events,
    "compress": compress,
}


def answer(question: dict) -> dict:
    """Do what a question asks for; whatever ibllib raises is part of the answer."""
    start = time.perf_counter()
    try:
        arrays = CALLS[question["call"]](**question["arguments"])
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    seconds = time.perf_counter() - start
    if question["save"]:
        np.savez(question["save"], **arrays)
    return {"seconds": seconds}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)
