"""Pose of a camera: the networks of its cascade, in the environment of their engine."""

from pathlib import Path

from alfvideo.files import atomic
from alfvideo.jobs import job
from alfvideo.pose import cascade, devices, engine, environment, parts, result, track
from alfvideo.video import probe

with job.run(snakemake, tools=[snakemake.input.environment]) as this:
    mp4, target = Path(snakemake.input.mp4[0]), Path(snakemake.output.pose)
    made = environment.read_record(Path(snakemake.input.environment))
    networks, tracker = cascade.from_settings(this.settings["cascade"]), this.settings["tracker"]
    what = probe.probe_whole(mp4)
    lock = environment.lock_of(made)
    video = {"frames": what.frames, "video": mp4.stat().st_mtime_ns}
    made_from = {**this.settings, **video, "lock": lock}
    with (
        devices.one() as device,
        engine.Engine(
            Path(made["python"]),
            tracker,
            track.models(networks),
            snakemake.threads,
            device,
            snakemake.config["trusted_models"],
        ) as running,
        # Parts are only for the process that holds the lock of the output.
        atomic.output(target) as partial,
        parts.Parts(target, made_from | {"software": running.software}) as finished,
    ):
        this.software |= running.software | lock
        for name, snapshot in track.snapshots(networks, tracker).items():
            this.software[f"model of {name}"] = snapshot
        # Before hours of tracking for a table that cannot be made.
        result.parts_of(networks, running)
        poses = track.track(mp4, what, this.camera, networks, running, finished)
        table = result.table(poses, networks, this.camera, what, running)
        table.to_parquet(partial)
        this.note(*running.notes)
