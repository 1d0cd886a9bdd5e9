"""Task data as Bpod and the task software write them."""

import numpy as np

from rigsim import clock, session
from rigsim.behaviour import Trials
from rigsim.specification import DAQ_RATE, Fault, Rig

BPOD_START = 1.76791
"""Bpod's own clock when the session starts; true time 0."""


def settings(rig: Rig, protocol: str) -> dict:
    """Return task settings: iblrig 8 for 1.x descriptions, iblrig 6 for older ones."""
    start = f"{rig.date}T12:00:00"
    common = {
        "PYBPOD_PROTOCOL": protocol,
        "SUBJECT_NAME": rig.subject,
        "SESSION_NUMBER": rig.number,
        "SESSION_DATE": rig.date,
        "SESSION_DATETIME": start,
        "RECORD_VIDEO": True,
        "RECORD_SOUND": True,
    }
    if rig.description is None or rig.description.startswith("0"):
        return common | {
            "IBLRIG_VERSION_TAG": "6.6.1",
            "IBLRIG_VERSION": "6.6.1",
            "PYBPOD_BOARD": "rendered_rig",
            "PYBPOD_CREATOR": ["tester", "00000000-0000-0000-0000-000000000000"],
        }
    return common | {
        "IBLRIG_VERSION": "8.24.0",
        "SESSION_START_TIME": start,
        "RIG_NAME": "rendered_rig",
        "ALYX_USER": "tester",
        "device_sound": {"OUTPUT": "harp"},
    }


def trial_lines(rig: Rig, planned: session.Session) -> list[dict]:
    """Return one dict per trial, event times in seconds from the start of the trial.

    Camera pulses (Port1In rises, Port1Out falls) and sounds (BNC2High, BNC2Low) are written
    only for Bpod rigs, and only those between the start and the end of a trial.
    """
    lines: dict[str, np.ndarray] = {}
    if rig.kind == "bpod":
        (camera,) = rig.labels
        pulses = session.camera_pulses(rig, camera, planned.recordings[camera])
        falls = pulses[:, 1]
        if rig.has(camera, Fault.STARTS_WITH_FALL):
            falls = np.r_[pulses[:1, 0] - session.EARLY_FALL, falls]
        lines |= {"Port1In": pulses[:, 0], "Port1Out": falls}
        lines |= {"BNC2High": planned.sync[:, 0], "BNC2Low": planned.sync[:, 1]}
        start, stop = session.daq_period(rig, planned)
        lines = {k: v[(v >= start) & (v <= stop)] for k, v in lines.items()}
    trials = planned.trials
    return [_trial(i, trials, lines, DAQ_RATE["bpod"]) for i in range(len(trials.starts))]


def _trial(i: int, trials: Trials, lines: dict, rate: float) -> dict:
    start, end = clock.on_grid(trials.starts[i], rate), clock.on_grid(trials.ends[i], rate)
    events = {"Tup": [0.0001]}
    for name, times in lines.items():
        here = clock.on_grid(times[(times >= start) & (times <= end)], rate) - start
        if here.size:
            events[name] = np.round(here, 4).tolist()
    go, feedback = (float(round(t - start, 4)) for t in (trials.go_cues[i], trials.feedbacks[i]))
    correct = bool(trials.correct[i])
    nothing = [[float("nan"), float("nan")]]
    states = {
        "trial_start": [[0, 0.0001]],
        "stim_on": [[go - 0.01, go]],
        "play_tone": [[go, go + 0.0001]],
        "closed_loop": [[go, feedback]],
        "reward": [[feedback, feedback + 0.1]] if correct else nothing,
        "error": nothing if correct else [[feedback, feedback + 0.5]],
        "exit_state": [[float(end - start) - 0.05, float(end - start)]],
    }
    return {
        "trial_num": i + 1,
        "position": -35,
        "contrast": 1.0,
        "trial_correct": correct,
        "behavior_data": {
            "Bpod start timestamp": BPOD_START,
            "Trial start timestamp": BPOD_START + float(start),
            "Trial end timestamp": BPOD_START + float(end),
            "States timestamps": states,
            "Events timestamps": events,
        },
    }
