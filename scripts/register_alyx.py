"""Registers one session on Alyx: what is new or has changed."""

import json
from dataclasses import asdict

from alfvideo.files import atomic
from alfvideo.files.errors import DataError
from alfvideo.jobs import job
from alfvideo.registration.alyx import outage
from alfvideo.registration.alyx.collect import collect
from alfvideo.registration.alyx.connection import Unreachable, connect
from alfvideo.registration.alyx.records import Policy
from alfvideo.registration.alyx.registration import register

with job.run(snakemake) as this:
    policy = Policy(this.settings["repository"] or None, this.settings["protected"])
    try:
        client = connect(this.settings["url"], outage.patience())
        report = register(collect(this.session), client, policy)
        outage.forget()
    except Unreachable as error:
        outage.notice()
        raise DataError(f"{error} What was made is kept, the next run registers it.") from None
    job.logger.info(
        "%s on Alyx: %d files, %d QC fields, %d pictures and %d tasks written, %d files unchanged",
        *(report.eid, len(report.files), len(report.qc), len(report.pictures)),
        *(len(report.tasks), len(report.unchanged)),
    )
    with atomic.output(snakemake.output.report) as partial:
        partial.write_text(json.dumps(asdict(report), indent=1), encoding="utf-8")
