"""Check and record the raw datasets of a camera."""

from alfvideo.files import atomic
from alfvideo.jobs import job
from alfvideo.registration import registry

with job.run(snakemake) as this, atomic.output(snakemake.output.record) as partial:
    files = list(dict.fromkeys(this.inputs))
    registry.write(registry.describe(files, this.session, registry.MAX_BYTES), partial)
