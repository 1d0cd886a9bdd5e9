"""The facts that a model's files hold without its engine, and the models that are refused."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from alfvideo.configuration import Configuration
from alfvideo.files.errors import Blocked, DataError
from alfvideo.pose import cascades, comparison, geometry, model_files, track
from alfvideo.pose.cascade import Cascade, Network
from alfvideo.pose.engines.error import EngineError
from alfvideo.views import models
from alfvideo.views.status import table

PROJECT = {"Task": "face", "date": "Oct1", "TrainingFraction": [0.95, 0.8], "iteration": 1}
NETWORK = {
    "net_type": "resnet_50",
    "method": "bu",
    "metadata": {"bodyparts": ["nose", 4], "individuals": ["one"]},
    "model": {"heads": {"bodypart": {"predictor": {"type": "HeatmapPredictor"}}}},
    "data": {"inference": {"resize": None, "auto_padding": {"position": "random"}}},
}
LIGHTNING = {
    "model": {"model_type": "heatmap", "backbone": "resnet50"},
    "data": {"keypoint_names": ["nose", 4], "image_resize_dims": {"height": 128, "width": 256}},
}
TRAINED = "dlc-models-pytorch/iteration-1/faceOct1-trainset95shuffle1"


def project(folder: Path, *snapshots: str, network: Any = NETWORK, **values: Any) -> Path:
    """A DeepLabCut project with empty snapshots, paths below its models or names of shuffle 1."""
    for each in snapshots or ("snapshot-10.pt",):
        place = TRAINED + "/train/" + each if "/" not in each else f"dlc-models-pytorch/{each}"
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        (file.parent / "pytorch_config.yaml").write_text(yaml.safe_dump(network))
    (folder / "config.yaml").write_text(yaml.safe_dump(PROJECT | values))
    return folder


def changed(content: dict, **values: Any) -> dict:
    """A copy with other values, by keys such as data__inference."""
    content = yaml.safe_load(yaml.safe_dump(content))
    for place, value in values.items():
        *path, last = place.split("__")
        part = content
        for name in path:
            part = part[name]
        part[last] = value
    return content


def lightning(folder: Path, **values: Any) -> Path:
    checkpoints = folder / "tb_logs" / "all" / "version_0" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "step=10-best.ckpt").touch()
    (folder / "config.yaml").write_text(yaml.safe_dump(changed(LIGHTNING, **values)))
    return folder


SNAPSHOTS = ["snapshot-050.pt", "snapshot-best-040.pt", "snapshot-9.pt", "snapshot-100.pt"]


@pytest.mark.parametrize(
    ("index", "chosen"),
    [
        (-1, "snapshot-best-040.pt"),
        (0, "snapshot-9.pt"),
        (1, "snapshot-050.pt"),
        (-2, "snapshot-100.pt"),
        ("best", "snapshot-best-040.pt"),
        ("all", "snapshot-best-040.pt"),
    ],
)
def test_snapshot_at_the_index_of_the_project(tmp_path: Path, index: Any, chosen: str):
    """By epochs, the best one last, as DeepLabCut's `get_model_snapshots` has them."""
    detector = "snapshot-detector-best-300.pt"
    folder = project(tmp_path, *SNAPSHOTS, detector, snapshotindex=index)
    assert model_files.facts(folder, "dlc").weights.name == chosen


@pytest.mark.parametrize("index", [4, -5, "last", None])
def test_no_snapshot_at_the_index(tmp_path: Path, index: Any):
    folder = project(tmp_path, *SNAPSHOTS, snapshotindex=index)
    with pytest.raises(EngineError, match=f"`snapshotindex: {index}`, .* has no such snapshot"):
        model_files.facts(folder, "dlc")


def test_training_that_deeplabcut_takes(tmp_path: Path):
    """The configured iteration, the first fraction and shuffle 1, whatever else was trained."""
    others = [
        "iteration-2/faceOct1-trainset95shuffle1/train/snapshot-1.pt",
        "iteration-1/faceOct1-trainset80shuffle1/train/snapshot-2.pt",
        "iteration-1/faceOct1-trainset95shuffle2/train/snapshot-3.pt",
    ]
    folder = project(tmp_path / "all", "snapshot-4.pt", *others)
    assert model_files.facts(folder, "dlc").weights.name == "snapshot-4.pt"
    named = folder / "dlc-models-pytorch/iteration-1/faceOct1-trainset95shuffle2"
    assert model_files.facts(named, "dlc").weights.name == "snapshot-3.pt"
    with pytest.raises(EngineError, match=r"takes faceOct1-trainset95shuffle1 .* not trained") as e:
        model_files.facts(project(tmp_path / "no 1", *others), "dlc")
    assert str(e.value).endswith("faceOct1-trainset95shuffle2")


