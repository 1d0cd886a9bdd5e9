"""Lick times of a session, from the pose of all cameras that see the tongue."""

from pathlib import Path

import numpy as np

from alfvideo import arrays, datasets, job
from alfvideo.licks import TONGUE, lick_times
from alfvideo.pose import clock, table

with job.run(snakemake) as this:
    times_of = {datasets.camera_of(Path(file)): file for file in snakemake.input.times}
    licks = [np.empty(0)]
    for file in map(Path, snakemake.input.pose):
        camera = datasets.camera_of(file)
        pose = table.Columns(file)
        times = clock.times([times_of[camera]] if camera in times_of else [])
        if not set(TONGUE) & set(table.parts(pose)):
            this.note(f"{camera} camera: the pose has no {' or '.join(TONGUE)}, no licks.")
        elif times.size < pose.n_frames:
            this.note(f"{camera} camera: {times.size} times for {pose.n_frames} poses, no licks.")
        else:
            if times.size > pose.n_frames:
                this.note(
                    f"{camera} camera: {times.size} times for {pose.n_frames} poses, the last "
                    "times are left out."
                )
            licks.append(lick_times(pose, times))
    arrays.save(snakemake.output.licks, np.sort(np.concatenate(licks)))
