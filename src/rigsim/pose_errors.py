"""Errors of the tracked keypoints of a rendered session: distances from where they were drawn."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from alfvideo.pose.table import LIKELY
from rigsim.pose import BODY_SIZE, SIDE_SIZE, is_side


def pose_errors(
    table: pd.DataFrame, truth: Mapping[str, np.ndarray], camera: str, frame_width: int
) -> pd.DataFrame:
    """Tabulate the median and 95th percentile error of each body part, and the fraction found.

    Columns `part`, `median_px` and `p95_px` (distances in pixels of the frame, of frames in which
    the part is to be seen), `median_px_full_size` (the same in a frame of full size), `found` (the
    share of these frames with a likelihood of at least 0.9) and `imagined` (the same share of the
    frames in which it is hidden; NaN if it never is).
    """
    full_width = (SIDE_SIZE if is_side(camera) else BODY_SIZE)[0]
    rows = []
    for part, drawn in zip(truth["parts"], np.moveaxis(truth["keypoints"], 1, 0), strict=True):
        seen = ~np.isnan(drawn[:, 0])
        tracked = table[[f"{part}_x", f"{part}_y"]].to_numpy()
        likely = table[f"{part}_likelihood"].to_numpy() >= LIKELY
        distance = np.linalg.norm(tracked - drawn, axis=1)[seen]
        middle, high = np.percentile(distance, [50, 95]) if seen.any() else (np.nan, np.nan)
        rows.append(
            {
                "part": str(part),
                "median_px": middle,
                "p95_px": high,
                "median_px_full_size": middle * full_width / frame_width,
                "found": likely[seen].mean() if seen.any() else np.nan,
                "imagined": likely[~seen].mean() if not seen.all() else np.nan,
            }
        )
    return pd.DataFrame(rows)
