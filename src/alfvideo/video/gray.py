"""Gray values of decoded video frames, from the luma plane where the picture has no colour."""

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange

from alfvideo.array_types import Image
from alfvideo.video import upright
from alfvideo.video.region import Region

_LUMA_FIRST = {"gray", "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"}
"""Pixel formats whose first plane is the luma with 8 bits."""

_NO_COLOUR = 128

_LIMITED = np.arange(256) - 16
_FROM_LIMITED = np.clip((_LIMITED * 9539) >> 13, 0, 255).astype(np.uint8)
"""Gray value of each luma of limited range, 255/219 (y - 16) as in FFmpeg's conversion."""

_FROM_LIMITED_444 = np.clip(np.floor(_LIMITED * 255 / 219 + 0.5), 0, 255).astype(np.uint8)
"""The same for pictures with chroma of full size, which FFmpeg rounds instead of cutting off."""


def without_colour(frame: av.VideoFrame, region: Region | None = None) -> Image | None:
    """Copy the gray values of a frame or a region of it, upright, (height, width) uint8.

    They are what OpenCV makes of the decoded picture, to the bit. None if the picture has colour
    there, or its luma cannot be read directly.
    """
    if not has_luma_plane(frame):
        return None
    turns = upright.turns(frame)
    if region is None:
        region = Region(0, 0, frame.width, frame.height)
    else:
        region = upright.as_coded(region, turns, frame.width, frame.height)
    if any(_has_colour(plane, frame, region) for plane in frame.planes[1:]):
        return None
    luma = values(frame.planes[0])[region.slices]
    if is_full_range(frame):
        return upright.turned(luma.copy(), turns)
    table = _FROM_LIMITED_444 if frame.format.name == "yuv444p" else _FROM_LIMITED
    return upright.turned(np.asarray(cv2.LUT(luma, table), np.uint8), turns)


def has_luma_plane(frame: av.VideoFrame) -> bool:
    """Return whether the first plane of a frame is its luma, with 8 bits."""
    return frame.format.name in _LUMA_FIRST


def is_full_range(frame: av.VideoFrame) -> bool:
    """Return whether the luma of a frame with a plane for it is the gray value itself."""
    full = frame.color_range == ColorRange.JPEG
    return bool(full or frame.format.name.startswith(("yuvj", "gray")))


def _has_colour(plane: av.video.plane.VideoPlane, frame: av.VideoFrame, region: Region) -> bool:
    across, down = frame.width // plane.width, frame.height // plane.height
    chroma = values(plane)[
        region.y // down : -(-(region.y + region.height) // down),
        region.x // across : -(-(region.x + region.width) // across),
    ]
    return bool((chroma != _NO_COLOUR).any())


def values(plane: av.video.plane.VideoPlane) -> Image:
    """Return the samples of a plane with 8 bits, (height, width) uint8, without a copy."""
    rows: Image = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
