"""The cascades of the configuration: read from YAML, checked, their models found.

A file is read once in a run, and again when it was changed.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from alfvideo.configuration import Configuration
from alfvideo.files import yaml_model
from alfvideo.files.errors import Blocked, DataError
from alfvideo.files.yaml_model import ConfigurationError
from alfvideo.pose import model_files
from alfvideo.pose.cascade import Cascade, CascadeFile, NetworkSettings, from_settings
from alfvideo.pose.engines import pickled
from alfvideo.pose.engines.error import EngineError
from alfvideo.pose.engines.network import Facts
from alfvideo.trackers import TRACKERS


class _Loaded(NamedTuple):
    cascade: Cascade
    settings: dict[str, Any]


def load(path: Path, tracker: str) -> Cascade:
    """Load the cascade of a file, its models found.

    Raises
    ------
    DataError
        If the file is missing or says something wrong.
    Blocked
        If a model is missing.
    """
    return _loaded(path, tracker).cascade


def settings(path: Path, tracker: str) -> dict[str, Any]:
    """Return a cascade in plain values, as a task's parameter, for `from_settings` to restore.

    Keys are in the order in which the file has them: Snakemake compares them as text.

    Raises as `load`.
    """
    return _loaded(path, tracker).settings


def _loaded(path: Path, tracker: str) -> _Loaded:
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
def _load(path: Path, tracker: str, modified: int) -> _Loaded | Blocked:
    """Load as `load`, but return a missing model, so that it is looked for once in a run."""
    described, written = _described(path, tracker, modified)
    folder = path.parent / Path(described.folder).expanduser()
    plain = _in_order_of(
        written, described.model_dump(mode="json", by_alias=True, exclude_none=True)
    )
    for name, network in described.networks.items():
        try:
            models = _models(folder, network.models, tracker, f"network {name} of {path.name}")
            if len(models) > 1 and not network.is_ensemble_smoothed:
                raise DataError(_several(path, name, models, tracker))
            plain["networks"][name]["models"] = models
            if cropping := _cropping(
                models, tracker, described.resize, network, f"{name} of {path.name}"
            ):
                plain["networks"][name]["cropping"] = list(cropping)
        except Blocked as reason:
            return reason
    # Only what results depend on: a changed title is no reason to run again.
    names = ("frame", "mirrored", "resize", "networks")
    kept = {name: plain[name] for name in names if name in plain}
    return _Loaded(from_settings(kept), kept)


def _several(path: Path, name: str, models: Iterable[str], tracker: str) -> str:
    """Say that a network has several models and no smoother that takes them."""
    names = ", ".join(models)
    begin = f"Cascade {path}: `{name}` has several models ({names})"
    if TRACKERS[tracker].smooths_ensembles:
        return f"{begin}, so it needs `smoothing` with pupil or points; or name one model."
    return (
        f"{begin}, and ensembles are for {_smoothing_trackers()}: name one of them, or make a "
        "network of each."
    )


def _cropping(
    models: Iterable[str], tracker: str, resized: bool, network: NetworkSettings, where: str
) -> tuple[int, int, int, int] | None:
    """Return what the frames are cropped to by the project of the models.

    Raises
    ------
    Blocked
        If the cascade brings these frames to another size or place, too, or models differ.
    """
    boxes = {facts(Path(model), tracker).cropping for model in models}
    if boxes == {None}:
        return None
    if len(boxes) > 1 or resized or network.crop or network.size:
        raise Blocked(
            f"network {where}: config.yaml of its model says `cropping: true`, which is for the "
            "whole frames of one camera, and the cascade has `crop`, `size`, `resize` or models "
            "without it. Set `cropping: false` there, or remove these from the cascade."
        )
    return boxes.pop()


def _in_order_of(written: Any, values: Any) -> Any:
    """Put keys of mappings in the order in which they are written, then the others.

    >>> _in_order_of({"b": [{"y": 3, "x": 3}]}, {"a": 1, "b": [{"x": 3, "y": 3}]})
    {'b': [{'y': 3, 'x': 3}], 'a': 1}
    """
    if isinstance(values, dict):
        names = [*(name for name in written if name in values), *values]
        return {name: _in_order_of(written.get(name, {}), values[name]) for name in names}
    if isinstance(values, list):
        return [_in_order_of(*both) for both in zip(written or values, values, strict=True)]
    return values


def without_places(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return parameters of a task with models by their checksums, not by where they are.

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


def _smoothing_trackers() -> str:
    return " and ".join(each.label for each in TRACKERS.values() if each.smooths_ensembles)


@cache
def _described(path: Path, tracker: str, _modified: int) -> tuple[CascadeFile, dict[str, Any]]:
    """Read what a file says, checked; and as it is written."""
    name = f"Cascade {path}"
    written = yaml_model.load(path, name)
    described = yaml_model.parse(CascadeFile, written, name)
    networks = described.networks
    for each, network in networks.items():
        smoothing = network.smoothing
        if smoothing and network.is_ensemble_smoothed and not TRACKERS[tracker].smooths_ensembles:
            raise ConfigurationError(
                f"{name}: `{each}` is smoothed with {smoothing.kind}, which is for "
                f"{_smoothing_trackers()}; use `smoothing: {{median: 5}}`."
            )
        around = network.crop and network.crop.around
        if around and (network.sampled or not any(n.sampled for n in networks.values())):
            raise ConfigurationError(
                f"{name}: the crop of `{each}` follows {', '.join(around)}, so another network "
                "with `sampled: 500` must find it first."
            )
    if all(network.sampled for network in networks.values()):
        raise ConfigurationError(f"{name}: no network looks at all frames; one needs `sampled: 0`.")
    return described, written


def each_model(path: Path, tracker: str) -> Iterator[tuple[str, str, Facts | str]]:
    """Yield network, path and facts of each model that a file names, or why it cannot be run.

    Raises
    ------
    DataError
        If the file says something wrong.
    """
    described, _ = _described(path, tracker, _modified(path))
    folder = path.parent / Path(described.folder).expanduser()
    for name, network in described.networks.items():
        for pattern in network.models:
            try:
                paths = _matching(folder, [pattern], f"network {name} of {path.name}")
            except Blocked as reason:
                yield name, str(folder / pattern), str(reason)
                continue
            for model in paths:
                try:
                    yield name, str(model), facts(model, tracker)
                except Blocked as reason:
                    yield name, str(model), str(reason)


def _models(folder: Path, patterns: Iterable[str], tracker: str, where: str) -> dict[str, str]:
    return {str(path): checksum(path, tracker) for path in _matching(folder, patterns, where)}


def _matching(folder: Path, patterns: Iterable[str], where: str) -> list[Path]:
    """List the resolved paths of models, each once; a pattern without any blocks."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        written = Path(pattern).expanduser()
        if written.is_absolute():
            paths = sorted(Path(written.anchor).glob(str(written.relative_to(written.anchor))))
        else:
            paths = sorted(folder.glob(pattern))
        if not paths:
            raise Blocked(f"model missing: {folder / written} ({where})")
        found |= dict.fromkeys(path.resolve() for path in paths)
    return list(found)


