"""The animal over time: trials, licks, wheel, and slow movements of its parts."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit

GO_CUE = 0.1
NOISE = 0.5
LICK_RATE = 7.0
LICK_DURATION = 0.08
TICKS = 4 * 1024
"""Counts per turn of the wheel: 1024 lines in x4 coding, as IBL's encoder."""

TRAJECTORY_RATE = 1000.0

STIMULUS_LEAD = 0.01
"""Seconds from the onset of the stimulus to the go cue."""
FASTEST_TURN = 0.1
"""Seconds before and after a feedback within which most of the wheel's turn is done."""


class Trials(NamedTuple):
    """Trial events in seconds, each (n_trials,); feedback is NaN in a trial without response."""

    starts: np.ndarray
    ends: np.ndarray
    go_cues: np.ndarray
    feedbacks: np.ndarray
    correct: np.ndarray

    @property
    def stimulus_onsets(self) -> np.ndarray:
        """(n_trials,) seconds at which the stimulus comes on."""
        return self.go_cues - STIMULUS_LEAD

    @property
    def sounds(self) -> np.ndarray:
        """Rise and fall of the sync line: go cues (100 ms) and noises (500 ms), (n, 2)."""
        noises = self.feedbacks[~self.correct & np.isfinite(self.feedbacks)]
        rises = np.r_[self.go_cues, noises]
        pulses = np.column_stack(
            [rises, rises + np.repeat([GO_CUE, NOISE], [len(self.go_cues), len(noises)])]
        )
        return pulses[np.argsort(rises)]


def make_trials(start: float, end: float, dead: float, rng: np.random.Generator) -> Trials:
    """Draw trials between two times; go cues are 1 to 4 s apart.

    Trial 0 starts at 0. `dead` is the time between the end of a trial and the start of the next.
    A period too short for a whole trial gets one go cue without response, if that fits.
    """
    go_cues, feedbacks, correct = [], [], []
    time = start
    while time + 1.5 < end:
        reaction = rng.uniform(0.3, 0.8)
        go_cues.append(time)
        feedbacks.append(time + reaction)
        correct.append(rng.random() < 0.7)
        # A trial ends 0.1 s before the next go cue, less the dead time, and after its sounds.
        sounds_end = reaction + (0 if correct[-1] else NOISE)
        time += max(rng.uniform(1.0, 4.0), sounds_end + dead + 0.3)
    if not go_cues and start + 2 * GO_CUE < end:
        go_cues, feedbacks, correct = [start], [np.nan], [False]
    go_cues, feedbacks = np.array(go_cues), np.array(feedbacks)
    starts = np.r_[0.0, go_cues[1:] - 0.1]
    starts = starts[: len(go_cues)]
    ends = np.r_[starts[1:] - dead, end][-len(go_cues) :] if len(go_cues) else starts
    return Trials(starts, ends, go_cues, feedbacks, np.array(correct, bool))


def make_licks(trials: Trials, rng: np.random.Generator) -> np.ndarray:
    """Draw onsets of tongue protrusions, 7/s for up to 1 s after each reward, (n,) seconds."""
    bouts = [
        reward + 0.05 + np.cumsum(rng.normal(1 / LICK_RATE, 0.01, rng.integers(3, 7)))
        for reward in trials.feedbacks[trials.correct]
    ]
    return np.concatenate(bouts) if bouts else np.empty(0)


def tongue_extension(times: np.ndarray, licks: np.ndarray) -> np.ndarray:
    """Return the part of the tongue that is out, 0 to 1: half a sine of 80 ms from each onset."""
    if not len(licks):
        return np.zeros(len(times))
    since = times - licks[np.maximum(np.searchsorted(licks, times, side="right") - 1, 0)]
    out = (since >= 0) & (since <= LICK_DURATION)
    return np.where(out, np.sin(np.pi * since / LICK_DURATION), 0.0)


