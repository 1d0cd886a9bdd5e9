"""The times of drawn sessions are right, or it is said by how much they may be wrong."""

import pytest

from tests.campaign import beside_ibllib, rendered
from tests.campaign.__main__ import NUMBER, run
from tests.parity.client import Unavailable, install


@pytest.mark.slow
def test_times_are_right_or_it_is_said(capsys: pytest.CaptureFixture[str]):
    counts = run(NUMBER)
    with capsys.disabled():
        print(f"\n{counts}")
    assert counts.sessions >= NUMBER
    assert not counts.refused_wrongly
    assert not counts.passed_and_off
    assert not counts.known_and_off
    assert len(counts.outside_bound) <= 0.01 * counts.bounded
    assert len(counts.healthy_not_passed) <= 0.01 * counts.healthy
    assert counts.healthy > 0.1 * NUMBER
    assert counts.known > 0.3 * NUMBER


@pytest.mark.slow
def test_times_of_rendered_sessions_are_right(capfd: pytest.CaptureFixture[str]):
    counts = rendered.run()
    with capfd.disabled():
        print(f"\n{counts}")
    assert counts.cameras > rendered.NUMBER
    assert not counts.refused
    assert not counts.passed_and_off
    assert not counts.outside_bound
    assert not counts.healthy_not_passed
    assert counts.healthy > 0.1 * counts.cameras
    assert counts.exact > 0.9 * counts.cameras


@pytest.mark.slow
def test_more_are_right_than_by_ibllib(capsys: pytest.CaptureFixture[str]):
    try:
        install()
    except Unavailable as error:
        pytest.skip(str(error))
    ours, theirs = beside_ibllib.run(40)
    with capsys.disabled():
        print(f"\nalfvideo: {ours}\nibllib:   {theirs}")
    assert ours.exact > theirs.exact
    assert ours.off < theirs.off
    assert ours.furthest < theirs.furthest
