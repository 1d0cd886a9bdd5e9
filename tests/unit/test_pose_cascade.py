"""Cascades are read from YAML, with one sentence for each mistake, and know their models."""

from pathlib import Path

import pytest
import yaml
from snakemake.exceptions import WorkflowError

from alfvideo.files.errors import Blocked, DataError
from alfvideo.pose import cascade

SHIPPED = Path(__file__).parents[2] / "config" / "pose"


TRAINED = "dlc-models-pytorch/iteration-{}/faceOct1-trainset95shuffle1/train"


def model(folder: Path, name: str, weights: bytes = b"weights", iteration: int = 0) -> Path:
    """A DeepLabCut project with the parts of it that count."""
    train = folder / name / TRAINED.format(iteration)
    train.mkdir(parents=True)
    (train / "snapshot-10.pt").write_bytes(weights)
    (train / "pytorch_config.yaml").write_text("metadata: {bodyparts: [nose_tip, pupil_top_r]}")
    (folder / name / "config.yaml").write_text(f"iteration: {iteration}\n")
    return folder / name


def lightning(folder: Path, name: str, weights: bytes = b"weights") -> Path:
    checkpoints = folder / name / "tb_logs" / "all" / "version_0" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "step=10-best.ckpt").write_bytes(weights)
    (folder / name / "config.yaml").write_text("data: {keypoint_names: [tail_start, 4]}")
    return folder / name


def write(folder: Path, **networks: dict) -> Path:
    path = folder / "cascade.yaml"
    path.write_text(yaml.safe_dump({"title": "a", "folder": ".", "networks": networks}))
    return path


def test_models_are_found_by_pattern_and_checksummed(tmp_path: Path):
    one, two = lightning(tmp_path, "eye-1"), lightning(tmp_path, "eye-2", b"other")
    points = {"points": {"s": 10}}
    file = write(tmp_path, eye={"models": ["eye-*"], "smoothing": points})
    loaded = cascade.load(file, "lightningPose")
    assert set(loaded) == {"mirrored", "resize", "networks"}
    found = loaded["networks"]["eye"]["models"]
    assert list(found) == [str(one), str(two)]
    assert len(set(found.values())) == 2
    assert loaded["networks"]["eye"]["smoothing"]["points"] == {
        "s": 10,
        "rates": [],
        "variance_scale": 1,
    }


def test_checksum_is_that_of_what_the_network_is_made_of(tmp_path: Path):
    one, same = model(tmp_path, "same"), model(tmp_path, "copy")
    before = cascade.checksum(one, "dlc")
    (same / "config.yaml").write_text("iteration: 0\nproject_path: elsewhere\n")
    (same / "labeled.csv").write_text("labels")
    model(same.parent, "copy/unused", b"other")
    assert cascade.checksum(same, "dlc") == before
    train = same / TRAINED.format(0)
    assert cascade.checksum(train / "snapshot-10.pt", "dlc") == before
    (train / "pytorch_config.yaml").write_text("net: 2")
    assert cascade.checksum(same, "dlc") != before
    assert cascade.checksum(train / "snapshot-10.pt", "dlc") != before
    assert cascade.checksum(model(tmp_path, "other", b"other"), "dlc") != before


def test_checksum_follows_the_iteration_of_the_project(tmp_path: Path):
    project = model(tmp_path, "project")
    before = cascade.checksum(project, "dlc")
    later = project / TRAINED.format(1)
    later.mkdir(parents=True)
    (later / "snapshot-20.pt").write_bytes(b"later")
    assert cascade.checksum(project, "dlc") == before
    (project / "config.yaml").write_text("iteration: 1\n")
    assert cascade.checksum(project, "dlc") != before


def test_body_parts_are_those_that_the_table_gets(tmp_path: Path):
    model(tmp_path, "one"), lightning(tmp_path, "two")
    networks = {"all": {"models": ["one"], "parts": ["nose_tip"]}, "region": REGION}
    assert cascade.body_parts(write(tmp_path, **networks), "dlc") == {"nose_tip"}
    file = write(tmp_path, all={"models": ["two"]})
    assert cascade.body_parts(file, "lightningPose") == {"tail_start", "4"}
    (tmp_path / "exported.pt").write_bytes(b"all in one")
    assert cascade.body_parts(write(tmp_path, all={"models": ["exported.pt"]}), "dlc") is None


def test_changed_cascade_is_read_again(tmp_path: Path):
    model(tmp_path, "one")
    file = write(tmp_path, all={"models": ["one"]})
    assert cascade.load(file, "dlc")["networks"]["all"]["brightness"] == 1
    write(tmp_path, all={"models": ["one"], "brightness": 4})
    assert cascade.load(file, "dlc")["networks"]["all"]["brightness"] == 4


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
        cascade.load(write(tmp_path, **networks), "dlc")


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
        ({"all": {"models": ["o*"]}}, "has 2 models, so it needs `smoothing`"),
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
        cascade.load(write(tmp_path, **networks), "dlc")
    assert sentence in str(caught.value)
    assert "cascade.yaml" in str(caught.value)


def test_unreadable_cascade(tmp_path: Path):
    with pytest.raises(DataError, match=r"gone.yaml cannot be read .* Correct `cascades`"):
        cascade.load(tmp_path / "gone.yaml", "dlc")
    (tmp_path / "broken.yaml").write_text("networks: [")
    with pytest.raises(DataError, match=r"broken.yaml is not valid YAML"):
        cascade.load(tmp_path / "broken.yaml", "dlc")
    (tmp_path / "list.yaml").write_text("- networks")
    with pytest.raises(DataError, match=r"list.yaml is not valid YAML: it holds no mapping"):
        cascade.load(tmp_path / "list.yaml", "dlc")


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_cascades_want_only_their_models(file: Path):
    tracker = "dlc" if "lightning" not in file.name else "lightningPose"
    with pytest.raises(Blocked, match="model missing: /data/models/"):
        cascade.load(file, tracker)


def config(**changes: object) -> dict:
    empty = {"dlc": {}, "lightningPose": {}}
    return {
        "trackers": ["dlc"],
        "features_from": "dlc",
        "cameras": ["left", "belly"],
        "cascades": empty,
    } | changes


def test_configuration(tmp_path: Path):
    model(tmp_path, "one")
    file = write(tmp_path, all={"models": ["one"]})
    settings = config(cascades={"dlc": {"left": str(file)}})
    cascade.check(settings)
    assert cascade.of(settings, "dlc", "left") == file
    assert cascade.of(settings, "dlc", "belly") is None
    assert cascade.of({**settings, "trackers": []}, "dlc", "left") is None
    assert cascade.left_out(settings) == ["dlc: no cascade for belly; these cameras are left out."]


def test_configuration_that_contradicts_itself(tmp_path: Path):
    with pytest.raises(WorkflowError, match="`features_from` is lightningPose but"):
        cascade.check(config(features_from="lightningPose"))
    with pytest.raises(WorkflowError, match="cannot be read"):
        cascade.check(config(cascades={"dlc": {"left": str(tmp_path / "gone.yaml")}}))
    missing = write(tmp_path, all={"models": ["gone"]})
    cascade.check(config(cascades={"dlc": {"left": str(missing)}}))