def checksum(model: Path, tracker: str) -> str:
    """Return the SHA-256 of the weights taken of a model folder or file, and their configuration.

    Raises
    ------
    Blocked
        If there are no weights in it, or it cannot be run.
    """
    try:
        weights, config = model_files.files(model, tracker)
    except EngineError as error:
        raise Blocked(str(error)) from None
    facts(model, tracker)
    digest = hashlib.sha256()
    for file in (weights, config):
        if file is not None:
            stat = file.stat()
            digest.update(_checksum_of_file(file, stat.st_size, stat.st_mtime_ns))
    return digest.hexdigest()


def facts(model: Path, tracker: str) -> Facts:
    """Return what the files of a model say of it; see `model_files.facts`.

    Raises
    ------
    Blocked
        If it cannot be run, as far as that is seen without the engine.
    """
    try:
        return model_files.facts(model, tracker)
    except EngineError as error:
        raise Blocked(str(error)) from None


def check_trusted(path: Path, tracker: str, trusted: Collection[str]) -> None:
    """See that no checkpoint of a cascade may run a program that is not trusted.

    As far as that is seen without the engine. Raises as `load`, and Blocked if one may.
    """
    load(path, tracker)
    for refusal, checksum in _refusals(path, tracker, _modified(path)):
        if checksum not in trusted:
            raise Blocked(refusal)


@cache
def _refusals(path: Path, tracker: str, _modified: int) -> list[tuple[str, str]]:
    """List why checkpoints are refused, and their checksums."""
    found = []
    for network in load(path, tracker).networks.values():
        for model in network.models:
            weights, _ = model_files.files(Path(model), tracker)
            if what := pickled.refused(weights):
                stat = weights.stat()
                checksum = _checksum_of_file(weights, stat.st_size, stat.st_mtime_ns).hex()
                found.append((pickled.refusal(weights, what, checksum), checksum))
    return found


@cache
def _checksum_of_file(path: Path, _size: int, _modified: int) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def body_parts(path: Path, tracker: str) -> set[str] | None:
    """List the body parts that a cascade gives to the table; None if a model does not say.

    Raises as `load`.
    """
    load(path, tracker)
    return _body_parts(path, tracker, _modified(path))


@cache
def _body_parts(path: Path, tracker: str, _modified: int) -> set[str] | None:
    """List as `body_parts`, of a cascade that can be loaded: the scan asks for each camera."""
    found: set[str] = set()
    for network in load(path, tracker).networks.values():
        if network.sampled:
            continue
        model = Path(next(iter(network.models)))
        parts = facts(model, tracker).parts
        if parts is None:
            return None
        found.update(network.parts or parts)
    return found


def file(config: Configuration, tracker: str, camera: str) -> Path | None:
    """Return the cascade file of a camera for a tracker; None without one or if it is off."""
    named = config.cascades[tracker].get(camera)
    return Path(named).expanduser() if named and tracker in config.trackers else None


def files(config: Configuration) -> Iterator[tuple[str, str, Path]]:
    """Yield tracker, camera and cascade file of all that the configuration names."""
    for tracker in config.trackers:
        for camera, named in config.cascades[tracker].items():
            yield tracker, camera, Path(named).expanduser()


def check(config: Configuration) -> None:
    """Check what the configuration says of trackers, before any session is looked at.

    Models that are missing block their cameras; they are not looked for here.

    Raises
    ------
    DataError
        One sentence on the first mistake.
    """
    if config.trackers and config.features_from not in config.trackers:
        raise ConfigurationError(
            f"Configuration: `features_from` is {config.features_from} but `trackers` has only "
            f"{', '.join(config.trackers)}; set `features_from` to one of these."
        )
    for tracker, _, path in files(config):
        _described(path, tracker, _modified(path))


def left_out(config: Configuration) -> list[str]:
    """List a sentence for each tracker that has no cascade for some of the cameras."""
    sentences = []
    for tracker in config.trackers:
        without = [label for label in config.cameras if file(config, tracker, label) is None]
        if without:
            sentences.append(
                f"{tracker}: no cascade for {', '.join(without)}; these cameras are left out."
            )
    return sentences
