"""From the poses of all models of a cascade to the columns of one table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from alfvideo.array_types import Floats
from alfvideo.files.errors import DataError
from alfvideo.pose import geometry, track
from alfvideo.pose.cascade import ENSEMBLE_SMOOTHING, Cascade, Points, Smoothing
from alfvideo.pose.engine import Engine
from alfvideo.pose.table import COORDINATES
from alfvideo.video.probe import Video

PUPIL = {"pupil_top_r", "pupil_right_r", "pupil_bottom_r", "pupil_left_r"}
"""The body parts that can be smoothed as a pupil."""


def parts_of(cascade: Cascade, engine: Engine) -> dict[str, list[str]]:
    """List the body parts that each network for all frames gives to the table, in this order.

    Raises
    ------
    DataError
        If a body part is not one of its network, or comes from two networks, the models of an
        ensemble differ, or a crop or a smoother is for other body parts.
    """
    kept: dict[str, list[str]] = {}
    sampled = {
        part
        for name, network in cascade.networks.items()
        if network.sampled
        for part in engine.networks[track.members(cascade, name)[0]].parts
    }
    for name, network in cascade.networks.items():
        if network.sampled:
            continue
        around = network.crop.around if network.crop else None
        unknown = [part for part in around or () if part not in sampled]
        if unknown:
            raise DataError(
                f"The crop of the network {name} follows {', '.join(unknown)}, which no sampled "
                f"network finds; they find {', '.join(sorted(sampled))}. Correct `around`."
            )
        parts, *others = [engine.networks[model].parts for model in track.members(cascade, name)]
        for other in others:
            if other != parts:
                raise DataError(
                    f"The models of the network {name} do not find the same body parts in the same "
                    f"order, as those of an ensemble must: one finds {', '.join(parts)}, another "
                    f"{', '.join(other)}."
                )
        if network.smoothing and network.smoothing.pupil and set(parts) != PUPIL:
            raise DataError(
                f"The network {name} is smoothed as a pupil but finds {', '.join(parts)}; a pupil "
                f"has {', '.join(sorted(PUPIL))}. Use `smoothing: {{points: ...}}`."
            )
        wanted = list(network.parts or parts)
        for part in wanted:
            if part not in parts:
                raise DataError(
                    f"The network {name} does not find {part}; it finds {', '.join(parts)}. "
                    "Correct `parts` in the cascade, or its model."
                )
            if any(part in earlier for earlier in kept.values()):
                raise DataError(
                    f"Two networks of the cascade find {part}: name the body parts to keep with "
                    f"`parts` in one of them, for example in {name}."
                )
        kept[name] = wanted
    return kept


def table(
    poses: Mapping[str, Floats],
    cascade: Cascade,
    camera: str,
    video: Video,
    engine: Engine,
) -> pd.DataFrame:
    """Build the table, one row a frame, float64: `{part}_x`, `{part}_y`, `{part}_likelihood`.

    x and y are pixels of the camera's frames. Smoothed ensembles also have the median and variance
    of their members and the variance of the smoothed points. `poses` are those of `track.track`.

    Raises
    ------
    DataError
        If a body part is not one of its network, or comes from two networks.
    """
    found: dict[str, Floats] = {}
    for name, kept in parts_of(cascade, engine).items():
        network, models = cascade.networks[name], track.members(cascade, name)
        parts = engine.networks[models[0]].parts
        members = np.stack([poses[model] for model in models])
        columns, values = _smoothed(network.smoothing, members, parts, video, engine)
        for part in kept:
            for column, coordinate in zip(columns, values[:, parts.index(part)].T, strict=True):
                mirrored = camera in cascade.mirrored and column.startswith("x")
                is_position = mirrored and not column.endswith("var")
                found[f"{part}_{column}"] = (
                    geometry.mirror(coordinate, video.width) if is_position else coordinate
                )
    return pd.DataFrame(found, dtype=np.float64)


def _smoothed(
    smoothing: Smoothing | None,
    members: Floats,
    parts: list[str],
    video: Video,
    engine: Engine,
) -> tuple[list[str], Floats]:
    """Smooth (n_members, n, ...); return columns of a part and values (n, n_parts, n_columns)."""
    if len(members) > 1 and smoothing:
        settings: dict[str, Any] = {"kind": smoothing.kind, "parts": parts}
        if smoothing.points:
            settings["s"] = _strength(smoothing.points, float(video.rate))
            settings["variance_scale"] = smoothing.points.variance_scale
        elif smoothing.pupil:
            settings |= smoothing.pupil.model_dump()
        return engine.smooth(settings, members)
    (values,) = members
    if smoothing and smoothing.kind in ENSEMBLE_SMOOTHING:
        engine.notes.append(f"{', '.join(parts)}: not smoothed, there is one model only.")
    if smoothing and smoothing.median:
        values = np.concatenate(
            [median(values[..., :2], smoothing.median), values[..., 2:]], axis=-1
        )
    return list(COORDINATES), values


def _strength(points: Points, rate: float) -> float:
    """Return the smoothing parameter `s` of the frame rate: how freely points may move."""
    for rates in points.rates:
        if rates.from_ <= rate <= rates.to:
            return rates.s
    return points.s


def median(points: Floats, frames: int) -> Floats:
    """Compute the running median over an odd number of frames of points (n, n_parts, 2).

    At either end the first or last frame is repeated (DeepLabCut's filter takes zeros there).
    """
    return ndimage.median_filter(points, size=(frames, 1, 1), mode="nearest")
