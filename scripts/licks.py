"""Lick times of a session, from the pose of all cameras that see the tongue."""

from pathlib import Path

import numpy as np

from alfvideo.behaviour.licks import TONGUE, lick_times
from alfvideo.files import arrays
from alfvideo.files.errors import DataError
from alfvideo.jobs import job
from alfvideo.pose import clock, table
from alfvideo.session import datasets

with job.run(snakemake) as this:
    times_of = {datasets.camera_of(Path(file)): file for file in snakemake.input.times}
    licks, without = [], []
    for file in map(Path, snakemake.input.pose):
        camera = datasets.camera_of(file)
        pose = table.Columns(file)
        times = clock.times([times_of[camera]] if camera in times_of else [])
        counts = f"{camera} camera: {times.size} times for {pose.n_frames} poses"
        if set(TONGUE).isdisjoint(table.parts(pose)):
            without.append(f"{camera} camera: the pose has no {' or '.join(TONGUE)}, no licks.")
        elif times.size < pose.n_frames:
            without.append(f"{counts}, no licks.")
        else:
            if times.size > pose.n_frames:
                this.note(f"{counts}, the last times are left out.")
            licks.append(lick_times(pose, times))
    if not licks:
        raise DataError(
            f"No camera gives lick times. {' '.join(without)} Remove pose and times of a camera "
            "and run again: they are then regenerated."
        )
    this.note(*without)
    arrays.save(snakemake.output.licks, np.sort(np.concatenate(licks)))
