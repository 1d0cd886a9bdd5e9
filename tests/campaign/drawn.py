"""Sessions as they are drawn: a quarter healthy, the others with faults in all combinations.

Drawn by numpy and not by hypothesis, whose draws depend on all code that is loaded: the same
sessions each time, and others for another seed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from tests.campaign.sessions import PINS, Faults, Setup

_RATES = (29.97, 60.004, 100.0, 149.93)
_GRIDS = (30003.0003, 10_000.0, 1_000.0)
_JITTERS = (2e-5, 2e-5, 5e-6, 2e-6, 0.0)
"""Of exposures, s; of cameras of IBL it is about 2e-6."""
_AT_A_BOUND = 0.1
"""Part of the numbers that are drawn at one end of their range, where errors like to be."""


@dataclass(frozen=True)
class _Draw:
    """Random choices."""

    rng: np.random.Generator

    def whole(self, low: int, high: int) -> int:
        """Draw a number from `low` to `high`."""
        if self.rng.random() < _AT_A_BOUND:
            return (low, high)[self.rng.integers(2)]
        return int(self.rng.integers(low, high + 1))

    def number(self, low: float, high: float) -> float:
        """Draw a number between two others."""
        if self.rng.random() < _AT_A_BOUND:
            return (low, high)[self.rng.integers(2)]
        return float(self.rng.uniform(low, high))

    def one(self, options: tuple[float, ...]) -> float:
        """Draw one of these."""
        return options[self.rng.integers(len(options))]

    def rarely(self, one_in: int, value: Any, otherwise: Any) -> Any:
        """Return a value once in some times, which is drawn in any case."""
        return value if self.rng.integers(one_in) == 0 else otherwise


def sessions(seed: int, wanted: Callable[[Setup], bool] = lambda setup: True) -> Iterator[Setup]:
    """Yield sessions without end, those that are wanted; the same for the same seed."""
    return filter(wanted, (_setup(_Draw(np.random.default_rng((seed, i)))) for i in count()))


def _setup(draw: _Draw) -> Setup:
    """Draw a session of 10 s to 90 min; short ones are as frequent as long ones."""
    seconds = 10 * 540 ** draw.number(0, 1)
    is_healthy = draw.whole(1, 4) == 1
    faults = Faults(dropped=int(draw.one((0, 0, 3))))
    return Setup(
        rate=draw.one(_RATES),
        seconds=seconds,
        grid=draw.one(_GRIDS),
        jitter=draw.one(_JITTERS),
        unsaved=draw.whole(0, 60),
        trailing=draw.whole(0, 20),
        seed=draw.whole(0, 2**32 - 1),
        faults=faults if is_healthy else _faults(draw, seconds),
    )


def _faults(draw: _Draw, seconds: float) -> Faults:
    rarely, whole, number = draw.rarely, draw.whole, draw.number
    return Faults(
        daq_starts_late=rarely(8, number(0.1, 0.6 * seconds), 0.0),
        daq_ends_early=rarely(8, number(0.1, 0.35 * seconds), 0.0),
        pulses_lost=rarely(8, whole(1, 5), 0),
        pulses_added=rarely(8, whole(1, 3), 0),
        gap=rarely(8, whole(2, 100), 0),
        ringing=rarely(16, number(1e-4, 1.9e-3), 0.0),
        every_second_pulse=rarely(24, True, False),
        pulses_of_other_camera=rarely(24, True, False),
        in_samples=rarely(32, True, False),
        pauses=rarely(8, whole(1, 3), 0),
        dropped=rarely(3, whole(1, 5), 0),
        fewer_frames=rarely(8, whole(1, 30), 0),
        ttls_lost=rarely(8, number(0, 0.9), 0.0),
        ttls_seen_in_trial=rarely(8, whole(0, 1000), None),
        rises_only=rarely(8, True, False),
        gpio_noise=rarely(8, number(0, 2), 0.0),
        pins_late=rarely(8, number(0, 0.4), 0.0),
        pin=rarely(8, whole(0, PINS - 1), PINS - 1),
        inverted=rarely(8, True, False),
        wrong_label=rarely(8, True, False),
        periodic_trials=rarely(8, True, False),
        no_gpio=rarely(4, True, False),
        no_counter=rarely(8, True, False),
        no_clock=rarely(4, True, False),
    )