@pytest.mark.parametrize(
    ("inference", "named"),
    [
        ({"hist_eq": True}, "hist_eq"),
        ({"hflip": 0.5, "gaussian_noise": 12.75}, "hflip, gaussian_noise"),
        ({"affine": {"p": 0.5, "rotation": 30}}, "affine"),
        ({"affine": {}}, "affine"),
        ({"crop_sampling": {"width": 2}, "grayscale": True}, "crop_sampling, grayscale"),
    ],
)
def test_random_changes_are_refused(tmp_path: Path, inference: dict, named: str):
    network = changed(NETWORK, data__inference=inference)
    with pytest.raises(EngineError, match=f"has {named} below data.inference"):
        model_files.facts(project(tmp_path, network=network), "dlc")


def test_changes_that_are_off_are_not_refused(tmp_path: Path):
    off = {"hflip": {"p": 0}, "affine": {"p": 0, "rotation": 30}, "gaussian_noise": 0}
    network = changed(NETWORK, data__inference=off)
    assert model_files.facts(project(tmp_path, network=network), "dlc").parts == ["nose", "4"]


REFUSED = {
    "conditional top-down": {"method": "ctd"},
    "2 individuals": {"metadata__individuals": ["one", "two"]},
    "SimCCPredictor": {"model__heads__bodypart__predictor__type": "SimCCPredictor"},
    "PartAffinity": {"model__heads__bodypart__predictor__type": "PartAffinityFieldPredictor"},
    "is not the configuration": {"metadata": {}},
}


@pytest.mark.parametrize("words", REFUSED)
def test_networks_that_are_refused_before_a_job(tmp_path: Path, words: str):
    project(tmp_path / "one", network=changed(NETWORK, **REFUSED[words]))
    file = tmp_path / "cascade.yaml"
    file.write_text("networks: {all: {models: [one]}}")
    with pytest.raises(Blocked, match=words):
        cascades.load(file, "dlc")


def test_a_top_down_network_takes_its_box(tmp_path: Path):
    network = changed(
        NETWORK, method="td", data__inference__top_down_crop={"width": 9, "height": 8}
    )
    found = model_files.facts(project(tmp_path, network=network), "dlc")
    assert found.size == (9, 8)


def test_a_cut_snapshot_is_refused_before_a_job(tmp_path: Path):
    folder = project(tmp_path)
    model_files.facts(folder, "dlc").weights.write_bytes(b"PK\x03\x04" + bytes(99))
    with pytest.raises(EngineError, match="damaged or was cut"):
        model_files.facts(folder, "dlc")


CROPPED = {"cropping": True, "x1": 30, "x2": 700, "y1": 11, "y2": 95}


def test_cropping_of_the_project(tmp_path: Path):
    project(tmp_path / "one", **CROPPED)
    file = tmp_path / "cascade.yaml"
    file.write_text("networks: {all: {models: [one]}}")
    cascade = cascades.load(file, "dlc")
    assert cascades.settings(file, "dlc")["networks"]["all"]["cropping"] == [30, 700, 11, 95]
    seen = geometry.view(cascade.networks["all"], cascade, "left", (640, 480), {})
    assert seen.region[:4] == (30, 11, 610, 84)
    with pytest.raises(DataError, match=r"cropped to columns 30 to 700 .* 20x9 pixels"):
        geometry.view(cascade.networks["all"], cascade, "left", (20, 9), {})
    snapshot = tmp_path / "one" / TRAINED / "train" / "snapshot-10.pt"
    assert model_files.facts(snapshot, "dlc").cropping == (30, 700, 11, 95)
    file.write_text("networks: {all: {models: [one], size: {width: 9, height: 9}}}")
    with pytest.raises(Blocked, match=r"`cropping: true`, .* Set `cropping: false` there"):
        cascades.load(file, "dlc")


