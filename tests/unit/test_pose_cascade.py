"""Cascades are read from YAML, with one sentence for each mistake, and know their models."""

import builtins
import collections
import hashlib
import io
import json
import os
import pickle
import runpy
import zipfile
from pathlib import Path

import pytest
import yaml

from alfvideo import configuration
from alfvideo.configuration import Configuration, ConfigurationError
from alfvideo.files.errors import Blocked, DataError
from alfvideo.pose import cascade, cascades
from alfvideo.pose.engines import pickled

REPO = Path(__file__).parents[2]
SHIPPED = REPO / "config" / "pose"


DLC_CONFIG = """
net_type: resnet_50
method: bu
metadata: {bodyparts: [nose_tip, pupil_top_r], individuals: [one]}
model: {heads: {bodypart: {predictor: {type: HeatmapPredictor}}}}
data: {inference: {resize: {height: 240, width: 320}, hist_eq: false, affine: }}
"""

PROJECT = "Task: face\ndate: Oct1\nTrainingFraction: [0.95]\niteration: {}\n"

LIGHTNING_CONFIG = """
model: {model_type: heatmap, backbone: resnet50}
data: {keypoint_names: [tail_start, 4], image_resize_dims: {height: 128, width: 256}}
"""

TRAINED = "dlc-models-pytorch/iteration-{}/faceOct1-trainset95shuffle1/train"


def model(folder: Path, name: str, weights: bytes = b"weights", iteration: int = 0) -> Path:
    """A DeepLabCut project with the parts of it that count."""
    train = folder / name / TRAINED.format(iteration)
    train.mkdir(parents=True)
    (train / "snapshot-10.pt").write_bytes(weights)
    (train / "pytorch_config.yaml").write_text(DLC_CONFIG)
    (folder / name / "config.yaml").write_text(PROJECT.format(iteration))
    return folder / name


def lightning(folder: Path, name: str, weights: bytes = b"weights") -> Path:
    checkpoints = folder / name / "tb_logs" / "all" / "version_0" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "step=10-best.ckpt").write_bytes(weights)
    (folder / name / "config.yaml").write_text(LIGHTNING_CONFIG)
    return folder / name


def write(folder: Path, **networks: dict) -> Path:
    path = folder / "cascade.yaml"
    path.write_text(yaml.safe_dump({"title": "a", "folder": ".", "networks": networks}))
    return path


def test_models_are_found_by_pattern_and_checksummed(tmp_path: Path):
    one, two = lightning(tmp_path, "eye-1"), lightning(tmp_path, "eye-2", b"other")
    points = {"points": {"s": 10}}
    file = write(tmp_path, eye={"models": ["eye-*"], "smoothing": points})
    plain = cascades.settings(file, "lightningPose")
    assert set(plain) == {"mirrored", "resize", "networks"}
    network = cascades.load(file, "lightningPose").networks["eye"]
    found = network.models
    assert list(found) == [str(one), str(two)]
    assert len(set(found.values())) == 2
    assert network.smoothing.points == cascade.Points(s=10, rates=[], variance_scale=1)


def test_checksum_is_that_of_what_the_network_is_made_of(tmp_path: Path):
    one, same = model(tmp_path, "same"), model(tmp_path, "copy")
    before = cascades.checksum(one, "dlc")
    (same / "config.yaml").write_text(PROJECT.format(0) + "project_path: elsewhere\n")
    (same / "labeled.csv").write_text("labels")
    model(same.parent, "copy/unused", b"other")
    assert cascades.checksum(same, "dlc") == before
    train = same / TRAINED.format(0)
    assert cascades.checksum(train / "snapshot-10.pt", "dlc") == before
    (train / "pytorch_config.yaml").write_text(DLC_CONFIG + "net: 2")
    assert cascades.checksum(same, "dlc") != before
    assert cascades.checksum(train / "snapshot-10.pt", "dlc") != before
    assert cascades.checksum(model(tmp_path, "other", b"other"), "dlc") != before


