"""The figure of an alignment by the wheel: is the motion in the video that of the wheel?"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from alfvideo.array_types import Floats
from alfvideo.plots.palette import BLUE, GREEN, ORANGE, VERMILLION
from alfvideo.timing.wheel_alignment import WheelAlignment

_ENERGY, _SPEED, _HIDDEN, _SHIFT = ORANGE, BLUE, VERMILLION, GREEN

_EXCERPT = 2.0
"""Length of the excerpts in seconds."""


def wheel_alignment_figure(alignment: WheelAlignment, title: str) -> Figure:
    """Draw region, shifts and motion over the session, and excerpts before and after correction.

    Excerpts are where the wheel turned most in the first, middle and last third of the session.
    """
    figure = Figure(figsize=(15, 11), layout="constrained")
    outcome = "used" if alignment.ok else "NOT used"
    figure.suptitle(
        f"{title}: alignment by the wheel, {outcome}\n" + "\n".join(alignment.notes), fontsize=11
    )
    picture, shifts, motion, *excerpts = (
        figure.add_subplot(spec)
        for grid in [figure.add_gridspec(4, 3)]
        for spec in (
            *(grid[0, 0], grid[0, 1:], grid[1, :]),
            *(grid[row, column] for row in (2, 3) for column in range(3)),
        )
    )
    _draw_picture(picture, alignment)
    _draw_shifts(shifts, alignment)
    _draw_motion(motion, alignment)
    for column, frames in enumerate(_busiest(alignment)):
        for row, (times, speed, label) in enumerate(
            (
                (alignment.pulse_times, alignment.speed[0], "counted from the last pulse"),
                (alignment.times, alignment.speed[1], "aligned by the wheel"),
            )
        ):
            axes = excerpts[3 * row + column]
            _draw_excerpt(axes, times[frames], alignment.motion.energy[frames], speed[frames])
            axes.set_title(f"{('first', 'middle', 'last')[column]} third, times {label}")
    return figure


def _draw_picture(axes: Axes, alignment: WheelAlignment) -> None:
    if alignment.picture is not None:
        axes.imshow(alignment.picture, cmap="gray", vmin=0, vmax=255)
    x, y, width, height, _ = alignment.region
    axes.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=_ENERGY, linewidth=2))
    axes.set_title("region of the wheel")
    axes.axis("off")


def _draw_shifts(axes: Axes, alignment: WheelAlignment) -> None:
    times = alignment.window_times
    axes.plot(times, alignment.shifts, ".", color="0.6", label="windows of 150 s")
    axes.plot(times, alignment.cleaned_shifts, color="0.2", linewidth=1, label="cleaned")
    axes.plot(
        alignment.pulse_times, alignment.frame_shifts, color=_SHIFT, linewidth=2, label="used"
    )
    middle, reach = np.median(alignment.frame_shifts), np.ptp(alignment.frame_shifts) / 2 + 10
    axes.set_ylim(middle - reach, middle + reach)
    axes.set_ylabel("shift (frames)")
    axes.set_xlabel("time (s)")
    axes.set_title(f"shift over the session (distinctness {alignment.distinctness:.1f})")
    axes.legend(loc="upper right")


def _draw_motion(axes: Axes, alignment: WheelAlignment) -> None:
    times, energy = alignment.times, alignment.motion.energy
    axes.plot(times, energy, color=_ENERGY, linewidth=0.5, label="motion energy")
    hidden = alignment.motion.contaminated | alignment.motion.unreadable
    if hidden.any():
        label = "wheel hidden in part, or frame unreadable"
        zeros = np.zeros(np.count_nonzero(hidden))
        axes.plot(times[hidden], zeros, "|", color=_HIDDEN, markersize=12, label=label)
    axes.margins(x=0)
    axes.set_ylabel("motion energy\n(gray levels)")
    axes.set_xlabel("time (s)")
    axes.legend(loc="upper right")


def _busiest(alignment: WheelAlignment) -> list[slice]:
    """Choose the frames of an excerpt in each third of the session."""
    times = alignment.times
    speed = np.nan_to_num(alignment.speed[1])
    excerpts = []
    for third in np.array_split(np.arange(times.size), 3):
        busiest = times[third[speed[third].argmax()]] if third.size else times[0]
        edges = (busiest - _EXCERPT / 2, busiest + _EXCERPT / 2)
        excerpts.append(slice(*np.searchsorted(times, edges)))
    return excerpts


def _draw_excerpt(axes: Axes, times: Floats, energy: Floats, speed: Floats) -> None:
    axes.plot(times, speed, color=_SPEED, linewidth=1.5)
    axes.locator_params(axis="x", nbins=5)
    axes.set_ylabel("wheel speed (rad/s)", color=_SPEED)
    axes.set_xlabel("time (s)")
    other = axes.twinx()
    other.plot(times, energy, ".-", color=_ENERGY, markersize=3, linewidth=0.8)
    other.set_ylabel("motion energy", color=_ENERGY)
    axes.margins(x=0)
