"""A short clip of a video with its keypoints drawn on it, around some stimuli."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

from alfvideo.array_types import Floats, Image, Integers
from alfvideo.pose import table

N_EXCERPTS = 4
BEFORE, AFTER = 1.0, 2.0
"""Seconds of an excerpt before and after the onset of the stimulus."""

MAX_FRAMES_PER_SECOND = 30
MIN_WIDTH, MAX_WIDTH = 480, 640
"""Pixels; smaller and larger frames are brought to that width."""

COLOURS = [
    (240, 228, 66),
    (86, 180, 233),
    (230, 159, 0),
    (204, 121, 167),
    (0, 158, 115),
    (213, 94, 0),
]
"""The lighter colours of Okabe and Ito, RGB, which the colour-blind can tell apart."""
CENTRES = [None, (0, 0, 0), (255, 255, 255)]
"""Colours of a dot in the disc, for more body parts than there are colours."""

_RADIUS, _OUTLINE, _DOT = 3.5, 1.0, 1.5
"""Pixels of the clip: radius of a disc, width of its outline, radius of the dot in it."""
_SUBPIXEL_BITS = 4
_DARK, _LIGHT = (0, 0, 0), (235, 235, 235)

_FONT = "sans"
_TEXT, _ROW, _MARGIN = 14, 20, 8
"""Pixels: size of the letters, height of a row, and space around the text."""

_MIN_RECORDED = 0.9
"""Part of the frames of an excerpt that must be there, else the camera did not record all of it."""


class Layout(NamedTuple):
    """The layout that all frames of a clip share."""

    picture: tuple[int, int]
    """Width and height of the camera's picture in the clip, pixels."""
    scale: tuple[float, float]
    """Pixels of the clip for one pixel of the camera's frame, across and down."""
    middle: int
    """Height of the middle of the row of text, pixels from the top."""
    ground: Image
    """(height, width, 3) uint8, RGB: a frame with the legend, but without picture and text."""


def pace(rate: float) -> tuple[int, float]:
    """Return the step between shown frames, and how many are shown a second, to play in real time.

    At most 30 a second; a rate that was measured up to 1 % too high counts as 30, 60 and so on.

    >>> [pace(rate) for rate in (25, 30.01, 60, 149.5)]
    [(1, 25.0), (1, 30), (2, 30.0), (5, 29.9)]
    """
    every = max(1, ceil(rate / MAX_FRAMES_PER_SECOND - 0.01))
    return every, min(rate / every, MAX_FRAMES_PER_SECOND)


def excerpts(n_frames: int, rate: float, times: Floats, onsets: Floats) -> list[range]:
    """Return the numbers of the frames of each excerpt, in order; no two overlap.

    They are around the onsets of up to 4 stimuli, spread evenly over those whose whole excerpt was
    recorded. Without such stimuli, or without times, they are moments spread evenly over the
    video. A video that is not longer than 4 excerpts is taken whole.

    `rate` is in frames per second. `times` of the frames, (n_frames,) or empty, and `onsets`,
    (n_trials,), are in seconds; onsets may be NaN.
    """
    length = max(1, round((BEFORE + AFTER) * rate))
    if n_frames <= N_EXCERPTS * length:
        return [range(n_frames)]
    around = _around(onsets, times, length) if times.size else []
    return around or _spread(n_frames, length)


def _around(onsets: Floats, times: Floats, length: int) -> list[range]:
    onsets = np.sort(onsets)
    start, end = onsets - BEFORE, onsets + AFTER
    first, stop = np.searchsorted(times, [start, end])
    whole = (start >= times[0]) & (end <= times[-1]) & (stop - first >= _MIN_RECORDED * length)
    apart: list[range] = []
    for excerpt in map(range, first[whole].tolist(), stop[whole].tolist()):
        if not apart or excerpt.start >= apart[-1].stop:
            apart.append(excerpt)
    return [apart[i] for i in _middles(len(apart), min(N_EXCERPTS, len(apart)))]


def _spread(n_frames: int, length: int) -> list[range]:
    starts = _middles(n_frames, N_EXCERPTS) - length // 2
    return [range(start, start + length) for start in starts.tolist()]


def _middles(n: int, parts: int) -> Integers:
    """Return the middle of each of so many equal parts of range(n), (parts,) int64."""
    return (2 * np.arange(parts) + 1) * n // (2 * max(parts, 1))


def shown(chosen: Iterable[range], every: int) -> Integers:
    """Return the numbers of the frames that are shown of the excerpts, (n,) int64, increasing."""
    return np.concatenate([np.array(excerpt[::every]) for excerpt in chosen])


def since_stimulus(times: Floats, onsets: Floats) -> Floats:
    """Return seconds from the nearest stimulus, negative before it, (n,) float64; NaN if none.

    `times` (n,) and `onsets` (n_trials,) are in seconds; onsets may be NaN.
    """
    onsets = np.sort(onsets[np.isfinite(onsets)])
    if not onsets.size:
        return np.full(len(times), np.nan)
    nearest = np.searchsorted((onsets[1:] + onsets[:-1]) / 2, times)
    return times - onsets[nearest]


