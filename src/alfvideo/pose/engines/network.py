"""The interface of a network and its files, whichever engine it was trained with."""

import gc
import sys
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from alfvideo.array_types import Floats, Image
from alfvideo.pose.engines.error import EngineError

if TYPE_CHECKING:
    # Not every engine has it.
    import torch

CPU_FRAMES = 8
"""Frames at a time on a CPU: with 32 and more, allocating memory takes longer than the network."""


class Files(NamedTuple):
    """The files that decide what a network finds; an exported network has one file only."""

    weights: Path
    config: Path | None


class Facts(NamedTuple):
    """The facts that the files of a model hold, read without its engine."""

    weights: Path
    architecture: str
    parts: list[str] | None
    """None: not known without the engine."""
    size: tuple[int, int] | None
    """Width and height that each picture is brought to; None: pictures are taken as they are."""
    context: int = 0
    """Number of frames before and after the one that it looks at."""
    cropping: tuple[int, int, int, int] | None = None
    """First and end column, first and end row of the frames that it is to see only."""


class Network(Protocol):
    """A trained network that finds the same body parts in each frame.

    `context` is the number of frames that it needs before and after the one it looks at.
    """

    parts: list[str]
    context: int

    def predict(self, frames: Image) -> Floats:
        """Predict poses (n, n_parts, 3) float64 of frames (n + 2 * context, height, width, 3) RGB.

        x and y are pixels of these frames, with pixel centres at whole numbers, then the
        likelihood.
        """


def check_whole(weights: Path) -> None:
    """See that a checkpoint was not cut, by the list of contents at the end of its zip file.

    Raises
    ------
    EngineError
        If it was. Other forms of checkpoints are left to the engine.
    """
    with weights.open("rb") as stream:
        zipped = stream.read(2) == b"PK"
    if zipped and not zipfile.is_zipfile(weights):
        raise EngineError(
            f"{weights} is damaged or was cut while copying: copy it again from where it was "
            "trained."
        )


class Loader(Protocol):
    """Loads a network from its model folder or file onto a torch device, None without PyTorch.

    `trusted` holds the SHA-256 of files that may hold more than weights.

    Raises
    ------
    EngineError
        If there is no such model, or it is not one that this engine can run on single frames.
    """

    def __call__(
        self, model: Path, device: "torch.device | None", trusted: Collection[str] = ()
    ) -> Network:
        """Return the network, ready to predict."""


def no_memory(error: RuntimeError) -> bool:
    """Return whether the GPU's memory was used up, as PyTorch or the libraries below it say it."""
    return type(error).__name__ == "OutOfMemoryError" or "ALLOC_FAILED" in str(error)


class Batched:
    """A network, with as many frames at a time as fit in the memory of the GPU."""

    def __init__(self, network: Network, device: "torch.device | None") -> None:
        self.network = network
        on_gpu = device is not None and device.type != "cpu"
        self.batch: int | None = None if on_gpu else CPU_FRAMES
        """Largest number of frames at a time; None: no limit is known."""

    def predict(self, frames: Image) -> Floats:
        """Predict as `Network.predict`, in batches: half as many frames when memory ends.

        Raises
        ------
        EngineError
            If a single frame is too much.
        """
        margin = 2 * self.network.context
        n_frames = len(frames) - margin
        poses, done = [], 0
        while done < n_frames:
            batch = min(self.batch or n_frames, n_frames - done)
            try:
                poses.append(self.network.predict(frames[done : done + batch + margin]))
                done += batch
                continue
            except RuntimeError as error:
                if not no_memory(error):
                    raise
                if batch == 1:
                    raise EngineError(
                        "The GPU has not enough free memory for a single frame. End other programs "
                        "that use it, or run on the CPU with CUDA_VISIBLE_DEVICES=''."
                    ) from None
            # Outside of the handler, where the error no longer holds on to the memory.
            self.batch = batch // 2
            gc.collect()
            if torch := sys.modules.get("torch"):
                torch.cuda.empty_cache()
        return np.concatenate(poses) if poses else np.empty((0, len(self.network.parts), 3))
