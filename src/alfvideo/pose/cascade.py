"""Cascades: which networks look at which part of a camera's frames, read from YAML."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from snakemake.exceptions import WorkflowError

from alfvideo import configuration
from alfvideo.files.errors import Blocked, DataError
from alfvideo.pose import model_files
from alfvideo.pose.engines.error import EngineError

SCHEMA = Path(__file__).parents[3] / "config" / "cascade.schema.yaml"

ENSEMBLE_SMOOTHING = {"pupil", "points"}


def load(path: Path, tracker: str) -> dict[str, Any]:
    """A cascade with its defaults filled in: what docs/pose.md describes, in plain values.

    `models` of each network become a mapping of the paths that were found to their checksums.

    Raises
    ------
    DataError
        If the file is missing or says something wrong.
    Blocked
        If a model is missing.
    """
    loaded = _load(path, tracker, _modified(path))
    if isinstance(loaded, Blocked):
        raise Blocked(str(loaded))
    return loaded


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise DataError(
            f"The cascade {path.absolute()} cannot be read ({error.strerror}). Correct `cascades` "
            "in the configuration."
        ) from None


@cache
def _load(path: Path, tracker: str, modified: int) -> dict[str, Any] | Blocked:
    """As `load`, but a missing model is returned, so that it is looked for once in a run."""
    described = _described(path, tracker, modified)
    folder = path.parent / Path(described["folder"]).expanduser()
    networks = {}
    for name, network in described["networks"].items():
        try:
            models = _models(folder, network["models"], tracker, f"network {name} of {path.name}")
        except Blocked as reason:
            return reason
        smoothed = ENSEMBLE_SMOOTHING & set(network.get("smoothing", ()))
        if len(models) > 1 and not smoothed:
            raise DataError(
                f"Cascade {path}: `{name}` has {len(models)} models, so it needs `smoothing` with "
                "pupil or points; or name one model."
            )
        networks[name] = {**network, "models": models}
    # Only what results depend on: a changed title is no reason to run again.
    kept = {key: described[key] for key in ("frame", "mirrored", "resize") if key in described}
    return {**kept, "networks": networks}


def without_places(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Parameters of a task in which models count by their checksums, not by where they are.

    >>> models = {"/old/place": "2cf2", "/b": "486e"}
    >>> without_places({"cascade": {"networks": {"eye": {"models": models}}}})
    {'cascade': {'networks': {'eye': {'models': ['2cf2', '486e']}}}}
    """
    try:
        networks = {
            name: {**network, "models": sorted(network["models"].values())}
            for name, network in params["cascade"]["networks"].items()
        }
    except (LookupError, AttributeError, TypeError):
        return params  # of a task without a cascade, or of a record that was edited
    return {**params, "cascade": {**params["cascade"], "networks": networks}}


@cache
def _described(path: Path, tracker: str, _modified: int) -> dict[str, Any]:
    name = f"Cascade {path}"
    try:
        described = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(described, dict):
            raise yaml.YAMLError("it holds no mapping")
        configuration.check(described, SCHEMA, name)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{name} is not valid YAML: {error}") from None
    except WorkflowError as error:
        raise DataError(str(error)) from None
    networks = described["networks"]
    for key, network in networks.items():
        smoothing = set(network.get("smoothing", ()))
        if smoothing & ENSEMBLE_SMOOTHING and tracker != "lightningPose":
            raise DataError(
                f"{name}: `{key}` is smoothed with {smoothing.pop()}, which is for Lightning Pose; "
                "use `smoothing: {median: 5}`."
            )
        around = network.get("crop", {}).get("around")
        if around and (network["sampled"] or not any(n["sampled"] for n in networks.values())):
            raise DataError(
                f"{name}: the crop of `{key}` follows {', '.join(around)}, so another network with "
                "`sampled: 500` must find it first."
            )
    if all(network["sampled"] for network in networks.values()):
        raise DataError(f"{name}: no network looks at all frames; one needs `sampled: 0`.")
    return described


def _models(folder: Path, patterns: list[str], tracker: str, where: str) -> dict[str, str]:
    found = {}
    for pattern in patterns:
        written = Path(pattern).expanduser()
        if written.is_absolute():
            paths = sorted(Path(written.anchor).glob(str(written.relative_to(written.anchor))))
        else:
            paths = sorted(folder.glob(pattern))
        if not paths:
            raise Blocked(f"model missing: {folder / written} ({where})")
        for path in paths:
            found[str(path.resolve())] = checksum(path, tracker)
    return found


def checksum(model: Path, tracker: str) -> str:
    """SHA-256 of the weights that are taken of a model folder or file, and their configuration.

    Raises
    ------
    Blocked
        If there are no weights in it.
    """
    try:
        weights, config = model_files.files(model, tracker)
    except EngineError as error:
        raise Blocked(str(error)) from None
    digest = hashlib.sha256()
    for file in (weights, config):
        if file is not None:
            stat = file.stat()
            digest.update(_checksum_of_file(file, stat.st_size, stat.st_mtime_ns))
    return digest.hexdigest()


@cache
def _checksum_of_file(path: Path, _size: int, _modified: int) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def body_parts(path: Path, tracker: str) -> set[str] | None:
    """The body parts that a cascade gives to the table; None if a model does not say.

    Raises as `load`.
    """
    load(path, tracker)
    return _body_parts(path, tracker, _modified(path))


@cache
def _body_parts(path: Path, tracker: str, _modified: int) -> set[str] | None:
    """As `body_parts`, of a cascade that can be loaded: the scan asks for each camera."""
    found: set[str] = set()
    for network in load(path, tracker)["networks"].values():
        if network["sampled"]:
            continue
        model = Path(next(iter(network["models"])))
        parts = model_files.body_parts(model_files.files(model, tracker).config, tracker)
        if parts is None:
            return None
        found.update(network.get("parts", parts))
    return found


def of(config: Mapping[str, Any], tracker: str, camera: str) -> Path | None:
    """The cascade file of a camera for a tracker; None if it has none or the tracker is off."""
    named = config["cascades"].get(tracker, {}).get(camera)
    return Path(named).expanduser() if named and tracker in config["trackers"] else None


def check(config: Mapping[str, Any]) -> None:
    """Check what the configuration says of trackers, before any session is looked at.

    Models that are missing block their cameras; they are not looked for here.

    Raises
    ------
    WorkflowError
        One sentence on the first mistake.
    """
    trackers, features_from = config["trackers"], config["features_from"]
    if trackers and features_from not in trackers:
        raise WorkflowError(
            f"Configuration: `features_from` is {features_from} but `trackers` has only "
            f"{', '.join(trackers)}; set `features_from` to one of these."
        )
    for tracker in trackers:
        for camera in config["cascades"].get(tracker, {}):
            file = of(config, tracker, camera)
            try:
                _described(file, tracker, _modified(file))
            except DataError as error:
                raise WorkflowError(str(error)) from None


def left_out(config: Mapping[str, Any]) -> list[str]:
    """A sentence for each tracker that has no cascade for some of the cameras."""
    sentences = []
    for tracker in config["trackers"]:
        without = [label for label in config["cameras"] if of(config, tracker, label) is None]
        if without:
            sentences.append(
                f"{tracker}: no cascade for {', '.join(without)}; these cameras are left out."
            )
    return sentences
