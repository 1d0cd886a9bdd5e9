"""The camera QC agrees with that of ibllib 4.1.0; where it does not, ibllib is wrong."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml

from alfvideo.qc import camera as qc
from alfvideo.qc import movement, picture, recording, reference, rigs
from alfvideo.qc.outcome import report
from alfvideo.session import datasets, description
from alfvideo.timing import bpod, camlog, embedded, encoder, frame_data, sync
from alfvideo.video import probe
from rigsim import Fault, Rig, load_truth, render
from rigsim.specification import DAQ_RATE
from tests.parity import rules

pytestmark = pytest.mark.parity

IBL = Path(__file__).parents[1] / "data" / "ibl"
PROGRAM = Path(__file__).with_name("peer_camera_qc.py")


def ask(python, *arguments):
    """The answer of ibllib."""
    ran = subprocess.run([python, PROGRAM, *arguments], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def load_camera(path, label):
    """A camera of a rendered session, with IBL's reference frames, which are those of ibllib."""
    recorded = description.read(path)
    camera = recorded.cameras[label]
    raw = path / camera.collection
    if recorded.sync == "bpod":
        ttl = bpod.sync_line(datasets.ttl(recorded, camera), "", "").rises
    else:
        daq = datasets.ttl(recorded, camera)
        channels, fronts = sync.channel_map(daq, recorded.namespace), sync.load(daq)
        ttl = fronts.fronts(channels["audio"]).rises
    wheel = path / "alf" / "_ibl_wheel.timestamps.npy"
    if wheel.exists():
        position = np.load(wheel), np.load(wheel.with_name("_ibl_wheel.position.npy"))
    else:
        lines = (fronts.fronts(channels[f"rotary_encoder_{i}"]) for i in (0, 1))
        position = encoder.position(*lines)
    described = yaml.safe_load((path / "_ibl_experiment.description.yaml").read_text())
    log = raw / f"_iblrig_{label}Camera.raw.camlog"
    return qc.CameraInputs(
        label=label,
        video=datasets.path(datasets.RAW_MP4, recorded, camera),
        times=np.load(datasets.path(datasets.TIMES, recorded, camera)),
        evidence=None,
        frame_data=camlog.load(log) if camera.compressed else embedded.load(raw.glob(f"*{label}*")),
        ttl_rises=ttl,
        wheel=position,
        reference=reference.load(reference.find(IBL / "reference_frames", label)),
        expected=rigs.expected(label, recorded.sync, described["devices"]["cameras"][label]),
        skip=qc.checks_to_skip("", camera.compressed),
    )


def record(root, rig):
    """Render a session with mp4s, and the true camera times on the clock grid of the DAQ."""
    path = render(root, rig)
    rules.make_mp4s(path)
    recorded = description.read(path)
    for label, camera in recorded.cameras.items():
        if camera.compressed:
            (log,) = (path / camera.collection).glob(f"{label}_cam*.camlog")
            shutil.copy(log, log.with_name(f"_iblrig_{label}Camera.raw.camlog"))
        n_frames = probe.probe(datasets.path(datasets.RAW_MP4, recorded, camera)).frames
        times = load_truth(path, label)["times"][:n_frames]
        output = datasets.path(datasets.TIMES, recorded, camera)
        output.parent.mkdir(exist_ok=True)
        np.save(output, np.round(times * DAQ_RATE[rig.kind]) / DAQ_RATE[rig.kind])
    return path


def assert_agree(ours, ibllib):
    """Equal keys and outcomes, and numbers to 1e-3, except for the rate of the camera times."""
    # ibllib does not ask what shows its times to be right
    own = {key for key in ours if re.fullmatch("_video[A-Z][a-z]+_alignment", key)}
    assert set(ours) - own == set(ibllib)
    for key, theirs in ibllib.items():
        if key.endswith("_framerate"):
            continue
        theirs = theirs if isinstance(theirs, list) else [theirs]
        found = ours[key] if isinstance(ours[key], list) else [ours[key]]
        assert found[0] == theirs[0], key
        assert found[1:] == pytest.approx(theirs[1:], abs=1e-3), key


