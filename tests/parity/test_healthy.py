"""Sessions without faults: alfvideo and ibllib find the same times, and they are true."""

from collections.abc import Callable

import numpy as np
import pytest

from rigsim import Rig
from tests.parity.conftest import Recorded
from tests.parity.sessions import healthy

pytestmark = pytest.mark.parity

NIDQ = {
    "spikeglx": healthy("spikeglx"),
    "spikeglx, ssv": healthy("spikeglx", frame_data="ssv"),
    "spikeglx, ssv reversed": healthy("spikeglx", frame_data="ssv_reversed"),
    "spikeglx, partial wiring": healthy("spikeglx", wiring="partial"),
    "spikeglx, full wiring": healthy("spikeglx", wiring="full"),
    "spikeglx, description 0.0.1": healthy("spikeglx", description="0.0.1"),
    "spikeglx, no description": healthy("spikeglx", description=None),
    "Neuropixels 3A": healthy("spikeglx", description=None, neuropixel="3A"),
    "timeline": healthy("timeline"),
    "timeline, ssv": healthy("timeline", frame_data="ssv"),
    "camlog": healthy("camlog"),
    "camlog, partial wiring": healthy("camlog", wiring="partial"),
}

BPOD = {
    "bpod": healthy("bpod"),
    "bpod, ssv": healthy("bpod", frame_data="ssv"),
    "bpod, ssv reversed": healthy("bpod", frame_data="ssv_reversed"),
    "bpod, description 0.0.1": healthy("bpod", description="0.0.1"),
    "bpod, no description": healthy("bpod", description=None),
}


@pytest.mark.parametrize("rig", NIDQ.values(), ids=NIDQ.keys())
def test_nidq(record: Callable[[Rig], Recorded], rig: Rig) -> None:
    session = record(rig)
    for camera in rig.labels:
        found = session.compare(camera)
        found.assert_ours_true()
        found.assert_equal()


@pytest.mark.parametrize("rig", BPOD.values(), ids=BPOD.keys())
def test_bpod(record: Callable[[Rig], Recorded], rig: Rig) -> None:
    found = record(rig).compare("left")
    found.assert_ours_true()
    # the camera goes on after the last trial, and ibllib rounds the rate there
    found.assert_equal(~found.after_pulses)
    late = found.after_pulses
    assert 0 < np.count_nonzero(late) < 60
    assert np.abs(found.ours_off[late]).max() <= np.abs(found.ibllib_off[late]).max() < 0.02