def texts(number: int, seconds: float, since: float) -> list[str]:
    """Compose the texts below the picture of a frame; `since` may be NaN.

    >>> texts(61, 205.75, -0.25)
    ['frame 61', '205.750 s', 'stimulus -0.250 s']
    """
    from_stimulus = f"stimulus {since:+.3f} s" if np.isfinite(since) else ""
    return [f"frame {number}", f"{seconds:.3f} s", from_stimulus]


def keypoints(pose: Mapping[str, Floats], parts: Sequence[str], numbers: Integers) -> Floats:
    """Return the body parts in some frames, (n_frames, n_parts, 2) float64: x and y, pixels.

    NaN where a part is not likely.
    """
    return np.stack([table.points(pose, part)[numbers] for part in parts], axis=1)


def layout(width: int, height: int, parts: Sequence[str]) -> Layout:
    """Lay out a clip of frames of this size: picture, a row of text, and a legend of the parts."""
    across = _even(min(max(width, MIN_WIDTH), MAX_WIDTH))
    down = _even(height * across / width)
    font = cv2.FontFace(_FONT)
    widest = max(cv2.getTextSize((0, 0), part, (0, 0), font, _TEXT)[2] for part in parts)
    column = _MARGIN + _ROW + widest
    columns = max(1, min(len(parts), (across - _MARGIN) // column))
    rows = -(-len(parts) // columns)
    ground = np.zeros((down + (1 + rows) * _ROW + _MARGIN, across, 3), np.uint8)
    first = down + _MARGIN // 2 + _ROW // 2
    for i, part in enumerate(parts):
        x = _MARGIN + i // rows * column
        y = first + (1 + i % rows) * _ROW
        _mark(ground, i, x + _RADIUS, y)
        _write(ground, part, x + 2 * _RADIUS + _MARGIN, y)
    return Layout((across, down), (across / width, down / height), first, ground)


def drawn(layout: Layout, picture: Image, points: Floats, texts: Sequence[str]) -> Image:
    """Draw one frame of the clip, RGB (height, width, 3) uint8.

    `picture` is what the camera's frame shows, (height, width[, 3]) uint8. `points` are those of
    the body parts in it, (n_parts, 2): x and y in its pixels, with the centre of the top left pixel
    at 0, 0. Parts with NaN are left out.
    """
    canvas = layout.ground.copy()
    across, down = layout.picture
    shrunk = across < picture.shape[1]
    resized = cv2.resize(
        picture, layout.picture, interpolation=cv2.INTER_AREA if shrunk else cv2.INTER_LINEAR
    )
    seen = canvas[:down]
    seen[:] = resized if resized.ndim == 3 else resized[:, :, np.newaxis]
    places = (points + 0.5) * layout.scale - 0.5
    inside = ((places >= 0) & (places < layout.picture)).all(axis=1)
    for part in np.flatnonzero(inside).tolist():
        _mark(seen, part, *places[part])
    for i, text in enumerate(texts):
        _write(canvas, text, _MARGIN + i * across // len(texts), layout.middle)
    return canvas


def write(path: Path, pictures: Iterable[Image], rate: float) -> None:
    """Encode pictures (height, width, 3) uint8, RGB, of even sizes as H.264 that browsers play.

    `rate` is in frames per second.
    """
    with av.open(
        f"file:{path}", "w", format="mp4", options={"movflags": "+faststart"}
    ) as container:
        exact = Fraction(rate).limit_denominator(1001)
        stream = container.add_stream("libx264", rate=exact, options={"crf": "23"})
        stream.pix_fmt = "yuv420p"
        for i, picture in enumerate(pictures):
            if i == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = i, 1 / exact
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _even(length: float) -> int:
    """Return the nearest even number of pixels, as yuv420p needs it."""
    return max(2, 2 * round(length / 2))


def _mark(canvas: Image, part: int, x: float, y: float) -> None:
    """Draw the disc of a body part, the number of which is its place in the legend."""
    turn, colour = divmod(int(part), len(COLOURS))
    dot = CENTRES[turn % len(CENTRES)]
    _disc(canvas, x, y, _RADIUS + _OUTLINE, _DARK)
    _disc(canvas, x, y, _RADIUS, COLOURS[colour])
    if dot is not None:
        _disc(canvas, x, y, _DOT, dot)


def _disc(canvas: Image, x: float, y: float, radius: float, colour: tuple[int, int, int]) -> None:
    fixed = [round(value * 2**_SUBPIXEL_BITS) for value in (x, y, radius)]
    cv2.circle(canvas, fixed[:2], fixed[2], colour, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL_BITS)


def _write(canvas: Image, text: str, x: float, middle: float) -> None:
    """Write a text that begins at x, with the middle of its small letters at a height."""
    origin = (round(x), round(middle + 0.3 * _TEXT))
    cv2.putText(canvas, text, origin, _LIGHT, cv2.FontFace(_FONT), _TEXT)
