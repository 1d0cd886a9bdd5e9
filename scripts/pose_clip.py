"""A short clip of one camera with its pose drawn on it, around some stimuli."""

from pathlib import Path

import numpy as np

from alfvideo.files import atomic
from alfvideo.files.errors import DataError, attempt
from alfvideo.jobs import job
from alfvideo.plots import pose_clip
from alfvideo.pose import clock, table
from alfvideo.session import trials
from alfvideo.video import frames, probe

with job.run(snakemake) as this:
    mp4, source = Path(snakemake.input.mp4[0]), Path(snakemake.input.pose[0])
    pose = table.Columns(source)
    recording = probe.probe(mp4)
    if recording.frames != pose.n_frames:
        raise DataError(
            f"{mp4} has {recording.frames} frames and {source} {pose.n_frames} rows: the pose is "
            "not that of this video. Remove the pose table and run again."
        )
    times = clock.times(snakemake.input.times)
    if snakemake.input.times and times.size != recording.frames:
        this.note(
            f"{snakemake.input.times[0]} has {times.size} times and {mp4} {recording.frames} "
            "frames: the clip shows moments spread evenly over the video, without session time."
        )
        times = np.empty(0)
    onsets = np.empty(0)
    if times.size and snakemake.input.trials:
        known = attempt(trials.load, [Path(path) for path in snakemake.input.trials])
        if isinstance(known, DataError):
            this.note(str(known))
        else:
            onsets = known.stimulus_onsets

    rate = clock.rate(times, mp4)
    every, shown_rate = pose_clip.pace(rate)
    numbers = pose_clip.shown(pose_clip.excerpts(recording.frames, rate, times, onsets), every)
    seconds = times[numbers] if times.size else numbers / rate
    since = pose_clip.since_stimulus(seconds, onsets)
    parts = table.parts(pose)
    points = pose_clip.keypoints(pose, parts, numbers)
    layout = pose_clip.layout(recording.width, recording.height, parts)
    pictures = (
        pose_clip.drawn(layout, frames.picture(frame), xy, pose_clip.texts(*text))
        for frame, xy, *text in zip(
            frames.read(mp4, numbers), points, numbers, seconds, since, strict=True
        )
    )
    with atomic.output(snakemake.output.clip) as partial:
        pose_clip.write(partial, pictures, shown_rate)
