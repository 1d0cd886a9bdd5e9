"""A camera, a DAQ and a sync line, what goes wrong with them, and when each frame was exposed."""

from dataclasses import dataclass, field

import numpy as np

from alfvideo.timing.daq_lines import DaqLines
from alfvideo.timing.frame_data import FrameData
from alfvideo.timing.sync import Fronts
from rigsim import clock

PINS = 4


@dataclass(frozen=True)
class Faults:
    """Faults of camera, DAQ and sync line, none by default. Times are in s, shares from 0 to 1."""

    daq_starts_late: float = 0.0
    daq_ends_early: float = 0.0
    pulses_lost: int = 0
    pulses_added: int = 0
    gap: int = 0
    ringing: float = 0.0
    """Distance of a second edge after each pulse."""
    every_second_pulse: bool = False
    pulses_of_other_camera: bool = False
    in_samples: bool = False
    pauses: int = 0
    dropped: int = 0
    fewer_frames: int = 0
    ttls_lost: float = 0.0
    ttls_seen_in_trial: int | None = None
    """The DAQ saw the TTLs of this trial only."""
    rises_only: bool = False
    gpio_noise: float = 0.0
    """Fronts on the pin that are of nothing, as a part of those that are of TTLs."""
    pins_late: float = 0.0
    pin: int = 3
    inverted: bool = False
    wrong_label: bool = False
    periodic_trials: bool = False
    no_gpio: bool = False
    no_counter: bool = False
    no_clock: bool = False


@dataclass(frozen=True)
class Setup:
    """A healthy camera and DAQ."""

    rate: float = 60.004
    seconds: float = 60.0
    grid: float = 30003.0003
    """Samples of the DAQ per second."""
    jitter: float = 2e-5
    """Of exposures, s."""
    unsaved: int = 5
    trailing: int = 2
    seed: int = 0
    faults: Faults = field(default_factory=Faults)


@dataclass(frozen=True)
class Recorded:
    """The content of the files of a session, and the truth."""

    pulses: np.ndarray
    n_frames: int
    frame_data: FrameData
    daq: DaqLines
    truth: np.ndarray
    """(n_frames,) true times of the frames."""


