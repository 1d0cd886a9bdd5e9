"""Camera times from the pulses on the NI-DAQ, aligned to the frames by GPIO and frame counter."""

from pathlib import Path

from alfvideo import atomic, embedded, job, timestamps, video
from alfvideo.daq import sync

with job.run(snakemake) as this:
    folder = Path(snakemake.input.sync_arrays[0]).parent
    recorded = sync.load(folder, this.settings["namespace"])
    channels = sync.channel_map(folder, this.settings["namespace"])
    pulses = recorded.fronts(sync.camera_channel(channels, this.camera, folder)).rises
    sync_label = this.settings["sync_label"]
    ttl = recorded.fronts(sync.channel(channels, sync_label, folder)) if sync_label else None

    mp4 = Path(snakemake.input.mp4[0])
    frames = video.probe_whole(mp4).frames
    frame_data = embedded.load(mp4.parent, this.camera)
    found = timestamps.camera_times(pulses, frames, frame_data, ttl)
    this.note(*found.notes)
    atomic.save_array(snakemake.output.times, found.times)
