"""The features of one camera, from its pose."""

from pathlib import Path

from alfvideo.behaviour.features import features
from alfvideo.files import atomic
from alfvideo.jobs import job
from alfvideo.pose import clock, table

with job.run(snakemake) as this:
    times = clock.times(snakemake.input.times)
    pose = table.Columns(Path(snakemake.input.pose[0]))
    rate = clock.rate(times, Path(snakemake.input.mp4[0]))
    found, reason = features(pose, this.camera, rate)
    if reason:
        this.note(f"{reason} pupilDiameter_smooth is NaN in all frames.")
    with atomic.output(snakemake.output.features) as partial:
        found.to_parquet(partial)
