"""What is known of the cameras of IBL rigs: frame size, rate, and where things are in the frame."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Expected:
    """What the video of a camera should be; None is not known. Sizes in pixels, fps in Hz."""

    width: int | None = None
    height: int | None = None
    fps: float | None = None


KNOWN = {
    "nidq": {
        "left": Expected(1280, 1024, 60),
        "right": Expected(640, 512, 150),
        "body": Expected(640, 512, 30),
    },
    "bpod": {"left": Expected(1280, 1024, 30)},
}
"""Cameras by the device that records their pulses (`video_meta` of `ibllib.qc.camera`)."""


def expected(camera: str, sync: str, described: Mapping[str, Any]) -> Expected:
    """What a camera should record: as its entry in the description says, else as the known rigs.

    >>> expected("left", "nidq", {"fps": 30})
    Expected(width=1280, height=1024, fps=30)
    >>> expected("belly", "nidq", {})
    Expected(width=None, height=None, fps=None)
    """
    known = KNOWN.get(sync, {}).get(camera, Expected())
    values = {field.name: described.get(field.name) for field in fields(Expected)}
    return Expected(
        **{name: getattr(known, name) if value is None else value for name, value in values.items()}
    )


class Region(NamedTuple):
    """A rectangle in a frame: rows from `top` to `bottom`, columns from `left` to `right`, in
    pixels, the ends excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index a frame with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


FRAME_SIZE = {"left": (1024, 1280), "right": (512, 640), "body": (512, 640)}
"""Height and width of the frames that the regions below are given for."""

FACE = {
    "left": Region(45, 346, 138, 501),
    "right": Region(14, 174, 430, 618),
    "body": Region(141, 272, 90, 339),
}
"""What is looked for to tell the position: the face, for the body camera the body holder
(`CameraQC.find_face`)."""

SHARP = {
    "left": (Region(0, 400, 0, 561), Region(500, 1024, 100, 800)),
    "right": (Region(0, 196, 397, 640), Region(221, 512, 255, 640)),
    "body": (Region(143, 274, 84, 433),),
}
"""What should be in focus: face and paws or wheel, or the body holder (`CameraQC.check_focus`)."""

WHEEL = {"left": Region(800, 1020, 233, 1096), "right": Region(426, 510, 104, 545)}
"""Where the wheel turns (`MotionAlignment.roi`)."""


def scaled(region: Region, camera: str, shape: tuple[int, int]) -> Region:
    """A region of the tables above in frames of another height and width.

    >>> scaled(FACE["left"], "left", (256, 320))
    Region(top=11, bottom=86, left=34, right=125)
    """
    vertical, horizontal = (new / old for new, old in zip(shape, FRAME_SIZE[camera], strict=True))
    top, bottom, left, right = region
    return Region(
        round(top * vertical),
        round(bottom * vertical),
        round(left * horizontal),
        round(right * horizontal),
    )
