"""Pose of a whole camera by real networks, and the pictures alone that networks are given."""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from typing import Any, NamedTuple

import cv2
import imageio_ffmpeg
import numpy as np
import yaml

from alfvideo.files import yaml_model
from alfvideo.files.errors import DataError
from alfvideo.pose import cascades, devices, environment, geometry, stream
from alfvideo.pose.cascade import CascadeFile, CascadeSettings, NetworkSettings
from alfvideo.video import probe
from rigsim import pose as rig_pose
from tests.benchmarks.measure import Row, in_turn
from tests.benchmarks.qc import long_video
from tests.benchmarks.videos import pyav

REPO = Path(__file__).parents[2]
DATA = REPO.parent / "shared" / "data"
SIDE = REPO / "config" / "pose" / "ibl_side.dlc.yaml"
THREADS = 1
"""Threads of torch, for all: with several, ratios vary by factors on a machine with other load."""

WALL, CPU = ("", "frames/s"), ("", "CPU ms/frame")
START_UP, AFTER = (", start-up included", "s"), (", without start-up", "frames/s")
AFTER_CPU = (", without start-up", "CPU ms/frame")
MAIN, ALL = (", memory of our main process", "MB"), (", memory of all processes", "MB")
GPU = (", use of the GPU", "%")

Measured = Mapping[tuple[str, str], float]
"""The figures of one run of one way, by the end of the row's name and its unit; see `Row`."""


class Tracker(NamedTuple):
    """An engine, a model of it and a video for the model."""

    label: str
    tracker: str
    way: str
    command: str
    model: Path
    video: Path


DLC = Tracker(
    "DeepLabCut",
    "dlc",
    "dlc",
    "analyze_videos",
    DATA / "models" / "dlc_openfield_tiny",
    DATA / "dlc-openfield" / "videos" / "m3v1mp4.mp4",
)
LITPOSE = Tracker(
    "Lightning Pose",
    "lightningPose",
    "litpose",
    "predict_on_video_file",
    DATA / "models" / "lp_mirror_effb0_fp16",
    DATA / "lp-mirror-mouse" / "videos" / "test_vid.mp4",
)

TWO_NETWORKS = {
    "whole": {"parts": ["snout", "leftear"], "size": {"width": 320, "height": 240}},
    "crop": {
        "parts": ["rightear", "tailbase"],
        "crop": {"x": 200, "y": 100, "width": 240, "height": 240},
    },
}
"""One network on the whole frame made small, as IBL's for paws, and one on a crop."""


def run(folder: Path, quick: bool) -> list[Row]:
    """Compare with the commands of the engines and with the way of iblvideo.

    iblvideo is in no package registry: what it does to the videos is in `_prepared`.
    """
    rows = _pictures(folder, quick)
    for case in (DLC, LITPOSE):
        try:
            rows += _whole_camera(case, folder / case.tracker, quick)
        except DataError as reason:
            print(f"left out: {case.label}: {reason}", file=sys.stderr)
    return rows


def _pictures(folder: Path, quick: bool) -> list[Row]:
    """Decoding, and the pictures for the networks of a side camera of IBL."""
    path, frames = long_video(folder, seconds=0.25 if quick else 2, times=12)
    side = yaml_model.parse(CascadeFile, yaml_model.load(SIDE, "Cascade"), "Cascade")
    anchors = {
        "nose_tip": np.array(rig_pose.NOSE),
        "pupil_top_r": np.array(rig_pose.EYE),
        "tube_top": np.array(rig_pose.TUBE_TOP),
        "tube_bottom": np.array(rig_pose.TUBE_BOTTOM),
    }
    networks = {name: network for name, network in side.networks.items() if name != "region"}
    views = _views(networks, side, (1280, 1024), anchors)
    inputs = {name: stream.NetworkInput(view, 0) for name, view in views.items()}
    length = stream.batch_length(1280, 1024)

    def ours() -> None:
        deque(stream.decoded_batches(path, 0, inputs, length), maxlen=0)

    def peer() -> None:
        for prepared in _prepared(path, views, folder):
            capture = cv2.VideoCapture(str(prepared))
            while capture.read()[0]:
                pass

    return _compare(
        "pictures for 4 networks, 1280x1024",
        frames,
        lambda: _clocked(ours),
        {
            "PyAV, decoding only": lambda: _clocked(lambda: pyav(path)),
            "iblvideo's way": lambda: _clocked(peer),
        },
        repeats=1 if quick else 5,
    )


