"""Remove the raw video of a camera after checking its mp4 once more."""

from pathlib import Path

from alfvideo.files import atomic
from alfvideo.jobs import job
from alfvideo.registration import registry
from alfvideo.video import compress, probe

originals = [Path(path) for path in snakemake.input.originals]

with job.run(snakemake) as this, atomic.output(snakemake.output.record) as partial:
    registry.write(registry.describe(originals, this.session), partial)
    compress.check(probe.probe_whole(originals[0]), originals[0], Path(snakemake.input.mp4[0]))
    for original in originals:
        original.unlink()
