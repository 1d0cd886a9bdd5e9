"""Camera times from the pulses on the NI-DAQ, for rigs that keep a log of each frame."""

from pathlib import Path

from alfvideo.jobs import job
from alfvideo.timing import camlog, camlog_times, decision, record, sync
from alfvideo.timing.frame_data import FrameData
from alfvideo.video import probe

with job.run(snakemake) as this:
    daq = [Path(file) for file in (*snakemake.input.sync_arrays, *snakemake.input.wiring)]
    channels = sync.channel_map(daq, this.settings["namespace"])
    decided = decision.load(map(Path, snakemake.input.timing_decision), this.camera)
    decided.check_used("channel", "start")
    number = sync.camera_channel(channels, this.camera, daq[0].parent, decided.channel)
    recorded = sync.load(daq)

    frames = probe.probe_whole(Path(snakemake.input.mp4[0])).frames
    logs = [Path(file) for file in snakemake.input.camera_log]
    log = camlog.load(logs[0]) if logs else FrameData(None, None, None)
    found = camlog_times.camlog_times(recorded.fronts(number).rises, frames, log, decided.start)
    this.note(*decided.notes, *recorded.notes, *log.notes, *found.notes)
    made = record.TimingRecord(found.method, tuple(this.notes), found.evidence)
    record.save(made, snakemake.output.timing, found.times, snakemake.output.times)
