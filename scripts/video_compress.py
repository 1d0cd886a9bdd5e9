"""Compress the raw video of a camera and check the mp4."""

from pathlib import Path

from alfvideo.files import atomic
from alfvideo.jobs import job
from alfvideo.video import compress

with job.run(snakemake) as this, atomic.output(snakemake.output.mp4) as partial:
    source = compress.encode(
        Path(snakemake.input.avi[0]),
        partial,
        preset=this.settings["preset"],
        crf=this.settings["crf"],
        threads=snakemake.threads,
        ffmpeg=snakemake.config["ffmpeg"],
    )
    if source.variable_rate:
        this.note(compress.variable_rate_note(source))
