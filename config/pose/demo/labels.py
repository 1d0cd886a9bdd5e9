"""Render sessions of the demo's rig, and cut labelled pictures from them for training.

Runs in alfvideo's own environment; README.md beside this file has the command.
"""

import sys
from pathlib import Path

import av
import numpy as np

from alfvideo.pose.geometry import View
from alfvideo.video.region import Region
from rigsim import Rig, demo, layout, load_truth, render

CAMERAS = {"side": ("left", "right"), "eye": ("left", "right"), "body": ("body",)}
SIZES = {"side": (320, 256), "eye": (96, 96), "body": (160, 128)}
"""Width and height of the pictures that the demo's cascades give to the networks."""
EYE_SIDE = 160
"""Side of the eye's crop, around pupil_top_r, in pixels of a 1280 x 1024 frame."""
JITTER = 16
"""How far that crop is moved about for training, in the same pixels."""
PUPIL = slice(1, 5)
"""The parts that the eye's network finds."""
SESSIONS = 48
"""Sessions to render for training; those of the demo itself are for the check."""
FRAMES = 24
"""Frames of each session and camera, half of them with the tongue out if it comes out."""


def main(folder: Path) -> None:
    """Write `train_*.npz` and `check_*.npz`, one of each for the side, the eye and the body.

    Arrays: `images` (n, height, width) uint8, `keypoints` (n, n_parts, 2) in pixels of the
    picture, NaN for a hidden one, `full` (n,) pixels of a full-size frame to one of the picture,
    and `parts`, their names.
    """
    kinds = ("spikeglx", "camlog")
    rigs = {
        "train": [
            Rig(kind=kinds[seed % 2], subject=f"T{seed:03}", seconds=5, scale=0.25, seed=seed)
            for seed in range(1, SESSIONS + 1)
        ],
        "check": [rig for rig in demo.SESSIONS if not rig.faults],
    }
    for purpose, sessions in rigs.items():
        paths = [render(folder / "sessions", rig) for rig in sessions]
        for what, cameras in CAMERAS.items():
            cut = [
                pictures(what, path, rig, camera, JITTER if purpose == "train" else 0)
                for path, rig in zip(paths, sessions, strict=True)
                for camera in cameras
                if camera in rig.labels
            ]
            arrays = {name: np.concatenate([c[name] for c in cut]) for name in cut[0]}
            parts = load_truth(paths[0], cameras[0])["parts"]
            if what == "eye":
                parts = parts[PUPIL]
            np.savez(folder / f"{purpose}_{what}.npz", **arrays, parts=parts)


def pictures(what: str, path: Path, rig: Rig, camera: str, jitter: float) -> dict[str, np.ndarray]:
    """Pictures of some frames of a camera, made as a cascade makes them, and their keypoints."""
    rng = np.random.default_rng([rig.seed, len(what)])
    width, height = rig.frame_size(camera)
    truth = load_truth(path, camera)["keypoints"]
    keypoints = truth.copy()
    if camera == "right":
        keypoints[..., 0] = width - 1 - keypoints[..., 0]
    rows = chosen(truth, rng)
    images, positions = [], []
    for row, frame in zip(rows, read(layout.avi_path(path, rig, camera), rows), strict=True):
        region, points = Region(0, 0, width, height), keypoints[row]
        if what == "eye":
            moved = rng.uniform(-jitter, jitter, 2) - EYE_SIDE / 2
            corner = keypoints[:, 1].mean(axis=0) + moved * width / 1280
            side = round(EYE_SIDE * width / 1280)
            region = Region(*np.round(corner).astype(int).tolist(), side, side)
            points = points[PUPIL]
        images.append(View(region, SIZES[what], width, camera == "right").picture(frame))
        scale = np.array(region[2:4]) / SIZES[what]
        positions.append((points + 0.5 - region[:2]) / scale - 0.5)
    full = (640 if what == "body" else 1280) / width * scale[0]
    return {
        "images": np.stack(images),
        "keypoints": np.stack(positions),
        "full": np.full(len(rows), full),
    }


def chosen(keypoints: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows to label: `FRAMES` at random, as many with hidden parts as without where there are."""
    hidden = np.isnan(keypoints).any(axis=(1, 2))
    share = FRAMES // 2 if hidden.any() and not hidden.all() else FRAMES
    groups = (np.flatnonzero(hidden == value) for value in (False, True))
    return np.sort(np.concatenate([rng.permutation(group)[:share] for group in groups]))


def read(avi: Path, rows: np.ndarray) -> list[np.ndarray]:
    """Read these frames of a video, (height, width) uint8 each."""
    wanted = set(rows.tolist())
    with av.open(str(avi)) as container:
        frames = enumerate(container.decode(video=0))
        return [frame.to_ndarray(format="gray") for i, frame in frames if i in wanted]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