@pytest.mark.parametrize("values", [{"x2": 30}, {"y1": None}, {"x1": -1}])
def test_cropping_that_is_no_box(tmp_path: Path, values: dict):
    with pytest.raises(EngineError, match="are no box: correct them"):
        model_files.facts(project(tmp_path, **CROPPED | values), "dlc")


@pytest.mark.parametrize("length", [640, 97])
def test_cropping_rounds_as_deeplabcut(length: int):
    """Which goes through shares of the width, so that some edges are a pixel lower."""
    for edge in range(1, length):
        box = Network(models={}, cropping=(edge, length, 0, 1))
        seen = geometry.view(box, Cascade(networks={}), "left", (length, 1), {})
        assert seen.region.x == int(length * (edge / length))


def test_snapshots_are_told(tmp_path: Path):
    folder = project(tmp_path, *SNAPSHOTS)
    models = {str(folder): "", str(folder / TRAINED / "train" / "snapshot-9.pt"): ""}
    told = track.snapshots(Cascade(networks={"eye": Network(models=models)}), "dlc")
    assert told == {
        "eye 1": f"{TRAINED}/train/snapshot-best-040.pt",
        "eye 2": "snapshot-9.pt",
    }


def test_lightning_pose(tmp_path: Path):
    found = model_files.facts(lightning(tmp_path / "a"), "lightningPose")
    assert found[1:5] == ("heatmap resnet50", ["nose", "4"], (256, 128), 0)
    context = lightning(tmp_path / "b", model__model_type="heatmap_mhcrnn")
    assert model_files.facts(context, "lightningPose").context == 2
    app = changed(LIGHTNING, data__keypoints=["tail"])
    del app["data"]["keypoint_names"]
    (context / "config.yaml").write_text(yaml.safe_dump(app))
    assert model_files.facts(context, "lightningPose").parts == ["tail"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model__model_type": "heatmap_multiview_transformer"}, "several views at once"),
        ({"data__view_names": ["top", "side"]}, "several views at once"),
        ({"model__model_type": "another"}, "of the type 'another'"),
        ({"data__image_resize_dims": {"height": 3}}, "no data.image_resize_dims.width"),
        ({"model__backbone": "vits_dino"}, "square pictures only"),
        ({"data": None}, "no data.keypoint_names"),
    ],
)
def test_lightning_pose_refused_before_a_job(tmp_path: Path, values: dict, words: str):
    with pytest.raises(EngineError, match=words):
        model_files.facts(lightning(tmp_path / "a", **values), "lightningPose")


def test_table_of_models(tmp_path: Path, config: Configuration):
    """One row for each model, with the reason of each that cannot be run."""
    project(tmp_path / "good")
    project(tmp_path / "random", network=changed(NETWORK, data__inference={"hist_eq": True}))
    file = tmp_path / "side.yaml"
    networks = {name: {"models": [name]} for name in ("good", "random", "gone")}
    file.write_text(yaml.safe_dump({"networks": networks}, sort_keys=False))
    named = {"dlc": {"left": str(file), "right": str(file)}}
    shown = table.plain(models.parts(config.changed(trackers=["dlc"], cascades=named)))
    head, good, random, gone, *reasons = shown.splitlines()
    columns = "tracker cameras network model can run architecture snapshot parts input context"
    assert head.split() == columns.split()
    told = "dlc left right good good yes resnet_50 snapshot-10.pt 2 as given 0"
    assert good.split() == told.split()
    assert random.split() == ["dlc", "left", "right", "random", "random", "no"]
    assert gone.split() == ["dlc", "left", "right", "gone", "gone", "no"]
    assert "hist_eq" in reasons[0]
    assert "model missing" in reasons[1]
    assert len(reasons) == 2


def test_pictures_are_written_without_loss(tmp_path: Path):
    """So that an engine's own command reads from a file what is compared."""
    pictures = np.random.default_rng(1).integers(0, 256, (3, 47, 61, 3), np.uint8)
    comparison.write([*pictures, pictures[0, ..., 0]], tmp_path / "clip.avi")
    video = cv2.VideoCapture(str(tmp_path / "clip.avi"))
    for picture in pictures:
        np.testing.assert_array_equal(video.read()[1][..., ::-1], picture)
    np.testing.assert_array_equal(video.read()[1][..., 1], pictures[0, ..., 0])
