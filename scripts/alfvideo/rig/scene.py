"""Draws the frames of a camera from the poses of the animal, and holds its keypoints.

Positions are in pixels of a full-size left frame (side cameras) or body frame and are scaled to
the frame size. The right camera sees the mirror image of the left one. Pixel centres are at whole
numbers: (0, 0) is the centre of the top-left pixel.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from alfvideo.rig.behaviour import slow_noise

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

NOISE_LEVEL = 12
"""Mean gray level that the sensor noise adds to the drawing."""
NOISE_SD = 2.0
PHASES = 96
"""Pre-drawn positions of the wheel within one stripe."""

SHIFT = 4

# Side cameras.
NOSE, EYE, IRIS = (172, 198), (446, 120), 36
PUPIL_DIAMETER, PUPIL_SWING = 34, 8
TUBE_TOP, TUBE_BOTTOM = (196, 372), (186, 402)
MOUTH, TONGUE_DIRECTION, TONGUE_LENGTH, TONGUE_HALF_WIDTH = (262, 296), (-0.62, 0.785), 95, 12
PAW_L, PAW_R = (456, 640), (622, 690)
WHEEL_CENTRE, WHEEL_RADIUS, WHEEL_STRIPES = (590, 1090), 455, 36
SNOUT = ((0, 0), (30, -48), (150, -110), (330, -150), (480, -90), (430, 120), (250, 122), (80, 84))
TORSO = (
    (380, 60),
    (560, 40),
    (800, 60),
    (1010, 180),
    (1020, 420),
    (900, 600),
    (640, 620),
    (470, 480),
    (400, 320),
)
# Body camera.
TAIL = (470, 205)
TREAD = (20, 350, 112, 500)
TREAD_STRIPE = 24


class Poses(NamedTuple):
    """Where everything is in each frame.

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
    """Whether the camera looks at the face from the side."""
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
        """Points (..., 2) in pixels of the camera's frames."""
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
    """Poses of the animal at `times` (n,) for one camera.

    `wheel` is its position in radians and `tongue` its extension (0 to 1) at those times.
    The generator is the same for all cameras of a session, so that they see one animal.
    """
    wander = [slow_noise(rng) for _ in range(8)]
    drift = np.column_stack([w(times) for w in wander])
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


def draw_frames(
    view: View, camera: str, poses: Poses, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Frames (height, width) uint8, one for each pose. The array is reused: copy it to keep it."""
    layers = _Layers(view, camera, rng)
    draw = _draw_side if is_side(camera) else _draw_body
    frame = np.empty_like(layers.background)
    noise = _noise_bank(view, rng)
    offsets = rng.integers(0, 64, (len(poses.wheel), 2))
    for i, (row, column) in enumerate(offsets):
        np.copyto(frame, layers.background)
        frame[layers.wheel] = layers.phase(poses.wheel[i])
        draw(frame, view, poses.keypoints[i], poses.pupil_diameter[i])
        grain = noise[row : row + view.height, column : column + view.width]
        cv2.add(frame, grain, frame)
        yield frame


class _Layers:
    """The parts of the picture that are drawn once: the background, and the wheel in phases."""

    def __init__(self, view: View, camera: str, rng: np.random.Generator) -> None:
        texture = _texture(view, rng)
        still = _still_side if is_side(camera) else _still_body
        first = still(view, texture, 0.0)
        self.background = first
        box = _wheel_box(view, camera)
        self.wheel = box
        self.period = 2 * np.pi / WHEEL_STRIPES
        phases = np.arange(PHASES) / PHASES
        self.bank = np.stack([still(view, texture, p * self.period)[box] for p in phases])

    def phase(self, angle: float) -> np.ndarray:
        """The wheel's region for the wheel at `angle` radians."""
        return self.bank[round(angle / self.period * PHASES) % PHASES]


def _wheel_box(view: View, camera: str) -> tuple[slice, slice]:
    if is_side(camera):
        (x, y), r = WHEEL_CENTRE, WHEEL_RADIUS
        corners = view([(x - r, y - r), (x + r, SIDE_SIZE[1])])
    else:
        corners = view([TREAD[:2], TREAD[2:]])
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 1, 0)
    high = np.ceil(corners.max(axis=0)).astype(int) + 2
    return slice(low[1], min(high[1], view.height)), slice(low[0], min(high[0], view.width))


def _texture(view: View, rng: np.random.Generator) -> np.ndarray:
    """Fur: fine random gray levels around 0, fixed in the picture, (height, width) int16."""
    fine = rng.normal(0, 1, (view.height, view.width)).astype(np.float32)
    streaks = cv2.GaussianBlur(fine, (0, 0), sigmaX=2.5 * view.scale + 0.3, sigmaY=0.6)
    return (12 * streaks / streaks.std()).astype(np.int16)


def _noise_bank(view: View, rng: np.random.Generator) -> np.ndarray:
    shape = (view.height + 64, view.width + 64)
    noise = rng.normal(NOISE_LEVEL, NOISE_SD, shape)
    return np.clip(np.round(noise), 0, 255).astype(np.uint8)


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round(np.asarray(points) * (1 << SHIFT)).astype(np.int32)


def _polygon(image: np.ndarray, points: np.ndarray, gray: int) -> None:
    cv2.fillPoly(image, [_fixed(points)], gray, cv2.LINE_AA, SHIFT)


def _disc(image: np.ndarray, centre: np.ndarray, radius: float, gray: int) -> None:
    x, y = _fixed(centre).tolist()
    cv2.circle(image, (x, y), max(1, round(radius * (1 << SHIFT))), gray, -1, cv2.LINE_AA, SHIFT)


