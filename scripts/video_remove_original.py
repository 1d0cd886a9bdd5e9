"""Remove the raw video of a camera after comparing its mp4 with it, frame by frame."""

from pathlib import Path

from alfvideo import configuration
from alfvideo.jobs import job
from alfvideo.video import remove

with job.run(snakemake) as this:
    root = configuration.parse(snakemake.config).data_folder
    notes = remove.remove(
        [Path(path) for path in snakemake.input.raw_video],
        Path(snakemake.input.mp4[0]),
        this.session,
        # The demo and single files may lie elsewhere.
        root if this.session.is_relative_to(root) else this.session.parents[2],
        Path(snakemake.output.record),
    )
    this.note(*notes)
