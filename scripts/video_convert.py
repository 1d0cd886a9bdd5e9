"""Put the video of a camlog rig into an mp4 without encoding it again, and rename its log."""

from pathlib import Path
from shutil import copyfileobj

from alfvideo.files import atomic, inputs
from alfvideo.jobs import job
from alfvideo.video import compress

originals = [Path(file) for file in snakemake.input.originals]
parts = [file for file in originals if file.suffix == ".avi"]
logs = [file for file in originals if file.suffix == ".camlog"]

with (
    job.run(snakemake) as this,
    atomic.output(snakemake.output.camlog) as partial_camlog,
    atomic.output(snakemake.output.mp4) as partial_mp4,
):
    source = compress.copy(parts, partial_mp4, ffmpeg=snakemake.config["ffmpeg"])
    if len(parts) > 1:
        this.note(f"{len(parts)} parts of the recording were joined: {source.frames} frames.")
    if source.variable_rate:
        this.note(compress.variable_rate_note(source))
    with partial_camlog.open("wb") as joined:
        for log in logs:
            with inputs.opened(log) as file:
                copyfileobj(file, joined)
