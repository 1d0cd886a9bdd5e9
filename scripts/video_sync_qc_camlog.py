"""Camera times from the pulses on the NI-DAQ, for rigs that keep a log of each frame."""

from pathlib import Path

from alfvideo.jobs import job
from alfvideo.qc import inputs
from alfvideo.timing import camlog_times, record, sync
from alfvideo.video import probe

with job.run(snakemake) as this:
    daq = [Path(file) for file in (*snakemake.input.sync_arrays, *snakemake.input.wiring)]
    channels = sync.channel_map(daq, this.settings["namespace"])
    number = sync.camera_channel(channels, this.camera, daq[0].parent)
    recorded = sync.load(daq)

    frames = probe.probe_whole(Path(snakemake.input.mp4[0])).frames
    log = inputs.frame_data([Path(file) for file in snakemake.input.camera_log])
    found = camlog_times.camlog_times(recorded.fronts(number).rises, frames, log)
    this.note(*recorded.notes, *log.notes, *found.notes)
    made = record.TimingRecord(found.method, tuple(this.notes), found.evidence)
    record.save(made, snakemake.output.timing, found.times, snakemake.output.times)
