"""The files of a model of Lightning Pose, and the facts that they hold; without the engine."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from alfvideo.pose.engines.error import EngineError
from alfvideo.pose.engines.network import Facts, Files, check_whole

CONFIGS = ("config.yaml", ".hydra/config.yaml")
"""Where Lightning Pose 2 and 1 keep the configuration of a model."""

TYPES = {
    "heatmap": ("HeatmapTracker", 0),
    "heatmap_mhcrnn": ("HeatmapTrackerMHCRNN", 2),
    "regression": ("RegressionTracker", 0),
}
"""Class and context of each type of model. Semi-supervised models have the same network."""

NEEDED = (
    *("model.model_type", "data.keypoint_names"),
    *("data.image_resize_dims.height", "data.image_resize_dims.width"),
)
"""Keys that the configuration of a model must have."""


def files(model: Path) -> Files:
    """Return the checkpoint that is taken of a model folder, and its configuration.

    Raises
    ------
    EngineError
        If there is none.
    """
    configs = [model / name for name in CONFIGS if (model / name).is_file()]
    return Files(find_checkpoint(model), configs[0] if configs else None)


def facts(model: Path) -> Facts:
    """Return what the files of a model say of it.

    Raises
    ------
    EngineError
        If it cannot be run, as far as that is seen without the engine.
    """
    config = read_config(model)
    kind = config["model"]["model_type"]
    size = config["data"]["image_resize_dims"]
    if "multiview" in kind or len(config["data"].get("view_names") or ()) > 1:
        raise EngineError(
            f"The model {model} was trained on several views at once: use a Lightning Pose model "
            "that was trained on single views."
        )
    if kind not in TYPES:
        raise EngineError(
            f"The model {model} is of the type '{kind}', which alfvideo does not know: use a "
            f"Lightning Pose model of the type {' or '.join(TYPES)}."
        )
    backbone = str(config["model"].get("backbone", ""))
    if backbone.startswith("vit") and size["width"] != size["height"]:
        raise EngineError(
            f"{model} has the backbone {backbone}, which takes square pictures only, and "
            f"image_resize_dims are {size['width']}x{size['height']}: train it with a square."
        )
    if backbone.startswith("vit") and kind == "regression":
        raise EngineError(
            f"{model} is of the type regression with the backbone {backbone}, which Lightning Pose "
            "does not build: train a heatmap model."
        )
    weights = find_checkpoint(model)
    check_whole(weights)
    return Facts(
        weights,
        " ".join(filter(None, (kind, backbone))),
        parts_of(config),
        (size["width"], size["height"]),
        TYPES[kind][1],
    )


def parts_of(config: dict[str, Any]) -> list[str]:
    """List the body parts of a configuration."""
    return list(map(str, config["data"]["keypoint_names"]))


def read_config(model: Path) -> dict[str, Any]:
    """Read the configuration of a model folder of Lightning Pose 1 or 2, or of its app.

    Raises
    ------
    EngineError
        If there is none, or it lacks what is needed.
    """
    file = next((model / name for name in CONFIGS if (model / name).is_file()), None)
    if file is None:
        raise EngineError(
            f"{model} is not a model folder of Lightning Pose: expected config.yaml and tb_logs in "
            "it, as training leaves them. Check the path of the model in the cascade."
        )
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise EngineError(
            f"{file} cannot be read ({reason}): copy the model folder again."
        ) from error
    data = _found(config, "data")
    # As the app of Lightning Pose writes it.
    if isinstance(data, dict) and data.get("keypoint_names") is None and "keypoints" in data:
        data["keypoint_names"] = data["keypoints"]
    missing = [key for key in NEEDED if _found(config, key) is None]
    if missing:
        raise EngineError(
            f"{file} is not the configuration of a Lightning Pose model: it has no "
            f"{', '.join(missing)}. Check the path of the model in the cascade."
        )
    return dict(config)


def _found(config: Any, key: str) -> Any:
    for name in key.split("."):
        config = config.get(name) if isinstance(config, dict) else None
    return config


TRAINING_ONLY = (
    *("loss_factory", "total_unsupervised_importance"),
    *("unnormalized_weights", "upsampling_layers_rnn."),
)
"""Entries of a checkpoint that are not weights of the network, by how their names begin."""

RENAMED = {
    "upsampling_layers_sf.": "head.head_sf.upsampling_layers.",
    "crnn.": "head.head_mf.",
    "upsampling_layers.": "head.upsampling_layers.",
    "final_layer.": "head.linear_layer.",
}
"""Beginnings of names as Lightning Pose 1 gave them, when the layers of the head were beside the
backbone."""


def weight_names(names: Iterable[str]) -> dict[str, str]:
    """Return the names of weights of a checkpoint, those of version 1 too, as they are built.

    >>> weight_names(["backbone.0", "crnn.W_f.0", "upsampling_layers_sf.1", "upsampling_layers.1"])
    {'backbone.0': 'backbone.0', 'crnn.W_f.0': 'head.head_mf.W_f.0', \
'upsampling_layers_sf.1': 'head.head_sf.upsampling_layers.1'}
    """
    kept = [name for name in names if not name.startswith(TRAINING_ONLY)]
    if any(name.startswith("upsampling_layers_sf.") for name in kept):
        # The same layers under a second name.
        kept = [name for name in kept if not name.startswith("upsampling_layers.")]
    found = {}
    for name in kept:
        old = next((old for old in RENAMED if name.startswith(old)), "")
        found[name] = RENAMED[old] + name.removeprefix(old) if old else name
    return found


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
