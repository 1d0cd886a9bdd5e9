"""Camera times from the pulses on the NI-DAQ, for rigs that keep a camlog: one pulse a frame."""

from pathlib import Path

from alfvideo.files import arrays
from alfvideo.jobs import job
from alfvideo.timing import sync, timestamps
from alfvideo.video import probe

with job.run(snakemake) as this:
    folder = Path(snakemake.input.sync_arrays[0]).parent
    channels = sync.channel_map(folder, this.settings["namespace"])
    recorded = sync.load(folder, this.settings["namespace"])
    pulses = recorded.fronts(sync.camera_channel(channels, this.camera, folder)).rises

    found = timestamps.camlog_times(pulses, probe.probe_whole(Path(snakemake.input.mp4[0])).frames)
    this.note(*found.notes)
    arrays.save(snakemake.output.times, found.times)
