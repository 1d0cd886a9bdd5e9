"""Train a network of the demo on labelled pictures.

Runs in the environment of the network's engine; README.md beside this file has the commands.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

HERE = Path(__file__).parent

MEAN, SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NORMALISED = ((np.arange(256)[:, None] / 255 - MEAN) / SD).astype(np.float32)
"""What both engines make of a gray value in the three channels, (256, 3)."""


class Training(NamedTuple):
    """The pictures that a network is for, and how it is trained."""

    pictures: str
    steps: int
    batch: int
    rate: float


NETWORKS = {
    "dlc_side": Training("side", steps=1400, batch=4, rate=2e-3),
    "dlc_eye": Training("eye", steps=1200, batch=8, rate=2e-3),
    "dlc_body": Training("body", steps=600, batch=8, rate=2e-3),
    "litpose_side": Training("side", steps=1200, batch=8, rate=1e-3),
}


class Pictures(NamedTuple):
    """Labelled pictures, as labels.py has written them."""

    images: np.ndarray  # (n, height, width) uint8
    keypoints: np.ndarray  # (n, n_parts, 2), NaN: hidden
    full: np.ndarray  # (n,)
    parts: np.ndarray  # (n_parts,) names


def augmented(
    image: np.ndarray, keypoints: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Move, stretch and brighten a picture and its keypoints a little, most of the time."""
    if rng.random() < 0.7:
        size = np.array(image.shape[::-1])
        stretch, move = rng.uniform(0.95, 1.05), rng.uniform(-0.03, 0.03, 2) * size
        matrix = np.column_stack([np.eye(2) * stretch, move])
        image = cv2.warpAffine(image, matrix, size.tolist(), borderMode=cv2.BORDER_REPLICATE)
        keypoints = keypoints * stretch + move
    brighter = image * rng.uniform(0.9, 1.1) + rng.uniform(-6, 6)
    return np.clip(brighter, 0, 255).astype(np.uint8), keypoints


def normalised(images: np.ndarray) -> np.ndarray:
    """Pictures (n, height, width) uint8 as inputs of a network, (n, 3, height, width)."""
    return np.ascontiguousarray(NORMALISED[images].transpose(0, 3, 1, 2))


def train_dlc(name: str, pictures: Pictures, start: Path | None) -> Callable:
    """Train a DeepLabCut network and write its snapshot; returns inputs -> (n, n_parts, 3)."""
    import torch
    import yaml
    from deeplabcut.pose_estimation_pytorch.models import PoseModel

    config = yaml.safe_load((HERE / name / "pytorch_config.yaml").read_text())
    model = PoseModel.build(config["model"])
    if start:
        _start(model, torch.load(start)["model"])

    def loss(inputs: torch.Tensor, keypoints: np.ndarray) -> torch.Tensor:
        # The heatmap of a hidden point (visibility 0) is to be zero everywhere.
        visibility = np.isfinite(keypoints[..., :1]) * 2.0
        labels = {"keypoints": torch.tensor(np.nan_to_num(np.dstack([keypoints, visibility])))}
        outputs = model(inputs)
        return model.get_loss(outputs, model.get_target(outputs, labels))["total_loss"]

    def predict(inputs: torch.Tensor) -> np.ndarray:
        return model.get_predictions(model(inputs))["bodypart"]["poses"][:, 0].numpy()

    _optimise(model, loss, pictures, NETWORKS[name])
    steps = NETWORKS[name].steps
    snapshot = {"model": _halved(model), "metadata": {"epoch": steps}}
    torch.save(snapshot, HERE / name / f"snapshot-{steps}.pt")
    return predict


