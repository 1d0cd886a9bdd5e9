"""Camera times from the pulses on the NI-DAQ, for rigs that keep a camlog: one pulse a frame."""

from pathlib import Path

from alfvideo.jobs import job
from alfvideo.timing import camlog_times, record, sync
from alfvideo.video import probe

with job.run(snakemake) as this:
    daq = [Path(file) for file in (*snakemake.input.sync_arrays, *snakemake.input.wiring)]
    channels = sync.channel_map(daq, this.settings["namespace"])
    number = sync.camera_channel(channels, this.camera, daq[0].parent)
    pulses = sync.load(daq).fronts(number).rises

    found = camlog_times.camlog_times(
        pulses, probe.probe_whole(Path(snakemake.input.mp4[0])).frames
    )
    this.note(*found.notes)
    made = record.TimingRecord(found.method, tuple(this.notes))
    record.save(made, snakemake.output.timing, found.times, snakemake.output.times)
