"""Lightning Pose networks in the real engine process, beside Lightning Pose's own predictions."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from alfvideo.pose import messages
from tests.pose.whole_path import tracked

REPO = Path(__file__).parents[2]
DATA = REPO.parent / "shared" / "data"
MODEL = DATA / "models" / "lp_mirror_effb0_fp16"
VIDEO = DATA / "lp-mirror-mouse" / "videos" / "test_vid.mp4"
N_FRAMES = 60
HEIGHT, WIDTH = 406, 396

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(
        not (MODEL.exists() and VIDEO.exists()),
        reason="the Lightning Pose test model is not in ../shared/data",
    ),
]

PREPARATION = """
import sys
from pathlib import Path
import cv2, numpy as np, torch
from lightning_pose.api import Model
from lightning_pose.models import HeatmapTracker, HeatmapTrackerMHCRNN, RegressionTracker
from alfvideo.pose.engines import litpose, litpose_backbones
from omegaconf import OmegaConf

torch.set_num_threads(1)
folder = Path(sys.argv[1])
video, frames = cv2.VideoCapture(str(folder / "clip.mp4")), []
while (read := video.read())[0]:
    frames.append(read[1][..., ::-1])

def checkpoint(name):
    return next((folder / name).glob("tb_logs/*/*/checkpoints/*-best.ckpt"))

def change(name, **values):
    content = torch.load(checkpoint("single"), weights_only=False)
    content["hyper_parameters"].update(values.pop("hyper_parameters", {}))
    torch.save(content | values, checkpoint(name))

# A context model: the trained backbone and single-frame head, and a random multi-frame head whose
# peaks are high enough to be taken for some of the points.
trained = torch.load(checkpoint("single"), weights_only=False)["state_dict"]
torch.manual_seed(1)
network = HeatmapTrackerMHCRNN(
    num_keypoints=17, backbone="efficientnet_b0", pretrained=False, image_size=128, torch_seed=1
)
weights = network.state_dict()
for name in weights:
    if name.startswith("head.head_mf") and name.endswith("weight"):
        weights[name] = 0.1 * torch.randn_like(weights[name])
    elif not name.startswith("head.head_mf"):
        weights[name] = trained[name.replace("head.head_sf.", "head.")].float()
network.load_state_dict(weights)
config = OmegaConf.load(folder / "single" / "config.yaml")
config.model.model_type = "heatmap_mhcrnn"
# Where this less 4 divides 56, the library gives the last 4 frames the pose of the first.
config.dali.context.predict.sequence_length = 16
OmegaConf.save(config, folder / "context" / "config.yaml")
change("context", state_dict=weights, hyper_parameters={"image_size": 128})

# As Lightning Pose 1 named the layers of the head, and one of its training entries.
old = {name.removeprefix("head."): values for name, values in trained.items()}
change("old", state_dict=old | {"total_unsupervised_importance": torch.tensor(1.0)})
half = {name: values for name, values in trained.items() if not name.startswith("head.")}
change("headless", state_dict=half)
change("fewer", hyper_parameters={"num_keypoints": 16})
change("unknown", hyper_parameters={"backbone": "efficientnet_b9"})

# Context models of version 1 had other names, and one layer under two of them.
names = {"head.head_mf.": "crnn.", "head.head_sf.upsampling_layers.": "upsampling_layers_sf."}
old = {}
for name, values in weights.items():
    for new, before in names.items():
        name = name.replace(new, before)
    old[name] = values
    if name.startswith("upsampling_layers_sf."):
        old[name.replace("_sf", "")] = values
old["unnormalized_weights"] = torch.zeros(1)
OmegaConf.save(config, folder / "old_context" / "config.yaml")
change("old_context", state_dict=old, hyper_parameters={"image_size": 128})

config = OmegaConf.load(folder / "single" / "config.yaml")
config.model.model_type = "regression"
OmegaConf.save(config, folder / "regression" / "config.yaml")
torch.manual_seed(2)
network = RegressionTracker(num_keypoints=17, backbone="efficientnet_b0", pretrained=False)
weights = {
    name: 100 * values if name.startswith("head.") else trained[name].float()
    for name, values in network.state_dict().items()
}
change("regression", state_dict=weights)
old = {name.replace("head.linear_layer", "final_layer"): weights[name] for name in weights}
change("old_regression", state_dict=old)
OmegaConf.save(config, folder / "old_regression" / "config.yaml")

