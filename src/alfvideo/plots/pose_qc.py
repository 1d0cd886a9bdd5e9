"""The figure of a session's pose: where the body parts are, and what they do around events."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from alfvideo.array_types import Floats
from alfvideo.behaviour import perievent
from alfvideo.behaviour.perievent import Windows
from alfvideo.files.errors import DataError
from alfvideo.plots import palette
from alfvideo.plots.pose_on_frame import WIDTH, draw_cameras
from alfvideo.plots.pose_session import FACE, SessionData, given
from alfvideo.pose import table
from alfvideo.session.trials import Trials
from alfvideo.timing import wheel
from alfvideo.trackers import TRACKERS

_PAW = {"left": "paw_r", "right": "paw_l"}
"""The paw that is nearer to each camera."""
_NOSE = dict.fromkeys(FACE, "nose_tip")


class _Event(NamedTuple):
    """The style and name that an event is drawn with."""

    linestyle: tuple[float, Sequence[float]]
    marker: str
    label: str


_STIMULUS = _Event((0, (5, 3)), "v", "stimulus onset")
_FEEDBACK = _Event((0, (1, 2)), "*", "feedback")
_TURNS: dict[int, tuple[Literal["-", "--"], str]] = {
    1: ("-", "left (counter-clockwise)"),
    -1: ("--", "right (clockwise)"),
}
"""Line style and name of each choice."""
_OUTCOMES = {1: ("correct", palette.CORRECT), -1: ("incorrect", palette.INCORRECT)}
"""Name and colour of each type of feedback."""


def pose_qc(session: SessionData, title: str) -> Figure:
    """Draw traces on a frame of each camera, and what is seen around stimulus and feedback.

    The panels are those of `ibllib.plots.figures.pose_qc_plot`, with the same windows. A panel
    without data says what is missing.
    """
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08)
    figure = Figure(figsize=(20, 13.5), layout=layout)
    title += f": pose by {TRACKERS[session.tracker].label}"
    if session.tracker != session.features_from:
        title += f"; motion energy, licks and pupil by {TRACKERS[session.features_from].label}"
    figure.suptitle(title, fontsize=17)
    grid = figure.add_gridspec(2, 1, height_ratios=(1, 1.75))
    letters = iter("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    draw_cameras(figure, grid[0], session, letters)
    panels = (
        ("Motion energy", _motion_energy),
        ("Wheel", _wheel),
        ("Paw speed", _paw_speed),
        ("Nose speed", _nose_speed),
        ("Licks", _licks),
        ("Licks in correct trials", _lick_raster),
        ("Pupil around stimulus", _pupil_at_stimulus),
        ("Pupil around feedback", _pupil_at_feedback),
    )
    lower = grid[1].subgridspec(2, 4)
    for i, (name, draw) in enumerate(panels):
        _panel(figure.add_subplot(lower[i]), f"{next(letters)}  {name}", draw, session)
    figure.legend(
        handles=_legend(session), loc="outside lower center", ncols=5, fontsize=12, frameon=False
    )
    return figure


def _panel(
    axes: Axes,
    title: str,
    draw: Callable[[Axes, SessionData, Trials], list[str]],
    session: SessionData,
) -> None:
    """Draw one panel with its sources below its title, or why it is not drawn."""
    try:
        notes = draw(axes, session, session.complete_trials())
    except DataError as reason:
        axes.clear()
        palette.without_data(axes, "", str(reason))
        notes = []
    palette.heading(axes, title, notes)


def _motion_energy(axes: Axes, session: SessionData, trials: Trials) -> list[str]:
    def trace(label: str) -> Floats:
        energy = given(session.camera(label).energy, f"{label}Camera.ROIMotionEnergy.npy")
        scored = perievent.z_scored(energy)
        if not np.isfinite(scored).any():
            raise DataError(f"{label} camera: the motion energy is always the same or unknown.")
        return scored

    labels = [label for label in session.labels if label in session.cameras] or session.labels
    notes = _by_camera(axes, session, labels, trace, trials.stimulus_onsets)
    _around(axes, _STIMULUS, "motion energy (SD from its mean)")
    return notes


def _wheel(axes: Axes, session: SessionData, trials: Trials) -> list[str]:
    timestamps, position = wheel.checked(
        *given(session.wheel, "wheel.timestamps.npy and wheel.position.npy")
    )
    offsets, values = perievent.interpolated(position, timestamps, trials.stimulus_onsets)
    values -= values[:, :1]
    recorded = np.isfinite(values).any(axis=1)
    if not recorded.any():
        raise _outside("wheel", timestamps, trials.stimulus_onsets)
    single = [np.column_stack([offsets, row]) for row in values[recorded & (trials.choices != 0)]]
    axes.add_collection(
        LineCollection(
            single,
            colors=palette.DARK_GRAY,
            linewidths=0.5,
            alpha=float(np.clip(20 / max(len(single), 1), 0.08, 0.6)),
        )
    )
    for choice, (style, _) in _TURNS.items():
        mean, _ = perievent.mean_and_error(values[trials.choices == choice])
        axes.plot(offsets, mean, linestyle=style, color=palette.DARK_GRAY, linewidth=2.5)
    # One trial with many turns would make all others flat.
    bottom, top = np.nanpercentile(values, [0.5, 99.5]) * 1.1
    axes.set_ylim(bottom - 0.02, top + 0.02)
    _around(axes, _STIMULUS, "wheel position (rad, 0 at the start)")
    left, right = (np.count_nonzero(recorded & (trials.choices == choice)) for choice in _TURNS)
    return [f"n = {left} left, {right} right turns; thin: each trial"]


def _paw_speed(axes: Axes, session: SessionData, trials: Trials) -> list[str]:
    return _speed(axes, session, trials, "paw", _PAW)


def _nose_speed(axes: Axes, session: SessionData, trials: Trials) -> list[str]:
    return _speed(axes, session, trials, "nose", _NOSE)


def _speed(
    axes: Axes, session: SessionData, trials: Trials, name: str, parts: Mapping[str, str]
) -> list[str]:
    """Draw the speed of a body part in the first camera that can give it."""
    reasons = []
    for label, part in parts.items():
        picture = session.camera(label).picture
        try:
            points = table.points(session.pose(label), part)
            if not np.isfinite(points).any():
                raise DataError(
                    f"{label} camera: {part} has a likelihood of {table.LIKELY} in no frame."
                )
            times, notes = session.frame_times(label, len(points))
            speeds = speed(points, times) * (1 if picture is None else WIDTH / picture.shape[1])
            around = perievent.windows(speeds, times, trials.stimulus_onsets)
            numbers = _by_feedback(axes, around, trials)
            if not numbers:
                raise _outside(f"{label} camera", times, trials.stimulus_onsets)
        except DataError as reason:
            reasons.append(str(reason))
            continue
        unit = "px/s of the video" if picture is None else f"px/s, frame {WIDTH} px wide"
        _around(axes, _STIMULUS, f"{name} speed ({unit})")
        _from_zero(axes)
        return [f"{part}, {label} camera; {numbers}", *notes]
    raise DataError("\n".join(reasons))


def speed(points: Floats, times: Floats) -> Floats:
    """Return the speed of a point in each frame, (n,) float64 pixels/s; NaN beside unknown points.

    The speed of each step is that at the middle of its two frames; between these it is interpolated
    linearly, as in `brainbox.behavior.dlc`.

    Parameters
    ----------
    points
        (n, 2) pixels, NaN where the point is not known.
    times
        (n,) seconds.
    """
    if len(points) < 2:
        return np.full(len(points), np.nan)
    intervals = np.diff(times)
    steps = np.hypot(*np.diff(points, axis=0).T) / np.where(intervals > 0, intervals, np.nan)
    interpolated: Floats = np.interp(times, times[:-1] + intervals / 2, steps)
    return interpolated


def _licks(axes: Axes, session: SessionData, trials: Trials) -> list[str]:
    licks, recorded = session.lick_times()
    around = perievent.counts(licks, trials.feedbacks, recorded)
    rates = Windows(around.offsets, around.values / perievent.BIN)
    numbers = _by_feedback(axes, rates, trials)
    if not numbers:
        raise _outside("licks", recorded, trials.feedbacks)
    _around(axes, _FEEDBACK, "lick events per second")
    _from_zero(axes)
    return [numbers]


def _lick_raster(axes: Axes, session: SessionData, trials: Trials) -> list[str]:
    licks, (start, end) = session.lick_times()
    correct = trials.feedbacks[trials.feedback_types == 1]
    if not correct.size:
        raise DataError("No trial is correct.")
    feedbacks = correct[(correct - perievent.BEFORE >= start) & (correct + perievent.AFTER <= end)]
    if not feedbacks.size:
        raise _outside("licks", (start, end), correct)
    trial, offset = perievent.aligned(licks, feedbacks)
    axes.plot(
        *(offset, trial + 1),
        linestyle="",
        marker="|",
        markersize=float(np.clip(260 / feedbacks.size, 1.5, 12)),
        color=palette.CORRECT,
    )
    _around(axes, _FEEDBACK, "correct trial")
    axes.set_ylim(feedbacks.size + 0.5, 0.5)
    axes.locator_params(axis="y", integer=True)
    return [f"n = {feedbacks.size} correct trials; a mark for each lick event"]


def _pupil_at_stimulus(axes: Axes, session: SessionData, trials: Trials) -> list[str]:
    return _pupil(axes, session, trials.stimulus_onsets, _STIMULUS)


def _pupil_at_feedback(axes: Axes, session: SessionData, trials: Trials) -> list[str]:
    return _pupil(axes, session, trials.feedbacks, _FEEDBACK)


def _pupil(axes: Axes, session: SessionData, events: Floats, marker: _Event) -> list[str]:
    def trace(label: str) -> Floats:
        pupil = given(session.camera(label).pupil, f"{label}Camera.features.pqt")
        if not np.isfinite(pupil).any():
            raise DataError(f"{label} camera: the pupil is not seen well enough.")
        return pupil

    notes = _by_camera(axes, session, FACE, trace, events, perievent.change)
    _around(axes, marker, "pupil diameter (SD in the window,\n0 at the start)")
    return notes


def _by_camera(
    axes: Axes,
    session: SessionData,
    labels: list[str] | tuple[str, ...],
    trace: Callable[[str], Floats],
    events: Floats,
    change: Callable[[Floats], Floats] = lambda values: values,
) -> list[str]:
    """Draw means of a trace of each camera around events; return what was drawn and what lacks."""
    drawn, notes = [], []
    for label in labels:
        try:
            values = trace(label)
            times, more = session.frame_times(label, values.size)
            around = perievent.windows(values, times, events)
            around = Windows(around.offsets, change(around.values))
            number = _mean(axes, around, palette.camera_colour(label))
            if not number:
                raise _outside(f"{label} camera", times, events)
            drawn.append(f"{label} {number}")
            notes += more
        except DataError as reason:
            notes.append(str(reason))
    if not drawn:
        raise DataError("\n".join(notes))
    return [f"n trials: {', '.join(drawn)}", *notes]


def _by_feedback(axes: Axes, around: Windows, trials: Trials) -> str:
    """Draw means of correct and incorrect trials; return how many there are, nothing if none."""
    numbers = {
        name: _mean(
            axes, Windows(around.offsets, around.values[trials.feedback_types == feedback]), colour
        )
        for feedback, (name, colour) in _OUTCOMES.items()
    }
    if not any(numbers.values()):
        return ""
    return "n = " + ", ".join(f"{number} {name}" for name, number in numbers.items())


def _mean(axes: Axes, around: Windows, colour: str) -> int:
    """Draw mean and standard error of the events with any data; returns how many there are."""
    number = int(np.count_nonzero(np.isfinite(around.values).any(axis=1)))
    if number:
        mean, error = perievent.mean_and_error(around.values)
        axes.plot(around.offsets, mean, color=colour, linewidth=2)
        axes.fill_between(
            around.offsets, mean - error, mean + error, color=colour, alpha=0.25, linewidth=0
        )
    return number


def _outside(what: str, times: Floats | tuple[float, float], events: Floats) -> DataError:
    return DataError(
        f"{what}: nothing is known around any trial. The recording goes from "
        f"{np.nanmin(times):.0f} to {np.nanmax(times):.0f} s, the trials from {events.min():.0f} "
        f"to {events.max():.0f} s."
    )


def _around(axes: Axes, event: _Event, label: str) -> None:
    """Set the axes of the window around an event, with its marker."""
    axes.axvline(0, color="black", linewidth=1.2, linestyle=event.linestyle)
    top = axes.get_xaxis_transform()
    axes.plot(0, 0.97, color="black", marker=event.marker, markersize=10, transform=top)
    axes.set(
        xlim=(-perievent.BEFORE, perievent.AFTER),
        xticks=(-0.5, 0, 0.5, 1, 1.5),
        xlabel=f"time from {event.label} (s)",
        ylabel=label,
    )
    axes.spines[["top", "right"]].set_visible(False)


def _from_zero(axes: Axes) -> None:
    """Start the vertical axis a little below 0, so that a line at 0 is seen."""
    top = axes.get_ylim()[1]
    axes.set_ylim(-0.02 * top, top)


def _legend(session: SessionData) -> list[Line2D | Patch]:
    """List handles that explain colours, line styles and markers of the whole figure."""

    def line(label: str, colour: str, style: Literal["-", "--"] = "-") -> Line2D:
        return Line2D([], [], label=label, color=colour, linestyle=style, linewidth=3)

    return [
        *(line(f"{label} camera", palette.camera_colour(label)) for label in session.labels),
        Patch(color=palette.GRAY, alpha=0.35, linewidth=0, label="mean ± standard error"),
        *(line(f"{name} trials", colour) for name, colour in _OUTCOMES.values()),
        *(
            line(f"wheel turned {name}", palette.DARK_GRAY, style)
            for style, name in _TURNS.values()
        ),
        *(
            Line2D(
                [],
                [],
                color="black",
                markersize=10,
                linewidth=1.2,
                linestyle=event.linestyle,
                marker=event.marker,
                label=event.label,
            )
            for event in (_STIMULUS, _FEEDBACK)
        ),
    ]
