"""Keeps the truth of a rendered session aside from its files, and loads it again."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from rigsim import behaviour, clock, pose, session
from rigsim.specification import Rig

FOLDER = ".truth"


def write_truth(
    folder: Path, rig: Rig, planned: session.Session, poses: dict[str, pose.Poses]
) -> None:
    """Write one npz per camera, `session.npz` and `session.json`; docs/rig.md lists the arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    trials = planned.trials
    wheel_times, counts = behaviour.encoder_counts(planned.wheel)
    np.savez(
        folder / "session.npz",
        lick_times=planned.licks,
        wheel_timestamps=wheel_times,
        wheel_position=counts[1:] * 2 * np.pi / behaviour.TICKS,
        sync_pulses=planned.sync,
        seen_sync_pulses=planned.sounds,
        trial_starts=trials.starts,
        trial_ends=trials.ends,
        go_cue_times=trials.go_cues,
        feedback_times=trials.feedbacks,
        feedback_correct=trials.correct,
        choices=behaviour.choices(trials, planned.wheel),
    )
    (folder / "session.json").write_text(json.dumps(dataclasses.asdict(rig), indent=1))
    for camera, recording in planned.recordings.items():
        seen = poses[camera]
        np.savez(
            folder / f"{camera}.npz",
            times=recording.times,
            exposure_times=recording.exposures,
            saved=recording.saved,
            dropped=recording.dropped,
            pulses=session.camera_pulses(rig, camera, recording),
            pin_high=clock.level_at(recording.times, planned.sync),
            counter=recording.counter_start + recording.saved,
            camera_clock=np.array([recording.clock_start, recording.clock_ppm]),
            parts=np.array(seen.parts, str),
            keypoints=seen.keypoints,
            pupil_diameter=seen.pupil_diameter,
            wheel_at_frames=seen.wheel,
        )


def truth_folder(root: Path, rig: Rig) -> Path:
    """Return the folder of the truth of a session."""
    return root / FOLDER / rig.session


def load_truth(session_path: Path, camera: str | None = None) -> dict[str, np.ndarray]:
    """Load the truth of a rendered session, and of a camera if named: array name -> array.

    Raises FileNotFoundError if the session was not rendered or had no such camera.
    """
    session_path = Path(session_path).resolve()
    for root in session_path.parents:
        folder = root / FOLDER / session_path.relative_to(root)
        if folder.is_dir():
            break
    else:
        raise FileNotFoundError(f"{session_path}: not a rendered session, it has no truth")
    truth = {}
    for name in ("session", camera):
        if name is not None:
            with np.load(folder / f"{name}.npz") as arrays:
                truth.update(arrays)
    return truth
