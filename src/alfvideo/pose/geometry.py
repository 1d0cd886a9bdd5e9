"""The part of a frame that a network sees, and the places in the frame of the points it finds.

Pixel centres are at whole numbers. "Upright" is the frame as the cascade describes it: the frame
of the camera, mirrored left to right if the camera sees the animal from the other side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from alfvideo.array_types import Floats, Image
from alfvideo.files.errors import DataError
from alfvideo.pose.cascade import CascadeSettings, Crop, Network, NetworkSettings
from alfvideo.video.region import Region

ANCHOR_LIKELIHOOD = 0.9
"""Points that a crop follows count from this likelihood on, as in iblvideo."""


@dataclass(frozen=True)
class View:
    """The picture that a network is given of each frame of a camera.

    `region` is what it shows of the upright frame, `size` the width and height that this is
    brought to, `frame_width` that of the camera's frames.
    """

    region: Region
    size: tuple[int, int]
    frame_width: int
    mirrored: bool
    brightness: float = 1.0

    def picture(self, frame: Image) -> Image:
        """Cut the picture, (height, width[, 3]) uint8, out of a frame of the same kind."""
        x, y, width, height = self.region[:4]
        left = self.frame_width - x - width if self.mirrored else x
        picture = frame[y : y + height, left : left + width]
        if self.mirrored:
            picture = np.asarray(cv2.flip(picture, 1), np.uint8)
        picture = resized(picture, self.size)
        if self.brightness != 1:
            picture = np.asarray(cv2.convertScaleAbs(picture, alpha=self.brightness), np.uint8)
        return picture

    def upright(self, poses: Floats) -> Floats:
        """Convert poses (..., 3) in pixels of the picture to pixels of the upright frame."""
        scale = np.array(self.region[2:4]) / self.size
        poses = np.array(poses, np.float64)
        poses[..., :2] = (poses[..., :2] + 0.5) * scale - 0.5 + self.region[:2]
        return poses


def resized(picture: Image, size: tuple[int, int]) -> Image:
    """Resize a picture to a width and height: smaller by averaging, larger by cubic curves."""
    if size[0] >= picture.shape[1]:
        if picture.shape[1::-1] == size:
            return picture
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    # Halving first is four times as fast as averaging over areas whose edges cut through pixels.
    while (np.array(picture.shape[1::-1]) >= 8 * np.array(size)).all() and not any(
        length % 2 for length in picture.shape[:2]
    ):
        half = picture.shape[1] // 2, picture.shape[0] // 2
        picture = np.asarray(cv2.resize(picture, half, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def mirror(x: Floats, frame_width: int) -> Floats:
    """Convert columns of the upright frame of a mirrored camera to columns of the camera's frame.

    iblvideo has W - x, which is one pixel more than where the point is.
    """
    return frame_width - 1 - x


def anchors(parts: Sequence[str], poses: Floats) -> dict[str, Floats]:
    """Locate each part on the whole: (2,) mean x and y of its likely points, in whole pixels.

    Parts are left out that are never likely. `poses` is (n, n_parts, 3).
    """
    likely = poses[..., 2] >= ANCHOR_LIKELIHOOD
    return {
        part: np.trunc(poses[likely[:, i], i, :2].mean(axis=0))
        for i, part in enumerate(parts)
        if likely[:, i].any()
    }


def view(
    network: NetworkSettings,
    cascade: CascadeSettings,
    camera: str,
    frame: tuple[int, int],
    anchors: Mapping[str, Floats],
) -> View:
    """Return the view of a cascade's network on frames of a camera of (width, height) pixels.

    A crop that would leave the frame is moved back into it.

    Raises
    ------
    DataError
        If a body part that the crop follows was not found, or nothing of the frame is in what the
        project of the model is cropped to.
    """
    drawn_on = (cascade.frame.width, cascade.frame.height) if cascade.frame else frame
    scale = np.array(frame) / drawn_on
    crop = network.crop
    region = Region(0, 0, *frame) if crop is None else _placed(crop, scale, frame, anchors)
    if isinstance(network, Network) and network.cropping:
        region = _cropped(network.cropping, frame)
    if network.size:
        size = network.size.width, network.size.height
    elif cascade.resize:
        size = tuple(np.round(np.array(region[2:4]) / scale).astype(int).tolist())
    else:
        size = region.width, region.height
    return View(region, size, frame[0], camera in cascade.mirrored, network.brightness)


def _placed(
    crop: Crop,
    scale: Floats,
    frame: tuple[int, int],
    anchors: Mapping[str, Floats],
) -> Region:
    corner = np.array([crop.x, crop.y]) * scale
    if crop.around:
        missing = [part for part in crop.around if part not in anchors]
        if missing:
            raise DataError(
                f"{' and '.join(missing)} was not found with a likelihood of {ANCHOR_LIKELIHOOD} "
                "in any sampled frame, so it is not known where to look. Check the video (is the "
                "animal in the picture and lit?) and that the cascade is for this camera."
            )
        corner += np.mean([anchors[part] for part in crop.around], axis=0)
    size = np.minimum(np.round(np.array([crop.width, crop.height]) * scale), frame)
    size = np.maximum(size, 1).astype(int)
    x, y = np.clip(np.round(corner).astype(int), 0, np.array(frame) - size).tolist()
    return Region(x, y, *size.tolist())


def _cropped(box: tuple[int, int, int, int], frame: tuple[int, int]) -> Region:
    """Crop as DeepLabCut does: clipped at the frame's right and bottom, and rounded as there."""
    (left, right), (top, bottom) = (
        [int(length * min(edge / length, 1)) for edge in edges]
        for edges, length in ((box[:2], frame[0]), (box[2:], frame[1]))
    )
    if left >= right or top >= bottom:
        raise DataError(
            f"The project of the model is cropped to columns {box[0]} to {box[1]} and rows "
            f"{box[2]} to {box[3]}, and frames have {frame[0]}x{frame[1]} pixels: set `cropping: "
            "false` in its config.yaml, or use a model for this camera."
        )
    return Region(left, top, right - left, bottom - top)
