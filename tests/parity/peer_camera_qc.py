"""Runs the camera QC of ibllib and prints its outcomes as JSON, in the last line.

Run by a Python that has ibllib: peer_camera_qc.py SESSION CAMERA [nidq | bpod | camlog], for all
checks of a session; or peer_camera_qc.py ARRAYS.npz CAMERA, for the checks that need only arrays.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from ibllib.qc import camera as peer
from iblutil.util import Bunch
from one.alf.spec import QC
from one.api import ONE

CHECKS = (
    "brightness",
    "camera_times",
    "dropped_frames",
    "focus",
    "framerate",
    "pin_state",
    "position",
    "timestamps",
)


def parse_cam_log(path):
    """The rows of a camlog and its comments, as labcams returns them, which is not on PyPI."""
    lines = Path(path).read_text().splitlines()
    comments = [line for line in lines if line.startswith("#")]
    header = next(line for line in comments if "Log header:" in line)
    columns = header.partition("Log header:")[2].split(",")
    return pd.read_csv(path, names=columns, comment="#"), comments


def plain(value):
    if isinstance(value, QC):
        return value.name
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def of_session(session, camera, sync, one):
    if sync == "camlog":
        peer.parse_cam_log = parse_cam_log
        qc = peer.CameraQCCamlog(session, camera, one=one)
    else:
        qc = peer.CameraQC(session, camera, one=one, sync_type=sync)
    outcome, metrics = qc.run(update=False)
    return QC.validate(outcome).name, metrics


def of_arrays(path, camera, one):
    """Also reports the period in which the wheel is compared, if there is a wheel."""
    arrays = dict(np.load(path))
    qc = peer.CameraQC(Path("subject/2020-01-01/001"), camera, one=one, sync_type="nidq")
    qc._type = "ephys"
    qc.data.video = Bunch(length=int(arrays.pop("n_frames")))
    qc.n_samples = len(arrays["frame_samples"])
    wheel = Bunch(timestamps=arrays.pop("wheel_timestamps"), position=arrays.pop("wheel_position"))
    qc.data.update(arrays)
    metrics = {f"_video{camera.capitalize()}_{k}": getattr(qc, f"check_{k}")() for k in CHECKS}
    period = qc.get_active_wheel_period(wheel)
    return None if period is None else period.tolist(), metrics


if __name__ == "__main__":
    source, camera, *sync = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        one = ONE(mode="local", cache_dir=folder)
        if source.endswith(".npz"):
            first, metrics = of_arrays(source, camera, one)
        else:
            first, metrics = of_session(Path(source), camera, *sync, one)
    found = {key: plain(value) for key, value in metrics.items()}
    print("", json.dumps({"outcome": first, "extended_qc": found}), sep="\n")