def _whole_camera(case: Tracker, folder: Path, quick: bool) -> list[Row]:
    """From a video to its table of poses."""
    for needed in (case.model, case.video):
        if not needed.exists():
            raise DataError(f"{needed} is missing")
    python = environment.python_of(case.tracker, "", REPO / ".environments")
    folder.mkdir(parents=True)
    clip = folder / "clip.mp4"
    _ffmpeg("-i", case.video, "-frames:v", (60 if quick else 600), "-an", "-c", "copy", clip)
    frames = probe.probe(clip).frames
    model = _writable_copy(case.model, folder / "model")
    repeats = 1 if quick else 3

    def ours(networks: Mapping[str, Any]) -> Measured:
        written = folder / "cascade.yaml"
        models = {"models": [str(case.model)]}
        described = {"networks": {name: models | network for name, network in networks.items()}}
        written.write_text(yaml.safe_dump(described))
        job = {"way": "alfvideo", "tracker": case.tracker, "python": str(python)}
        loaded = cascades.settings(written, case.tracker)
        return _once(sys.executable, frames, folder, job | {"cascade": loaded}, [clip])

    def theirs(videos: list[Path]) -> Measured:
        return _once(python, frames, folder, {"way": case.way, "model": str(model)}, videos)

    rows = _compare(
        f"{case.label}, {frames} frames",
        frames,
        lambda: ours({"all": {}}),
        {case.command: lambda: theirs([clip])},
        repeats,
    )
    _check_agreement(
        case.label, *(np.load(folder / f"{way}.npy") for way in ("alfvideo", case.way))
    )
    if case is not DLC:
        return rows

    def peer() -> Measured:
        networks = {name: NetworkSettings(**network) for name, network in TWO_NETWORKS.items()}
        views = _views(networks, CascadeSettings(), (640, 480), {})
        prepared: list[Path] = []
        before = _clocked(lambda: prepared.extend(_prepared(clip, views, folder)))
        after = theirs(prepared)
        added = {START_UP: before[WALL], AFTER: before[WALL], AFTER_CPU: before[CPU]}
        return {key: value + added.get(key, 0) for key, value in after.items()}

    return rows + _compare(
        f"{case.label}, 2 networks, {frames} frames",
        frames,
        lambda: ours(TWO_NETWORKS),
        {"iblvideo's way": peer},
        repeats,
    )


def _compare(
    what: str,
    frames: int,
    ours: Callable[[], Measured],
    others: Mapping[str, Callable[[], Measured]],
    repeats: int,
) -> list[Row]:
    rounds = in_turn(what, (ours, *others.values()), repeats)
    medians = [
        {key: statistics.median(once[key] for once in way) for key in way[0]} for way in rounds
    ]
    our_median, *their_medians = medians
    return [
        Row(what + key[0], key[1], frames, our_median[key], other, median[key])
        for key in our_median
        for other, median in zip(others, their_medians, strict=True)
    ]


def _clocked(action: Callable[[], object]) -> Measured:
    """Seconds by the clock, and of CPU with those of processes that were started."""
    wall, cpu = time.perf_counter(), sum(os.times()[:4])
    action()
    return {WALL: time.perf_counter() - wall, CPU: sum(os.times()[:4]) - cpu}


