"""DeepLabCut networks in the real engine process, beside DeepLabCut's own commands."""

import json
import os
import pickle
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import yaml

from alfvideo.pose import messages
from tests.pose.whole_path import tracked

REPO = Path(__file__).parents[2]
DATA = REPO.parent / "shared" / "data"
PROJECT = DATA / "models" / "dlc_openfield_tiny"
VIDEO = DATA / "dlc-openfield" / "videos" / "m3v1mp4.mp4"
N_FRAMES = 60
PARTS = ["snout", "leftear", "rightear", "tailbase"]

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(
        not (PROJECT.exists() and VIDEO.exists()),
        reason="the DeepLabCut test project is not in ../shared/data",
    ),
]

REFERENCE = """
import json, sys
from pathlib import Path
import deeplabcut, numpy as np, pandas as pd, torch, yaml
from deeplabcut.pose_estimation_pytorch.config.pose import PoseConfig
from deeplabcut.pose_estimation_pytorch.models import PoseModel
from deeplabcut.pose_estimation_pytorch.apis.utils import get_pose_inference_runner
torch.set_num_threads(1)
folder = Path(sys.argv[1])
project = str(folder / "analyze_videos" / "config.yaml")
poses = {}
for name, video in (("analyze_videos", "clip"), ("cropping", "turned")):
    config = str(folder / name / "config.yaml")
    destination = folder / "results" / name
    deeplabcut.analyze_videos(config, [str(folder / f"{video}.mp4")], destfolder=str(destination))
    table = pd.read_hdf(next(destination.glob("*.h5")))
    poses[name] = table.to_numpy().reshape(len(table), -1, 3)
deeplabcut.export_model(project)
numbers = next((folder / "numbers").glob("dlc-models-pytorch/*/*/train/*.pt"))
content = torch.load(numbers, weights_only=True)
numbers.chmod(0o644)
metrics = {"rmse": np.float64(2.5), "counts": np.arange(3)}
torch.save(content | {"metadata": {"epoch": np.int64(60), "metrics": metrics}}, numbers)
frames = np.load(folder / "odd_frames.npy")
for name in sys.argv[3:]:
    train = next((folder / name).glob("dlc-models-pytorch/*/*/train"))
    runner = get_pose_inference_runner(
        train / "pytorch_config.yaml", next(train.glob("*.pt")), device="cpu"
    )
    poses[name] = np.stack([found["bodyparts"][0] for found in runner.inference(frames)])
torch.manual_seed(1)
frames = frames[:, :256, :320]
height, width = frames.shape[1:3]
for name, net_type in json.loads(sys.argv[2]).items():
    train = folder / name
    train.mkdir()
    config = train / "pytorch_config.yaml"
    top_down = name.startswith("top_down")
    cfg = yaml.safe_load((folder / "project" / "config.yaml").read_text())
    PoseConfig.build(cfg, config, net_type=net_type, top_down=top_down, save=True)
    network = PoseModel.build(yaml.safe_load(config.read_text())["model"])
    torch.save({"model": network.state_dict()}, train / "snapshot-1.pt")
    runner = get_pose_inference_runner(
        config, train / "snapshot-1.pt", device="cpu", max_individuals=1
    )
    box = np.array([[0, 0, width, height]])
    given = [(frame, {"bboxes": box.copy()}) if top_down else frame for frame in frames]
    poses[name] = np.stack([found["bodyparts"][0] for found in runner.inference(given)])
np.savez(folder / "reference.npz", **poses)
"""
"""Poses by DeepLabCut's own command and, for changed configurations, by its own runner."""

LOADING = """
import json, sys
from pathlib import Path
import torch
from alfvideo.pose.engines import dlc
from alfvideo.pose.engines.network import EngineError
answers = {}
for name, path in json.loads(sys.argv[1]).items():
    try:
        dlc.load(Path(path), torch.device("cpu"))
    except EngineError as error:
        answers[name] = str(error)
print("ANSWERS" + json.dumps(answers))
"""
"""Messages of models that are refused."""

