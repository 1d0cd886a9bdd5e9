"""Check and record the raw datasets of a camera."""

from alfvideo import atomic, job, registry

with job.run(snakemake) as this, atomic.output(snakemake.output.record) as partial:
    files = list(dict.fromkeys(this.inputs))
    registry.write(registry.describe(files, this.session), partial)
