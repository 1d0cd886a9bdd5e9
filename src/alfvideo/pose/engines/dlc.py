"""Networks of DeepLabCut 3 (PyTorch) that find one animal, in the whole picture or in a box."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import torch
from deeplabcut.pose_estimation_pytorch.apis.utils import get_pose_inference_runner
from deeplabcut.pose_estimation_pytorch.apis.videos import VideoIterator, video_inference
from deeplabcut.pose_estimation_pytorch.data.preprocessor import AugmentImage
from deeplabcut.pose_estimation_pytorch.data.transforms import ScaleToUnitRange

from alfvideo.array_types import Floats, Image
from alfvideo.pose.engines import checkpoint
from alfvideo.pose.engines.dlc_models import CONFIG, check_supported, files, read_yaml
from alfvideo.pose.engines.error import EngineError

Position = A.PadIfNeeded.PositionType


def load(
    model: Path, device: torch.device, trusted: Collection[str] = ()
) -> "SingleAnimal | TopDown":
    """Load a network; `model` is one of three things, and nothing is written to it.

    - A project folder, or the folder of one of its trainings: see `find_snapshot`. The `cropping`
      of the project is applied before frames come here.
    - A snapshot of a project; its `pytorch_config.yaml` lies beside it.
    - A file made by `deeplabcut.export_model`, which holds the configuration as well.

    Raises
    ------
    EngineError
        If there is no such model, its files are damaged or do not belong together, or it is not a
        network that finds the parts of one animal.
    """
    file, _ = files(model)
    config, weights, config_file = read_snapshot(file, trusted)
    check_supported(config, config_file)
    try:
        runner = get_pose_inference_runner(
            config,
            None,  # the weights are loaded below, so that an exported file needs no copy
            device=str(device),
            inference_cfg={
                **(config.get("inference") or {}),
                "multithreading": {"enabled": False},
                "compile": {"enabled": False},
            },
        )
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise EngineError(
            f"{config_file} does not describe a network that this DeepLabCut can build ({reason}): "
            "put back the file that the network was trained with, or install the DeepLabCut "
            "version that trained it."
        ) from error
    try:
        runner.model.load_state_dict(weights)
    except RuntimeError as error:
        raise EngineError(
            f"The weights in {file} do not fit the network that {config_file} describes: put "
            "together the snapshot and the configuration of one training."
        ) from error
    parts = list(config["metadata"]["bodyparts"])
    if str(config.get("method", "bu")).lower() == "td":
        return TopDown(runner, parts, device)
    return SingleAnimal(runner, parts, device)


def own(model: Path, clip: Path, device: torch.device) -> Floats | None:
    """Predict poses (n, n_parts, 3) of a clip by DeepLabCut's own `video_inference`.

    None for an exported file, which it does not take.
    """
    snapshot, config_file = files(model)
    if config_file is None:
        return None
    runner = get_pose_inference_runner(config_file, snapshot, device=str(device))
    video = VideoIterator(str(clip))
    box = np.array([[0, 0, video.width, video.height]])
    if str(read_yaml(config_file).get("method", "bu")).lower() == "td":
        video.set_context([{"bboxes": box}] * video.get_n_frames())
    found = video_inference(video, runner)
    return np.stack([each["bodyparts"][0] for each in found]).astype(np.float64)


def read_snapshot(
    file: Path, trusted: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, torch.Tensor], Path]:
    """Read configuration and weights of a snapshot or exported file, and the source of the former.

    Only weights and plain values are read, never code, unless the file is trusted.
    """
    content = checkpoint.read(file, trusted, checkpoint.NUMBERS)
    if isinstance(content, dict) and "config" in content and "pose" in content:
        return content["config"], content["pose"], file
    if not isinstance(content, dict) or "model" not in content:
        raise EngineError(
            f"{file} is not a snapshot of DeepLabCut 3: name a snapshot-*.pt or an exported .pt."
        )
    config_file = file.with_name(CONFIG)
    return read_yaml(config_file), content["model"], config_file


class SingleAnimal:
    """A DeepLabCut network on batches, with the preparation that its configuration asks for."""

    context = 0

    def __init__(self, runner: Any, parts: list[str], device: torch.device) -> None:
        self.parts = parts
        self.runner = runner
        self.device = device
        augment = next(c for c in runner.preprocessor.components if isinstance(c, AugmentImage))
        transforms = list(augment.transform.transforms)
        scale, shift = np.ones(3), np.zeros(3)
        # Normalisation comes last; a whole batch of it on the device replaces it frame by frame.
        while transforms and isinstance(transforms[-1], A.Normalize | ScaleToUnitRange):
            last = transforms.pop()
            if isinstance(last, A.Normalize):
                shift = shift - scale * np.array(last.mean) / np.array(last.std)
                scale = scale / np.array(last.std)
            scale = scale / 255
        for transform in transforms:
            # Padding at random is meant for training: the same frame must give the same pose.
            if isinstance(transform, A.PadIfNeeded) and transform.position == Position.RANDOM:
                transform.position = Position.TOP_LEFT
        augment.transform.transforms = transforms
        self.prepare = augment if transforms else None
        self.scale, self.shift = (
            torch.tensor(values, dtype=torch.float32, device=device).view(1, 3, 1, 1)
            for values in (scale, shift)
        )

    def predict(self, frames: Image) -> Floats:
        """Predict poses of frames; see `network.Network`."""
        scales, offsets = np.ones(2), np.zeros(2)
        if self.prepare is not None:
            prepared = [self.prepare(np.ascontiguousarray(frame), {}) for frame in frames]
            frames = np.stack([frame for frame, _ in prepared])
            scales, offsets = (
                np.array([context[key] for _, context in prepared])[:, None]
                for key in ("scales", "offsets")
            )
        batch = torch.from_numpy(np.ascontiguousarray(frames)).to(self.device)
        # Channels stay last in memory: PyTorch convolves that 1.4 times as fast on a CPU.
        batch = batch.permute(0, 3, 1, 2).float().mul_(self.scale).add_(self.shift)
        poses = _predicted(self.runner, batch)
        poses[..., :2] = poses[..., :2] * scales + offsets
        return poses


class TopDown:
    """A DeepLabCut network that looks into the box of an animal: all of the picture it is given.

    So the crop of the cascade takes the place of a detector.
    """

    context = 0

    def __init__(self, runner: Any, parts: list[str], device: torch.device) -> None:
        self.parts = parts
        self.runner = runner
        self.device = device

    def predict(self, frames: Image) -> Floats:
        """Predict poses of frames; see `network.Network`."""
        height, width = frames.shape[1:3]
        prepared = [
            self.runner.preprocessor(
                np.ascontiguousarray(frame), {"bboxes": np.array([[0, 0, width, height]])}
            )
            for frame in frames
        ]
        batch = torch.cat([torch.as_tensor(picture) for picture, _ in prepared]).to(self.device)
        poses = _predicted(self.runner, batch)
        scales, offsets = (
            np.array([context[key] for _, context in prepared]).reshape(-1, 1, 2)
            for key in ("scales", "offsets")
        )
        poses[..., :2] = poses[..., :2] * scales + offsets
        return poses


def _predicted(runner: Any, batch: torch.Tensor) -> Floats:
    """Run a network on a batch of pictures; returns (n, n_parts, 3) in pixels of these."""
    autocast = runner.inference_cfg.autocast.enabled
    with torch.inference_mode(), torch.autocast(batch.device.type, enabled=autocast):
        found = runner.model.get_predictions(runner.model(batch))["bodypart"]["poses"][:, 0]
    poses: Floats = found.double().cpu().numpy()
    return poses