PREPARATIONS = {
    "padded": {
        "resize": None,
        "auto_padding": {
            "min_height": None,
            "min_width": None,
            "pad_height_divisor": 64,
            "pad_width_divisor": 64,
            "position": "center",
            "border_mode": "constant",
        },
    },
    "unit": {"resize": None, "normalize_images": False, "scale_to_unit_range": True},
    "both": {"longest_max_size": 256, "resize": None, "scale_to_unit_range": True},
    "stretched": {"resize": {"height": 200, "width": 320, "keep_ratio": False}},
}
"""Changes of a frame that a network's configuration may ask for before the network sees it."""

RANDOM = {"resize": None, "auto_padding": {"min_height": 500, "pad_height_divisor": None}}
"""DeepLabCut pads at random places unless told where."""


KINDS = {"dekr": "dekr_w18", "top_down_rtmpose": "rtmpose_s", "top_down_resnet": "resnet_50"}
"""Other kinds of networks that find one animal, with random weights."""


def train_folder(project: Path) -> Path:
    return next(project.glob("dlc-models-pytorch/*/*/train"))


def change(file: Path, **values) -> None:
    """Set keys of a YAML file, which may be in read-only storage where it was copied from."""
    content = yaml.safe_load(file.read_text())
    for key, value in values.items():
        *path, last = key.split("__")
        part = content
        for name in path:
            part = part[name]
        part[last] = value
    file.chmod(0o644)
    file.write_text(yaml.safe_dump(content))


def contents(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.rglob("*") if p.is_file()}


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(REPO / "src"), "OMP_NUM_THREADS": "1"}


def predict(engine: SimpleNamespace, network: str, frames: np.ndarray) -> np.ndarray:
    messages.send(engine.process.stdin, {"network": network}, frames=frames)
    header, arrays = messages.receive(engine.process.stdout)
    assert "error" not in header
    return arrays["poses"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, ffmpeg, engine_python) -> SimpleNamespace:
    """Models in a folder, a clip and its frames, and DeepLabCut's own poses of them."""
    folder = tmp_path_factory.mktemp("models")
    clip = folder / "clip.mp4"
    ffmpeg("-i", VIDEO, "-frames:v", N_FRAMES, "-an", "-qp", 0, clip)
    video, frames = cv2.VideoCapture(str(clip)), []
    while (read := video.read())[0]:
        frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    frames = np.stack(frames)
    assert frames.shape == (N_FRAMES, 480, 640, 3)
    odd_frames = frames[::20, 10:461, 3:632]
    np.save(folder / "odd_frames.npy", odd_frames)
    changes = PREPARATIONS | {"random": RANDOM}
    ffmpeg("-display_rotation", 90, "-i", clip, "-c", "copy", folder / "turned.mp4")
    for name in ("analyze_videos", "cropping", "project", "numbers", *changes):
        shutil.copytree(PROJECT, folder / name)
    for name, values in changes.items():
        config = train_folder(folder / name) / "pytorch_config.yaml"
        change(config, **{f"data__inference__{key}": value for key, value in values.items()})
    # DeepLabCut's command rewrites config.yaml, so it has a project of its own.
    (folder / "analyze_videos" / "config.yaml").chmod(0o644)
    change(folder / "cropping" / "config.yaml", cropping=True, x1=31, x2=463, y1=57, y2=700)
    # Two snapshots, of which the index chooses the one that was trained.
    train = train_folder(folder / "cropping")
    (train / "snapshot-best-060.pt").rename(train / "snapshot-060.pt")
    (train / "snapshot-best-070.pt").write_bytes(b"another")
    change(folder / "cropping" / "config.yaml", snapshotindex=0)
    (folder / "results").mkdir()
    subprocess.run(
        [engine_python("dlc"), "-c", REFERENCE, folder, json.dumps(KINDS), *PREPARATIONS],
        check=True,
        env=environment(),
    )
    return SimpleNamespace(
        folder=folder,
        frames=frames,
        odd_frames=odd_frames,
        exported=next((folder / "analyze_videos" / "exported-models-pytorch").rglob("*.pt")),
        reference=dict(np.load(folder / "reference.npz")),
    )


