"""Pose of a clip by all of alfvideo: decoding, cutting, the engine's process, the table."""

from pathlib import Path

import pandas as pd

from alfvideo.pose import model_files, result, track
from alfvideo.pose.cascade import Cascade, Network
from alfvideo.pose.engine import Engine
from alfvideo.pose.parts import Parts
from alfvideo.video import probe


def tracked(clip: Path, tracker: str, model: Path, python: Path) -> pd.DataFrame:
    """The table of one network on the whole frame."""
    cropping = model_files.facts(model, tracker).cropping
    cascade = Cascade(networks={"all": Network(models={str(model): ""}, cropping=cropping)})
    described = probe.probe_whole(clip)
    with (
        Engine(python, tracker, track.models(cascade), threads=1, device="") as engine,
        Parts(clip.with_suffix(".pqt"), {}) as parts,
    ):
        poses = track.track(clip, described, "left", cascade, engine, parts)
        return result.table(poses, cascade, "left", described, engine)
