"""Panels that show why the times of a camera are held to be right."""

import numpy as np
from matplotlib.axes import Axes

from alfvideo.array_types import Floats
from alfvideo.plots.palette import BLUE, GRAY, ORANGE, PURPLE, without_data
from alfvideo.timing.evidence import Evidence
from alfvideo.timing.pulses import period
from alfvideo.timing.reliability import in_words

_COLOURS = {"gpio": BLUE, "clock": ORANGE}
_NAMES = {"gpio": "GPIO", "clock": "camera's clock"}
_UNITS = {"gpio": "fronts agree", "clock": "standard deviations"}
_LINEAR = 10
"""Pulses around the start that was taken up to which the axis is linear."""
_MIN_POINTS, _MAX_POINTS = 3, 20_000


def starts(axes: Axes, evidence: Evidence | None) -> None:
    """Draw how strongly each witness speaks for each pulse as that of the first frame.

    Each is drawn as a part of its best: one that is sure has a single peak, at 0.
    """
    title = f"Evidence for the first frame's pulse: {in_words(evidence)}"
    drawn = [each for each in evidence.witnesses if each.starts] if evidence else []
    if evidence is None or not drawn:
        reason = evidence.reason if evidence else ""
        without_data(axes, title, reason or "No starts were compared with each other.")
        return
    for witness in drawn:
        best = max(witness.scores) or 1.0
        label = (
            f"{_NAMES.get(witness.name, witness.name)}: {witness.agreement:g} "
            f"{_UNITS.get(witness.name, '')}, {witness.second:g} elsewhere"
        )
        colour = _COLOURS.get(witness.name, PURPLE)
        heights = np.divide(witness.scores, best)
        axes.plot(witness.starts, heights, ".-", color=colour, label=label, linewidth=1)
    axes.axvline(0, color=GRAY, linestyle="--", label="taken")
    axes.set_xscale("symlog", linthresh=_LINEAR)
    axes.set(
        title=title,
        xlabel="pulses after the one that was taken",
        ylabel="evidence (part of the best)",
        ylim=(0, 1.5),
    )
    axes.legend(loc="upper right", fontsize="small")


def clocks(axes: Axes, times: Floats, clock: Floats | None) -> None:
    """Draw by how much the times depart from the camera's clock, which runs at another rate.

    Frames with the times of their own exposures lie on one smooth line; a step is a frame that is
    off.

    Parameters
    ----------
    times
        (n,) float64, seconds of the DAQ.
    clock
        (m,) float64, seconds of the camera's clock; None if it saved none.
    """
    title = "Times against the camera's clock"
    n = 0 if clock is None else min(clock.size, times.size)
    known = np.zeros(0, bool) if clock is None else np.isfinite(times[:n]) & np.isfinite(clock[:n])
    if clock is None or np.count_nonzero(known) < _MIN_POINTS:
        without_data(axes, title, "The camera saved no clock, or there are no times.")
        return
    by_daq, by_camera = times[:n][known], clock[:n][known]
    if not ((np.diff(by_daq) > 0).all() and (np.diff(by_camera) > 0).all()):
        without_data(axes, title, "The times or the camera's clock do not increase.")
        return
    seconds = by_camera - by_camera[0]
    rate, offset = np.polyfit(seconds, by_daq - by_daq[0], 1)
    apart = by_daq - by_daq[0] - (rate * seconds + offset)
    frame = period(by_daq)
    every = 1 + apart.size // _MAX_POINTS
    axes.axhspan(-0.5, 0.5, color=GRAY, alpha=0.12, label="half a frame")
    axes.plot(by_daq[::every], apart[::every] / frame, ".", color=BLUE, markersize=2)
    reach = max(1.0, 1.2 * float(np.abs(apart).max()) / frame)
    axes.set(title=title, xlabel="time (s)", ylabel="departure (frames)", ylim=(-reach, reach))
    axes.legend(loc="upper right", fontsize="small")
