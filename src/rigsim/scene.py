"""Draws the frames of a camera from poses."""

from collections.abc import Iterator

import cv2
import numpy as np

from rigsim.pose import SIDE_SIZE, TONGUE_HALF_WIDTH, TUBE_BOTTOM, TUBE_TOP, Poses, View, is_side

NOISE_LEVEL = 12
"""Mean gray level that the sensor noise adds to the drawing."""
NOISE_SD = 2.0
PHASES = 128
"""Pre-drawn positions of the wheel within one stripe."""

SHIFT = 4

# Side cameras.
IRIS = 36
WHEEL_CENTRE, WHEEL_RADIUS, WHEEL_STRIPES = (590, 1090), 455, 18
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
TREAD = (20, 350, 112, 500)
TREAD_STRIPE = 48


def draw_frames(
    view: View, camera: str, poses: Poses, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield frames (height, width) uint8, one a pose. The array is reused: copy it to keep it."""
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
        """Draw the wheel's region for the wheel at `angle` radians."""
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
    """Draw fur: fine random gray levels around 0, fixed in the picture, (height, width) int16."""
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
    # An anti-aliased disc of OpenCV covers half a pixel more all round than its radius says.
    reach = max(1, round((radius - 0.5) * (1 << SHIFT)))
    cv2.circle(image, (x, y), reach, gray, -1, cv2.LINE_AA, SHIFT)


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
    """Draw head, eye, tongue and paws, in the order in which they cover each other."""
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
    """Draw rump and tail."""
    (tail,) = points
    s = view.scale
    _disc(frame, tail - np.array([40, 0]) * view.factors, 44 * s, 100)
    end = view((625, 250))
    bend = (tail + end) / 2 + np.array([0, 18]) * view.factors
    _line(frame, tail, bend, 13 * s, 165)
    _line(frame, bend, end, 9 * s, 165)
    _disc(frame, tail, 9 * s, 205)
