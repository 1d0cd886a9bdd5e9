"""The figure that shows what the checks of a camera saw, and why those failed that did."""

import textwrap
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from one.alf.spec import QC

from alfvideo.array_types import Booleans, Floats, Integers
from alfvideo.plots import timing_evidence
from alfvideo.plots.palette import BLUE, GRAY, GREEN, ORANGE, VERMILLION, without_data
from alfvideo.qc.camera import Inspection
from alfvideo.qc.outcome import report
from alfvideo.qc.picture import BRIGHTNESS_BOUNDS
from alfvideo.timing.evidence import Evidence
from alfvideo.timing.frame_data import SYNC_PIN, FrameData, gpio_fronts
from alfvideo.timing.record import WheelShifts
from alfvideo.video.region import Region

_COLOUR = {
    QC.NOT_SET: GRAY,
    QC.PASS: GREEN,
    QC.WARNING: ORANGE,
    QC.FAIL: VERMILLION,
    QC.CRITICAL: VERMILLION,
}
_MAX_INTERVALS = 100_000
"""More intervals between frames are not drawn one by one."""
_MARGIN = 10
"""Frames by which the axis of the shifts goes beyond those that were used."""


def camera_qc(inspection: Inspection, title: str, shifts: WheelShifts | None = None) -> Figure:
    """Draw sampled frames, brightness, intervals, evidence for the times, and wheel; list checks.

    A panel without data says what is missing. Where the motion of the wheel was looked at to find
    the times, `shifts` are drawn beside the GPIO, or in its place if its pin never changes.
    """
    figure = Figure(figsize=(17, 14), layout="constrained")
    grid = figure.add_gridspec(2, 4, width_ratios=(1, 1, 1, 1.3), height_ratios=(1.1, 3))
    label = inspection.camera.label
    outcome = report("video", label, inspection.checks)["outcome"]
    figure.suptitle(f"{title}, {label} camera: {outcome}", fontsize=15)
    frames = [figure.add_subplot(grid[0, i]) for i in range(3)]
    _frames(frames, inspection)
    lower = grid[1, :3].subgridspec(3, 2)
    for place, draw in ((0, _brightness), (1, _intervals), (5, _wheel)):
        draw(figure.add_subplot(lower[place]), inspection)
    evidence, data = inspection.camera.evidence, inspection.camera.frame_data
    timing_evidence.starts(
        figure.add_subplot(lower[2]), evidence if isinstance(evidence, Evidence) else None
    )
    timing_evidence.clocks(
        figure.add_subplot(lower[3]),
        _array(inspection.camera.times),
        data.timestamps if isinstance(data, FrameData) else None,
    )
    has_gpio = gpio_fronts(_pins(inspection)[:, SYNC_PIN]).indices.size > 0
    alignment = lower[4].subgridspec(1, 1 + (has_gpio and shifts is not None))
    if has_gpio or shifts is None:
        _gpio(figure.add_subplot(alignment[0]), inspection)
    if shifts is not None:
        _shifts(figure.add_subplot(alignment[-1]), shifts)
        _region_of_wheel(frames, inspection, shifts.region)
    _checks(figure.add_subplot(grid[:, 3]), inspection)
    return figure


