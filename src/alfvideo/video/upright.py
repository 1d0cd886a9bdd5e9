"""Turns pictures of a video upright, as its display matrix says, where a player would do so.

OpenCV, and with it DeepLabCut and Lightning Pose, turns them by whole quarters and by no more.
"""

from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation

from alfvideo.array_types import Image
from alfvideo.video.region import Region


def turns(frame: av.VideoFrame) -> int:
    """Return by how many quarters, counter-clockwise, a decoded frame is to be turned."""
    return round(frame.rotation / 90) % 4


def is_turned_only(frame: av.VideoFrame) -> bool:
    """Return whether a frame is to be turned by whole quarters, not mirrored nor at an angle."""
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return True
    a, b, _, c, d = np.frombuffer(matrix, "<i4")[:5].tolist()
    return (a, b) == (d, -c) and 0 in (a, b)


def turned(picture: npt.NDArray[Any], turns: int) -> Image:
    """Turn a picture (height, width[, 3]) by quarters counter-clockwise.

    >>> turned(np.array([[1, 2, 3]]), 1).tolist()
    [[3], [2], [1]]
    """
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture


def colours(frame: av.VideoFrame) -> Image:
    """Convert a decoded frame to what OpenCV reads, to the bit: (height, width, 3) uint8, BGR."""
    # FFmpeg rounds otherwise for RGB, of more than 8 bits.
    coded = frame.to_ndarray(format="bgr24", interpolation=Interpolation.BICUBIC)
    return turned(coded, turns(frame))


def as_coded(region: Region, turns: int, width: int, height: int) -> Region:
    """Return where a region of the upright picture is in the coded one, of this width and height.

    >>> as_coded(Region(0, 1, 1, 2), 1, width=3, height=1)
    Region(x=0, y=0, width=2, height=1, frame=None)
    """
    x, y, across, down = region[:4]
    if turns == 1:
        return Region(width - y - down, x, down, across)
    if turns == 2:
        return Region(width - x - across, height - y - down, across, down)
    if turns == 3:
        return Region(y, height - x - across, down, across)
    return region
