"""The cascade of a camera over its video, with a real network in the real engine process."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pandas as pd
import psutil
import pytest
import yaml

from alfvideo.files.errors import DataError
from alfvideo.pose import cascades, result, stream, track
from alfvideo.pose.engine import Engine
from alfvideo.pose.parts import Parts
from alfvideo.video import probe
from rigsim import Rig, load_truth
from rigsim.pose_errors import pose_errors

REPO = Path(__file__).parents[2]
MODEL = REPO / "config" / "pose" / "demo" / "dlc_side"
RIG = Rig(seconds=2.2, scale=0.25, cameras=("left", "right"), seed=4)
N_FRAMES = 128

WHOLE = {"networks": {"side": {"size": {"width": 320, "height": 256}}}}
CROPPED = {
    "frame": {"width": 320, "height": 256},
    "resize": True,
    "networks": {
        "region": {"sampled": 30},
        "side": {
            "crop": {"around": ["pupil_top_r"], "x": -105, "y": -30, "width": 240, "height": 192}
        },
    },
}
"""The crop leaves out a quarter of the frame to the right and below: the eye stays in it."""

SEEN_IN_CROP = ["nose_tip", "pupil_top_r", "pupil_right_r", "pupil_bottom_r", "pupil_left_r"]

needs_engine = pytest.mark.engines


def start(python: Path) -> Engine:
    (model,) = MODEL.glob("*.pt")
    models = {"region 1": str(model), "side 1": str(model)}
    return Engine(python, "dlc", models, threads=1, device="")


@pytest.fixture(scope="module")
def engine(engine_python: Callable[[str], Path]) -> Iterator[Engine]:
    with start(engine_python("dlc")) as running:
        yield running


@pytest.fixture(scope="module")
def videos(
    tmp_path_factory: pytest.TempPathFactory,
    rendered: Callable[[Path, Rig], Path],
    ffmpeg: Callable[..., None],
) -> SimpleNamespace:
    """The first frames of the left and right videos as mp4, and the truth of these frames."""
    folder = tmp_path_factory.mktemp("videos")
    session = rendered(folder, RIG)
    found = SimpleNamespace(truth={})
    for camera in RIG.labels:
        avi = session / "raw_video_data" / f"_iblrig_{camera}Camera.raw.avi"
        mp4 = folder / f"{camera}.mp4"
        coded = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", 17, "-g", 30)
        ffmpeg("-i", avi, "-frames:v", N_FRAMES, *coded, mp4)
        setattr(found, camera, mp4)
        truth = load_truth(session, camera)
        found.truth[camera] = truth | {"keypoints": truth["keypoints"][:N_FRAMES]}
    return found


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[dict], dict]:
    """A cascade of the demo's network, from YAML as a lab would write it."""

    def load(content: dict) -> dict:
        networks = {name: {"models": ["*.pt"], **n} for name, n in content["networks"].items()}
        file = tmp_path / "cascade.yaml"
        text = yaml.safe_dump(
            {"folder": str(MODEL), "mirrored": ["right"], **content, "networks": networks}
        )
        file.write_text(text)
        return cascades.load(file, "dlc")

    return load


def tracked(
    path: Path, camera: str, content: dict, engine: Engine, output: Path
) -> dict[str, np.ndarray]:
    """Poses of all frames, as the job finds them."""
    with Parts(output, {"frames": path.name}) as parts:
        return track.track(path, probe.probe_whole(path), camera, content, engine, parts)


def table(path: Path, camera: str, content: dict, engine: Engine, output: Path) -> pd.DataFrame:
    poses = tracked(path, camera, content, engine, output)
    return result.table(poses, content, camera, probe.probe_whole(path), engine)


@needs_engine
@pytest.mark.slow
@pytest.mark.parametrize("camera", RIG.labels)
def test_points_are_where_they_were_drawn(
    tmp_path: Path, videos: SimpleNamespace, loaded: Callable, engine: Engine, camera: str
):
    """With the whole frame, and with a crop that follows the eye."""
    path = getattr(videos, camera)
    whole = table(path, camera, loaded(WHOLE), engine, tmp_path / "whole")
    assert len(whole) == N_FRAMES
    assert set(whole.dtypes) == {np.dtype(np.float64)}
    width = probe.probe(path).width
    errors = pose_errors(whole, videos.truth[camera], camera, width).set_index("part")
    assert errors.median_px.drop(["tongue_end_l", "tongue_end_r"]).max() < 1, errors
    cropped = table(path, camera, loaded(CROPPED), engine, tmp_path / "cropped")
    assert len(cropped) == N_FRAMES
    for part in SEEN_IN_CROP:
        apart = np.hypot(*(whole[f"{part}_{c}"] - cropped[f"{part}_{c}"] for c in "xy"))
        assert np.median(apart) < 1, part
        assert apart.max() < 2, part
    assert not (tmp_path / ".whole.parts").exists()