SESSIONS = {
    "ephys": ("nidq", Rig(seconds=8)),
    "no ALF wheel": ("nidq", Rig(seconds=8, cameras=("right",), wheel=False, seed=4)),
    "old files": ("nidq", Rig(seconds=8, cameras=("body",), frame_data="ssv")),
    "Bpod": ("bpod", Rig(kind="bpod", seconds=14)),
    "timeline": ("nidq", Rig(kind="timeline", seconds=6, cameras=("left", "right"))),
    "camlog": ("camlog", Rig(kind="camlog", seconds=8, cameras=("right", "body"))),
    "few dropped": (
        "nidq",
        Rig(seconds=8, cameras=("right",), faults={"right": (("dropped", 1),)}),
    ),
    "dropped": ("nidq", Rig(seconds=8, cameras=("right",), faults={"right": (("dropped", 12),)})),
    "no GPIO": ("nidq", Rig(seconds=8, cameras=("right",), faults={"right": (Fault.NO_GPIO,)})),
    "no GPIO file": (
        "nidq",
        Rig(seconds=8, cameras=("body",), frame_data="ssv", faults={"body": (Fault.NO_GPIO,)}),
    ),
    "3 frames fewer": (
        "nidq",
        Rig(seconds=8, cameras=("body",), faults={"body": (Fault.FEWER_FRAMES,)}),
    ),
    "9 frames fewer": (
        "nidq",
        Rig(seconds=8, cameras=("body",), faults={"body": ((Fault.FEWER_FRAMES, 9),)}),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SESSIONS)
def test_sessions(name, tmp_path, peer_python):
    kind, rig = SESSIONS[name]
    path = record(tmp_path, rig)
    for label in rig.labels:
        camera = load_camera(path, label)
        ours = report("video", label, qc.inspect(camera).checks)
        ibllib = ask(peer_python, path, label, kind)
        assert_agree(ours["extended_qc"], ibllib["extended_qc"])
        # The rate is the true one, that of ibllib the one of the DAQ's clock grid.
        key = f"_video{label.capitalize()}_framerate"
        theirs = ibllib["extended_qc"][key][1]
        assert theirs == pytest.approx(1 / np.median(np.diff(camera.times)), abs=1e-3)
        true = 1 / np.median(np.diff(load_truth(path, label)["times"]))
        assert ours["extended_qc"][key] == ["PASS", pytest.approx(true, rel=2e-4)]
        if rig.kind == "timeline":
            assert ibllib["extended_qc"][key][0] == "FAIL"
        else:
            assert ours["outcome"] == ibllib["outcome"]


@pytest.mark.parametrize("camera", ["left", "right", "body"])
@pytest.mark.parametrize("level", [1.0, 0.3, 0.15])
def test_real_frames_counters_pins_and_wheel(camera, level, tmp_path, peer_python):
    frame = reference.load(reference.find(IBL / "reference_frames", camera))
    # Moved along one diagonal, where it does not matter by which axis the error is divided.
    frames = np.stack([np.roll(frame, (y, y), axis=(0, 1)) for y in (0, 1, 2)])
    frames = (frames * level).astype(np.uint8)
    data = embedded.load((IBL / "session_ephys" / "raw_video_data").glob("*body*"))
    times = np.load(IBL / "qc" / "camera_times.npy")
    wheel_times, wheel_position = np.load(IBL / "qc" / "wheel.npy").T
    rises = np.arange(250.0)
    n_frames = data.count.size - 2
    np.savez(
        tmp_path / "arrays.npz",
        frame_samples=frames,
        n_frames=n_frames,
        count=data.count,
        pin_state=data.gpio,
        audio=np.repeat(rises, 2),
        bonsai_times=data.timestamps,
        camera_times=data.timestamps,
        timestamps=times,
        wheel_timestamps=wheel_times,
        wheel_position=wheel_position,
    )
    ibllib = ask(peer_python, tmp_path / "arrays.npz", camera)
    matched = picture.match(frames, frame, rigs.FACE[camera])
    checks = {
        "brightness": picture.brightness(picture.frame_brightness(frames, camera)),
        "camera_times": recording.camera_times(data.timestamps.size, n_frames),
        "dropped_frames": recording.dropped_frames(data.count, n_frames),
        "focus": picture.focus(frames, [matched.found_region]),
        "framerate": recording.framerate(times, rigs.KNOWN["nidq"][camera].fps),
        "pin_state": recording.pin_state(data.gpio[:, frame_data.SYNC_PIN], rises, n_frames),
        "position": picture.position(frames, matched),
        "timestamps": recording.timestamps(times, n_frames),
    }
    ours = report("video", camera, checks)["extended_qc"]
    assert_agree(ours, ibllib["extended_qc"])
    period = movement.active_period(movement.sample(wheel_times, wheel_position))
    assert ibllib["outcome"] == (period and pytest.approx(period, abs=1e-9))
