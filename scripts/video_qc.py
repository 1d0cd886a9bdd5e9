"""All checks of one camera, as JSON and as a picture."""

import json
from pathlib import Path

from alfvideo.files import arrays, atomic
from alfvideo.files.errors import DataError, attempt
from alfvideo.jobs import job
from alfvideo.plots.camera_qc import camera_qc
from alfvideo.qc import camera, inputs, outcome, rigs
from alfvideo.session.rigs import RIGS
from alfvideo.timing import record, wheel

with job.run(snakemake) as this:
    mp4 = Path(snakemake.input.mp4[0])
    found = {name: [Path(file) for file in files] for name, files in snakemake.input.items()}
    sync, sync_label = this.settings["sync"], this.settings["sync_label"]
    namespace, ttl = this.settings["namespace"], found["ttl"]
    daq = ttl if RIGS[sync].records_wheel else []
    is_camlog = mp4.with_suffix(".camlog") in found["frame_log"]
    # Times of another program have none.
    timing = attempt(record.load, found["timing"][0]) if found["timing"] else None
    known = None if isinstance(timing, DataError) else timing
    inspection = camera.inspect(
        camera.CameraInputs(
            label=this.camera,
            video=mp4,
            times=attempt(arrays.seconds, found["times"][0]),
            evidence=timing if isinstance(timing, DataError) else timing and timing.evidence,
            frame_data=attempt(
                inputs.frame_data, found["frame_log"], this.settings.get("frame_log")
            ),
            ttl_rises=attempt(inputs.ttl_rises, ttl, sync, namespace, sync_label),
            wheel=attempt(wheel.load, found["wheel"], daq, namespace),
            reference=attempt(inputs.reference_frame, this.settings["reference_frame"]),
            expected=rigs.Expected(**this.settings["expected"]),
            skip=camera.checks_to_skip(" ".join(this.settings["protocols"]), is_camlog),
        )
    )
    checks = outcome.report("video", this.camera, inspection.checks)
    this.note(*dict.fromkeys(checks["reasons"].values()))
    with (
        atomic.output(snakemake.output.checks) as partial_checks,
        atomic.output(snakemake.output.picture) as partial_picture,
    ):
        partial_checks.write_text(json.dumps(checks, indent=1), encoding="utf-8")
        figure = camera_qc(inspection, this.session_name, known and known.wheel)
        figure.savefig(partial_picture, format="png", dpi=100)
