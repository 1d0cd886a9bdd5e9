"""Cameras of IBL rigs: frame size, rate, and where things are in the frame."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from alfvideo.video.region import Region


@dataclass(frozen=True)
class Expected:
    """Expected properties of a camera's video; None is not known. Sizes in pixels, fps in Hz."""

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
    """Return the expected video of a camera: by its description, else by the known rigs.

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


_LARGE, _SMALL = (1280, 1024), (640, 512)
"""Width and height of the frames that the regions below are given for."""

FACE = {
    "left": Region(138, 45, 363, 301, _LARGE),
    "right": Region(430, 14, 188, 160, _SMALL),
    "body": Region(90, 141, 249, 131, _SMALL),
}
"""The region that tells the position: the face, for the body camera the body holder
(`CameraQC.find_face`)."""

SHARP = {
    "left": (Region(0, 0, 561, 400, _LARGE), Region(100, 500, 700, 524, _LARGE)),
    "right": (Region(397, 0, 243, 196, _SMALL), Region(255, 221, 385, 291, _SMALL)),
    "body": (Region(84, 143, 349, 131, _SMALL),),
}
"""Places to be in focus: face and paws or wheel, or the body holder (`CameraQC.check_focus`)."""

WHEEL = {"left": Region(233, 800, 863, 220, _LARGE), "right": Region(104, 426, 441, 84, _SMALL)}
"""Where the wheel turns (`MotionAlignment.roi`)."""
