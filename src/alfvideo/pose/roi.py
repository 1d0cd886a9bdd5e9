"""The region that motion energy is taken of, from where the body parts are."""

import math
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.files.errors import DataError
from alfvideo.pose import table
from alfvideo.video.region import Region

NOSE = "nose_tip"
PUPIL = ("pupil_top_r", "pupil_left_r", "pupil_right_r", "pupil_bottom_r")
"""The first that is ever likely is taken for the pupil."""
TAIL = "tail_start"

Pose = Mapping[str, Floats]
"""The columns of a pose table; a DataFrame is one, too."""


def possible(parts: Collection[str]) -> bool:
    """Return whether a region can be placed by these body parts."""
    return (NOSE in parts and any(part in parts for part in PUPIL)) or TAIL in parts


def motion_energy_region(pose: Pose, source: Path, width: int, height: int) -> Region:
    """Place the whisker pad, below and between nose and pupil; else the trunk before the tail.

    The formulas are those of iblvideo. What lies outside the frame of `width` x `height` pixels is
    cut off.

    Parameters
    ----------
    pose
        Columns `{part}_x`, `{part}_y` (pixels of the whole frame) and `{part}_likelihood`.
    source
        The file that it was loaded from, for messages.

    Raises
    ------
    DataError
        If a body part that is needed is missing or never likely, or nothing of the region lies in
        the frame.
    """
    found = table.parts(pose)
    pupil = [part for part in PUPIL if part in found]
    if NOSE in found and pupil:
        box = whisker_pad(_mean_point(pose, [NOSE], source), _mean_point(pose, pupil, source))
    elif TAIL in found:
        box = trunk(_mean_point(pose, [TAIL], source))
    else:
        raise DataError(
            f"{source}: motion energy needs the body parts {NOSE} and one of {', '.join(PUPIL)}, "
            f"or {TAIL}, and the table has neither. Use a cascade that finds them for this camera."
        )
    return _inside(box, source, width, height)


def whisker_pad(nose: tuple[int, int], pupil: tuple[int, int]) -> Region:
    """Place the region of a side camera: half the distance of nose and pupil wide, a third high.

    >>> whisker_pad((100, 200), (400, 100))[:4]
    (170, 150, 158, 105)
    """
    apart = math.dist(nose, pupil)
    x, y = ((one + other) / 2 for one, other in zip(nose, pupil, strict=True))
    return Region(int(x - apart / 4), int(y), int(apart / 2), int(apart / 3))


def trunk(tail: tuple[int, int]) -> Region:
    """Place the region of a body camera: from the tail three fifths of the way to the left edge.

    >>> trunk((470, 205))[:4]
    (188, 85, 282, 210)
    """
    x, y = tail
    return Region(x * 2 // 5, y - 120, x * 3 // 5, 210)


def _mean_point(pose: Pose, parts: list[str], source: Path) -> tuple[int, int]:
    """Return the mean position, in whole pixels, of the first of the parts that is ever likely."""
    for part in parts:
        x, y, likelihood = (np.asarray(pose[f"{part}_{name}"]) for name in table.COORDINATES)
        known = (likelihood >= table.LIKELY) & np.isfinite(x) & np.isfinite(y)
        if known.any():
            return int(x[known].mean()), int(y[known].mean())
    raise DataError(
        f"{source}: the region of the motion energy cannot be placed, because "
        f"{' or '.join(parts)} reaches a likelihood of {table.LIKELY} in no frame. "
        "Look whether the video shows the animal and whether the cascade is the one for this "
        "camera."
    )


def _inside(box: Region, source: Path, width: int, height: int) -> Region:
    """Return the part of a region that lies in the frame."""
    left, right = max(box.x, 0), min(box.x + box.width, width)
    top, bottom = max(box.y, 0), min(box.y + box.height, height)
    if left >= right or top >= bottom:
        raise DataError(
            f"{source}: the region of the motion energy would be columns {box.x} to "
            f"{box.x + box.width} and rows {box.y} to {box.y + box.height} of a frame of "
            f"{width}x{height} pixels, which holds no pixel. Look whether the pose is that of this "
            "video and finds the body parts where they are."
        )
    return Region(left, top, right - left, bottom - top, (width, height))
