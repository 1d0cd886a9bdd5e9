"""Compare the keypoints of the demo with where they were drawn."""

import sys
from pathlib import Path

import pandas as pd

from alfvideo.files import atomic
from alfvideo.pose.table import load
from alfvideo.video import probe
from rigsim.pose_errors import pose_errors
from rigsim.truth import load_truth

errors = []
for path, mp4 in zip(snakemake.input.tables, snakemake.input.videos, strict=True):
    table, session = Path(path), Path(path).parents[1]
    camera = table.name.removeprefix("_ibl_").partition("Camera")[0]
    width = probe.probe(Path(mp4)).width
    of_camera = pose_errors(load(table), load_truth(session, camera), camera, width)
    tracker = table.name.split(".")[1]
    of_camera.insert(0, "session", "/".join(session.parts[-3:]))
    errors.append(of_camera.assign(tracker=tracker, camera=camera))
all_errors = pd.concat(errors)
with atomic.output(snakemake.output.errors) as partial:
    all_errors.to_csv(partial, sep="\t", index=False, float_format="%.3f")
shown = all_errors.groupby(["tracker", "camera", "part"], sort=False)[
    ["median_px", "median_px_full_size", "found", "imagined"]
].median()
print("Keypoints of the demo against the truth (medians over its sessions):", file=sys.stderr)
print(shown.to_string(float_format="%.2f", na_rep=""), file=sys.stderr)