class Stopped(Exception):
    """Stands for whatever ends a job."""


class Watched:
    """An engine that counts the frames it was given, and does something before a batch of them."""

    def __init__(self, engine: Engine, batch: int = -1, then: Callable = lambda: None) -> None:
        self.engine, self.networks = engine, engine.networks
        self.batch, self.then = batch, then
        self.batches = self.frames = 0

    def predict(self, model: str, frames: np.ndarray) -> np.ndarray:
        if self.batches == self.batch:
            self.then()
        self.batches += 1
        self.frames += len(frames)
        return self.engine.predict(model, frames)


def stop() -> None:
    raise Stopped


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 32 frames, in batches of 16."""
    monkeypatch.setattr(track, "PART_FRAMES", 32)
    monkeypatch.setattr(stream, "MAX_BATCH_FRAMES", 16)


@needs_engine
@pytest.mark.usefixtures("small_parts")
def test_a_stopped_job_goes_on(
    tmp_path: Path,
    videos: SimpleNamespace,
    loaded: Callable,
    engine: Engine,
    caplog: pytest.LogCaptureFixture,
):
    """After 5 of 8 batches: 64 of 80 frames are in parts that were kept."""
    content = loaded(WHOLE)
    expected = tracked(videos.left, "left", content, engine, tmp_path / "undisturbed")
    with pytest.raises(Stopped):
        tracked(videos.left, "left", content, Watched(engine, 5, stop), tmp_path / "poses")
    assert (tmp_path / ".poses.parts").exists()
    again = Watched(engine)
    with caplog.at_level(logging.INFO, "alfvideo"):
        found = tracked(videos.left, "left", content, again, tmp_path / "poses")
    assert "going on after frame 64" in caplog.text
    assert again.frames == N_FRAMES - 64
    assert found.keys() == expected.keys()
    for model in expected:
        np.testing.assert_array_equal(found[model], expected[model])
    assert not (tmp_path / ".poses.parts").exists()


@needs_engine
@pytest.mark.usefixtures("small_parts")
def test_a_damaged_frame_ends_it_with_its_number(
    tmp_path: Path, videos: SimpleNamespace, loaded: Callable, engine: Engine
):
    content, damaged = loaded(WHOLE), tmp_path / "damaged.mp4"
    damaged.write_bytes(videos.left.read_bytes())
    with av.open(str(damaged)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        keyframe = next(i for i, p in enumerate(packets) if i > 80 and p.is_keyframe)
        place, size = packets[keyframe].pos, packets[keyframe].size
    with damaged.open("r+b") as file:
        # Within the coded picture; its length in front of it stays.
        file.seek(place + size // 2)
        file.write(bytes(size - size // 2 - 1))
    assert probe.probe(damaged).whole
    with pytest.raises(DataError) as error:
        tracked(damaged, "left", content, engine, tmp_path / "poses")
    assert f"{damaged}: frame {keyframe} cannot be decoded" in str(error.value)
    kept = sorted(path.stem for path in (tmp_path / ".poses.parts").glob("*.npz"))
    assert kept == ["000000000-000000032", "000000032-000000064"]


@needs_engine
def test_nothing_to_place_the_crop_by(
    tmp_path: Path, loaded: Callable, engine: Engine, ffmpeg: Callable[..., None]
):
    black = tmp_path / "black.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=black:size=320x256:rate=60", "-frames:v", 40, black)
    with pytest.raises(DataError, match=r"pupil_top_r was not found with a likelihood of 0\.9"):
        tracked(black, "left", loaded(CROPPED), engine, tmp_path / "poses")


def kill_before_a_batch(process: psutil.Process) -> None:
    process.kill()
    while process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)


def kill_within_a_batch(process: psutil.Process) -> None:
    process.suspend()
    threading.Timer(0.5, process.kill).start()


@needs_engine
@pytest.mark.slow
@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("kill", [kill_before_a_batch, kill_within_a_batch])
def test_the_engine_is_killed(
    tmp_path: Path,
    videos: SimpleNamespace,
    loaded: Callable,
    engine_python: Callable[[str], Path],
    kill: Callable[[psutil.Process], None],
):
    def job() -> None:
        with start(engine_python("dlc")) as engine:
            (process,) = set(psutil.Process().children()) - set(before)
            watched = Watched(engine, 3, lambda: kill(process))
            tracked(videos.left, "left", loaded(WHOLE), watched, tmp_path / "poses")

    before = psutil.Process().children()
    with pytest.raises(DataError) as error:
        job()
    assert "The pose engine was ended by signal 9" in str(error.value)
    assert psutil.Process().children() == before
    assert [path.name for path in tmp_path.rglob("*.npz")] == ["000000000-000000032.npz"]


OUT_OF_MEMORY = """
import json, sys
from pathlib import Path
import numpy as np
import torch
from alfvideo.pose.engines import dlc
from alfvideo.pose.engines.network import Batched, EngineError