# As the app writes it; and a transformer, whose head is made stronger so that it has peaks.
config = OmegaConf.load(folder / "single" / "config.yaml")
config.data.keypoints = config.data.pop("keypoint_names")
config.model.backbone = "vits_dino"
OmegaConf.save(config, folder / "vit" / "config.yaml")
with litpose_backbones.without_fetching():
    network = HeatmapTracker(
        num_keypoints=17, backbone="vits_dino", pretrained=False, image_size=128
    )
weights = network.state_dict()
for name in weights:
    if name.startswith("head.") and name.endswith("weight"):
        weights[name] = 3 * torch.randn_like(weights[name])
change("vit", state_dict=weights, hyper_parameters={"backbone": "vits_dino", "image_size": 128})

poses = {"frames": np.stack(frames)}
for name in ("regression", "vit"):
    poses[name] = litpose.own(folder / name, folder / "clip.mp4", torch.device("cpu"))
for name in ("single", "context"):
    result = Model.from_dir(folder / name).predict_on_video_file(
        folder / "clip.mp4", output_dir=folder / "results", compute_metrics=False
    )
    poses[name] = result.predictions.to_numpy().reshape(len(frames), -1, 3)
np.savez(folder / "reference.npz", **poses)
"""
"""Changed models, and poses by the public interface of Lightning Pose, which runs without DALI."""

LOADING = """
import json, sys
from pathlib import Path
import torch
from alfvideo.pose.engines import litpose, litpose_models
from alfvideo.pose.engines.network import EngineError

answers = {}
for name, path in json.loads(sys.argv[1]).items():
    try:
        litpose.load(Path(path), torch.device("cpu"))
    except EngineError as error:
        answers[name] = str(error)

def no_download(url, *rest, **options):
    raise RuntimeError("a download of " + url)

torch.hub.load_state_dict_from_url = no_download
resnet = litpose.lightning_pose.models.HeatmapTracker(
    num_keypoints=17, backbone="resnet50", pretrained=False
)
file = Path(sys.argv[2])
torch.save(
    {
        "state_dict": resnet.state_dict(),
        "hyper_parameters": dict(num_keypoints=17, backbone="resnet50_animal_ap10k"),
    },
    file,
)
loaded = litpose.build("HeatmapTracker", file, ["part"] * 17, 256).state_dict()
same = all(torch.equal(values, loaded[name]) for name, values in resnet.state_dict().items())
chosen = litpose_models.find_checkpoint(file.parent).name
answers |= {"resnet50_animal_ap10k": same, "chosen": chosen}
print("ANSWERS" + json.dumps(answers))
"""
"""Messages of models that are refused, whether a backbone is loaded without a download, and the
checkpoint chosen of several."""


RUN = ("single", "context", "old", "old_context", "regression", "old_regression", "vit")
"""Models that can be run."""


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(REPO / "src"), "OMP_NUM_THREADS": "1"}


def predict(engine: SimpleNamespace, network: str, frames: np.ndarray) -> np.ndarray:
    messages.send(engine.process.stdin, {"network": network}, frames=frames)
    header, arrays = messages.receive(engine.process.stdout)
    assert "error" not in header
    return arrays["poses"]


def distances(poses: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.linalg.norm((poses - others)[..., :2], axis=-1)


def contents(folder: Path) -> dict[Path, tuple[int, str]]:
    return {
        path: (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, ffmpeg, engine_python) -> SimpleNamespace:
    """Models in a folder, the frames of a clip, and Lightning Pose's own poses of them."""
    folder = tmp_path_factory.mktemp("models")
    ffmpeg("-i", VIDEO, "-frames:v", N_FRAMES, "-an", "-qp", 0, folder / "clip.mp4")
    for name in (*RUN, "headless", "fewer", "unknown", "corrupt"):
        shutil.copytree(MODEL, folder / name)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    corrupt = next((folder / "corrupt").rglob("*.ckpt"))
    corrupt.write_bytes(corrupt.read_bytes()[:100_000])
    (folder / "old" / ".hydra").mkdir()
    (folder / "old" / "config.yaml").rename(folder / "old" / ".hydra" / "config.yaml")
    subprocess.run(
        [engine_python("lightningPose"), "-c", PREPARATION, folder], check=True, env=environment()
    )
    reference = dict(np.load(folder / "reference.npz"))
    frames = reference.pop("frames")
    assert frames.shape == (N_FRAMES, HEIGHT, WIDTH, 3)
    return SimpleNamespace(folder=folder, frames=frames, reference=reference)


