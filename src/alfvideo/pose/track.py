"""Runs the cascade of a camera over its video: one decode feeds all networks."""

import logging
from contextlib import closing
from pathlib import Path

import numpy as np

from alfvideo.array_types import Floats, Integers
from alfvideo.files.errors import DataError
from alfvideo.jobs.progress import Progress
from alfvideo.pose import geometry, model_files, stream
from alfvideo.pose.cascade import Cascade
from alfvideo.pose.engine import Engine
from alfvideo.pose.parts import Parts
from alfvideo.video import frames
from alfvideo.video.probe import Video, again

log = logging.getLogger(__name__)

PART_FRAMES = 1000
"""Number of frames after which the poses so far are kept on disk."""


def models(cascade: Cascade) -> dict[str, str]:
    """Return paths of all models of a cascade by name: that of the network and a number.

    >>> from alfvideo.pose.cascade import Network
    >>> models(Cascade(networks={"eye": Network(models={"/a": "1f", "/b": "2e"})}))
    {'eye 1': '/a', 'eye 2': '/b'}
    """
    return {
        f"{name} {i}": path
        for name, network in cascade.networks.items()
        for i, path in enumerate(network.models, start=1)
    }


def snapshots(cascade: Cascade, tracker: str) -> dict[str, str]:
    """Return, by the name of each model, the file of its weights, as seen from its folder."""
    found = {}
    for name, path in models(cascade).items():
        weights = model_files.files(Path(path), tracker).weights
        within = weights.relative_to(path) if weights != Path(path) else weights.name
        found[name] = str(within)
        log.info("%s: %s", name, weights)
    return found


def members(cascade: Cascade, network: str) -> list[str]:
    """List the names of the models of one network of a cascade."""
    return list(models(Cascade(networks={network: cascade.networks[network]})))


def sample_numbers(n_frames: int, rate: float, most: int) -> Integers:
    """Choose evenly spaced frames, as many as iblvideo takes: one a second, 20 to `most`.

    >>> sample_numbers(6, 60, 500)
    array([0, 1, 2, 3, 4, 5])
    >>> sample_numbers(3000, 60, 500).size, sample_numbers(324000, 60, 500).size
    (50, 500)
    """
    wanted = min(max(20, int(n_frames / rate) if rate else 20), most)
    return np.unique(np.round(np.linspace(0, n_frames - 1, wanted)).astype(np.int64))


def track(
    path: Path,
    video: Video,
    camera: str,
    cascade: Cascade,
    engine: Engine,
    parts: Parts,
) -> dict[str, Floats]:
    """Track all frames; return poses by the name of the model, (n_frames, n_parts, 3) float64.

    x and y are pixels of the upright frame (see `geometry`), then the likelihood.

    Raises
    ------
    DataError
        If a frame cannot be decoded, a crop cannot be placed or the engine fails.
    """
    inputs = inputs_of(path, video, camera, cascade, engine)
    first = parts.frames
    if first:
        log.info("going on after frame %d, which an earlier run came to", first)
    progress = Progress("tracked", video.frames, done=first)
    length = stream.batch_length(video.width, video.height)
    found: dict[str, list[Floats]] = {name: [] for name in inputs}
    done = kept = first
    if first < video.frames:
        decoded = stream.decoded_batches(path, first, inputs, length)
        with closing(stream.ahead(decoded)) as batches:
            for batch in batches:
                for name, pictures in batch.items():
                    poses = engine.predict(name, pictures)
                    found[name].append(inputs[name].view.upright(poses))
                done += len(poses)
                progress(done)
                if done - kept >= PART_FRAMES or done == video.frames:
                    parts.add(
                        kept, done, {name: np.concatenate(blocks) for name, blocks in found.items()}
                    )
                    found, kept = {name: [] for name in inputs}, done
    log.debug("tracked %d frames, %.0f frames/s", done - first, progress.rate(done))
    tracked = parts.load()
    if done != video.frames or any(len(each) != video.frames for each in tracked.values()):
        parts.remove()
        raise DataError(
            f"{path}: {done} frames can be decoded, expected {video.frames}. {again(path)}"
        )
    return tracked


def inputs_of(
    path: Path, video: Video, camera: str, cascade: Cascade, engine: Engine
) -> dict[str, stream.NetworkInput]:
    """Return the input of each model of the networks for all frames.

    Raises
    ------
    DataError
        If a frame cannot be decoded, or a crop cannot be placed.
    """
    frame = video.width, video.height
    anchors: dict[str, Floats] = {}
    for name, network in cascade.networks.items():
        if network.sampled:
            view = geometry.view(network, cascade, camera, frame, {})
            numbers = sample_numbers(video.frames, float(video.rate), network.sampled)
            anchors |= _anchors(path, numbers, members(cascade, name)[0], view, engine)
    inputs = {}
    for name, network in cascade.networks.items():
        if not network.sampled:
            view = geometry.view(network, cascade, camera, frame, anchors)
            log.debug("%s sees %s as %dx%d pixels", name, tuple(view.region[:4]), *view.size)
            for model in members(cascade, name):
                inputs[model] = stream.NetworkInput(view, engine.networks[model].context)
    return inputs


def _anchors(
    path: Path, numbers: Integers, model: str, view: geometry.View, engine: Engine
) -> dict[str, Floats]:
    parts, context = engine.networks[model]
    inputs = {model: stream.NetworkInput(view, context)}
    sampled = map(frames.picture, frames.read(path, numbers))
    length = stream.batch_length(*view.size)
    poses = [
        view.upright(engine.predict(model, batch[model]))
        for batch in stream.batches(sampled, inputs, length)
    ]
    return geometry.anchors(parts, np.concatenate(poses))