def _once(
    python: Path | str, frames: int, folder: Path, job: dict[str, Any], videos: list[Path]
) -> Measured:
    """One run of `pose_once`, with the same threads and GPU for all."""
    device = next(iter(devices.visible() or ()), "")
    variables = {
        **os.environ,
        "OMP_NUM_THREADS": str(THREADS),
        "HF_HUB_OFFLINE": "1",
        devices.VARIABLE: device,
    }
    # as our engines are started: cached bytecode makes the import three times as fast
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    job |= {"videos": list(map(str, videos)), "threads": THREADS}
    job["output"] = str(folder / f"{job['way']}.npy")
    start = time.time()
    with _use_of(device) as samples:
        ran = subprocess.run(
            [str(python), "-m", "tests.benchmarks.pose_once", json.dumps(job)],
            cwd=REPO,
            env=variables,
            capture_output=True,
            text=True,
        )
    if ran.returncode:
        raise RuntimeError(f"pose_once failed: {ran.stderr[-3000:]}")
    took = json.loads(ran.stdout.splitlines()[-1])
    measured = {
        START_UP: took["done"] - start,
        AFTER: took["done"] - took["ready"],
        AFTER_CPU: took["cpu_seconds"],
        MAIN: took["peak"],
        ALL: took["peak"] + took["engine_peak"],
    }
    used = [part for moment, part in samples if took["ready"] <= moment <= took["done"]]
    return measured | ({GPU: statistics.mean(used)} if used else {})


@contextmanager
def _use_of(device: str) -> Iterator[list[tuple[float, float]]]:
    """When and how much a GPU was used while the block ran, ten times a second."""
    samples: list[tuple[float, float]] = []
    if not device:
        yield samples
        return
    query = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "100"]
    with subprocess.Popen(
        ["nvidia-smi", "-i", device, *query], stdout=subprocess.PIPE, text=True
    ) as program:

        def listen() -> None:
            for line in program.stdout:
                samples.append((time.time(), float(line) / 100))

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield samples
        finally:
            program.terminate()
            listener.join()


def _views(
    networks: Mapping[str, NetworkSettings],
    cascade: CascadeSettings,
    frame: tuple[int, int],
    anchors: Mapping[str, np.ndarray],
) -> dict[str, geometry.View]:
    return {
        name: geometry.view(network, cascade, "left", frame, anchors)
        for name, network in networks.items()
    }


def _prepared(path: Path, views: Mapping[str, geometry.View], folder: Path) -> list[Path]:
    """A video for each network, decoded and encoded again with the settings of iblvideo."""
    videos = []
    for name, view in views.items():
        x, y, width, height = view.region[:4]
        if view.size == (width, height):
            prepare = ["-vf", f"crop={width}:{height}:{x}:{y}", "-crf", "11"]
        else:
            prepare = ["-vf", "scale={}:{}".format(*view.size), "-crf", "23"]
        videos.append(folder / f"{name}.mp4")
        _ffmpeg("-i", path, *prepare, "-c:v", "libx264", videos[-1])
        if view.brightness != 1:
            brighter = folder / f"{name}_adjusted.mp4"
            most = 1 / view.brightness
            levels = f"colorlevels=rimax={most}:gimax={most}:bimax={most}"
            _ffmpeg("-i", videos[-1], "-vf", levels, brighter)
            videos[-1] = brighter
    return videos


def _ffmpeg(*arguments: object) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-y", "-v", "error"]
    subprocess.run([*command, *map(str, arguments)], check=True)


def _writable_copy(model: Path, copy: Path) -> Path:
    """A model that its engine may write to, as DeepLabCut does."""
    copytree(model, copy)
    for path in (copy, *copy.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    return copy


def _check_agreement(label: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Fail if the likely points are not the same ones: then not the same was measured."""
    likely = theirs[..., 2] > 0.9
    assert likely.any()
    apart = np.abs(ours - theirs)[likely, :2]
    print(f"{label}: likely points up to {apart.max():.2g} px apart", file=sys.stderr)
    assert apart.max() < 0.1
