"""Motion energy of one camera, in the region that its pose gives."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from alfvideo.files import arrays
from alfvideo.files.errors import DataError
from alfvideo.jobs import job, progress
from alfvideo.pose import roi, table
from alfvideo.video import probe
from alfvideo.video.motion_energy import gray_regions, motion_energy

with job.run(snakemake) as this:
    mp4, source = Path(snakemake.input.mp4[0]), Path(snakemake.input.pose[0])
    pose = table.Columns(source)
    size = probe.probe(mp4)
    region = roi.motion_energy_region(pose, source, size.width, size.height)
    damaged = []

    def regions() -> Iterator[np.ndarray | None]:
        """Yield the gray regions, noting which frames cannot be decoded."""
        found = progress.watched(gray_regions(mp4, region), "measured", pose.n_frames)
        for number, values in enumerate(found):
            if values is None:
                damaged.append(number)
            yield values

    energy = motion_energy(regions())
    if energy.size != pose.n_frames:
        raise DataError(
            f"{mp4} has {energy.size} frames and {source} {pose.n_frames} rows: the pose is not "
            "that of this video. Remove the pose table and run again."
        )
    if damaged:
        this.note(
            f"{len(damaged)} of {energy.size} frames cannot be decoded (the first is frame "
            f"{damaged[0]}): motion energy is NaN there and one frame before."
        )
    arrays.save(
        snakemake.output.position,
        np.array([region.width, region.height, region.x, region.y], np.int64),
    )
    arrays.save(snakemake.output.energy, energy)