def _line(image: np.ndarray, a: np.ndarray, b: np.ndarray, width: float, gray: int) -> None:
    a, b = _fixed(a).tolist(), _fixed(b).tolist()
    cv2.line(image, a, b, gray, max(1, round(width)), cv2.LINE_AA, SHIFT)


def _still_side(view: View, texture: np.ndarray, angle: float) -> np.ndarray:
    image = np.full((view.height, view.width), 22, np.uint8)
    s = view.scale
    _polygon(image, view([(1010, 240), (1280, 200), (1280, 1024), (1120, 1024)]), 75)
    _disc(image, view(WHEEL_CENTRE), WHEEL_RADIUS * s, 38)
    step = 2 * np.pi / WHEEL_STRIPES
    for i in range(WHEEL_STRIPES):
        around = i * step + angle + np.array([0, 0.45, 0.45, 0]) * step
        spokes = np.column_stack([np.cos(around), np.sin(around)])
        radii = WHEEL_RADIUS * np.array([0.42, 0.42, 0.98, 0.98])
        _polygon(image, view(WHEEL_CENTRE + radii[:, None] * spokes), 96)
    _disc(image, view(WHEEL_CENTRE), WHEEL_RADIUS * 0.2 * s, 60)
    fur = np.zeros_like(image)
    _polygon(fur, view(TORSO), 255)
    _polygon(image, view(TORSO), 92)
    _disc(image, view((760, 190)), 85 * s, 150)
    np.copyto(image, np.clip(image + texture, 0, 255).astype(np.uint8), where=fur > 0)
    _polygon(image, view([(570, 0), (1280, 0), (1280, 80), (690, 112), (590, 100)]), 205)
    for x, y in (TUBE_TOP, TUBE_BOTTOM):
        _line(image, view((x, y)), view((x - 160, y + 190)), 15 * s, 185)
        _disc(image, view((x, y)), 8 * s, 225)
    return image


def _draw_side(frame: np.ndarray, view: View, points: np.ndarray, pupil: float) -> None:
    """Head, eye, tongue and paws, in the order in which they cover each other."""
    nose, top, _, bottom, _, tongue_l, tongue_r, paw_l, paw_r, _, _ = points
    s = view.scale
    flip = np.array([-1.0 if view.mirrored else 1.0, 1.0])
    if not np.isnan(tongue_l[0]):
        # The tongue starts inside the mouth, behind the snout.
        middle = (tongue_l + tongue_r) / 2
        across = (tongue_r - tongue_l) / 2
        root = nose + np.array([95, 84]) * view.factors * flip
        _polygon(frame, np.stack([root - across, root + across, tongue_r, tongue_l]), 170)
        _disc(frame, middle, TONGUE_HALF_WIDTH * 0.7 * s, 185)
    _polygon(frame, nose + np.array(SNOUT) * view.factors * flip, 104)
    _disc(frame, nose + np.array([18, 10]) * view.factors * flip, 24 * s, 165)
    _disc(frame, nose, 9 * s, 228)
    eye = (top + bottom) / 2
    _disc(frame, eye, (IRIS + 7) * s, 70)
    _disc(frame, eye, IRIS * s, 142)
    _disc(frame, eye, pupil / 2, 6)
    shoulder = view([(540, 520), (730, 560)])
    for paw, start in zip((paw_l, paw_r), shoulder, strict=True):
        _line(frame, start, paw, 38 * s, 120)
        for dx, dy in ((-24, 10), (-14, 20), (0, 24)):
            _line(frame, paw, paw + np.array([dx, dy]) * view.factors * flip, 9 * s, 215)
        _disc(frame, paw, 21 * s, 215)


def _still_body(view: View, texture: np.ndarray, angle: float) -> np.ndarray:
    image = np.full((view.height, view.width), 34, np.uint8)
    s = view.scale
    x0, y0, x1, y1 = TREAD
    offset = angle / (2 * np.pi / WHEEL_STRIPES) * TREAD_STRIPE
    _polygon(image, view([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]), 38)
    for y in np.arange(y0 - TREAD_STRIPE, y1, TREAD_STRIPE) + offset:
        top, bottom = np.clip([y, y + TREAD_STRIPE / 2], y0, y1)
        if bottom > top:
            _polygon(image, view([(x0, top), (x1, top), (x1, bottom), (x0, bottom)]), 96)
    fur = np.zeros_like(image)
    centre, axes = _fixed(view((270, 205))).tolist(), _fixed((215 * s, 75 * s)).tolist()
    cv2.ellipse(fur, centre, axes, 0, 0, 360, 255, -1, cv2.LINE_AA, SHIFT)
    image[fur > 0] = 88
    np.copyto(image, np.clip(image + texture, 0, 255).astype(np.uint8), where=fur > 0)
    for x in (90, 180, 270, 360):
        _polygon(image, view([(x, 130), (x + 22, 130), (x + 22, 290), (x, 290)]), 190)
    _polygon(image, view([(70, 268), (450, 268), (450, 300), (70, 300)]), 215)
    _disc(image, view((150, 50)), 34 * s, 120)
    _disc(image, view((540, 420)), 60 * s, 90)
    return image


def _draw_body(frame: np.ndarray, view: View, points: np.ndarray, _pupil: float) -> None:
    """Rump and tail."""
    (tail,) = points
    s = view.scale
    _disc(frame, tail - np.array([40, 0]) * view.factors, 44 * s, 100)
    end = view((625, 250))
    bend = (tail + end) / 2 + np.array([0, 18]) * view.factors
    _line(frame, tail, bend, 13 * s, 165)
    _line(frame, bend, end, 9 * s, 165)
    _disc(frame, tail, 9 * s, 205)