def test_checksum_follows_the_iteration_of_the_project(tmp_path: Path):
    project = model(tmp_path, "project")
    before = cascades.checksum(project, "dlc")
    later = project / TRAINED.format(1)
    later.mkdir(parents=True)
    (later / "snapshot-20.pt").write_bytes(b"later")
    (later / "pytorch_config.yaml").write_text(DLC_CONFIG)
    assert cascades.checksum(project, "dlc") == before
    (project / "config.yaml").write_text(PROJECT.format(1))
    assert cascades.checksum(project, "dlc") != before


def test_body_parts_are_those_that_the_table_gets(tmp_path: Path):
    model(tmp_path, "one"), lightning(tmp_path, "two")
    networks = {"all": {"models": ["one"], "parts": ["nose_tip"]}, "region": REGION}
    assert cascades.body_parts(write(tmp_path, **networks), "dlc") == {"nose_tip"}
    file = write(tmp_path, all={"models": ["two"]})
    assert cascades.body_parts(file, "lightningPose") == {"tail_start", "4"}
    (tmp_path / "exported.pt").write_bytes(b"all in one")
    assert cascades.body_parts(write(tmp_path, all={"models": ["exported.pt"]}), "dlc") is None


def test_changed_cascade_is_read_again(tmp_path: Path):
    model(tmp_path, "one")
    file = write(tmp_path, all={"models": ["one"]})
    assert cascades.load(file, "dlc").networks["all"].brightness == 1
    write(tmp_path, all={"models": ["one"], "brightness": 4})
    assert cascades.load(file, "dlc").networks["all"].brightness == 4


@pytest.mark.parametrize(
    ("networks", "sentence"),
    [
        ({"all": {"models": ["gone"]}}, r"model missing: .*/gone \(network all of cascade.yaml\)"),
        ({"all": {"models": ["empty"]}}, "empty is not a project of DeepLabCut 3"),
    ],
)
def test_missing_model_blocks(tmp_path: Path, networks: dict, sentence: str):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Blocked, match=sentence):
        cascades.load(write(tmp_path, **networks), "dlc")


REGION = {"models": ["one"], "sampled": 500}
CROP = {"x": 0, "y": 0, "width": 9, "height": 9}


@pytest.mark.parametrize(
    ("networks", "sentence"),
    [
        ({}, "`networks` is {} but must be a mapping of names to networks"),
        ({"all": {}}, "'models' is a required property in networks.all; add it."),
        ({"all": {"models": ["one"], "crops": 1}}, "unknown key `networks.all.crops`"),
        (
            {"all": {"models": ["one"], "crop": {**CROP, "width": 0}}},
            "crop.width` is 0 but must be",
        ),
        ({"all": {"models": ["one"], "smoothing": {"median": 4}}}, "must be an odd number"),
        ({"all": {"models": ["one"], "smoothing": {}}}, "smoothing` is {} but must be one of"),
        ({"all": {"models": ["one"], "brightness": 0}}, "brightness` is 0 but must be a number"),
        ({"a b": {"models": ["one"]}}, "`networks` has the key 'a b' but each must be a name of"),
        ({"all": {"models": ["o*"]}}, "/other), and ensembles are for Lightning Pose: name one"),
        ({"all": REGION}, "no network looks at all frames"),
        (
            {"all": {"models": ["one"], "crop": {**CROP, "around": ["nose"]}}},
            "the crop of `all` follows nose, so another network with `sampled: 500`",
        ),
        (
            {"all": {"models": ["one"], "smoothing": {"points": {"s": 10}}}},
            "`all` is smoothed with points, which is for Lightning Pose",
        ),
    ],
)
def test_mistakes(tmp_path: Path, networks: dict, sentence: str):
    model(tmp_path, "one"), model(tmp_path, "other")
    with pytest.raises(DataError) as caught:
        cascades.load(write(tmp_path, **networks), "dlc")
    assert sentence in str(caught.value)
    assert "cascade.yaml" in str(caught.value)