@pytest.fixture(scope="module")
def engine(models: SimpleNamespace, engine_python) -> Iterator[SimpleNamespace]:
    """One engine process with each network of this module."""
    project = models.folder / "project"
    networks = {
        "project": project,
        "snapshot": train_folder(project) / "snapshot-best-060.pt",
        "exported": models.exported,
        "numbers": models.folder / "numbers",
        **{name: models.folder / name / "snapshot-1.pt" for name in KINDS},
        **{name: models.folder / name for name in (*PREPARATIONS, "random")},
    }
    before = contents(models.folder)
    with subprocess.Popen(
        [engine_python("dlc"), "-m", "alfvideo.pose.engines"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment() | {"CUDA_VISIBLE_DEVICES": ""},
    ) as process:
        named = {name: str(path) for name, path in networks.items()}
        messages.send(process.stdin, {"engine": "dlc", "models": named, "threads": 1})
        assert messages.receive(process.stdout)[0] == {"started": True}
        header, _ = messages.receive(process.stdout)
        yield SimpleNamespace(process=process, header=header, before=before)
        process.stdin.close()
        assert process.wait(60) == 0


def test_networks_are_described(engine):
    assert engine.header["networks"]["project"] == {"parts": PARTS, "context": 0}
    assert engine.header["software"]["deeplabcut"].startswith("3.")


def test_poses_are_those_of_analyze_videos(engine, models):
    """The project's configuration asks for a resize to 320 x 240 and for normalisation."""
    theirs = models.reference["analyze_videos"]
    ours = predict(engine, "project", models.frames)
    assert ours.shape == theirs.shape == (N_FRAMES, len(PARTS), 3)
    assert ours.dtype == np.float64
    sure = theirs[..., 2] > 0.9
    assert sure.mean() > 0.9
    difference = np.abs(ours - theirs)
    print(
        f"largest difference: {difference[sure][:, :2].max():.2g} px where the likelihood is above "
        f"0.9 ({sure.mean():.0%}), likelihood {difference[..., 2].max():.2g}"
    )
    assert difference[sure][:, :2].max() < 1e-3
    assert difference[..., 2].max() < 1e-5


def test_whole_path_gives_the_poses_of_deeplabcut(models: SimpleNamespace, engine_python):
    """From the file of the clip to the table, frames decoded by alfvideo."""
    project = models.folder / "project"
    table = tracked(models.folder / "clip.mp4", "dlc", project, engine_python("dlc"))
    reference = models.reference["analyze_videos"]
    assert len(table) == N_FRAMES
    difference = np.abs(table.to_numpy().reshape(reference.shape) - reference)
    assert difference[reference[..., 2] > 0.9][:, :2].max() < 0.1


def test_cropping_snapshot_index_and_a_turned_video(models: SimpleNamespace, engine_python):
    """All three as DeepLabCut's own command does them, which counts pixels from the crop's edge."""
    reference = models.reference["cropping"] + [31, 57, 0]
    table = tracked(
        models.folder / "turned.mp4", "dlc", models.folder / "cropping", engine_python("dlc")
    )
    difference = np.abs(table.to_numpy().reshape(reference.shape) - reference)
    assert np.isfinite(difference).all()
    assert difference[..., :2].max() < 0.1


@pytest.mark.parametrize("name", ["snapshot", "exported", "numbers"])
def test_snapshot_and_exported_file_are_the_same_network(engine, models, name):
    frames = models.frames[:8]
    np.testing.assert_array_equal(predict(engine, name, frames), predict(engine, "project", frames))


@pytest.mark.parametrize("name", PREPARATIONS)
def test_preparation_that_the_configuration_asks_for(engine, models, name):
    theirs = models.reference[name]
    np.testing.assert_allclose(predict(engine, name, models.odd_frames), theirs, atol=1e-3)


@pytest.mark.parametrize("name", KINDS)
def test_other_kinds_are_those_of_deeplabcut(engine, models, name):
    """A top-down network has all of its picture for the box."""
    theirs = models.reference[name]
    assert np.ptp(theirs[..., :2], axis=1).max() > 1  # points are at different places
    ours = predict(engine, name, models.odd_frames[:, :256, :320])
    assert np.abs(ours - theirs)[..., :2].max() < 1e-3
    np.testing.assert_allclose(ours[..., 2], theirs[..., 2], atol=1e-4)


def test_same_frame_gives_the_same_pose(engine, models):
    """Where DeepLabCut would pad at random, and so find other poses each time."""
    poses = predict(engine, "random", np.repeat(models.odd_frames[:1], 6, axis=0))
    np.testing.assert_array_equal(poses, np.repeat(poses[:1], 6, axis=0))


def test_gray_frames(engine, models):
    gray = models.frames[:4, ..., 0]
    colour = np.repeat(gray[..., None], 3, axis=-1)
    np.testing.assert_array_equal(
        predict(engine, "project", gray), predict(engine, "project", colour)
    )


def test_model_folders_are_left_as_they_are(engine, models):
    predict(engine, "project", models.frames[:1])
    assert contents(models.folder) == engine.before


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, engine_python) -> SimpleNamespace:
    """Collect the engine's answers about models that it cannot use."""
    folder = tmp_path_factory.mktemp("refused")

    def copied(name: str, **values) -> Path:
        shutil.copytree(PROJECT, folder / name)
        train = train_folder(folder / name)
        change(train / "pytorch_config.yaml", **values)
        return train

    snapshot = "snapshot-best-060.pt"
    copied("unfit", model__heads__bodypart__heatmap_config__channels=[96, 5])
    copied("unbuildable", model__backbone__model_name="no_such_network")
    copied("conditional", method="ctd")
    copied("many", metadata__individuals=["mouse1", "mouse2"])
    copied("graph", model__heads__bodypart__predictor__type="PartAffinityFieldPredictor")
    (copied("no_snapshot") / snapshot).unlink()
    (copied("no_config") / "pytorch_config.yaml").unlink()
    (copied("no_yaml") / "pytorch_config.yaml").write_bytes(b"\x00{")
    change(copied("other_iteration").parents[3] / "config.yaml", iteration=3)
    cut = copied("cut") / snapshot
    cut.chmod(0o644)
    os.truncate(cut, 700_000)
    (folder / "tensorflow" / "dlc-models").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "config.yaml").write_text("iteration: 0")
    (folder / "other.pt").write_bytes(b"not a snapshot")
    (folder / "code.pt").write_bytes(pickle.dumps(os.getcwd, protocol=2))

    broken = {path.name: str(path) for path in folder.iterdir()}
    broken["absent"] = str(folder / "absent")
    done = subprocess.run(
        [engine_python("dlc"), "-c", LOADING, json.dumps(broken)],
        check=True,
        capture_output=True,
        text=True,
        env=environment(),
    )
    return SimpleNamespace(folder=folder, **json.loads(done.stdout.split("ANSWERS")[1]))


