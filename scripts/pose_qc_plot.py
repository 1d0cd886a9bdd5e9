"""The picture of a session's pose, from what there is."""

from pathlib import Path

from alfvideo.files import atomic
from alfvideo.jobs import job
from alfvideo.plots import pose_session
from alfvideo.plots.pose_qc import pose_qc

with job.run(snakemake) as this:
    tracked = {name: this.settings[name] for name in ("tracker", "features_from")}
    files = {name: [Path(file) for file in paths] for name, paths in snakemake.input.items()}
    session = pose_session.load(files, **tracked)
    this.note(*session.broken)
    with atomic.output(snakemake.output.picture) as partial:
        pose_qc(session, this.session_name).savefig(partial, format="png", dpi=100)
