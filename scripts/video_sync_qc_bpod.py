"""Camera times from the pulses on the Bpod, aligned to the frames by GPIO and frame counter."""

from pathlib import Path

from alfvideo.files import arrays
from alfvideo.jobs import job
from alfvideo.timing import bpod, embedded, timestamps
from alfvideo.video import probe

with job.run(snakemake) as this:
    trials = bpod.load(Path(snakemake.input.task_data[0]).parent)
    pulses, notes = bpod.camera_pulses(trials)

    mp4 = Path(snakemake.input.mp4[0])
    frames = probe.probe_whole(mp4).frames
    frame_data = embedded.load(mp4.parent, this.camera)
    found = timestamps.camera_times(pulses, frames, frame_data, bpod.sync_fronts(trials))
    this.note(*notes, *found.notes)
    arrays.save(snakemake.output.times, found.times)
