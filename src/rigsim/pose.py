"""Positions of the parts of the animal in each frame of a camera.

Positions are in pixels of a full-size left frame (side cameras) or body frame and are scaled to
the frame size. The right camera sees the mirror image of the left one. Pixel centres are at whole
numbers: (0, 0) is the centre of the top-left pixel.
"""

from typing import NamedTuple

import numpy as np

from rigsim.behaviour import slow_noise

SIDE_PARTS = (
    "nose_tip",
    "pupil_top_r",
    "pupil_right_r",
    "pupil_bottom_r",
    "pupil_left_r",
    "tongue_end_l",
    "tongue_end_r",
    "paw_l",
    "paw_r",
    "tube_top",
    "tube_bottom",
)
BODY_PARTS = ("tail_start",)

SIDE_SIZE = (1280, 1024)
BODY_SIZE = (640, 512)

NOSE, EYE = (172, 198), (446, 120)
PUPIL_DIAMETER, PUPIL_SWING, PUPIL_FASTEST = 34, 8, 0.8
"""Pixels, and Hz: a pupil is slower than head and paws."""
TUBE_TOP, TUBE_BOTTOM = (196, 372), (186, 402)
MOUTH, TONGUE_DIRECTION, TONGUE_LENGTH, TONGUE_HALF_WIDTH = (262, 296), (-0.62, 0.785), 95, 12
PAW_L, PAW_R = (456, 640), (622, 690)
TAIL = (470, 205)


class Poses(NamedTuple):
    """Positions of everything in each frame.

    Attributes:
        parts: names of the keypoints.
        keypoints: (n_frames, n_parts, 2) pixels of this camera's frames, x then y; NaN: hidden.
        pupil_diameter: (n_frames,) pixels of this camera's frames; NaN for a body camera.
        wheel: (n_frames,) wheel position in radians.
    """

    parts: tuple[str, ...]
    keypoints: np.ndarray
    pupil_diameter: np.ndarray
    wheel: np.ndarray


def is_side(camera: str) -> bool:
    """Return whether the camera looks at the face from the side."""
    return camera in ("left", "right")


class View:
    """From positions in a full-size frame to pixels of a camera's frames."""

    def __init__(self, camera: str, width: int, height: int) -> None:
        full = SIDE_SIZE if is_side(camera) else BODY_SIZE
        self.width, self.height = width, height
        self.factors = np.array([width / full[0], height / full[1]])
        self.scale = float(np.sqrt(self.factors.prod()))
        self.mirrored = camera == "right"

    def __call__(self, points: object) -> np.ndarray:
        """Return points (..., 2) in pixels of the camera's frames."""
        points = (np.asarray(points, float) + 0.5) * self.factors - 0.5
        if self.mirrored:
            points[..., 0] = self.width - 1 - points[..., 0]
        return points


def make_poses(
    view: View,
    camera: str,
    times: np.ndarray,
    wheel: np.ndarray,
    tongue: np.ndarray,
    rng: np.random.Generator,
) -> Poses:
    """Make poses of the animal at `times` (n,) for one camera.

    `wheel` is its position in radians and `tongue` its extension (0 to 1) at those times.
    The generator is the same for all cameras of a session, so that they see one animal.
    """
    fastest = [2.0, 2.0, 2.0, PUPIL_FASTEST, 2.0, 2.0, 2.0, 2.0]
    drift = np.column_stack([slow_noise(rng, hertz)(times) for hertz in fastest])
    if not is_side(camera):
        tail = np.array(TAIL) + drift[:, :2] * [7, 5]
        nothing = np.full(len(times), np.nan)
        return Poses(BODY_PARTS, view(tail)[:, None], nothing, wheel)
    head = drift[:, :2] * [5, 4]
    nose = np.array(NOSE) + head + drift[:, 2:3] * [2, -3]
    diameter = view.scale * np.clip(PUPIL_DIAMETER + PUPIL_SWING * drift[:, 3], 16, 56)
    eye = view(np.array(EYE) + head)
    radius = diameter[:, None] / 2
    # pupil_right_r has the larger x in the left camera and, mirrored, the smaller in the right.
    sideways = np.array([-1.0 if view.mirrored else 1.0, 0])
    pupil = [eye - radius * [0, 1], eye + radius * sideways, eye + radius * [0, 1]]
    pupil.append(eye - radius * sideways)
    direction = np.array(TONGUE_DIRECTION)
    tip = np.array(MOUTH) + head + tongue[:, None] * TONGUE_LENGTH * direction
    across = TONGUE_HALF_WIDTH * np.array([direction[1], -direction[0]])
    hidden = np.where(tongue > 0.15, 0.0, np.nan)[:, None]
    reach = np.clip(np.gradient(wheel, times), -4, 4) if len(times) > 1 else np.zeros(1)
    steer = reach[:, None] * [9, -3]
    paws = [
        np.array(PAW_L) + drift[:, 4:6] * [14, 9] + steer,
        np.array(PAW_R) + drift[:, 6:8] * [14, 9] + steer,
    ]
    still = np.zeros((len(times), 2))
    points = [
        view(nose),
        *pupil,
        view(tip - across) + hidden,
        view(tip + across) + hidden,
        *map(view, paws),
        view(TUBE_TOP + still),
        view(TUBE_BOTTOM + still),
    ]
    return Poses(SIDE_PARTS, np.stack(points, axis=1), diameter, wheel)