def train_litpose(name: str, pictures: Pictures, start: Path | None) -> Callable:
    """Train a Lightning Pose network and write its checkpoint; returns as `train_dlc`."""
    import torch
    from lightning_pose.data.heatmaps import generate_heatmaps
    from lightning_pose.models import HeatmapTracker
    from omegaconf import OmegaConf

    config = OmegaConf.load(HERE / name / "config.yaml")
    size = config.data.image_resize_dims.height, config.data.image_resize_dims.width
    model = HeatmapTracker(
        num_keypoints=config.data.num_keypoints,
        backbone=config.model.backbone,
        pretrained=start is None,
        image_size=size[0],
    )
    if start:
        _start(model, torch.load(start, map_location="cpu")["state_dict"])
    # Lightning Pose scales points without regard to the half pixel at the border of the picture.
    scale = np.array(size[::-1]) / pictures.images.shape[:0:-1]

    def shrunk(inputs: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.interpolate(inputs, size, mode="bilinear", align_corners=False)

    def loss(inputs: torch.Tensor, keypoints: np.ndarray) -> torch.Tensor:
        # The heatmap of a hidden point (1) is to be uniform, that of a visible one (2) a Gaussian.
        visibility = torch.tensor(np.isfinite(keypoints[..., 0]) + 1)
        points = torch.tensor(np.nan_to_num(keypoints * scale), dtype=torch.float32)
        heatmaps = model(shrunk(inputs))
        wanted = generate_heatmaps(points, *size, heatmaps.shape[-2:], visibility=visibility)
        return -(wanted * torch.log(heatmaps + 1e-9)).sum(dim=(2, 3)).mean()

    def predict(inputs: torch.Tensor) -> np.ndarray:
        points, likelihood = model.head.run_subpixelmaxima(model(shrunk(inputs)))
        return np.dstack([points.unflatten(1, (-1, 2)).numpy() / scale, likelihood.numpy()])

    _optimise(model, loss, pictures, NETWORKS[name])
    steps = NETWORKS[name].steps
    checkpoint = {
        "state_dict": _halved(model),
        "hyper_parameters": {**model.hparams, "pretrained": False},
        "epoch": 0,
        "global_step": steps,
        "pytorch-lightning_version": "2.5.6",
    }
    folder = HERE / name / "tb_logs" / name / "version_0" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(checkpoint, folder / f"epoch=0-step={steps}-best.ckpt")
    return predict


def _start(model: Any, state: dict[str, Any]) -> None:
    """Load the weights of the backbone, and of the heads if they are for as many parts."""
    own = model.state_dict()
    fitting = {k: v for k, v in state.items() if k in own and v.shape == own[k].shape}
    missing = model.load_state_dict(fitting, strict=False).missing_keys
    if wrong := [name for name in missing if name.startswith("backbone")]:
        raise ValueError(f"not weights of this backbone: {', '.join(wrong[:3])} ...")


def _halved(model: Any) -> dict[str, Any]:
    """Return the weights in half precision, and give them to the model itself."""
    state = {k: v.half() if v.ndim > 1 else v for k, v in model.state_dict().items()}
    model.load_state_dict(state)
    return state


def _optimise(model: Any, loss: Callable, pictures: Pictures, training: Training) -> None:
    import torch

    rng = np.random.default_rng(0)
    optimiser = torch.optim.AdamW(model.parameters(), lr=training.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, training.rate, training.steps, pct_start=0.1
    )
    model.train()
    total, began = 0.0, time.monotonic()
    for step in range(1, training.steps + 1):
        rows = rng.integers(len(pictures.images), size=training.batch)
        pairs = [augmented(pictures.images[i], pictures.keypoints[i], rng) for i in rows]
        images, keypoints = map(np.stack, zip(*pairs, strict=True))
        value = loss(torch.from_numpy(normalised(images)), keypoints)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        schedule.step()
        total += value.item() / 100
        if step % 100 == 0:
            print(f"step {step}, loss {total:.5f}, {time.monotonic() - began:.0f} s", flush=True)
            total = 0.0
    model.eval()


def check(predict: Callable, pictures: Pictures) -> None:
    """Print how far from the truth the points are, in pixels of a full-size frame."""
    import torch

    with torch.inference_mode():
        batches = np.array_split(pictures.images, max(1, len(pictures.images) // 16))
        poses = np.concatenate([predict(torch.from_numpy(normalised(b))) for b in batches])
    error = np.linalg.norm(poses[..., :2] - pictures.keypoints, axis=2) * pictures.full[:, None]
    print("part            median   95 %   likelihood > 0.9: visible, hidden")
    for i, part in enumerate(pictures.parts):
        seen, likely = np.isfinite(error[:, i]), poses[:, i, 2] > 0.9
        hidden = f"{likely[~seen].mean():.3f}" if not seen.all() else ""
        median, most = np.percentile(error[seen, i], (50, 95))
        print(f"{part:15} {median:6.2f} {most:6.2f}   {likely[seen].mean():.3f} {hidden}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("folder", type=Path, help="where labels.py has written its pictures")
    parser.add_argument("--start", type=Path, help="weights to start from")
    arguments = parser.parse_args()
    what = NETWORKS[arguments.network].pictures
    files = (arguments.folder / f"{purpose}_{what}.npz" for purpose in ("train", "check"))
    train, demo = (Pictures(**np.load(file)) for file in files)
    engine = train_dlc if arguments.network.startswith("dlc") else train_litpose
    check(engine(arguments.network, train, arguments.start), demo)


if __name__ == "__main__":
    main()
