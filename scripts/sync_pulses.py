"""Sync pulses of a session, from the raw file of its DAQ."""

from pathlib import Path

import numpy as np

from alfvideo.daq.formats import BY_NAME
from alfvideo.files import arrays
from alfvideo.files.errors import DataError
from alfvideo.jobs import job

with job.run(snakemake) as this:
    raw = Path(snakemake.input.raw_daq[0])
    fronts = BY_NAME[this.settings["format"]].read(raw)
    this.note(*fronts.notes)
    if not fronts.times.size:
        raise DataError(
            f"{raw}: no line rises or falls in all of it: nothing was wired to the DAQ, or "
            "it is of another session. Copy the file of the session from the rig."
        )
    arrays.save(snakemake.output.times, fronts.times)
    arrays.save(snakemake.output.channels, fronts.channels.astype(np.int16))
    arrays.save(snakemake.output.polarities, fronts.polarities.astype(np.int8))
