"""Faults that ibllib handles: alfvideo finds the same times."""

from collections.abc import Callable

import numpy as np
import pytest

from rigsim import Fault, Rig, load_truth
from tests.parity import rules
from tests.parity.client import PeerError
from tests.parity.conftest import Recorded
from tests.parity.sessions import faulty

pytestmark = pytest.mark.parity

CAMERAS = [("spikeglx", "left"), ("spikeglx", "right"), ("timeline", "left"), ("bpod", "left")]
FAULTS = {
    "dropped": ([(Fault.DROPPED, 20)], {"seconds": 12}),
    "dropped, 40 unsaved": ([Fault.DROPPED], {"unsaved": 40}),
    "none unsaved": ([], {"unsaved": 0}),
    "fewer frames": ([Fault.FEWER_FRAMES], {}),
    "extra pulses": ([(Fault.EXTRA_PULSE, 3)], {}),
    "missing pulses": ([(Fault.MISSING_PULSE, 2)], {}),
}


@pytest.mark.parametrize(("kind", "camera"), CAMERAS)
@pytest.mark.parametrize(("faults", "options"), FAULTS.values(), ids=FAULTS.keys())
def test_camera_faults(
    record: Callable[[Rig], Recorded], kind: str, camera: str, faults: list, options: dict
) -> None:
    found = record(faulty(kind, camera, *faults, **options)).compare(camera)
    found.assert_ours_true()
    found.assert_equal(~found.after_pulses)


@pytest.mark.parametrize(("kind", "camera"), CAMERAS[:3])
def test_silent_trial(record: Callable[[Rig], Recorded], kind: str, camera: str) -> None:
    found = record(faulty(kind, camera, daq=[Fault.SILENT_TRIAL], seconds=8)).compare(camera)
    found.assert_ours_true()
    found.assert_equal()


@pytest.mark.parametrize("frame_data", ["bin", "ssv"])
@pytest.mark.parametrize(("kind", "camera"), CAMERAS[:3])
def test_no_gpio(
    record: Callable[[Rig], Recorded], kind: str, camera: str, frame_data: str
) -> None:
    rig = faulty(kind, camera, Fault.NO_GPIO, frame_data=frame_data)
    found = record(rig).compare(camera)
    assert "not aligned by GPIO" in found.notes
    # ibllib takes the last pulse for the last frame, and 2 exposures came after it
    assert found.ibllib_off == pytest.approx(2, abs=0.1)
    if "placed there" in found.notes:
        found.assert_ours_true()
    else:
        assert kind == "timeline", "the jitter of exposures is lost in samples of 1 ms"
        found.assert_equal()


@pytest.mark.parametrize("fault", [Fault.EXTRA_PULSE, Fault.MISSING_PULSE])
def test_camlog_one_pulse_off(record: Callable[[Rig], Recorded], fault: Fault) -> None:
    found = record(faulty("camlog", "left", fault)).compare("left")
    found.assert_ours_true()
    found.assert_equal(~found.after_pulses)
    assert found.ibllib_off == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("fault", [Fault.EXTRA_PULSE, Fault.MISSING_PULSE])
def test_camlog_two_pulses_off_is_an_error_of_ibllib(
    record: Callable[[Rig], Recorded], fault: Fault
) -> None:
    session = record(faulty("camlog", "left", (fault, 2)))
    with pytest.raises(PeerError, match="by 2 frames"):
        session.peer.ask("camera_times", session=session.path, camera="left")
    ours = rules.camera_times(session.path, "left")
    truth = load_truth(session.path, "left")["times"]
    assert np.abs(ours.times - truth).max() < 0.1 / 60
    assert "no other start fits the camlog" in ours.notes
