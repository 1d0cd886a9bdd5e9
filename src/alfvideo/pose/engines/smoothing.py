"""Smoothing of the poses of an ensemble of networks, by the library ensemble-kalman-smoother."""

import os
from typing import Any

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.pose.engines.error import EngineError

COLUMNS = [
    *("x", "y", "likelihood"),
    *("x_ens_median", "y_ens_median", "x_ens_var", "y_ens_var"),
    *("x_posterior_var", "y_posterior_var"),
]
"""The columns that the library returns for each part, under the names that IBL's tables use."""

PUPIL = ["pupil_top_r", "pupil_bottom_r", "pupil_right_r", "pupil_left_r"]
"""The parts of the pupil model, in the order that the library needs."""

FAINT = 1e-6
"""Least likelihood that the library is given: a variance divided by 0 gives it no numbers."""

# Read when the library imports JAX. The GPU is for the networks: JAX would take most of its memory.
# With float32, a pupil on which two members agree to 0.001 px ends in values that are no numbers.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_ENABLE_X64"] = "1"


def smooth(settings: dict[str, Any], poses: Floats) -> tuple[dict[str, Any], Floats]:
    """Smooth the poses of several networks that looked for the same parts.

    Parameters
    ----------
    settings : dict
        `{"kind": "pupil", "parts": [...], "diameter": 0.9999, "centre": 0.999}`: the four points
        of a pupil, as a circle whose diameter and centre change slowly (the closer to 1, the
        slower; the library takes 0.001 to 0.999). Or `{"kind": "points", "parts": [...], "s": 10,
        "variance_scale": 100}`: each point on its own (s: variance of its movement from frame to
        frame, px²), the posterior variances multiplied by a factor.
    poses : ndarray (members, n_frames, parts, 3)
        x, y and likelihood of each network, parts in the order of the settings.

    Returns
    -------
    header : dict
        "columns": the names of what there is for each part; "notes": sentences on settings that
        the library did not take as they are.
    smoothed : ndarray (n_frames, parts, columns), float64
        Smoothed x and y, mean likelihood, median and confidence-weighted variance of the members,
        and posterior variance; of a pupil, the library takes posterior variances of other points
        than the top one from a neighbouring coordinate.

    Raises
    ------
    EngineError
        If there are less than two members or frames, or parts that do not fit the settings.
    """
    kind, parts = settings["kind"], settings["parts"]
    members, n_frames, n_parts, _ = poses.shape
    if members < 2:
        raise EngineError(
            f"Smoothing of {', '.join(parts)} needs two or more models, the cascade names one: "
            "name the other models of the ensemble, or remove the smoother."
        )
    if n_frames < 2:
        raise EngineError(
            f"Smoothing of {', '.join(parts)} needs two or more frames, the video has {n_frames}."
        )
    if n_parts != len(parts):
        raise EngineError(
            f"The smoother is set for {len(parts)} body parts ({', '.join(parts)}), the models "
            f"give {n_parts}: name the same body parts in the cascade."
        )
    if kind not in SMOOTHERS:
        raise EngineError(f"There is no smoother '{kind}': use {' or '.join(SMOOTHERS)}.")
    likelihoods = poses[..., 2]
    poses = np.concatenate(
        [poses[..., :2], np.maximum(likelihoods, FAINT)[..., np.newaxis]], axis=-1
    )
    smoothed, notes = SMOOTHERS[kind](settings, poses)
    # The library mixes up the likelihoods of a pupil, and not as it mixes up the points.
    smoothed[..., COLUMNS.index("likelihood")] = likelihoods.mean(axis=0)
    if not np.isfinite(smoothed).all():
        raise EngineError(
            f"Smoothing of {', '.join(parts)} gave values that are not numbers: look at the "
            "settings of the smoother in the cascade."
        )
    return {"columns": COLUMNS, "notes": notes}, smoothed


def smooth_pupil(settings: dict[str, Any], poses: Floats) -> tuple[Floats, list[str]]:
    """Smooth the four points of a pupil together, with notes; see `smooth`."""
    from eks.ibl_pupil_smoother import ensemble_kalman_smoother_ibl_pupil

    parts = settings["parts"]
    if sorted(parts) != sorted(PUPIL):
        raise EngineError(
            f"The smoother 'pupil' needs the body parts {', '.join(PUPIL)}; the cascade names "
            f"{', '.join(parts)}."
        )
    asked = [settings["diameter"], settings["centre"]]
    poses = poses[:, :, [parts.index(part) for part in PUPIL]]
    table, used = ensemble_kalman_smoother_ibl_pupil(
        marker_array(poses), PUPIL, smooth_params=asked, **ENSEMBLE
    )
    notes = []
    if not np.allclose(used, asked, rtol=0, atol=1e-6):
        notes.append(
            f"The pupil smoother used diameter {used[0]:.4g} and centre {used[1]:.4g} instead of "
            f"{asked[0]:.4g} and {asked[1]:.4g}: the library limits them."
        )
    blocks = np.array(table, dtype=float).reshape(poses.shape[1], len(PUPIL), len(COLUMNS))
    blocks = blocks[:, pupil_order(blocks[..., 3:5], poses)]
    return blocks[:, [PUPIL.index(part) for part in parts]], notes


def pupil_order(medians: Floats, poses: Floats) -> list[int]:
    """Return the place where the library put each of the parts in `PUPIL`.

    ensemble-kalman-smoother 3.0.0 to 4.6.2 returns the bottom point as `pupil_right_r` and the
    right point as `pupil_bottom_r`. The medians of the members (n_frames, 4, 2) say which is which.
    """
    bottom, right = PUPIL.index("pupil_bottom_r"), PUPIL.index("pupil_right_r")
    truth = np.median(poses[..., :2], axis=0)
    as_named, swapped = (
        np.abs(medians[:, named] - truth[:, bottom]).sum() for named in (bottom, right)
    )
    order = list(range(len(PUPIL)))
    if swapped < as_named:
        order[bottom], order[right] = right, bottom
    return order


def smooth_points(settings: dict[str, Any], poses: Floats) -> tuple[Floats, list[str]]:
    """Smooth each point on its own; see `smooth`."""
    from eks.singlecam_smoother import ensemble_kalman_smoother_singlecam

    n_parts = len(settings["parts"])
    if n_parts == 1:
        # The library cannot do with one.
        poses = np.concatenate([poses, poses], axis=2)
    names = [str(index) for index in range(poses.shape[2])]
    table, _ = ensemble_kalman_smoother_singlecam(
        marker_array(poses), names, smooth_param=float(settings["s"]), **ENSEMBLE
    )
    blocks = np.array(table, dtype=float).reshape(poses.shape[1], len(names), len(COLUMNS))
    blocks[..., -2:] *= settings["variance_scale"]
    return blocks[:, :n_parts], []


SMOOTHERS = {"pupil": smooth_pupil, "points": smooth_points}


ENSEMBLE = {"avg_mode": "median", "var_mode": "confidence_weighted_var"}
"""Options with which the library makes one pose of the members', as IBL does."""


def marker_array(poses: Floats) -> Any:
    """Arrange poses (members, n_frames, parts, 3) as the library needs them: of one camera."""
    from eks.marker_array import MarkerArray

    return MarkerArray(poses[:, np.newaxis], data_fields=["x", "y", "likelihood"])
