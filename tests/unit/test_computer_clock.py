"""A camera placed by the clock of the computer that it shares with one whose times are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from one.alf.spec import QC
from tests.campaign.sessions import Faults, Recorded, Setup, record

from alfvideo.qc import recording
from alfvideo.timing import computer_clock, other_cameras
from alfvideo.timing.computer_clock import Reference
from alfvideo.timing.decision import Decision
from alfvideo.timing.numbering import Numbering
from alfvideo.timing.sync import Sync
from alfvideo.timing.timestamps import camera_times
from rigsim import clock

SINCE_1970 = 1_767_225_600.0
NOTHING_ELSE = Faults(no_gpio=True, no_clock=True, daq_ends_early=5)


def received(truth: np.ndarray, delay: float, jitter: float, seed: int = 0) -> np.ndarray:
    """Times at which a computer received frames, by a clock that drifts and is set back once."""
    noise = np.random.default_rng(seed).exponential(jitter, truth.size)
    set_back = np.where(truth > 35, 0.4, 0)
    return SINCE_1970 + truth * (1 + 4e-5) - set_back + delay + noise


def reference(setup: Setup, delay: float = 0.012, jitter: float = 0.002) -> Reference:
    other = record(setup)
    return Reference("left", other.truth, received(other.truth, delay, jitter, 1))


def timed(setup: Setup, delay: float, jitter: float, **other: float):
    recorded = record(setup)
    computer = received(recorded.truth, delay, jitter, 2)
    data = replace(recorded.frame_data, computer=computer)
    known = reference(Setup(seconds=40, seed=9), **other)
    found = camera_times(
        recorded.pulses, recorded.n_frames, data, recorded.daq, other_camera=lambda: known
    )
    return found, np.abs(found.times - recorded.truth).max() * setup.rate


@pytest.mark.parametrize("rate", [29.97, 60.004, 149.93])
@pytest.mark.parametrize("delay", [0.005, 0.03])
@pytest.mark.parametrize("unsaved", [0, 40, 700])
def test_a_camera_that_nothing_else_places(rate, delay, unsaved):
    setup = Setup(rate=rate, seconds=40, unsaved=unsaved, seed=3, faults=NOTHING_ELSE)
    found, off = timed(setup, delay, 0.002)
    assert found.method == "computer"
    assert [witness.name for witness in found.evidence.witnesses] == ["computer"]
    assert off <= np.ceil(0.04 * rate + 1)
    if found.evidence.bound is not None:
        assert off <= found.evidence.bound
    assert any("of the left camera are known, too" in note for note in found.notes)


def test_the_bound_is_that_of_the_delays_and_worse_than_a_pass():
    setup = Setup(seconds=40, unsaved=300, trailing=200, seed=3, faults=Faults(no_gpio=True))
    recorded = record(replace(setup, jitter=0))
    data = replace(recorded.frame_data, computer=received(recorded.truth, 0.02, 0.003))
    known = reference(Setup(seconds=40, seed=9))
    found = camera_times(
        recorded.pulses, recorded.n_frames, data, recorded.daq, other_camera=lambda: known
    )
    assert found.method == "computer"
    off = np.abs(found.times - recorded.truth).max() * setup.rate
    assert off <= found.evidence.bound <= 4
    assert recording.alignment(found.evidence).outcome is QC.FAIL


def test_weak_evidence_decides_among_the_few_pulses_that_are_left():
    # trials repeat: GPIO alone cannot tell one from the other
    faults = Faults(no_clock=True, periodic_trials=True)
    setup = Setup(seconds=40, unsaved=300, trailing=600, seed=4, faults=faults)
    alone = record(setup)
    assert camera_times(alone.pulses, alone.n_frames, alone.frame_data, alone.daq).method != "gpio"
    found, off = timed(setup, 0.02, 0.002)
    assert off < 0.1
    assert found.method == "computer"
    assert found.evidence.bound < 0.5


def test_it_is_asked_only_if_nothing_else_places_the_video():
    recorded = record(Setup(seconds=40))
    data = replace(recorded.frame_data, computer=received(recorded.truth, 0.02, 0.002))

    def never() -> Reference:
        raise AssertionError("it was asked")

    for decided in (Decision(), Decision(method="pulses")):
        found = camera_times(recorded.pulses, recorded.n_frames, data, recorded.daq, decided, never)
        assert found.method in ("gpio", "pulses")


def test_frames_that_were_not_received_together_say_nothing():
    numbering = Numbering(np.arange(1000) / 60, np.arange(900))
    truth = np.arange(900) / 60
    known = Reference("left", truth, truth + SINCE_1970)
    assert computer_clock.window(numbering, truth + SINCE_1970 + 3600, known) is None
    assert computer_clock.window(numbering, np.full(900, np.nan), known) is None
    few = np.where(np.arange(900) < 20, truth + SINCE_1970, np.nan)
    assert computer_clock.window(numbering, few, known) is None
    late = np.where(np.arange(900) % 7 == 0, np.nan, truth + SINCE_1970 + 0.01)
    found = computer_clock.window(numbering, late, known)
    assert found is not None
    assert 0 in found.starts
    assert len(found.starts) <= 9


def as_files(folder: Path, label: str, recorded: Recorded) -> list[Path]:
    """The frame data of a camera as its rig writes them."""
    data = recorded.frame_data
    assert data.timestamps is not None
    table = np.column_stack(
        [
            621_355_968e9 + 1e7 * received(recorded.truth, 0.02, 0.002),
            clock.camera_timestamps(5 + data.timestamps),
            data.count,
            np.zeros(recorded.n_frames),
        ]
    )
    file = folder / f"_iblrig_{label}Camera.frameData.bin"
    table.tofile(file)
    return [file]


def test_a_camera_with_exact_times_is_found_among_the_others(tmp_path):
    left, body = record(Setup(seconds=60, seed=1)), record(Setup(seconds=60, rate=30.01, seed=2))
    times = np.concatenate((left.pulses, body.pulses))
    channels = np.repeat([0, 2], (left.pulses.size, body.pulses.size))
    order = np.argsort(times)
    recorded = Sync(times[order], np.ones(times.size, np.int8), channels[order])
    names = {"left_camera": 0, "body_camera": 2}
    files = [*as_files(tmp_path, "left", left), *as_files(tmp_path, "body", body)]
    found = other_cameras.reference(files[1:], recorded, names)
    assert found is not None
    assert found.camera == "body"
    np.testing.assert_allclose(found.times, body.truth, atol=1e-3)
    # a broken one is passed over
    files[0].write_bytes(b"x" * 31)
    both = other_cameras.reference(files, recorded, names)
    assert both is not None
    assert both.camera == "body"
    assert other_cameras.reference([], recorded, names) is None
    assert other_cameras.reference(files[1:], recorded, {}) is None
