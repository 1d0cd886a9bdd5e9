"""Compares poses with those of an engine's own command, on a few frames of a video."""

import time
from collections.abc import Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import av
import numpy as np

from alfvideo.array_types import Image
from alfvideo.pose import geometry, stream, track
from alfvideo.pose.cascade import Cascade
from alfvideo.pose.engine import Engine
from alfvideo.video import frames, probe

N_FRAMES = 20


class Compared(NamedTuple):
    """The largest difference from the engine's own command, px, and the speed, frames/s.

    The difference is None if the engine has no command for such a model.
    """

    difference: float | None
    rate: float


def compare(video: Path, camera: str, cascade: Cascade, engine: Engine) -> dict[str, Compared]:
    """Compare each model of a cascade, by name, on frames from the middle of a video.

    Both get the pictures that the network sees, and differences are in pixels of these.

    Raises
    ------
    DataError
        If a frame cannot be decoded, a crop cannot be placed or the engine fails.
    """
    what = probe.probe_whole(video)
    n_frames = min(N_FRAMES, what.frames)
    first = (what.frames - n_frames) // 2
    decoded = [*map(frames.picture, islice(frames.from_number(video, first), n_frames))]
    inputs = track.inputs_of(video, what, camera, cascade, engine)
    for name, network in cascade.networks.items():
        if network.sampled:
            view = geometry.view(network, cascade, camera, (what.width, what.height), {})
            for model in track.members(cascade, name):
                inputs[model] = stream.NetworkInput(view, engine.networks[model].context)
    paths = track.models(cascade)
    return {
        name: _compared(decoded, name, each, paths[name], engine) for name, each in inputs.items()
    }


def _compared(
    decoded: Sequence[Image], name: str, given: stream.NetworkInput, path: str, engine: Engine
) -> Compared:
    (batch,) = stream.batches(decoded, {name: given}, len(decoded))
    engine.predict(name, batch[name])  # the first time takes longer
    start = time.monotonic()
    ours = engine.predict(name, batch[name])
    rate = len(decoded) / (time.monotonic() - start)
    with TemporaryDirectory() as folder:
        clip = Path(folder, "clip.avi")
        write([given.view.picture(frame) for frame in decoded], clip)
        theirs = engine.own(name, path, clip)
    if theirs is None:
        return Compared(None, rate)
    # At its ends a clip has no frames before and after, which engines make up in ways of their own.
    inner = slice(given.context, len(decoded) - given.context)
    return Compared(float(np.abs(ours - theirs)[inner, :, :2].max()), rate)


def write(pictures: Sequence[Image], clip: Path) -> None:
    """Write pictures (height, width[, 3]) uint8 to a video without loss."""
    with av.open(str(clip), "w") as container:
        codec = container.add_stream("ffv1", rate=Fraction(30))
        codec.height, codec.width = pictures[0].shape[:2]
        codec.pix_fmt = "bgr0"
        for picture in pictures:
            colours = picture if picture.ndim == 3 else np.stack([picture] * 3, axis=-1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(colours), format="rgb24")
            container.mux(codec.encode(frame.reformat(format="bgr0")))
        container.mux(codec.encode(None))
