"""Reference frames: what each camera of a lab sees when it is well placed."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from one.alf.path import ALFPath

from alfvideo.array_types import Image
from alfvideo.files import arrays, atomic, inputs
from alfvideo.files.errors import DataError
from alfvideo.qc.frames import read_samples

_MAX_IMAGE = 100_000_000
"""Bytes of an image."""

_FORMATS = (".npy", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


def find(folder: Path, camera: str) -> Path | None:
    """Find the reference frame of a camera: the first file by name that has its label in it.

    For instance `left.png`, `leftCamera_2026.npy` or `frames_left.npy`. None if there is none.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder} is not a folder. It should hold the reference frames of the cameras: make "
            "it, or correct 'reference_frames' in the configuration."
        )
    label = re.compile(f"(?<![a-z0-9]){re.escape(camera)}(?![a-z0-9])")
    files = (
        file
        for file in folder.iterdir()
        if file.suffix.lower() in _FORMATS and not file.name.startswith(".")
    )
    return min((file for file in files if label.search(file.stem)), default=None)


def load(path: Path) -> Image:
    """Read a reference frame, (height, width) uint8; of several frames in a `.npy` the first.

    Raises
    ------
    DataError
        If it cannot be read, or does not hold gray frames.
    """
    if path.suffix.lower() != ".npy":
        inputs.check(path, _MAX_IMAGE)
        try:
            image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        except cv2.error:
            image = None
        if image is None:
            raise DataError(f"{path} cannot be read as an image. Make the reference frame again.")
        return np.asarray(image, np.uint8)
    frames = arrays.load(path, max_ndim=3)
    if frames.dtype != np.uint8 or frames.ndim not in (2, 3) or not frames.size:
        raise DataError(
            f"{path}: expected gray frames (n, height, width) uint8, found an array of shape "
            f"{frames.shape} {frames.dtype}. Make the reference frame again."
        )
    frame: Image = frames if frames.ndim == 2 else frames[0]
    return frame


def make(frames: Image) -> Image:
    """Find the frame of a well-placed session most like the median of all, (height, width).

    `frames` are its sampled frames, (n, height, width) uint8, at least one.
    """
    typical = np.median(frames, axis=0).astype(np.uint8)
    best = int(np.argmin([cv2.norm(frame, typical, cv2.NORM_L1) for frame in frames]))
    chosen: Image = frames[best]
    return chosen


def save(folder: Path, camera: str, frame: Image) -> Path:
    """Write a reference frame as `{camera}.png` and return its path.

    Raises
    ------
    DataError
        If the folder has a reference frame of this camera under another name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{camera}.png"
    if (other := find(folder, camera)) not in (None, path):
        raise DataError(
            f"{other} is a reference frame of the {camera} camera already. Move it out of the "
            "folder first."
        )
    with atomic.output(path) as partial:
        partial.write_bytes(cv2.imencode(".png", frame)[1].tobytes())
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the reference frames of a lab from the mp4 videos of a well-placed session."""
    parser = argparse.ArgumentParser(
        prog="python -m alfvideo.qc.reference", description=main.__doc__
    )
    parser.add_argument("session", type=Path, help="session folder in which all cameras sit well")
    parser.add_argument("folder", type=Path, help="where the reference frames of the lab are kept")
    options = parser.parse_args(arguments)
    videos = sorted(options.session.glob("raw_video_data/_iblrig_*Camera.raw.mp4"))
    if not videos:
        sys.exit(f"{options.session} has no mp4 in raw_video_data: process it first.")
    for video in videos:
        camera = ALFPath(video).object.removesuffix("Camera")
        try:
            print(save(options.folder, camera, make(read_samples(video).frames)))
        except DataError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
