"""The files of a model of DeepLabCut 3, and the facts that they hold; without the engine."""

import re
from pathlib import Path
from typing import Any

import yaml

from alfvideo.pose.engines.error import EngineError
from alfvideo.pose.engines.network import Facts, Files, check_whole

SHUFFLE = 1
"""The shuffle that DeepLabCut's own commands take, of the first training fraction."""
SNAPSHOT = re.compile(r"snapshot(-best)?-(\d+)\.pt")
CONFIG = "pytorch_config.yaml"
"""The configuration of a network, beside its snapshots."""
MODELS = "dlc-models-pytorch"
"""The folder of all networks of a project."""

PREDICTORS = {
    "bu": {"HeatmapPredictor", "DEKRPredictor"},
    "td": {"HeatmapPredictor", "SimCCPredictor"},
}
"""Predictors that find each part of one animal once: in the picture, or in a box (top-down)."""

RANDOM = (
    *("hflip", "random_bbox_transform", "crop_sampling", "hist_eq", "motion_blur", "covering"),
    *("elastic_transform", "grayscale", "gaussian_noise"),
)
"""Changes of a frame that DeepLabCut draws for each frame, where they are not off."""


def files(model: Path) -> Files:
    """Return the snapshot that is taken of a model, and its configuration.

    Raises
    ------
    EngineError
        If there is none.
    """
    if not model.exists():
        raise EngineError(f"There is no DeepLabCut model {model}: correct the path in the cascade.")
    if model.is_file() and model.suffix != ".pt":
        raise EngineError(
            f"{model} is not a DeepLabCut model: name the project folder, a snapshot file or an "
            "exported .pt file in the cascade."
        )
    weights = find_snapshot(model) if model.is_dir() else model
    config = weights.with_name(CONFIG)
    return Files(weights, config if config.is_file() else None)


def facts(model: Path) -> Facts:
    """Return what the files of a model say of it.

    Raises
    ------
    EngineError
        If it cannot be run, as far as that is seen without the engine.
    """
    weights, config_file = files(model)
    check_whole(weights)
    if config_file is None:
        if SNAPSHOT.fullmatch(weights.name):
            read_yaml(weights.with_name(CONFIG))
        # What DeepLabCut exports holds its configuration, in a pickle.
        return Facts(weights, "exported", None, None)
    config = read_yaml(config_file)
    check_supported(config, config_file)
    inference = config["data"]["inference"]
    resize = inference.get("resize") or inference.get("top_down_crop")
    return Facts(
        weights,
        str(config.get("net_type") or config["model"].get("backbone", {}).get("model_name")),
        list(map(str, config["metadata"]["bodyparts"])),
        (resize["width"], resize["height"]) if resize else None,
        cropping=cropping(weights),
    )


def cropping(weights: Path) -> tuple[int, int, int, int] | None:
    """Return the columns and rows that the project of a snapshot is cropped to, if it is.

    Raises
    ------
    EngineError
        If the project asks for it and does not say where.
    """
    file = _project(weights) / "config.yaml"
    if weights.parents[3].name != MODELS or not file.is_file():
        return None
    config = read_yaml(file)
    if not config.get("cropping"):
        return None
    box = [config.get(name) for name in ("x1", "x2", "y1", "y2")]
    edges = [edge for edge in box if isinstance(edge, int) and edge >= 0]
    if len(edges) < len(box) or edges[0] >= edges[1] or edges[2] >= edges[3]:
        raise EngineError(
            f"{file} says `cropping: true`, and x1, x2, y1, y2 ({', '.join(map(str, box))}) are no "
            "box: correct them, or set `cropping: false`."
        )
    return edges[0], edges[1], edges[2], edges[3]


def check_supported(config: dict[str, Any], config_file: Path) -> None:
    """Refuse a network that needs another one or tracking, or changes frames at random.

    Raises
    ------
    EngineError
        With the reason.
    """
    try:
        metadata, heads = config["metadata"], config["model"]["heads"]
        animals, shared = len(metadata["individuals"]), metadata.get("unique_bodyparts")
        predictors = {head["predictor"]["type"] for head in heads.values()}
        inference = config["data"]["inference"]
        known = bool(metadata["bodyparts"]) and isinstance(inference, dict)
    except (KeyError, TypeError, AttributeError):
        known = False
    if not known:
        raise EngineError(
            f"{config_file} is not the configuration of a DeepLabCut 3 network: copy it again "
            "from where the network was trained."
        )
    method = str(config.get("method", "bu")).lower()
    found = ""
    if method not in PREDICTORS:
        found = f"a conditional top-down model (method {method})"
    elif animals > 1 or shared:
        found = f"a multi-animal model ({animals} individuals, {', '.join(sorted(predictors))})"
    elif others := predictors - PREDICTORS[method]:
        found = f"a multi-animal model ({', '.join(sorted(others))})"
    if found:
        raise EngineError(
            f"{config_file} describes {found}, and alfvideo runs bottom-up and top-down models of "
            "one animal only: train one, for example a resnet_50 in a single-animal project."
        )
    affine = inference.get("affine")
    drawn = [name for name in RANDOM if _is_on(inference.get(name))]
    drawn += ["affine"] if affine is not None and _is_on(affine or True) else []
    if drawn:
        raise EngineError(
            f"{config_file} has {', '.join(drawn)} below data.inference, with which DeepLabCut "
            "itself changes each frame at random, so that two runs give two results: set "
            f"{'it' if len(drawn) == 1 else 'them'} to false."
        )


