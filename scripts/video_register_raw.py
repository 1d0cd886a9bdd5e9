"""Check and record the raw datasets of a camera."""

from alfvideo.files import atomic
from alfvideo.jobs import job, raw_datasets

with job.run(snakemake) as this, atomic.output(snakemake.output.record) as partial:
    files = list(dict.fromkeys(this.inputs))
    raw_datasets.write(raw_datasets.describe(files, this.session, raw_datasets.MAX_BYTES), partial)