class Crowded:
    def __init__(self, network, most):
        self.network, self.most = network, most
        self.parts, self.context = network.parts, network.context
        self.seen = []
    def predict(self, frames):
        self.seen.append(len(frames))
        if len(frames) > self.most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return self.network.predict(frames)

torch.set_num_threads(1)
network = dlc.load(Path(sys.argv[1]), torch.device("cpu"))
frames = np.load(sys.argv[2])
whole = network.predict(frames)
crowded = Crowded(network, 4)
gpu = torch.device("cuda")
batched = Batched(crowded, gpu)
halved = batched.predict(frames)
first, crowded.seen = crowded.seen, []
batched.predict(frames[:3])
try:
    Batched(Crowded(network, 0), gpu).predict(frames)
except EngineError as error:
    sentence = str(error)
print("ANSWER" + json.dumps({
    "shape": halved.shape, "difference": np.abs(halved - whole).max(), "batch": batched.batch,
    "first": first, "then": crowded.seen, "sentence": sentence,
}))
"""


@needs_engine
@pytest.mark.slow
def test_a_batch_that_is_too_much_is_halved(
    tmp_path: Path, videos: SimpleNamespace, engine_python: Callable[[str], Path]
):
    """In the environment of the engine, with a network that says it is out of memory.

    It is the error of torch that is raised, but not by a GPU: one is not needed for this test.
    """
    with av.open(str(videos.left)) as container:
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)][:9]
    np.save(tmp_path / "frames.npy", np.stack(frames))
    (model,) = MODEL.glob("*.pt")
    variables = os.environ | {"PYTHONPATH": str(REPO / "src"), "OMP_NUM_THREADS": "1"}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [engine_python("dlc"), "-c", OUT_OF_MEMORY, model, tmp_path / "frames.npy"],
        env=variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.rpartition("ANSWER")[2])
    assert answer["first"] == [9, 4, 4, 1]
    assert answer["then"] == [3]
    assert answer["batch"] == 4
    assert answer["shape"] == [9, 11, 3]
    assert answer["difference"] < 1e-3
    assert "not enough free memory for a single frame" in answer["sentence"]


PEAK = """
import re, sys, time
from pathlib import Path
from types import SimpleNamespace
import numpy as np
from alfvideo.video import probe
from alfvideo.pose import track
from alfvideo.pose.cascade import Cascade
from alfvideo.pose.engine import Loaded
from alfvideo.pose.parts import Parts

path = Path(sys.argv[1])
engine = SimpleNamespace(
    networks={name: Loaded(["nose_tip"], 0) for name in ("whole 1", "crop 1")},
    predict=lambda model, frames: time.sleep(len(frames) / 2000) or np.zeros((len(frames), 1, 3)),
)
network = {"models": {"/model": ""}}
crop = {"x": 10, "y": 10, "width": 200, "height": 200}
cascade = Cascade(networks={"whole": network, "crop": network | {"crop": crop}})
with Parts(path.with_suffix(".pqt"), {}) as parts:
    poses = track.track(path, probe.probe_whole(path), "left", cascade, engine, parts)
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(len(poses["whole 1"]), peak)
"""
"""Tracks a video with a stand-in for networks that are slower than the decoder.

It prints the number of frames and the peak memory in kB.
"""


def test_memory_does_not_grow_with_the_video(tmp_path: Path, ffmpeg: Callable[..., None]):
    """The longer video decodes to 220 MB more."""
    peaks = []
    for n_frames in (300, 3000):
        path = tmp_path / f"{n_frames}.mp4"
        source = "testsrc=size=320x256:rate=60"
        coded = ("-pix_fmt", "gray", "-c:v", "libx264", "-preset", "ultrafast")
        ffmpeg("-f", "lavfi", "-i", source, "-frames:v", n_frames, *coded, path)
        done = subprocess.run(
            [sys.executable, "-c", PEAK, path], check=True, capture_output=True, text=True
        )
        frames, peak = map(int, done.stdout.split())
        assert frames == n_frames
        peaks.append(peak / 1000)
    assert peaks[1] - peaks[0] < 30, peaks
