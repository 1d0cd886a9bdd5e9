"""Try the times of thousands of drawn sessions against the truth, and count.

uv run python -m tests.campaign [NUMBER [SEED]]
"""

import sys
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from one.alf.spec import QC

from alfvideo.files.errors import DataError
from alfvideo.qc.recording import alignment
from alfvideo.timing.timestamps import camera_times
from tests.campaign import drawn
from tests.campaign.sessions import Faults, Setup, record

NUMBER, SEED = 2000, 16


@dataclass
class Counts:
    """Numbers of sessions by what became of them; lists hold those that should not be."""

    sessions: int = 0
    refused: int = 0
    refused_wrongly: list[tuple[Setup, str]] = field(default_factory=list)
    healthy: int = 0
    healthy_not_passed: list[Setup] = field(default_factory=list)
    known: int = 0
    """Sessions in which the information is there."""
    known_and_off: list[tuple[Setup, float]] = field(default_factory=list)
    bounded: int = 0
    outside_bound: list[tuple[Setup, float, float]] = field(default_factory=list)
    exact: int = 0
    passed_and_off: list[tuple[Setup, float]] = field(default_factory=list)

    def __str__(self) -> str:
        inside = 1 - len(self.outside_bound) / max(self.bounded, 1)
        return "\n".join(
            (
                f"{self.sessions} sessions, {self.exact} exact, {self.refused} refused "
                f"({len(self.refused_wrongly)} wrongly)",
                f"information is there in {self.known}; off by more than half a frame in "
                f"{len(self.known_and_off)} of these",
                f"truth inside the bound in {inside:.2%} of {self.bounded}",
                f"off by more than a frame and PASS: {len(self.passed_and_off)}",
                f"healthy and not PASS: {len(self.healthy_not_passed)} of {self.healthy}",
            )
        )


def run(number: int, seed: int = SEED) -> Counts:
    """Draw sessions, find their times, and count what became of them."""
    counts = Counts()
    for setup in islice(drawn.sessions(seed), number):
        _try(setup, counts)
    return counts


def _try(setup: Setup, counts: Counts) -> None:
    recorded, faults = record(setup), setup.faults
    counts.sessions += 1
    try:
        found = camera_times(
            recorded.pulses, recorded.n_frames, recorded.frame_data, daq=recorded.daq
        )
    except DataError as error:
        counts.refused += 1
        if not (faults.every_second_pulse or faults.pulses_of_other_camera or faults.in_samples):
            counts.refused_wrongly.append((setup, str(error)))
        return
    off = float(np.abs(found.times - recorded.truth).max()) * setup.rate
    counts.exact += off < 0.5
    check = alignment(found.evidence)
    if replace(faults, dropped=0) == Faults():
        counts.healthy += 1
        if check.outcome != QC.PASS:
            counts.healthy_not_passed.append(setup)
    if is_known(setup):
        counts.known += 1
        if off >= 0.5:
            counts.known_and_off.append((setup, off))
    if (bound := found.evidence.bound) is not None:
        counts.bounded += 1
        if off > bound + 0.5:
            counts.outside_bound.append((setup, off, bound))
    if check.outcome == QC.PASS and off > 1:
        counts.passed_and_off.append((setup, off))


def is_known(setup: Setup) -> bool:
    """Return whether what was recorded certainly tells the time of each frame.

    By the clock, if it shows jitter that the DAQ can resolve in each stretch between pauses; or by
    the GPIO, if the DAQ saw 20 or more fronts of trials that are not all alike, and nothing was
    lost that only a clock can tell.
    """
    faults = setup.faults
    covered = setup.seconds - faults.daq_starts_late - faults.daq_ends_early
    if faults.every_second_pulse or faults.pulses_of_other_camera or faults.in_samples:
        return False
    stretches = 1 + faults.pauses + (faults.gap > 0)
    by_clock = not faults.no_clock and setup.jitter >= 1e-5 and setup.grid >= 10_000
    by_clock &= covered > 10 * stretches
    by_gpio = (
        not (faults.no_gpio or faults.periodic_trials or faults.no_counter)
        and faults.ttls_seen_in_trial is None
        and not (faults.pauses or faults.pulses_lost or faults.pulses_added or faults.gap)
        and not (faults.daq_starts_late or faults.daq_ends_early or faults.ringing)
        and faults.pins_late < 0.3
        and faults.gpio_noise < 1
        and covered / 2.75 * (1 - faults.ttls_lost) * (1 if faults.rises_only else 2) > 20
    )
    return covered > 10 and (by_clock or by_gpio)


def _main(number: int = NUMBER, seed: int = SEED) -> None:
    counts = run(number, seed)
    print(counts)
    for wrong in (*counts.refused_wrongly, *counts.known_and_off, *counts.passed_and_off):
        print(wrong)


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:]))
