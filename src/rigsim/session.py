"""Plans a session: what each camera, the DAQ and the animal do, before anything is written."""

from typing import NamedTuple

import numpy as np

from rigsim import behaviour, clock
from rigsim.specification import CAMERAS, DAQ, DAQ_RATE, Fault, Rig

CAMERA_START = 0.6
"""When the first camera starts, in seconds after the DAQ; the others follow by 0.05 s each."""
TRAILING = 2
"""Exposures after the last saved frame; none on camlog rigs."""
DAQ_TAIL = 0.5
"""For how many seconds the DAQ goes on after the last exposure."""
BPOD_DEAD_TIME = 0.3
"""Seconds between Bpod trials in which nothing is recorded."""
EARLY_FALL = 0.01
"""Seconds from the fall of a channel that was high when the DAQ started to the first pulse."""

Pulses = np.ndarray
"""Rises and falls on the true clock, (n, 2) seconds."""


class Session(NamedTuple):
    """A planned session; all times are true times in seconds.

    Attributes:
        recordings: camera label -> what the camera did.
        trials: the trials.
        sounds: pulses of the sync line that cameras can see, (n, 2).
        sync: all pulses of the sync line, (m, 2).
        licks: onsets of tongue protrusions.
        wheel: wheel position in radians at 1 kHz.
        duration: when the DAQ stops.
    """

    recordings: dict[str, clock.Recording]
    trials: behaviour.Trials
    sounds: Pulses
    sync: Pulses
    licks: np.ndarray
    wheel: np.ndarray
    duration: float


def plan(rig: Rig) -> Session:
    """Plan the session that a rig specification asks for; the same for the same seed."""
    recordings = {camera: _record(rig, camera) for camera in rig.labels}
    rng = rig.random("animal")
    first = max(r.times[0] for r in recordings.values())
    last = min(r.times[-1] for r in recordings.values())
    late = min(3.0, 0.25 * rig.seconds) if rig.kind == "bpod" else 0.0
    dead = BPOD_DEAD_TIME if rig.kind == "bpod" else 0.05
    trials = behaviour.make_trials(first + 0.3, last - 0.3 - late, dead, rng)
    exposures = np.sort(np.concatenate([r.exposures for r in recordings.values()]))
    guard = 1.2 / DAQ_RATE[rig.kind]
    sounds = clock.clear_of(trials.sounds.ravel(), exposures, guard).reshape(-1, 2)
    if silent := rig.amount(DAQ, Fault.SILENT_TRIAL):
        middle = len(trials.starts) // 2
        start, end = trials.starts[middle], trials.ends[middle + int(silent) - 1]
        sounds = sounds[(sounds[:, 0] < start) | (sounds[:, 0] > end)]
    sync = sounds
    before = rig.amount(DAQ, Fault.UNSEEN_SYNC_PULSE)
    if before is not None and len(sounds):
        sync = np.vstack([_unseen_pulse(rig, sounds[0, 0] - before, exposures), sounds])
    duration = max(r.exposures[-1] for r in recordings.values()) + DAQ_TAIL
    licks = behaviour.make_licks(trials, rng)
    wheel = behaviour.make_wheel(trials, duration, rng)
    return Session(recordings, trials, sounds, sync, licks, wheel, duration)


def _record(rig: Rig, camera: str) -> clock.Recording:
    full = CAMERAS[rig.kind][camera]
    return clock.record(
        start=CAMERA_START + 0.05 * list(CAMERAS[rig.kind]).index(camera),
        rate=rig.rates.get(camera, full.rate),
        unsaved=rig.unsaved_exposures,
        n_saved=round(rig.seconds * full.fps),
        trailing=0 if rig.kind == "camlog" else TRAILING,
        n_dropped=int(rig.amount(camera, Fault.DROPPED) or 0),
        rng=rig.random("camera", camera),
    )


