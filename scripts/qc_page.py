"""Writes the QC page of a data folder."""

import sys
from pathlib import Path

from alfvideo import configuration
from alfvideo.files.errors import DataError
from alfvideo.jobs import job
from alfvideo.planning import pending, scan_cache
from alfvideo.views.report import folder, sessions

root, page = Path(snakemake.params.root), Path(snakemake.params.folder)
config, log = configuration.parse(snakemake.params.configuration), Path(snakemake.log[0])
try:
    statuses = pending.scan(root, config, scan_cache.load_memory(root, config))
    n_changed = folder.write(sessions.reports(statuses, root, config), root, page)
except (DataError, OSError) as error:
    log.write_text(job.message(error), encoding="utf-8")
    sys.exit(job.message(error))
n_sessions = len({status.session for status in statuses})
said = f"{page / 'index.html'}: {n_sessions} sessions, {n_changed} of them new or changed."
log.write_text(said, encoding="utf-8")
print(said, file=sys.stderr)