def _frames(panels: list[Axes], inspection: Inspection) -> None:
    """Draw the darkest, a middle and the brightest sampled frame, with the matched region."""
    samples, matched = inspection.samples, inspection.matched
    if samples is None or not samples.numbers.size:
        for axes in panels:
            without_data(axes, "sampled frame", inspection.checks["brightness"].sentence)
        return
    order = np.argsort(inspection.brightness, kind="stable")
    chosen = {"darkest": order[0], "middle": order[order.size // 2], "brightest": order[-1]}
    for axes, (name, i) in zip(panels, chosen.items(), strict=True):
        axes.imshow(samples.frames[i], cmap="gray", vmin=0, vmax=255)
        axes.set_title(f"frame {samples.numbers[i]} ({name})")
        axes.set_axis_off()
        if matched is not None:
            axes.add_patch(_outline(matched.region, BLUE, "--", "reference"))
            axes.add_patch(_outline(matched.found_region, ORANGE, "-", "found"))
    if matched is not None:
        panels[0].legend(loc="lower left", fontsize="small")


def _outline(region: Region, colour: str, style: str, label: str) -> Rectangle:
    return Rectangle(
        (region.x, region.y),
        region.width,
        region.height,
        fill=False,
        edgecolor=colour,
        linestyle=style,
        linewidth=2,
        label=label,
    )


def _brightness(axes: Axes, inspection: Inspection) -> None:
    samples, times = inspection.samples, _array(inspection.camera.times)
    if samples is None or not samples.numbers.size:
        without_data(axes, "Brightness", inspection.checks["brightness"].sentence)
        return
    timed = times.size > samples.numbers[-1]
    x = times[samples.numbers] if timed else samples.numbers
    axes.plot(x, inspection.brightness, ".-", color=BLUE, label="sampled frame")
    for bound in BRIGHTNESS_BOUNDS:
        axes.axhline(
            bound, color=VERMILLION, linestyle="--", label="bounds" if bound < 100 else None
        )
    axes.set(
        title="Brightness",
        xlabel="time (s)" if timed else "frame",
        ylabel="mean gray level (0 to 255)",
        ylim=(0, 255),
    )
    axes.legend(loc="upper right", fontsize="small")


def _intervals(axes: Axes, inspection: Inspection) -> None:
    times = _array(inspection.camera.times)
    if times.size < 2:
        without_data(axes, "Intervals between frames", "There are no camera times.")
        return
    after, intervals = times[1:], 1000 * np.diff(times)
    if not np.isfinite(intervals).any():
        without_data(axes, "Intervals between frames", "No two camera times follow each other.")
        return
    steps = np.diff(_count(inspection))[: intervals.size]
    jumps = np.flatnonzero(steps > 1)
    every = 1 + intervals.size // _MAX_INTERVALS
    shown = np.union1d(np.arange(0, intervals.size, every), np.flatnonzero(_unusual(intervals)))
    axes.plot(after[shown], intervals[shown], ".", color=BLUE, markersize=2, label="interval")
    if jumps.size:
        axes.plot(
            after[jumps],
            intervals[jumps],
            "x",
            color=VERMILLION,
            markersize=9,
            markeredgewidth=2,
            label=f"{(steps[jumps] - 1).sum()} dropped frames",
        )
    axes.set(title="Intervals between frames", xlabel="time (s)", ylabel="interval (ms)")
    axes.set_ylim(bottom=min(0, np.nanmin(intervals)), top=1.25 * np.nanmax(intervals))
    axes.legend(loc="upper right", fontsize="small")


def _unusual(intervals: Floats) -> Booleans:
    typical = float(np.nanmedian(intervals))
    return np.abs(intervals - typical) > 0.5 * typical


def _gpio(axes: Axes, inspection: Inspection) -> None:
    """Draw the delay of the camera's pin after each TTL of the DAQ."""
    title = "GPIO of the camera against sync TTL"
    times, ttl = _array(inspection.camera.times), _array(inspection.camera.ttl_rises)
    gpio = _pins(inspection)
    check = inspection.checks.get("pin_state")
    if check is None or not gpio.size or not ttl.size or times.size < 2:
        reason = check.sentence if check else "This rig has no GPIO."
        without_data(axes, title, reason or "There are no sync TTLs or no camera times.")
        return
    intervals = np.diff(times[np.isfinite(times)])
    if not intervals.size or not (period := np.median(intervals)) > 0:
        without_data(axes, title, "The camera times do not increase.")
        return
    fronts = gpio_fronts(gpio[: times.size, SYNC_PIN])
    rises = times[fronts.indices[fronts.polarities > 0]]
    # A rise may be seen a little before its TTL: the clocks of both have a grid.
    before = np.searchsorted(ttl, rises + 0.5 * period) - 1
    delay = np.where(before >= 0, rises - ttl[before], np.inf)
    paired = delay < 3 * period
    unseen = np.setdiff1d(np.arange(ttl.size), before[paired])
    axes.axhspan(0, 1000 * period, color=GREEN, alpha=0.15, label="one frame")
    axes.plot(rises[paired], 1000 * delay[paired], ".", color=BLUE, label="GPIO rise")
    if unseen.size:
        label = f"{unseen.size} TTLs that the GPIO did not see"
        axes.plot(ttl[unseen], np.zeros(unseen.size), "x", color=VERMILLION, label=label)
    if lonely := np.count_nonzero(~paired):
        label = f"{lonely} GPIO rises without TTL"
        axes.plot(rises[~paired], np.full(lonely, 2000 * period), "v", color=ORANGE, label=label)
    axes.set(title=title, xlabel="time (s)", ylabel="rise of GPIO after TTL (ms)")
    axes.set_ylim(-700 * period, 3000 * period)
    axes.legend(loc="upper right", fontsize="small")


def _shifts(axes: Axes, found: WheelShifts) -> None:
    """Draw the shift by the motion of the wheel over the session: windows, cleaned, used."""
    axes.plot(found.window_times, found.shifts, ".", color=GRAY, markersize=3, label="windows")
    axes.plot(found.window_times, found.cleaned_shifts, color=BLUE, linewidth=1, label="cleaned")
    end = max(found.window_times[-1], found.step_times[-1])
    axes.step(
        np.append(found.step_times, end),
        np.append(found.step_shifts, found.step_shifts[-1]),
        where="post",
        color=GREEN,
        linewidth=2,
        label="of each frame",
    )
    lowest, highest = found.step_shifts.min(), found.step_shifts.max()
    axes.set(
        title=f"Shift by the wheel, {'used' if found.used else 'NOT used'} "
        f"(distinctness {found.distinctness:.1f})",
        xlabel="time (s)",
        ylabel="shift (frames)",
        ylim=(lowest - _MARGIN, highest + _MARGIN),
    )
    axes.legend(loc="upper right", fontsize="small")


def _region_of_wheel(panels: list[Axes], inspection: Inspection, region: Region) -> None:
    """Outline in the sampled frames where the wheel was looked for."""
    samples = inspection.samples
    if samples is None or not samples.numbers.size:
        return
    for axes in panels:
        axes.add_patch(_outline(region, GREEN, "-", "wheel"))
    panels[0].legend(loc="lower left", fontsize="small")


def _wheel(axes: Axes, inspection: Inspection) -> None:
    title, motion = "Wheel against motion energy", inspection.motion
    if motion is None:
        check = inspection.checks.get("wheel_alignment")
        without_data(
            axes, title, check.sentence if check else "The wheel is not checked in habituation."
        )
        return
    axes.plot(motion.times[1:-1], motion.energy, color=ORANGE, label="motion energy of the video")
    axes.plot(motion.times[: motion.speed.size], motion.speed, color=BLUE, label="wheel speed")
    axes.set(
        title=f"{title}: best fit {motion.offset:+d} frames",
        xlabel="time (s)",
        ylabel="scaled from 0 to 1",
        ylim=(0, 1.3),
    )
    axes.legend(loc="upper right", fontsize="small")


def _checks(axes: Axes, inspection: Inspection) -> None:
    """List all checks with outcome and numbers, and the sentence of those that did not pass."""
    axes.set_axis_off()
    entries = []
    for name, check in sorted(inspection.checks.items()):
        numbers = ", ".join("none" if v is None else f"{v:g}" for v in check.values)
        heading = f"{name}: {check.outcome.name}" + (f" ({numbers})" if numbers else "")
        sentence = textwrap.fill(check.sentence, 60) if check.sentence else ""
        entries.append((heading, sentence, _COLOUR[check.outcome]))
    lines = sum(2 + sentence.count("\n") + bool(sentence) for _, sentence, _ in entries)
    line = min(0.021, 1 / lines)
    size, y = 480 * line, 1.0
    for heading, sentence, colour in entries:
        write = partial(axes.text, 0.02, va="top", transform=axes.transAxes, fontsize=size)
        write(y=y, s=heading, color=colour, weight="bold")
        write(y=y - line, s=sentence)
        y -= line * (1.6 + sentence.count("\n") + bool(sentence))


def _array(value: object) -> Floats:
    return value if isinstance(value, np.ndarray) else np.empty(0)


def _count(inspection: Inspection) -> Integers:
    """Return the frame counter; empty if there is none."""
    data = inspection.camera.frame_data
    count = data.count if isinstance(data, FrameData) else None
    return np.empty(0, np.int64) if count is None else count


def _pins(inspection: Inspection) -> Booleans:
    """Return the GPIO; empty if there is none."""
    data = inspection.camera.frame_data
    gpio = data.gpio if isinstance(data, FrameData) else None
    return np.empty((0, 4), bool) if gpio is None else gpio
