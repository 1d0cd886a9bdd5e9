"""The files that a model of DeepLabCut 3 is made of, and the body parts that it finds."""

import re
from pathlib import Path
from typing import Any

import yaml

from alfvideo.pose.engines.error import EngineError
from alfvideo.pose.engines.network import Files

TRAINED = re.compile(r"-trainset(\d+)shuffle(\d+)$")
SNAPSHOT = re.compile(r"snapshot(-best)?-(\d+)\.pt")
CONFIG = "pytorch_config.yaml"
"""The configuration of a network, beside its snapshots."""


def files(model: Path) -> Files:
    """Return the snapshot that is taken of a model, and its configuration.

    Raises
    ------
    EngineError
        If there is none.
    """
    weights = find_snapshot(model) if model.is_dir() else model
    config = weights.with_name(CONFIG)
    return Files(weights, config if config.is_file() else None)


def body_parts(config: Path) -> list[str]:
    """List the body parts of a configuration."""
    return list(map(str, read_yaml(config)["metadata"]["bodyparts"]))


def find_snapshot(project: Path) -> Path:
    """Find the snapshot to use of a DeepLabCut project.

    Of the iteration that `config.yaml` names, the trained shuffle with the highest number, and of
    its training fractions the highest. Of that training the best snapshot if DeepLabCut marked
    one, else the one with most epochs. To use another one, name its file instead of the project.
    """
    models = project / "dlc-models-pytorch"
    if not models.is_dir():
        if (project / "dlc-models").is_dir() or (project / "pose_cfg.yaml").is_file():
            raise EngineError(
                f"{project} is a TensorFlow model of DeepLabCut 2, which DeepLabCut 3 cannot run "
                "with PyTorch: train a PyTorch shuffle in this project and name that one."
            )
        raise EngineError(
            f"{project} is not a project of DeepLabCut 3 (it has no folder {models.name}): name "
            "the project folder, a snapshot file or an exported .pt file in the cascade."
        )
    iteration = models / f"iteration-{read_yaml(project / 'config.yaml').get('iteration', 0)}"
    candidates = []
    for file in iteration.glob("*/train/*.pt"):
        training, snapshot = TRAINED.search(file.parts[-3]), SNAPSHOT.fullmatch(file.name)
        if training and snapshot:
            fraction, shuffle = map(int, training.groups())
            best, epochs = bool(snapshot[1]), int(snapshot[2])
            candidates.append(((shuffle, fraction, best, epochs), file))
    if not candidates:
        raise EngineError(
            f"{iteration} has no trained network (TRAINING/train/snapshot-*.pt), though "
            "config.yaml asks for this iteration: train it, or copy the whole project again."
        )
    return max(candidates)[1]


def read_yaml(file: Path) -> dict[str, Any]:
    """Read a configuration file of DeepLabCut."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EngineError(
            f"{file} is missing: copy the whole model folder again from where it was trained."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        content = None
    if not isinstance(content, dict):
        raise EngineError(
            f"{file} is not a DeepLabCut configuration: copy it again from where it was trained."
        )
    return content
