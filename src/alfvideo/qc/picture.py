"""Checks of the pictures of a video: brightness, position of the camera, and focus."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from one.alf.spec import QC

from alfvideo.array_types import Floats, Image, Integers
from alfvideo.qc.outcome import Check, judged, not_set
from alfvideo.video.region import Region

BRIGHTNESS_BOUNDS: tuple[float, float] = (40, 200)
"""Mean gray levels between which a frame is neither dark nor bright."""
_BRIGHTNESS_FAIL: tuple[float, float] = (20, 227.5)
"""Halfway from the bounds to black and to white. ibllib doubles the upper bound to 400, which an
all-white frame cannot reach."""
_MIN_BRIGHTNESS_PART = 0.75
"""More than this part of the frames must be within bounds."""
_MAX_BRIGHTNESS_SD = 20

_HISTOGRAM_WARN, _HISTOGRAM_PASS = 75, 80
"""Correlation of the histograms of frame and reference, percent, that every frame must exceed."""
_POSITION_PASS, _POSITION_WARN = 10, 15
"""Distance of the face from its place in the reference, percent of the frame's width or height."""

_FOCUS_FRAMES = 20
_MIN_LAPLACIAN = 100
"""Variance of the Laplacian that every region must exceed."""
_MIN_HIGH_FREQUENCIES = 6
"""Mean level that every frame must exceed without its low spatial frequencies."""
_LOW_FREQUENCIES = 60
"""Frequencies below this are low, periods per frame."""


class Match(NamedTuple):
    """The place of a region of the reference frame in the frames of a video."""

    reference: Image
    """(height, width) uint8."""
    region: Region
    """Where it is in the reference."""
    found: Integers
    """(n, 2) int64, x and y of its top left corner in each frame, pixels."""

    @property
    def offset(self) -> Floats:
        """(2,) float64, how far right and down it is in the frames, median, pixels."""
        place = np.array([self.region.x, self.region.y])
        return np.asarray(np.median(self.found, axis=0) - place, np.float64)

    @property
    def found_region(self) -> Region:
        """The region where the match is in the frames."""
        x, y = np.median(self.found, axis=0).round().astype(int).tolist()
        return Region(x, y, self.region.width, self.region.height)