def record(setup: Setup) -> Recorded:
    """Record a session."""
    rng = np.random.default_rng(setup.seed)
    faults, period = setup.faults, 1 / setup.rate
    n_saved = max(round(setup.seconds * setup.rate), 60)
    n = setup.unsaved + n_saved + setup.trailing
    noise = np.clip(rng.normal(0, setup.jitter, n), -4 * setup.jitter, 4 * setup.jitter)
    exposures = 3.0 + np.arange(n) * period + noise
    for at in rng.choice(np.arange(n // 4, n - n // 4), faults.pauses, replace=False):
        exposures[at:] += rng.uniform(2, 60) * period
    saved = np.arange(setup.unsaved, setup.unsaved + n_saved)
    middle = saved[n_saved // 4 : n_saved - n_saved // 4]
    saved = np.setdiff1d(saved, rng.choice(middle, faults.dropped, replace=False))
    truth = exposures[saved]
    line, trial = _line(truth, exposures, setup, rng)
    stimulus = line[::2] - np.repeat(rng.uniform(0.03, 0.09, len(line[::2])), 1)

    daq = _recorded_by_daq(setup, exposures, line, trial, stimulus, rng)
    frames = _embedded(setup, exposures, saved, line, rng)
    n_frames = truth.size - faults.fewer_frames
    return Recorded(daq[0], n_frames, frames, daq[1], truth[:n_frames])


def _line(
    truth: np.ndarray, exposures: np.ndarray, setup: Setup, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return fronts of the sync line in turn, clear of exposures, and the trial of each."""
    first, last = truth[0] + 0.5, truth[-1] - 0.5
    n_trials = max(int((last - first) / 2.5), 2)
    lengths = (
        np.full(n_trials, 2.5) if setup.faults.periodic_trials else rng.uniform(1.5, 4, n_trials)
    )
    starts = first + np.r_[0, np.cumsum(lengths)[:-1]]
    reaction = (
        np.full(n_trials, 0.7) if setup.faults.periodic_trials else rng.uniform(0.2, 1, n_trials)
    )
    wrong = rng.random(n_trials) < 0.3
    fronts, trials = [], []
    for trial, (start, delay, is_wrong) in enumerate(zip(starts, reaction, wrong, strict=True)):
        fronts += [start, start + 0.1]
        trials += [trial, trial]
        if is_wrong:
            fronts += [start + 0.1 + delay, start + 0.6 + delay]
            trials += [trial, trial]
    line = clock.clear_of(np.array(fronts), exposures, 1.2 / setup.grid)
    keep = line < last
    keep[1::2] &= keep[::2]
    keep[::2] &= keep[1::2]
    return line[keep], np.array(trials)[keep]


def _recorded_by_daq(
    setup: Setup,
    exposures: np.ndarray,
    line: np.ndarray,
    trial: np.ndarray,
    stimulus: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, DaqLines]:
    faults = setup.faults
    n = exposures.size
    start = 0.0 if not faults.daq_starts_late else exposures[0] + faults.daq_starts_late
    end = exposures[-1] + (-faults.daq_ends_early if faults.daq_ends_early else 2.0)

    def seen(times: np.ndarray) -> np.ndarray:
        return (times >= start) & (times <= end)

    train = exposures
    if faults.pulses_of_other_camera:
        train = exposures[0] + 0.013 + np.arange(n) / (setup.rate * 0.75)
        train = train[train < exposures[-1]]
    lost = np.zeros(train.size, bool)
    inner = np.arange(train.size // 4, train.size - train.size // 4)
    lost[rng.choice(inner, faults.pulses_lost, replace=False)] = True
    lost[train.size // 2 : train.size // 2 + faults.gap] = True
    extra = train[rng.choice(inner, faults.pulses_added, replace=False)]
    extra = extra + rng.uniform(0.3, 0.7, extra.size) / setup.rate
    pulses = np.sort(np.r_[train[~lost], extra])
    if faults.every_second_pulse:
        pulses = pulses[::2]
    if faults.ringing:
        pulses = np.sort(np.r_[pulses, pulses + faults.ringing])
    pulses = clock.on_grid(pulses[seen(pulses)], setup.grid)
    if faults.in_samples:
        pulses = pulses * setup.grid

    kept = (rng.random(line.size) >= faults.ttls_lost) & seen(line)
    if faults.ttls_seen_in_trial is not None:
        kept &= trial == faults.ttls_seen_in_trial % max(trial.max(initial=0), 1)
    polarities = np.tile([1, -1], line.size // 2)
    if faults.rises_only:
        kept &= polarities > 0
    audio = Fronts(clock.on_grid(line[kept], setup.grid), polarities[kept])
    stimulus = stimulus[seen(stimulus)]
    screen = Fronts(
        clock.on_grid(np.sort(np.r_[stimulus, stimulus + 0.02]), setup.grid),
        np.tile([1, -1], stimulus.size),
    )
    seconds = np.arange(np.ceil(start * 2) / 2, end, 0.5)
    square = Fronts(
        clock.on_grid(seconds, setup.grid), np.where(np.arange(seconds.size) % 2, -1, 1)
    )
    lines = {"audio": audio, "frame2ttl": screen, "imec_sync": square}
    if faults.wrong_label:
        lines = {name: lines[name] for name in ("frame2ttl", "audio", "imec_sync")}
    recorded = (float(start), float(end))
    return pulses, DaqLines(lines, is_labelled=True, period=recorded)


def _embedded(
    setup: Setup,
    exposures: np.ndarray,
    saved: np.ndarray,
    line: np.ndarray,
    rng: np.random.Generator,
) -> FrameData:
    faults, truth = setup.faults, exposures[saved]
    level = np.searchsorted(line, truth, side="right") % 2 == 1
    late = level.copy()
    for front in np.flatnonzero(np.diff(level)) + 1:
        if rng.random() < faults.pins_late:
            late[front] = level[front - 1]
    for at in rng.integers(0, late.size - 3, round(faults.gpio_noise * line.size / 2)):
        late[at : at + rng.integers(1, 3)] ^= True
    gpio = np.zeros((truth.size, PINS), bool)
    gpio[:, faults.pin] = late ^ faults.inverted
    seconds = (truth - truth[0]) * (1 + rng.uniform(-3e-5, 3e-5))
    return FrameData(
        timestamps=None if faults.no_clock else np.round(seconds * 24_576_000) / 24_576_000,
        count=None if faults.no_counter else saved - saved[0],
        gpio=None if faults.no_gpio else gpio,
    )
