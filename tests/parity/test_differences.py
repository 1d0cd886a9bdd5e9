"""Where ibllib 4.1.0 is wrong: alfvideo is true, and by how many frames ibllib is off.

docs/times.md lists these tests; each fails when ibllib is fixed.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rigsim import Fault, Rig
from tests.parity.conftest import Comparison, Recorded
from tests.parity.sessions import faulty

pytestmark = pytest.mark.parity

NIDQ = [("spikeglx", "left"), ("spikeglx", "right"), ("timeline", "left")]
Record = Callable[[Rig], Recorded]


def compare(record: Record, rig: Rig) -> Comparison:
    """Compare the only camera of a session; our times must be true."""
    (camera,) = rig.labels
    found = record(rig).compare(camera)
    assert np.abs(found.ours_off).max() < 0.2
    return found


@pytest.mark.parametrize(("kind", "camera"), [*NIDQ, ("bpod", "left")])
def test_pulses_missing_at_the_start_are_one_period_early(
    record: Record, kind: str, camera: str
) -> None:
    found = compare(record, faulty(kind, camera, Fault.PULSES_MISSING_AT_START))
    assert np.count_nonzero(found.before_pulses) > 4
    assert found.ibllib_off[found.before_pulses] == pytest.approx(-1, abs=0.3)
    found.assert_equal(~found.before_pulses & ~found.after_pulses)


@pytest.mark.parametrize(
    ("kind", "rate", "seconds", "off"),
    [("spikeglx", 149.4, 20, 8.03), ("spikeglx", 149.93, 1, -0.07), ("timeline", 149.93, 5, 36.4)],
)
def test_pulses_missing_at_the_end_follow_a_rounded_rate(
    record: Record, kind: str, rate: float, seconds: float, off: float
) -> None:
    missing = (Fault.PULSES_MISSING_AT_END, seconds)
    rig = faulty(kind, "right", missing, rates={"right": rate}, seconds=seconds + 6)
    found = compare(record, rig)
    assert found.ibllib_off[-1] == pytest.approx(off, abs=0.1)
    found.assert_equal(~found.after_pulses)


@pytest.mark.parametrize(
    ("kind", "camera", "off"),
    [("spikeglx", "left", -9), ("spikeglx", "right", -22), ("timeline", "left", -9)],
)
def test_sync_pulse_that_the_camera_did_not_see_shifts_the_session(
    record: Record, kind: str, camera: str, off: float
) -> None:
    found = compare(record, faulty(kind, camera, daq=[Fault.UNSEEN_SYNC_PULSE]))
    assert found.ibllib_off == pytest.approx(off, abs=1.1)


@pytest.mark.parametrize(
    ("kind", "camera", "off"),
    [
        ("spikeglx", "left", -0.6),
        ("spikeglx", "right", 0.4),
        ("timeline", "left", -0.6),
        ("camlog", "left", -0.6),
    ],
)
def test_channel_that_starts_with_a_fall_gives_the_times_of_falls(
    record: Record, kind: str, camera: str, off: float
) -> None:
    found = compare(record, faulty(kind, camera, Fault.STARTS_WITH_FALL))
    assert found.ibllib_off == pytest.approx(off, abs=0.1)


@pytest.mark.parametrize(
    ("kind", "camera", "off"),
    [("spikeglx", "left", 139), ("spikeglx", "right", 351), ("timeline", "left", 140)],
)
def test_daq_that_started_late_shifts_the_session(
    record: Record, kind: str, camera: str, off: float
) -> None:
    late = [(Fault.PULSES_MISSING_AT_START, 1)]
    found = compare(record, faulty(kind, camera, daq=late, seconds=8))
    assert found.ibllib_off == pytest.approx(off, abs=3)


@pytest.mark.parametrize(
    ("lost", "added", "off"), [(3, 0, 3), (0, 1, -1)], ids=["3 pulses lost", "1 pulse added"]
)
def test_pulses_lost_or_added_by_the_daq_shift_what_follows(
    record: Record, lost: int, added: int, off: float
) -> None:
    session = record(faulty("spikeglx", "left"))
    damage_train(session.path, lost, added)
    found = session.compare("left")
    found.assert_ours_true()
    assert found.ibllib_off[:200] == pytest.approx(0, abs=0.1)
    assert found.ibllib_off[210:] == pytest.approx(off, abs=0.1)


def damage_train(session: Path, lost: int, added: int) -> None:
    """Remove pulses of the left camera from its 205th on, or add 1 ms pulses shortly after it."""
    folder, names = session / "raw_ephys_data", ("times", "polarities", "channels")
    files = {name: folder / f"_spikeglx_sync.{name}.npy" for name in names}
    fronts = pd.DataFrame({name: np.load(file) for name, file in files.items()})
    camera = fronts[fronts["channels"] == 0][2 * 205 :]
    fronts = fronts.drop(camera.index[: 2 * lost])
    extra = camera[: 2 * added].copy()
    extra["times"] = camera["times"].iloc[0] + 0.008 + 0.001 * np.arange(2 * added)
    fronts = pd.concat([fronts, extra]).sort_values("times", kind="stable")
    for name, file in files.items():
        np.save(file, fronts[name].to_numpy())


def test_late_frames_of_a_bpod_follow_a_rounded_rate(record: Record) -> None:
    found = compare(record, faulty("bpod", "left", rates={"left": 30.4}, seconds=12))
    assert np.count_nonzero(found.after_pulses) > 90  # 3 s
    assert found.ibllib_off[-1] == pytest.approx(1.35, abs=0.1)
    found.assert_equal(~found.after_pulses)


def test_late_frames_of_a_bpod_without_gpio_are_30_s_apart(record: Record) -> None:
    found = compare(record, faulty("bpod", "left", Fault.NO_GPIO, unsaved=0))
    late = found.ibllib[found.after_pulses]
    assert np.diff(late) == pytest.approx(30, abs=0.1)
    found.assert_equal(~found.after_pulses)


def test_bpod_trial_without_sound_ends_gpio_alignment(record: Record) -> None:
    found = compare(record, faulty("bpod", "left", daq=[Fault.SILENT_TRIAL], seconds=8))
    assert found.ibllib_off[~found.after_pulses] == pytest.approx(-5, abs=0.1)
    assert np.diff(found.ibllib[found.after_pulses][5:]) == pytest.approx(30, abs=0.1)
