"""Put the video of a camlog rig into an mp4 without encoding it again, and rename its log."""

import shutil
from pathlib import Path

from alfvideo.files import atomic
from alfvideo.jobs import job
from alfvideo.video import compress

avi, camlog = map(Path, snakemake.input.originals)

with (
    job.run(snakemake) as this,
    atomic.output(snakemake.output.camlog) as partial_camlog,
    atomic.output(snakemake.output.mp4) as partial_mp4,
):
    source = compress.copy(avi, partial_mp4, ffmpeg=snakemake.config["ffmpeg"])
    if source.variable_rate:
        this.note(compress.variable_rate_note(source))
    shutil.copyfile(camlog, partial_camlog)
