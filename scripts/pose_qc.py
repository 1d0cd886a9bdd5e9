"""All checks of the pose of one camera, as JSON."""

import json
from pathlib import Path

from alfvideo.behaviour import features, pupil
from alfvideo.files import atomic
from alfvideo.files.errors import attempt
from alfvideo.jobs import job
from alfvideo.pose import clock, table
from alfvideo.qc import outcome, pose
from alfvideo.session import trials
from alfvideo.trackers import TRACKERS
from alfvideo.video import probe
from alfvideo.video.region import from_configuration

with job.run(snakemake) as this:
    mp4, tracker = Path(snakemake.input.mp4[0]), this.settings["tracker"]
    files = list(map(Path, snakemake.input.trials))
    times, size = clock.times(snakemake.input.times), probe.probe(mp4)
    columns = table.Columns(Path(snakemake.input.pose[0]))
    rate, box = clock.rate(times, mp4), this.settings["box"]
    diameters = None
    if snakemake.input.features:
        diameters = attempt(features.load, Path(snakemake.input.features[0]))
    elif TRACKERS[tracker].checks_pupil_and_paws and this.camera in pupil.WINDOWS:
        diameters, _ = features.features(columns, this.camera, rate)
    checks = pose.inspect(
        pose.Pose(
            tracker=tracker,
            camera=this.camera,
            columns=columns,
            times=times,
            rate=rate,
            features=diameters,
            trials=attempt(trials.load, files) if files else None,
            box=from_configuration(box).within(size.width, size.height) if box else None,
        )
    )
    report = outcome.report(tracker, this.camera, checks, TRACKERS[tracker].ignored_checks)
    this.note(*dict.fromkeys(report["reasons"].values()))
    with atomic.output(snakemake.output.checks) as partial:
        partial.write_text(json.dumps(report, indent=1), encoding="utf-8")
