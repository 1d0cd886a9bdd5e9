"""The part of the pose figure that shows where body parts are, on a frame of each camera."""

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from alfvideo.array_types import Floats, Image
from alfvideo.behaviour import perievent
from alfvideo.files.errors import DataError
from alfvideo.plots import palette
from alfvideo.plots.pose_session import FACE, CameraData, SessionData, given
from alfvideo.pose import table
from alfvideo.video.region import Region

WIDTH = 640
"""Pixels of the figure are those of a frame of this width, so that cameras compare."""

_POINTS_A_SECOND, _MAX_POINTS = 10, 20_000
"""Of each body part as many points are drawn, spread over the frames in which it is likely."""

_ZOOM = {"eye": (("pupil",), 45), "tongue": (("tongue", "tube"), 110)}
"""Parts (by the beginnings of their names; the first that is seen) around which a frame is shown
larger, and the pixels that are shown."""

_PART_NAMES = {"paw_l": "left paw", "paw_r": "right paw"}

Traces = Mapping[str, Floats]
"""The points of each body part that are drawn, (n, 2) each, pixels of the frame."""


def draw_cameras(
    figure: Figure, place: SubplotSpec, session: SessionData, letters: Iterator[str]
) -> None:
    """Draw traces on a frame of each camera, with eye and tongue larger, and a legend.

    What is missing is said above the frame; or in its place, if there are no traces either.
    """
    ratios = [1.5 if label in FACE else 1.02 for label in session.labels]
    grid = place.subgridspec(1, len(ratios) + 1, width_ratios=[*ratios, 0.3])
    seen = set()
    for i, label in enumerate(session.labels):
        block = grid[i].subgridspec(2, 2, width_ratios=(2.7, 1)) if label in FACE else None
        axes = figure.add_subplot(block[:, 0] if block else grid[i])
        camera = session.camera(label)
        try:
            traces, notes = _traces(session.pose(label), camera.times), []
        except DataError as reason:
            traces, notes = {}, [str(reason)]
        notes += _trace_on_frame(axes, label, camera, traces)
        name = f"{label.capitalize()} camera"
        if isinstance(camera.frame, tuple):
            name += f", frame {camera.frame[0]}"
        elif not traces:
            axes.clear()
            palette.without_data(axes, "", "\n".join(notes))
            notes = []
        title = palette.heading(axes, f"{next(letters)}  {name}", notes)
        title.set_color(palette.camera_colour(label))
        if block:
            for row, what in enumerate(_ZOOM):
                _zoom(figure.add_subplot(block[row, 1]), axes, what, camera.picture, traces)
        seen |= {palette.part_colour(part) for part in traces if _is_drawn(part)}
    _legend(figure.add_subplot(grid[-1]), seen)


def _traces(pose: Mapping[str, Floats], times: object) -> Traces:
    rate = perievent.frame_rate(times) if isinstance(times, np.ndarray) else np.nan
    traces = {}
    for part in table.parts(pose):
        points = table.points(pose, part)
        limit = np.nanmin([_MAX_POINTS, _POINTS_A_SECOND * len(points) / rate])
        points = points[np.isfinite(points).all(axis=1)]
        traces[part] = points[:: max(1, int(np.ceil(len(points) / max(limit, 1))))]
    return traces


def _trace_on_frame(axes: Axes, label: str, camera: CameraData, traces: Traces) -> list[str]:
    """Draw the frame, the traces and the region; returns what is missing."""
    notes = []
    axes.set(xticks=[], yticks=[], facecolor=palette.DARK_GRAY, anchor="N", aspect="equal")
    try:
        _, picture = given(camera.frame, f"{label}Camera.raw.mp4")
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
        axes.autoscale(False)
    except DataError as reason:
        notes.append(str(reason))
        axes.invert_yaxis()
    _draw(axes, traces, 2.5)
    if isinstance(camera.region, Region):
        axes.add_patch(_box(camera.region, linewidth=2))
    elif isinstance(camera.region, DataError):
        notes.append(str(camera.region))
    for spine in axes.spines.values():
        spine.set(edgecolor=palette.camera_colour(label), linewidth=4)
    return notes


def _draw(axes: Axes, traces: Traces, size: float) -> None:
    """Draw the points, the more transparent the more there are."""
    for part, points in traces.items():
        if _is_drawn(part):
            axes.plot(
                *points.T,
                linestyle="",
                marker="o",
                markersize=size,
                markeredgewidth=0,
                color=palette.part_colour(part),
                alpha=float(np.clip(600 / max(len(points), 1), 0.08, 0.7)),
            )


def _is_drawn(part: str) -> bool:
    """Return False for the tube, which only shows where the tongue will be."""
    return not part.startswith("tube")


def _box(region: Region, linewidth: float, linestyle: Literal["-", ":"] = "-") -> Rectangle:
    return Rectangle(
        (region.x - 0.5, region.y - 0.5),
        region.width,
        region.height,
        fill=False,
        edgecolor="white",
        linewidth=linewidth,
        linestyle=linestyle,
    )


def _zoom(axes: Axes, whole: Axes, what: str, picture: Image | None, traces: Traces) -> None:
    """Draw the eye or the tongue, and its place in the whole frame."""
    if not traces or picture is None:
        palette.without_data(axes, what, "no video" if traces else "no pose")
        return
    beginnings, size = _ZOOM[what]
    height, width = picture.shape[:2]
    for beginning in beginnings:
        points = np.concatenate(
            [xy for part, xy in traces.items() if part.startswith(beginning)] or [np.empty((0, 2))]
        )
        points = points[((points >= 0) & (points < (width, height))).all(axis=1)]
        if len(points):
            break
    else:
        palette.without_data(axes, what, "not seen in\nthe frame")
        return
    half = max(2, round(size * width / WIDTH / 2))
    x, y = (int(middle) for middle in np.median(points, axis=0))
    left, top = max(x - half, 0), max(y - half, 0)
    right, bottom = min(x + half, width), min(y + half, height)
    extent = (left - 0.5, right - 0.5, bottom - 0.5, top - 0.5)
    axes.imshow(picture[top:bottom, left:right], cmap="gray", vmin=0, vmax=255, extent=extent)
    axes.autoscale(False)
    axes.set(title=what, xticks=[], yticks=[], anchor="N")
    _draw(axes, traces, 3)
    region = Region(left, top, right - left, bottom - top)
    whole.add_patch(_box(region, linewidth=1, linestyle=":"))


def _legend(axes: Axes, seen: set[str]) -> None:
    """Add a legend of the body parts, on dark, as they are drawn on dark."""
    axes.set_axis_off()
    colours = {_PART_NAMES.get(part, part): colour for part, colour in palette.PARTS.items()}
    handles: list[Line2D | Patch] = [
        Line2D([], [], marker="o", linestyle="", markersize=9, color=colour, label=name)
        for name, colour in {**colours, "other": palette.OTHER_PART}.items()
        if colour in seen
    ]
    energy_label = "region of the\nmotion energy"
    handles.append(Patch(fill=False, edgecolor="white", linewidth=2, label=energy_label))
    handles.append(Patch(fill=False, edgecolor="white", linestyle=":", label="shown larger"))
    legend = axes.legend(
        handles=handles,
        loc="center left",
        bbox_to_anchor=(-0.2, 0.5),
        facecolor=palette.DARK_GRAY,
        labelcolor="white",
        title="body parts",
        fontsize=11,
    )
    legend.get_title().set_color("white")
