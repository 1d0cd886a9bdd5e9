"""Camera times from the pulses on the Bpod, aligned to the frames by GPIO and frame counter."""

from pathlib import Path

from alfvideo.jobs import job
from alfvideo.timing import bpod, decision, embedded, record, timestamps
from alfvideo.timing.daq_lines import DaqLines
from alfvideo.video import probe

with job.run(snakemake) as this:
    decided = decision.load(map(Path, snakemake.input.timing_decision), this.camera)
    decided.check_used("pin", "inverted", "start", "method")
    trials = bpod.load(bpod.task_data(map(Path, snakemake.input.task_data)))
    pulses, notes = bpod.camera_pulses(trials.events)

    frames = probe.probe_whole(Path(snakemake.input.mp4[0])).frames
    frame_data = embedded.load(map(Path, snakemake.input.embedded), this.settings.get("frame_log"))
    lines = DaqLines({"BNC2": bpod.sync_fronts(trials.events)})
    found = timestamps.camera_times(pulses, frames, frame_data, lines, decided)
    this.note(*decided.notes, *trials.notes, *frame_data.notes, *notes, *found.notes)
    made = record.TimingRecord(found.method, tuple(this.notes), found.evidence)
    record.save(made, snakemake.output.timing, found.times, snakemake.output.times)
