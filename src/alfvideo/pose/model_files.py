"""The files of a model folder that a network is made of, and the body parts that it finds."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from alfvideo.pose.engines.error import EngineError

TRAINED = re.compile(r"-trainset(\d+)shuffle(\d+)$")
SNAPSHOT = re.compile(r"snapshot(-best)?-(\d+)\.pt")
CONFIG = "pytorch_config.yaml"
"""The configuration of a DeepLabCut network, beside its snapshots."""

LIGHTNING_CONFIGS = ("config.yaml", ".hydra/config.yaml")
"""Where Lightning Pose 2 and 1 keep the configuration of a model."""


class Files(NamedTuple):
    """The files that decide what a network finds; an exported network has one file only."""

    weights: Path
    config: Path | None


def files(model: Path, tracker: str) -> Files:
    """Return the weights and the configuration that the engine of a tracker takes of a model.

    Raises
    ------
    EngineError
        If there are none.
    """
    if tracker == "lightningPose":
        configs = [model / name for name in LIGHTNING_CONFIGS if (model / name).is_file()]
        return Files(find_checkpoint(model), configs[0] if configs else None)
    weights = find_snapshot(model) if model.is_dir() else model
    config = weights.with_name(CONFIG)
    return Files(weights, config if config.is_file() else None)


def body_parts(config: Path | None, tracker: str) -> list[str] | None:
    """List the body parts that a network finds, by its configuration; None: not known."""
    section, key = (
        ("data", "keypoint_names")
        if tracker == "lightningPose"
        else (
            "metadata",
            "bodyparts",
        )
    )
    try:
        return list(map(str, read_yaml(config)[section][key])) if config else None
    except (EngineError, LookupError, TypeError):
        return None


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


def find_checkpoint(model: Path) -> Path:
    """Find the checkpoint that Lightning Pose itself would take.

    That is: the last training (`version_*`), there the one marked as best, then the last step.
    """
    checkpoints = sorted(model.glob("tb_logs/**/checkpoints/*.ckpt"))
    if not checkpoints:
        raise EngineError(
            f"The model folder {model} holds no checkpoint (tb_logs/**/checkpoints/*.ckpt): its "
            "training has not finished or the folder was copied in part. Copy all of it."
        )

    def number(pattern: str, path: Path) -> int:
        found = re.findall(pattern, str(path.relative_to(model)))
        return int(found[-1]) if found else -1

    return max(
        checkpoints,
        key=lambda path: (
            number(r"version_(\d+)", path),
            "-best" in path.name,
            number(r"step=(\d+)", path),
        ),
    )


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