def test_unreadable_cascade(tmp_path: Path):
    with pytest.raises(DataError, match=r"gone.yaml cannot be read .* Correct `cascades`"):
        cascades.load(tmp_path / "gone.yaml", "dlc")
    (tmp_path / "broken.yaml").write_text("networks: [")
    with pytest.raises(DataError, match=r"broken.yaml cannot be read \(line 2"):
        cascades.load(tmp_path / "broken.yaml", "dlc")
    (tmp_path / "list.yaml").write_text("- networks")
    with pytest.raises(DataError, match=r"list.yaml cannot be read \(it holds no mapping"):
        cascades.load(tmp_path / "list.yaml", "dlc")


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_cascades_want_only_their_models(file: Path):
    tracker = "dlc" if "lightning" not in file.name else "lightningPose"
    with pytest.raises(Blocked, match="model missing: /data/models/"):
        cascades.load(file, tracker)


ODD = """
networks:
  z:
    brightness: 1.0
    smoothing: {points: {variance_scale: 2, s: 1.5, rates: [{s: 3, to: 35, from: 25.5}]}}
    models: ["b", "a"]
    parts: ["4", tail_start]
  a:
    sampled: 7
    crop: {height: 4, y: -1, x: 0, width: 3}
    models: [a]
    size: {height: 9, width: 8}
  m:
    models: [a]
    brightness: 2.5
    smoothing: {points: {s: 10}}
  p:
    smoothing: {pupil: {centre: 0.5, diameter: 0.25}}
    models: [a]
resize: true
frame: {height: 10, width: 20}
mirrored: [right, left]
"""
"""Numbers with and without a point, keys in an order of its own, as many defaults as can be."""

PARAMETERS = {
    "body.dlc.yaml": "03bb6b6cabc4d5e9",
    "side.dlc.yaml": "afd2b2e9441e7a84",
    "side.lightningPose.yaml": "23856ee8aefb92d8",
    "ibl_body.dlc.yaml": "a6f0fa9c31bc79fe",
    "ibl_body.lightningPose.yaml": "eca83300530cd56f",
    "ibl_side.dlc.yaml": "84dd34ee66fde471",
    "ibl_side.lightningPose.yaml": "13a7184ea7a40661",
    "whole_frame.yaml": "b8f03fdcf38b7a0f",
    "odd.lightning.yaml": "155f28d4b652bb81",
}
"""Digests of the parameters of each cascade as text: with another one, finished poses would be
tracked again."""


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_stay_as_they_are_in_records(tmp_path: Path, name: str):
    """To the letter: Snakemake compares their text, with keys in the order of the file."""
    place = next(SHIPPED.rglob(name), None)
    text = place.read_text() if place else ODD
    tracker, make = ("lightningPose", lightning) if "lightning" in name else ("dlc", model)
    if place and place.parent.name == "demo":
        file = place
    else:
        described = yaml.safe_load(text) | {"folder": str(tmp_path)}
        for network in described["networks"].values():
            network["models"] = [pattern.rpartition("/")[2] for pattern in network["models"]]
            for pattern in network["models"]:
                if not (tmp_path / pattern.replace("*", "1")).exists():
                    make(tmp_path, pattern.replace("*", "1"))
        file = tmp_path / name
        file.write_text(yaml.safe_dump(described, sort_keys=False))
    plain = cascades.settings(file, tracker)
    told = json.dumps(plain).replace(str(tmp_path), "MODELS").replace(str(REPO), "REPO")
    assert hashlib.sha256(told.encode()).hexdigest()[:16] == PARAMETERS[name]
    assert cascade.from_settings(plain) == cascades.load(file, tracker)


def settings(**changes: object) -> Configuration:
    content = {"root": "/data", "trackers": ["dlc"], "cameras": ["left", "belly"]}
    return configuration.parse(content | changes)


def test_configuration(tmp_path: Path):
    model(tmp_path, "one")
    file = write(tmp_path, all={"models": ["one"]})
    config = settings(cascades={"dlc": {"left": str(file)}})
    cascades.check(config)
    assert cascades.file(config, "dlc", "left") == file
    assert cascades.file(config, "dlc", "belly") is None
    assert cascades.file(config.changed(trackers=[]), "dlc", "left") is None
    assert cascades.left_out(config) == ["dlc: no cascade for belly; these cameras are left out."]