def frame_brightness(frames: Image, camera: str) -> Floats:
    """Return the mean gray level of the part of each frame with light and animal, (n,) float64.

    The right half of a body camera; the upper left of a left camera; the upper right of others, as
    in ibllib. `frames` are (n, height, width) uint8.
    """
    _, height, width = frames.shape
    if camera == "body":
        seen = frames[:, :, width // 2 :]
    elif camera == "left":
        seen = frames[:, : height // 2, : int(width * 0.66)]
    else:
        seen = frames[:, : height // 2, int(width * 0.66) :]
    return np.array([frame.mean() for frame in seen])


def brightness(levels: Floats) -> Check:
    """Check the mean gray levels of the sampled frames, (n,): not dark, not bright, and steady.

    WARNING if a quarter or more of them are outside 40 to 200; FAIL if a quarter or more are
    outside 20 to 227.5, or if their standard deviation is 20 or more.
    """
    if not levels.size:
        return not_set("No frames could be read.")
    low, high = BRIGHTNESS_BOUNDS
    outcome, reasons = QC.PASS, []
    inside = np.mean((levels > low) & (levels < high))
    if not inside > _MIN_BRIGHTNESS_PART:
        outcome = QC.WARNING
        reasons.append(
            f"{1 - inside:.0%} of the frames are too dark or too bright: their median gray level "
            f"is {np.median(levels):.0f}, expected {low} to {high}"
        )
    low, high = _BRIGHTNESS_FAIL
    if not np.mean((levels > low) & (levels < high)) > _MIN_BRIGHTNESS_PART:
        outcome = QC.FAIL
    if not np.std(levels) < _MAX_BRIGHTNESS_SD:
        outcome = QC.FAIL
        reasons.append(
            f"the light changes during the session: the gray level varies by {np.std(levels):.0f} "
            f"(standard deviation), expected less than {_MAX_BRIGHTNESS_SD}"
        )
    return judged(outcome, f"{'; '.join(reasons)}.")


def match(frames: Image, reference: Image, region: Region) -> Match:
    """Find a region of the reference frame in each frame by normalised cross-correlation.

    `frames` (n, height, width) and `reference` (height, width) are uint8, of the same size.
    """
    template = reference[region.slices]
    found = [
        cv2.minMaxLoc(cv2.matchTemplate(frame, template, cv2.TM_CCOEFF_NORMED))[3]
        for frame in frames
    ]
    return Match(reference, region, np.array(found, np.int64).reshape(-1, 2))


def position(frames: Image, matched: Match) -> Check:
    """Check that the camera sees what it sees in the reference frame, where it sees it there.

    The better of two judgements counts: how far the matched region is from its place, relative to
    the width (x) and height (y) of the frame; and how well the histograms of all frames correlate
    with that of the reference. `frames` are (n, height, width) uint8.
    """
    if not len(frames):
        return not_set("No frames could be read.")
    height, width = frames.shape[1:]
    x, y = 100 * matched.offset / (width, height)
    distance = max(abs(x), abs(y))
    correlation = 100 * _histogram_correlation(frames, matched.reference)
    by_place = _graded(distance < _POSITION_WARN, distance < _POSITION_PASS)
    by_histogram = _graded(correlation > _HISTOGRAM_WARN, correlation > _HISTOGRAM_PASS)
    return judged(
        min(by_place, by_histogram),
        f"Compared with the reference frame the picture is {abs(x):.1f} % of the width too far "
        f"{'right' if x > 0 else 'left'} and {abs(y):.1f} % of the height too far "
        f"{'down' if y > 0 else 'up'}, and the histograms correlate to {correlation:.0f} %. "
        f"Expected less than {_POSITION_PASS} % away, or more than {_HISTOGRAM_PASS} % "
        "correlation. Check the position and the focal length of the camera.",
    )


def focus(frames: Image, regions: Sequence[Region]) -> Check:
    """Check that the frames are sharp.

    It is enough if in 20 of them, with equalised histograms, either the variance of the Laplacian
    exceeds 100 in every region, or the mean level of every frame without its low frequencies, with
    levels stretched to 0 to 256, exceeds 6. `frames` are (n, height, width) uint8.
    """
    if not len(frames):
        return not_set("No frames could be read.")
    chosen = np.unique(np.linspace(0, len(frames) - 1, _FOCUS_FRAMES, dtype=int))
    equal = [cv2.equalizeHist(frames[i]) for i in chosen]
    laplacian = min(
        cv2.Laplacian(frame, cv2.CV_16S, ksize=1)[region.slices].var()
        for frame in equal
        for region in regions
    )
    if laplacian > _MIN_LAPLACIAN:
        return judged(QC.PASS, "")
    high = min(_high_frequency_level(frame) for frame in equal)
    return judged(
        QC.PASS if high > _MIN_HIGH_FREQUENCIES else QC.FAIL,
        f"The picture is not sharp: the variance of the Laplacian is {laplacian:.0f}, expected "
        f"more than {_MIN_LAPLACIAN}, and the level of the high frequencies {high:.1f}, expected "
        f"more than {_MIN_HIGH_FREQUENCIES}. Focus the camera and clean its lens.",
    )


def _histogram_correlation(frames: Image, reference: Image) -> float:
    """Return the lowest correlation of the histogram of a frame with that of the reference."""

    def histogram(image: Image) -> NDArray[np.float32]:
        return np.asarray(cv2.calcHist([image], [0], None, [256], [0, 256]), np.float32)

    expected = histogram(reference)
    return min(cv2.compareHist(histogram(f), expected, cv2.HISTCMP_CORREL) for f in frames)


def _graded(tolerable: bool, good: bool) -> QC:
    return QC.PASS if good else QC.WARNING if tolerable else QC.FAIL


def _high_frequency_level(frame: Image) -> float:
    """Return a frame's mean level without low spatial frequencies, stretched to 0 to 256."""
    spectrum = cv2.dft(frame.astype(np.float32), flags=cv2.DFT_COMPLEX_OUTPUT)
    low = _LOW_FREQUENCIES
    for rows in (slice(None, low), slice(-low, None)):
        for columns in (slice(None, low), slice(-low, None)):
            spectrum[rows, columns] = 0
    filtered = cv2.idft(spectrum)
    magnitude = cv2.magnitude(filtered[..., 0], filtered[..., 1])
    stretched = np.empty(magnitude.shape, np.uint8)
    cv2.normalize(magnitude, stretched, 0, 256, cv2.NORM_MINMAX, cv2.CV_8U)
    return float(stretched.mean())
