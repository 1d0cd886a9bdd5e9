"""Camera times from the pulses on the NI-DAQ, aligned to the frames by GPIO, else by the wheel."""

from functools import partial
from pathlib import Path

from alfvideo.jobs import job
from alfvideo.timing import (
    daq_lines,
    decision,
    embedded,
    other_cameras,
    record,
    sync,
    timestamps,
    wheel,
)
from alfvideo.video import probe, region

with job.run(snakemake) as this:
    daq = [Path(file) for file in (*snakemake.input.sync_arrays, *snakemake.input.wiring)]
    folder = daq[0].parent
    namespace, sync_label = this.settings["namespace"], this.settings["sync_label"]
    recorded, channels = sync.load(daq), sync.channel_map(daq, namespace)
    decided = decision.load(map(Path, snakemake.input.timing_decision), this.camera)
    own = sync.camera_channel(channels, this.camera, folder, decided.channel)
    pulses = recorded.fronts(own).rises
    lines = daq_lines.beside(recorded, channels, own, sync_label, decided)

    mp4 = Path(snakemake.input.mp4[0])
    frames = probe.probe_whole(mp4).frames
    frame_data = embedded.load(map(Path, snakemake.input.embedded), this.settings.get("frame_log"))
    others = [Path(file) for file in snakemake.input.embedded_of_others]
    known = partial(other_cameras.reference, others, recorded, channels)
    found = timestamps.camera_times(pulses, frames, frame_data, lines, decided, known)

    shifts = None
    if found.method in ("pulses", "computer") and (box := this.settings["wheel_region"]):
        # Rare, and slow to load.
        from alfvideo.timing.wheel_alignment import for_record
        from alfvideo.timing.wheel_alignment.fallback import instead_of_pulses

        turned = wheel.load([Path(file) for file in snakemake.input.wheel], daq, namespace)
        found, alignment = instead_of_pulses(found, mp4, turned, region.from_configuration(box))
        if alignment is not None:
            shifts = for_record(alignment)

    this.note(*decided.notes, *recorded.notes, *frame_data.notes, *found.notes)
    made = record.TimingRecord(found.method, tuple(this.notes), found.evidence, shifts)
    record.save(made, snakemake.output.timing, found.times, snakemake.output.times)