def test_configuration_that_contradicts_itself(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="`features_from` is lightningPose but"):
        cascades.check(settings(features_from="lightningPose"))
    with pytest.raises(DataError, match="cannot be read"):
        cascades.check(settings(cascades={"dlc": {"left": str(tmp_path / "gone.yaml")}}))
    missing = write(tmp_path, all={"models": ["gone"]})
    cascades.check(settings(cascades={"dlc": {"left": str(missing)}}))


class Calls:
    """When it is unpickled, it calls something."""

    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple:
        return self.call[0], self.call[1:]


def legacy(content: object, protocol: int = 2) -> bytes:
    """A checkpoint as earlier versions of PyTorch write it: pickles, then the arrays."""
    head = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    return b"".join(pickle.dumps(each, protocol) for each in (*head, content)) + b"\x93arrays"


def zipped(content: object, protocol: int = 2) -> bytes:
    """A checkpoint as PyTorch writes it."""
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol))
        archive.writestr("archive/data/0", b"csubprocess\nrun\narrays")
    return file.getvalue()


HOSTILE = {
    "posix.system": Calls(os.system, "true"),
    "runpy.run_path": Calls(runpy.run_path, "program.py"),
    "__builtin__.exec": Calls(exec, "pass"),
    "__builtin__.getattr": Calls(getattr, "a", "b"),
}
PLAIN = {
    "weights": collections.OrderedDict(layer=[1.5, 2]),
    "types": [int, str, collections.Counter, Path("/a"), builtins.set, {1}],
    "text": "cos\nsystem\n",
}


@pytest.mark.parametrize("form", [legacy, zipped])
@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_checkpoint_calls_is_named(tmp_path: Path, name: str, form: object):
    (file := tmp_path / "a.ckpt").write_bytes(form({"state": [{"more": HOSTILE[name]}]}))
    assert pickled.refused(file) == name
    file.write_bytes(form(HOSTILE[name], protocol=0))
    assert pickled.refused(file) == name
    file.write_bytes(form(HOSTILE[name], protocol=4))
    assert pickled.refused(file) == pickled.OTHER


@pytest.mark.parametrize("form", [legacy, zipped])
@pytest.mark.parametrize("name", PLAIN)
def test_what_an_engine_may_open_is_left_to_it(tmp_path: Path, name: str, form: object):
    (file := tmp_path / "a.ckpt").write_bytes(form(PLAIN[name]))
    assert pickled.refused(file) == ""


@pytest.mark.parametrize(
    "content", [b"", b"weights", b"PK\x05\x06" + bytes(18), pickle.dumps([1])[:-1], bytes(99)]
)
def test_a_damaged_checkpoint_is_left_to_the_engine(tmp_path: Path, content: bytes):
    (file := tmp_path / "a.ckpt").write_bytes(content)
    assert pickled.refused(file) == ""


def test_shipped_checkpoints_are_opened():
    files = [file for kind in ("*.pt", "*.ckpt") for file in SHIPPED.rglob(kind)]
    assert len(files) == 4
    assert [pickled.refused(file) for file in files] == [""] * 4


def test_a_checkpoint_is_refused_unless_it_is_trusted(tmp_path: Path):
    content = zipped(HOSTILE["posix.system"])
    lightning(tmp_path, "good", zipped(PLAIN["weights"]))
    lightning(tmp_path, "bad", content)
    file = write(tmp_path, all={"models": ["good"]}, eye={"models": ["bad"]})
    checksum = hashlib.sha256(content).hexdigest()
    with pytest.raises(Blocked) as raised:
        cascades.check_trusted(file, "lightningPose", ["0" * 64])
    said = str(raised.value)
    assert said.startswith(str(tmp_path / "bad" / "tb_logs"))
    assert "holds more than weights and plain values (posix.system)" in said
    assert said.endswith(f"add its checksum to `trusted_models` in the configuration: {checksum}")
    cascades.check_trusted(file, "lightningPose", [checksum])