def _is_on(change: Any) -> bool:
    return bool(change) and not (isinstance(change, dict) and change.get("p") == 0)


def _project(weights: Path) -> Path:
    """Return the folder of the project of a snapshot, if it lies in one."""
    return weights.parents[4] if len(weights.parents) > 4 else weights.parent


def find_snapshot(folder: Path) -> Path:
    """Find the snapshot that `deeplabcut.analyze_videos` takes of a project without being told.

    That is: of the iteration and the first training fraction that `config.yaml` names, shuffle 1;
    there the snapshot at `snapshotindex`, by epochs, after which the best one comes. For another
    training its folder is named instead of the project, or the file of a snapshot.

    Raises
    ------
    EngineError
        If there is none, or DeepLabCut itself would not run it.
    """
    if (folder / "train").is_dir() and folder.parent.parent.name == MODELS:
        return _snapshot_at_index(folder, folder.parents[2])
    models = folder / MODELS
    if not models.is_dir():
        if (folder / "dlc-models").is_dir() or (folder / "pose_cfg.yaml").is_file():
            raise EngineError(
                f"{folder} is a TensorFlow model of DeepLabCut 2, which DeepLabCut 3 cannot run "
                "with PyTorch: train a PyTorch shuffle in this project and name that one."
            )
        raise EngineError(
            f"{folder} is not a project of DeepLabCut 3 (it has no folder {models.name}): name "
            "the project folder, a snapshot file or an exported .pt file in the cascade."
        )
    config = read_yaml(folder / "config.yaml")
    iteration = models / f"iteration-{config.get('iteration', 0)}"
    trainings = sorted({file.parents[1] for file in iteration.glob("*/train/*.pt")})
    if not trainings:
        raise EngineError(
            f"{iteration} has no trained network (TRAINING/train/snapshot-*.pt), though "
            "config.yaml asks for this iteration: train it, or copy the whole project again."
        )
    try:
        fraction = int(config["TrainingFraction"][0] * 100)
        training = (
            iteration / f"{config['Task']}{config['date']}-trainset{fraction}shuffle{SHUFFLE}"
        )
    except (KeyError, IndexError, TypeError):
        raise EngineError(
            f"{folder / 'config.yaml'} does not say Task, date and TrainingFraction: copy it again "
            "from where the network was trained."
        ) from None
    if training not in trainings:
        names = ", ".join(each.name for each in trainings)
        raise EngineError(
            f"{folder}: DeepLabCut takes {training.name} of this project, which is not trained; "
            f"there is {names}. Name the folder of one of these in the cascade: {trainings[-1]}"
        )
    return _snapshot_at_index(training, folder)


def _snapshot_at_index(training: Path, project: Path) -> Path:
    """Return the snapshot of a training at the `snapshotindex` of its project.

    Raises
    ------
    EngineError
        If it has none at this place.
    """
    file = project / "config.yaml"
    index = read_yaml(file).get("snapshotindex", -1) if file.is_file() else -1
    found = []
    for path in (training / "train").glob("*.pt"):
        if name := SNAPSHOT.fullmatch(path.name):
            found.append((bool(name[1]), int(name[2]), path))
    snapshots = [path for *_, path in sorted(found)]
    if index == "all":
        index = -1  # as DeepLabCut does for videos
    elif isinstance(index, str) and index.lower() == "best":
        snapshots, index = [path for best, _, path in sorted(found) if best], -1
    if isinstance(index, int) and -len(snapshots) <= index < len(snapshots):
        return snapshots[index]
    names = ", ".join(path.name for path in snapshots) or "none"
    raise EngineError(
        f"{file} has `snapshotindex: {index}`, and {training.name} has no such snapshot (there is "
        f"{names}): correct it, or name the file of a snapshot in the cascade."
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
