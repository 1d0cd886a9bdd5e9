"""The frames of a video as batches of pictures for networks, decoded ahead of their use."""

import queue
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from alfvideo.array_types import Image
from alfvideo.pose.geometry import View
from alfvideo.video import frames

MAX_BATCH_BYTES = 32_000_000
"""Size of the frames of a batch, so that memory does not depend on the video."""
MAX_BATCH_FRAMES = 64

Batch = dict[str, Image]
"""Pictures (n, height, width[, 3]) uint8 of consecutive frames by the name of the model."""


class NetworkInput(NamedTuple):
    """The input of a model: its view of a frame, and the number of frames before and after it."""

    view: View
    context: int


def batch_length(width: int, height: int) -> int:
    """Return the number of frames of this size in a batch."""
    return max(1, min(MAX_BATCH_FRAMES, MAX_BATCH_BYTES // (width * height)))


def decoded_batches(
    video: Path, first: int, inputs: Mapping[str, NetworkInput], length: int
) -> Generator[Batch, None, None]:
    """Return batches of all frames of a video from number `first` on, decoded once, in order."""
    before = min(first, max(each.context for each in inputs.values()))
    decoded = map(frames.picture, frames.from_number(video, first - before))
    return batches(decoded, inputs, length, before)


def batches(
    decoded: Iterable[Image], inputs: Mapping[str, NetworkInput], length: int, before: int = 0
) -> Generator[Batch, None, None]:
    """Yield the pictures of each model, cut from frames (height, width[, 3]), `length` at a time.

    The first `before` frames are only context of those after them. A model that needs context gets
    n + 2 * context pictures for n frames; before the first and after the last frame these are
    repeated.
    """
    held: dict[str, list[Image]] = {name: [] for name in inputs}
    lookahead = max(each.context for each in inputs.values())
    ready = -before - lookahead
    for number, frame in enumerate(decoded):
        for name, (view, context) in inputs.items():
            if number >= before - context:
                picture = view.picture(frame)
                copies = 1 if held[name] else 1 + max(0, context - before)
                held[name] += [picture] * copies
        ready += 1
        if ready == length:
            yield _taken(held, inputs, length)
            ready = 0
    for name, each in inputs.items():
        held[name] += held[name][-1:] * each.context
    ready += lookahead
    while ready > 0:
        yield _taken(held, inputs, min(length, ready))
        ready -= length


def _taken(
    held: Mapping[str, list[Image]], inputs: Mapping[str, NetworkInput], length: int
) -> Batch:
    batch = {}
    for name, pictures in held.items():
        batch[name] = _stacked(pictures[: length + 2 * inputs[name].context])
        del pictures[:length]
    return batch


def _stacked(pictures: list[Image]) -> Image:
    """Stack gray pictures, and as RGB where they are among pictures with colour."""
    if len({picture.ndim for picture in pictures}) > 1:
        pictures = [p if p.ndim == 3 else np.stack([p] * 3, axis=-1) for p in pictures]
    return np.stack(pictures)


def ahead(batches: Generator[Batch, None, None], waiting: int = 2) -> Generator[Batch, None, None]:
    """Yield the same batches, made in a thread: up to `waiting` of them in advance."""
    ready: queue.Queue[tuple[Batch | None, BaseException | None]] = queue.Queue(waiting)
    stopped = threading.Event()

    def put(batch: Batch | None, error: BaseException | None = None) -> None:
        while not stopped.is_set():
            try:
                ready.put((batch, error), timeout=0.2)
                break
            except queue.Full:
                continue

    def produce() -> None:
        try:
            with closing(batches):
                for batch in batches:
                    put(batch)
                    if stopped.is_set():
                        return
            put(None)
        except BaseException as error:
            put(None, error)

    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    try:
        while True:
            batch, error = ready.get()
            if error is not None:
                raise error
            if batch is None:
                return
            yield batch
    finally:
        stopped.set()
        thread.join()