@pytest.fixture(scope="module")
def engine(models: SimpleNamespace, engine_python) -> Iterator[SimpleNamespace]:
    """The engine process with the models loaded; it must leave their folders as they are."""
    folders = {name: models.folder / name for name in RUN}
    before = contents(models.folder)
    process = subprocess.Popen(
        [engine_python("lightningPose"), "-m", "alfvideo.pose.engines"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    )
    start = {
        "engine": "lightningPose",
        "threads": 1,
        "models": {name: str(folder) for name, folder in folders.items()},
    }
    messages.send(process.stdin, start)
    assert messages.receive(process.stdout)[0] == {"started": True}
    header, _ = messages.receive(process.stdout)
    yield SimpleNamespace(process=process, header=header)
    process.stdin.close()
    assert process.wait(60) == 0
    process.stdout.close()
    assert contents(models.folder) == before


def test_engine_says_what_it_runs(engine: SimpleNamespace) -> None:
    parts = yaml.safe_load((MODEL / "config.yaml").read_text())["data"]["keypoint_names"]
    assert "error" not in engine.header
    assert engine.header["networks"] == {
        **{name: {"parts": parts, "context": 2 * ("context" in name)} for name in RUN},
    }
    assert {"lightning-pose", "ensemble-kalman-smoother"} <= set(engine.header["software"])


def test_poses_are_those_of_lightning_pose(
    models: SimpleNamespace, engine: SimpleNamespace, capsys
) -> None:
    poses = predict(engine, "single", models.frames)
    reference = models.reference["single"]
    assert poses.shape == (N_FRAMES, 17, 3)
    assert poses.dtype == np.float64
    likely = reference[..., 2] > 0.9
    distance = distances(poses, reference)
    with capsys.disabled():
        print(
            f"\nLightning Pose, {likely.sum()} points above 0.9: {distance[likely].max():.2g} px at"
            f" most from its own interface (others: {distance[~likely].max():.2g} px)"
        )
    assert likely.sum() > N_FRAMES * 17 / 2
    assert distance[likely].max() < 0.1
    np.testing.assert_allclose(poses[..., 2], reference[..., 2], atol=1e-3)


def test_whole_path_gives_the_poses_of_lightning_pose(
    models: SimpleNamespace, engine_python
) -> None:
    """From the file of the clip to the table, frames decoded by alfvideo."""
    python = engine_python("lightningPose")
    table = tracked(models.folder / "clip.mp4", "lightningPose", models.folder / "single", python)
    reference = models.reference["single"]
    assert len(table) == N_FRAMES
    likely = reference[..., 2] > 0.9
    assert distances(table.to_numpy().reshape(N_FRAMES, 17, 3), reference)[likely].max() < 0.1


def test_poses_do_not_depend_on_the_batch(models: SimpleNamespace, engine: SimpleNamespace) -> None:
    whole = predict(engine, "single", models.frames[:20])
    single = [predict(engine, "single", models.frames[i : i + 1]) for i in range(3)]
    rest = predict(engine, "single", models.frames[3:20])
    np.testing.assert_allclose(np.concatenate([*single, rest]), whole, atol=0.01)


def test_gray_frames_are_the_same_as_three_equal_channels(
    models: SimpleNamespace, engine: SimpleNamespace
) -> None:
    gray = np.ascontiguousarray(models.frames[:4, 20:391, 30:, 0])
    colour = np.repeat(gray[..., np.newaxis], 3, axis=-1)
    poses = predict(engine, "single", gray)
    assert poses[..., 0].max() > 128  # in pixels of these frames, not of the network
    np.testing.assert_allclose(poses, predict(engine, "single", colour), atol=0.01)


def test_models_of_lightning_pose_1_load(models: SimpleNamespace, engine: SimpleNamespace) -> None:
    frames = models.frames[:4]
    np.testing.assert_array_equal(predict(engine, "old", frames), predict(engine, "single", frames))


@pytest.mark.parametrize("name", ["context", "regression"])
def test_older_names_of_weights(models: SimpleNamespace, engine: SimpleNamespace, name: str):
    old, new = (predict(engine, each, models.frames[:8]) for each in (f"old_{name}", name))
    np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("name", ["regression", "vit"])
def test_other_kinds_are_those_of_lightning_pose(
    models: SimpleNamespace, engine: SimpleNamespace, name: str
):
    poses, reference = predict(engine, name, models.frames), models.reference[name]
    assert np.ptp(reference[..., :2], axis=0).max() > 0.5  # it depends on the frame
    assert distances(poses, reference).max() < 0.01
    if name == "regression":
        assert (poses[..., 2] == 1).all()  # it has none, and Lightning Pose says 0 or 1


def test_windows_of_a_context_model_agree_with_the_whole_clip(
    models: SimpleNamespace, engine: SimpleNamespace
) -> None:
    frames = np.pad(models.frames[:30], ((2, 2), (0, 0), (0, 0), (0, 0)), mode="edge")
    whole = predict(engine, "context", frames)
    assert whole.shape == (30, 17, 3)
    starts = [0, 1, 8, 15, 29, 30]
    windows = [
        predict(engine, "context", frames[start : stop + 4]) for start, stop in pairwise(starts)
    ]
    # A point for which both heads are equally sure may go either way.
    assert np.quantile(distances(np.concatenate(windows), whole), 0.99) < 0.01
    # The neighbours matter: a frame among copies of itself gives other poses.
    alone = predict(engine, "context", np.repeat(models.frames[10:11], 5, axis=0))
    assert np.mean(distances(alone, whole[10:11]) > 1) > 0.1


def test_poses_of_a_context_model_are_those_of_lightning_pose(
    models: SimpleNamespace, engine: SimpleNamespace, capsys
) -> None:
    frames = np.pad(models.frames, ((2, 2), (0, 0), (0, 0), (0, 0)), mode="edge")
    poses = predict(engine, "context", frames)
    reference = models.reference["context"]
    distance = distances(poses, reference)[2:-2]
    with capsys.disabled():
        print(f"\nLightning Pose with context: {np.quantile(distance, 0.99):.2g} px (99 %)")
    assert np.quantile(distance, 0.99) < 0.1
    # The library copies the poses of the neighbours to the two frames at both ends.
    np.testing.assert_array_equal(reference[:2], reference[[2, 2]])
    np.testing.assert_array_equal(reference[-2:], reference[[-3, -3]])


HOSTILE = """
import collections, hashlib, json, os, pathlib, runpy, subprocess, sys
from pathlib import Path
import numpy as np, torch
from omegaconf import OmegaConf
from alfvideo.pose.engines import litpose, litpose_models
from alfvideo.pose.engines.error import EngineError

folder = Path(sys.argv[1])
mark, file = folder / "mark", litpose_models.find_checkpoint(folder)
content = torch.load(file, weights_only=True)
(folder / "program.py").write_text(f"open({str(mark)!r}, 'w')")

class Runs:
    def __init__(self, *call):
        self.call = call
    def __reduce__(self):
        return self.call[0], self.call[1:]

touch = Runs(os.system, f"touch '{mark}'")
payloads = {
    "system": touch,
    "exec": Runs(exec, f"open({str(mark)!r}, 'w')"),
    "open": Runs(open, str(mark), "w"),
    "popen": Runs(subprocess.Popen, ["touch", str(mark)]),
    "method": Runs(Path.touch, mark),
    "file": Runs(runpy.run_path, str(folder / "program.py")),
    "hub": Runs(torch.hub.load, str(folder), "x"),
    "nested": torch.load,
    "dict": collections.defaultdict(list, {1: touch}),
    "config": OmegaConf.create({"a": touch}, flags={"allow_objects": True}),
    "array": np.array([touch], dtype=object),
}
plain = {
    "config": OmegaConf.create({"a": {"b": [1, 2.5, "x", True, None]}, "c": "${a.b}"}),
    "numbers": [np.float64(1), np.int64(2), np.float32(3), np.arange(3), np.ones(2, bool)],
    "others": [Path("/a"), collections.Counter([1]), collections.defaultdict(list)],
}

def outcome(trusted=()):
    mark.unlink(missing_ok=True)
    try:
        litpose.load(folder, torch.device("cpu"), trusted)
        said = "loaded"
    except EngineError as error:
        said = str(error)
    return [said, mark.exists()]

answers = {}
cases = payloads | {f"plain {name}": each for name, each in plain.items()}
for name, payload in cases.items():
    for zipped in (True, False):
        hyper_parameters = content["hyper_parameters"] | {"more": payload}
        torch.save(
            content | {"hyper_parameters": hyper_parameters},
            file,
            _use_new_zipfile_serialization=zipped,
        )
        answers[f"{name} {zipped}"] = outcome()
        if name == "system":
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            answers[f"another is trusted {zipped}"] = outcome(["0" * 64])
            answers[f"trusted {zipped}"] = outcome([digest])
print("ANSWERS" + json.dumps(answers))
"""
"""Messages about checkpoints with programs in them, and whether the program ran."""


def test_a_checkpoint_runs_no_program_unless_it_is_trusted(engine_python, tmp_path: Path) -> None:
    shutil.copytree(MODEL, tmp_path / "model")
    for path in (tmp_path / "model").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    result = subprocess.run(
        [engine_python("lightningPose"), "-c", HOSTILE, tmp_path / "model"],
        check=True,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    answers = json.loads(result.stdout.partition("ANSWERS")[2])
    assert len(answers) == 2 * (11 + 3 + 2)
    for name, (said, ran) in answers.items():
        if name.startswith("trusted"):
            assert (said, ran) == ("loaded", True), name
        elif name.startswith("plain"):
            assert (said, ran) == ("loaded", False), name
        else:
            assert "holds more than weights and plain values" in said, name
            assert "trusted_models" in said, name
            assert not ran, name


def test_models_that_cannot_be_used_are_refused(
    models: SimpleNamespace, engine_python, tmp_path: Path
) -> None:
    def changed(name: str, config: dict) -> Path:
        """A model folder without checkpoint and with another configuration."""
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        return folder

    config = yaml.safe_load((MODEL / "config.yaml").read_text())
    data, model = config["data"], config["model"]
    (tmp_path / "empty").mkdir()
    several = tmp_path / "several"
    for name in (
        "version_2/checkpoints/epoch=299-step=9000-best.ckpt",
        "version_10/checkpoints/epoch=199-step=500-best.ckpt",
        "version_10/checkpoints/epoch=199-step=1000-best.ckpt",
        "version_10/checkpoints/epoch=299-step=9000.ckpt",
    ):
        path = several / "tb_logs" / "step=7" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (broken := changed("broken", {})).joinpath("config.yaml").write_text("data: [")
    cases = {
        "missing": tmp_path / "missing",
        "empty": tmp_path / "empty",
        "broken": broken,
        "dlc": changed("dlc", {"Task": "openfield", "bodyparts": ["snout"]}),
        "untrained": changed("untrained", config),
        "views": changed("views", config | {"data": data | {"view_names": ["top", "bottom"]}}),
        "another": changed("another", config | {"model": model | {"model_type": "another"}}),
        **{name: models.folder / name for name in ("headless", "fewer", "unknown", "corrupt")},
    }
    result = subprocess.run(
        [
            *(engine_python("lightningPose"), "-c", LOADING),
            *(json.dumps({name: str(path) for name, path in cases.items()}), several / "a.ckpt"),
        ],
        check=True,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    answers = json.loads(result.stdout.partition("ANSWERS")[2])
    assert answers.pop("resnet50_animal_ap10k")
    # Of the last training the checkpoint marked as best, as Lightning Pose chooses.
    assert answers.pop("chosen") == "epoch=199-step=1000-best.ckpt"
    expected = {
        "missing": "is not a model folder of Lightning Pose",
        "empty": "is not a model folder of Lightning Pose",
        "broken": "config.yaml cannot be read",
        "dlc": "is not the configuration of a Lightning Pose model",
        "untrained": "holds no checkpoint",
        "views": "was trained on several views at once",
        "another": "is of the type 'another', which alfvideo does not know",
        "headless": "does not fit the configuration of its model",
        "fewer": "does not fit the configuration of its model",
        "unknown": "with the backbone 'efficientnet_b9', cannot be built",
        "corrupt": "is damaged or was cut",
    }
    assert set(answers) == set(expected)
    for name, text in expected.items():
        assert text in answers[name], name
        assert str(cases[name]) in answers[name], name
        assert "\n" not in answers[name], name