def _unseen_pulse(rig: Rig, time: float, exposures: np.ndarray) -> np.ndarray:
    """Make a pulse at or shortly before `time` that no exposure sees, (1, 2)."""
    width = max(2e-4, 1.5 / DAQ_RATE[rig.kind])
    while np.searchsorted(exposures, time) != np.searchsorted(exposures, time + width):
        time -= width / 2
    return np.array([[time, time + width]])


def camera_pulses(rig: Rig, camera: str, recording: clock.Recording) -> Pulses:
    """Return the camera's pulses that its channel recorded, after its faults, (n, 2)."""
    pulses = recording.pulses
    period = np.median(np.diff(recording.exposures))
    if extra := rig.amount(camera, Fault.EXTRA_PULSE):
        more = pulses[-1] + period * np.arange(1, int(extra) + 1)[:, None]
        pulses = np.vstack([pulses, more])
    if missing := rig.amount(camera, Fault.MISSING_PULSE):
        pulses = pulses[: -int(missing)]
    start, stop = recorded_period(rig, camera, recording)
    return pulses[(pulses[:, 0] >= start) & (pulses[:, 1] <= stop)]


def recorded_period(rig: Rig, target: str, recording: clock.Recording) -> tuple[float, float]:
    """Return the start and end of a channel's recording, relative to the camera it is tied to."""
    late = rig.amount(target, Fault.PULSES_MISSING_AT_START)
    early = rig.amount(target, Fault.PULSES_MISSING_AT_END)
    start = 0.0 if late is None else recording.times[0] + late
    stop = np.inf if early is None else recording.times[-1] - early
    return start, stop


def daq_period(rig: Rig, session: Session) -> tuple[float, float]:
    """Return the start and end of the DAQ's recording, measured against the first camera."""
    return recorded_period(rig, DAQ, session.recordings[rig.labels[0]])


def sync_arrays(rig: Rig, session: Session) -> dict[str, np.ndarray]:
    """Return all fronts of the DAQ in time order: `times`, `polarities`, `channels`, (n,) each."""
    rate = DAQ_RATE[rig.kind]
    trials = session.trials
    starts = np.column_stack([trials.starts, trials.starts + 0.05])
    stimulus = np.column_stack([trials.stimulus_onsets, trials.go_cues + 0.25])
    seconds = np.arange(0.5, session.duration - 0.5)
    lines = {
        "audio": session.sync,
        "bpod": starts + 0.01,
        "frame2ttl": stimulus,
        "imec_sync": np.column_stack([seconds, seconds + 0.5]),
    }
    for camera, recording in session.recordings.items():
        lines[f"{camera}_camera"] = camera_pulses(rig, camera, recording)
    fronts = {name: clock.fronts(pulses, rate) for name, pulses in lines.items()}
    for camera in session.recordings:
        if rig.has(camera, Fault.STARTS_WITH_FALL):
            times, polarities = fronts[f"{camera}_camera"]
            fall = clock.on_grid(times[:1] - EARLY_FALL, rate)
            fronts[f"{camera}_camera"] = np.r_[fall, times], np.r_[np.int16(-1), polarities]
    if "rotary_encoder_0" in rig.channels:
        times, counts = behaviour.encoder_counts(session.wheel)
        encoder, polarity = behaviour.quadrature(counts)
        for i in range(2):
            here = encoder == i
            fronts[f"rotary_encoder_{i}"] = clock.on_grid(times[here], rate), polarity[here]
    fronts = {name: front for name, front in fronts.items() if name in rig.channels}
    times = np.concatenate([t for t, _ in fronts.values()])
    polarities = np.concatenate([p for _, p in fronts.values()]).astype(np.int16)
    channels = np.repeat(
        np.array([rig.channels[name] for name in fronts], np.int16),
        [len(t) for t, _ in fronts.values()],
    )
    start, stop = daq_period(rig, session)
    order = np.argsort(times, kind="stable")
    order = order[(times[order] >= start) & (times[order] <= stop)]
    return {"times": times[order], "polarities": polarities[order], "channels": channels[order]}
