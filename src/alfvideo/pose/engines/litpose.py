"""Networks of Lightning Pose: its model folders, loaded and run without its video readers."""

import re
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path, PosixPath
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import lightning_pose.models
import numpy as np
import torch
from lightning_pose.api import Model
from lightning_pose.data import _IMAGENET_MEAN, _IMAGENET_STD
from omegaconf import DictConfig, ListConfig, nodes
from omegaconf.base import ContainerMetadata, Metadata

from alfvideo.array_types import Floats, Image
from alfvideo.pose.engines import checkpoint, litpose_backbones
from alfvideo.pose.engines.error import EngineError
from alfvideo.pose.engines.litpose_models import TYPES, facts, parts_of, read_config, weight_names
from alfvideo.pose.engines.smoothing import smooth

__all__ = ["load", "smooth"]

ARCHITECTURE = ("num_keypoints", "backbone", "downsample_factor", "image_size")
"""The hyper-parameters that shape the network; the others matter in training only."""

SAFE: checkpoint.Safe = (
    *(list, dict, int, float, str, bool, tuple, defaultdict, PosixPath, (Any, "typing.Any")),
    *(DictConfig, ListConfig, ContainerMetadata, Metadata),
    *(nodes.AnyNode, nodes.IntegerNode, nodes.FloatNode, nodes.BooleanNode, nodes.StringNode),
    *checkpoint.NUMBERS,
)
"""Objects in checkpoints of Lightning Pose beside weights: its configuration and numbers. To make
one of these runs nothing that the file says."""


def load(model: Path, device: torch.device, trusted: Collection[str] = ()) -> "LightningPose":
    """Load a single-view model, with or without context, from its model folder.

    The configuration is `config.yaml` or, as Lightning Pose 1 left it, `.hydra/config.yaml`.

    Raises
    ------
    EngineError
        If the folder holds no such model, or if configuration and checkpoint do not fit.
    """
    known, config = facts(model), read_config(model)
    class_name, context = TYPES[config["model"]["model_type"]]
    parts, size = parts_of(config), config["data"]["image_resize_dims"]
    network = build(class_name, known.weights, parts, size["height"], trusted)
    return LightningPose(network, parts, context, (size["height"], size["width"]), device)


def own(model: Path, clip: Path, device: torch.device) -> Floats:
    """Predict poses (n, n_parts, 3) of a clip by Lightning Pose's own `predict_on_video_file`."""
    with TemporaryDirectory() as folder, litpose_backbones.without_fetching():
        running = Model.from_dir(model)
        result = running.predict_on_video_file(clip, output_dir=Path(folder), compute_metrics=False)
    values: Floats = result.predictions.to_numpy(np.float64, copy=True)
    poses = values.reshape(len(values), -1, 3)
    if facts(model).architecture.startswith("regression"):
        # Which Lightning Pose 2.4 leaves in pixels of the resized picture.
        poses[..., :2] *= np.array(size_of(clip)) / facts(model).size
    return poses


def size_of(clip: Path) -> tuple[int, int]:
    """Return width and height of a video."""
    video = cv2.VideoCapture(str(clip))
    return int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))


def build(
    class_name: str,
    file: Path,
    parts: list[str],
    image_size: int,
    trusted: Collection[str] = (),
) -> Any:
    """Build the network of a checkpoint with its weights, as float32 in the memory of the CPU."""
    content = checkpoint.read(file, trusted, SAFE)
    try:
        state = content["state_dict"]
        weights = {new: state[name] for name, new in weight_names(state).items()}
        saved = content["hyper_parameters"]
        architecture = {name: saved[name] for name in ARCHITECTURE if name in saved}
    except Exception as error:
        raise EngineError(
            f"The checkpoint {file} cannot be read ({first_line(error)}): copy it again."
        ) from error
    architecture.setdefault("image_size", image_size)
    # Lightning Pose downloads the weights that such a backbone started from even when it is told
    # not to; the layers are those of resnet50.
    architecture["backbone"] = re.sub("^resnet50_.*", "resnet50", architecture["backbone"])
    try:
        with litpose_backbones.without_fetching():
            network = getattr(lightning_pose.models, class_name)(**architecture, pretrained=False)
    except Exception as error:
        raise EngineError(
            f"The network of {file}, with the backbone '{architecture['backbone']}', cannot "
            f"be built by this version of Lightning Pose: {first_line(error)}"
        ) from error
    try:
        # Lightning Pose itself leaves what does not fit at random values, without a word.
        network.load_state_dict(weights)
        fits = network.num_keypoints == len(parts)
    except RuntimeError:
        fits = False
    if not fits:
        raise EngineError(
            f"The checkpoint {file} does not fit the configuration of its model "
            f"({class_name}, {len(parts)} body parts): it belongs to another model or to another "
            "version of Lightning Pose. Copy the model folder again, or train with version 2."
        )
    return network


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its kind if that is empty."""
    return str(error).partition("\n")[0] or type(error).__name__


class LightningPose:
    """A network of Lightning Pose; see `alfvideo.pose.engines.network.Network`."""

    def __init__(
        self,
        network: Any,
        parts: list[str],
        context: int,
        size: tuple[int, int],
        device: torch.device,
    ) -> None:
        self.network = network.to(device).eval()
        self.parts = parts
        self.context = context
        self.size = size
        """Height and width of the frames that the network sees, in pixels."""
        self.is_regression = isinstance(network, lightning_pose.models.RegressionTracker)
        self.device = device
        self.mean = torch.tensor(_IMAGENET_MEAN, device=device).view(1, 3, 1, 1)
        self.std = torch.tensor(_IMAGENET_STD, device=device).view(1, 3, 1, 1)

    def predict(self, frames: Image) -> Floats:
        """Predict as `Network.predict`; pixels are those of the labels in training."""
        height, width = frames.shape[1:3]
        if frames.strides[-1] == 0:
            # A gray frame, its one channel seen three times: the same result for a third of it.
            frames = frames[..., :1]
        with torch.inference_mode():
            pixels = torch.tensor(frames, device=self.device).permute(0, 3, 1, 2).float() / 255
            # As the video readers of Lightning Pose: the resizing of OpenCV moves points by pixels.
            pixels = torch.nn.functional.interpolate(
                pixels, size=self.size, mode="bilinear", align_corners=False
            )
            whole = torch.tensor([0.0, 0.0, height, width], device=self.device)
            batch = {
                "frames": (pixels - self.mean) / self.std,
                "bbox": whole.repeat(len(frames), 1),
                "transforms": torch.tensor([-1.0], device=self.device),
                "is_multiview": False,
            }
            points, likelihoods = self.network.predict_step(batch, 0)
            if self.is_regression:
                # It has no likelihoods, and gives pixels of the resized picture.
                points = points * torch.tensor(
                    [width / self.size[1], height / self.size[0]], device=self.device
                ).repeat(len(self.parts))
                likelihoods = torch.ones_like(points[:, ::2])
            found = torch.cat([points.unflatten(1, (-1, 2)), likelihoods.unsqueeze(2)], dim=2)
        poses: Floats = found.double().cpu().numpy()
        return poses