@pytest.mark.parametrize(
    ("name", "file", "words"),
    [
        ("absent", "absent", "There is no DeepLabCut model"),
        ("tensorflow", "tensorflow", "TensorFlow model of DeepLabCut 2"),
        ("empty", "empty", "not a project of DeepLabCut 3"),
        ("config.yaml", "config.yaml", "name the project folder"),
        ("other.pt", "other.pt", "damaged or was cut"),
        ("code.pt", "code.pt", "holds more than weights"),
        ("cut", "snapshot-best-060.pt", "damaged or was cut"),
        ("no_snapshot", "iteration-0", "no trained network"),
        ("other_iteration", "iteration-3", "no trained network"),
        ("no_config", "pytorch_config.yaml", "is missing"),
        ("no_yaml", "pytorch_config.yaml", "not a DeepLabCut configuration"),
        ("unfit", "snapshot-best-060.pt", "do not fit"),
        ("unbuildable", "pytorch_config.yaml", "no_such_network"),
        ("conditional", "pytorch_config.yaml", "a conditional top-down model"),
        ("many", "pytorch_config.yaml", "a multi-animal model (2 individuals"),
        ("graph", "pytorch_config.yaml", "a multi-animal model"),
    ],
)
def test_model_is_refused(answers, name, file, words):
    message = vars(answers)[name]
    assert str(answers.folder / name) in message
    assert file in message
    assert words in message
    assert "\n" not in message


def test_refusal_reaches_the_main_process(tmp_path, engine_python):
    start = {"engine": "dlc", "models": {"nose": str(tmp_path / "absent")}, "threads": 1}
    with subprocess.Popen(
        [engine_python("dlc"), "-m", "alfvideo.pose.engines"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    ) as process:
        messages.send(process.stdin, start)
        assert messages.receive(process.stdout)[0] == {"started": True}
        header, _ = messages.receive(process.stdout)
    assert str(tmp_path / "absent") in header["error"]
    assert process.returncode == 1