def make_wheel(trials: Trials, duration: float, rng: np.random.Generator) -> np.ndarray:
    """Make the wheel's position in radians at 1 kHz from time 0: a turn a trial and small drifts.

    Turns are 0.3 to 1 rad with a peak speed of 0.75 to 5 rad/s, so that at 30 frames a second the
    picture of the wheel still moves by less than half a stripe per frame.
    """
    times = np.arange(int(duration * TRAJECTORY_RATE) + 1) / TRAJECTORY_RATE
    position = 0.05 * slow_noise(rng, fastest=0.5)(times)
    moves = np.where(np.isfinite(trials.feedbacks), trials.feedbacks, trials.go_cues + 0.5)
    complete = np.zeros(times.size)
    for move in moves:
        turn = rng.choice([-1, 1]) * rng.uniform(0.3, 1.0)
        length = rng.uniform(0.4, 0.8)
        # Five lengths away a turn is complete to 1e-17 of it.
        first, last = np.searchsorted(times, (move - 5 * length, move + 5 * length))
        position[first:last] += turn * expit((times[first:last] - move) / (length / 8))
        complete[last : last + 1] += turn
    return position + np.cumsum(complete)


def wheel_at(times: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Return the wheel's position in radians at any times, from the 1 kHz trajectory."""
    return np.interp(times, np.arange(len(position)) / TRAJECTORY_RATE, position)


def choices(trials: Trials, position: np.ndarray) -> np.ndarray:
    """Return the wheel's direction at each feedback, (n_trials,): 1, -1, or 0 without response.

    As IBL's `choice`: 1 is a turn to the left, in which the wheel's position grows. The turn is at
    least 2.5 times as fast there as the wheel can drift.
    """
    before, after = (wheel_at(trials.feedbacks + s * FASTEST_TURN, position) for s in (-1, 1))
    return np.nan_to_num(np.sign(after - before))


def first_movements(trials: Trials, position: np.ndarray) -> np.ndarray:
    """Return the times of half of each turn's speed at feedback, (n_trials,) seconds, or NaN."""
    speed = np.diff(position) * TRAJECTORY_RATE
    onsets = np.full(len(trials.feedbacks), np.nan)
    for i in np.flatnonzero(np.isfinite(trials.feedbacks)):
        end = int(trials.feedbacks[i] * TRAJECTORY_RATE)
        slow = speed[:end] / speed[end] < 0.5
        onsets[i] = (np.flatnonzero(slow)[-1] + 1) / TRAJECTORY_RATE
    return onsets


def encoder_counts(position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return times at which the encoder's count changes, (n,), and its counts, (n + 1,).

    `counts[0]` is the count at time 0 and `counts[i + 1]` the one from `times[i]` on.
    """
    level = position * TICKS / (2 * np.pi)
    count = np.floor(level).astype(np.int64)
    steps = np.diff(count)
    segment = np.repeat(np.arange(steps.size), np.abs(steps))
    first = np.cumsum(np.abs(steps)) - np.abs(steps)
    within = np.arange(segment.size) - np.repeat(first, np.abs(steps))
    up = steps[segment] > 0
    crossed = np.where(up, count[segment] + 1 + within, count[segment] - within)
    part = (crossed - level[segment]) / np.diff(level)[segment]
    counts = np.r_[count[0], np.where(up, crossed, crossed - 1)]
    return (segment + part) / TRAJECTORY_RATE, counts


def quadrature(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return encoder channel (0, 1) and polarity (1, -1) of each change of count, (n - 1,) each.

    Channel 0 leads when the count grows: rise of 0, rise of 1, fall of 0, fall of 1.
    `counts` is as from `encoder_counts`; neighbours differ by one.
    """
    change = [np.diff(np.isin(counts % 4, high).astype(np.int16)) for high in ((1, 2), (2, 3))]
    channel = (change[1] != 0).astype(int)
    return channel, change[0] + change[1]


def slow_noise(
    rng: np.random.Generator, fastest: float = 2.0, n: int = 6
) -> Callable[[np.ndarray], np.ndarray]:
    """Draw a smooth function of time: n sines of 0.05 Hz to `fastest`, standard deviation 1."""
    frequency = np.geomspace(0.05, fastest, n) * rng.uniform(0.8, 1.2, n)
    phase = rng.uniform(0, 2 * np.pi, n)

    def value(times: np.ndarray) -> np.ndarray:
        angle = 2 * np.pi * frequency * np.asarray(times)[:, None] + phase
        return np.sin(angle).sum(axis=1) * np.sqrt(2 / n)

    return value
