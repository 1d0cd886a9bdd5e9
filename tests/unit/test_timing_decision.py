"""Decisions of a person about the timing of a camera, against sessions whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from one.alf.spec import QC
from tests.campaign.sessions import Faults, Setup, record

from alfvideo.files.errors import DataError
from alfvideo.qc import recording
from alfvideo.timing import daq_lines, decision
from alfvideo.timing.camlog_times import camlog_times
from alfvideo.timing.decision import Decision
from alfvideo.timing.frame_data import FrameData
from alfvideo.timing.sync import Sync
from alfvideo.timing.timestamps import camera_times

UNSAVED = 5
NOTHING_SHOWS_IT = Faults(no_gpio=True, no_clock=True)


def timed(decided: Decision, faults: Faults, **options: object):
    """Times as a person decided, and by how many frames they are off."""
    setup = replace(Setup(seconds=40, unsaved=UNSAVED, trailing=2, seed=5), **options)
    recorded = record(replace(setup, faults=faults))
    lines = recorded.daq
    found = camera_times(recorded.pulses, recorded.n_frames, recorded.frame_data, lines, decided)
    off = found.times - recorded.truth
    return found, float(off[np.abs(off).argmax()]) * setup.rate


def outcome(found) -> QC:
    return recording.alignment(found.evidence).outcome


def test_a_start_that_nothing_else_shows_is_followed_with_a_warning():
    without, _ = timed(Decision(), NOTHING_SHOWS_IT, trailing=40)
    assert without.method == "pulses"
    found, off = timed(Decision(start=UNSAVED), NOTHING_SHOWS_IT, trailing=40)
    assert abs(off) < 0.1
    assert (found.method, outcome(found)) == ("decided", QC.WARNING)
    assert found.evidence.bound is None
    assert "A person placed the video" in found.evidence.reason


def test_a_start_that_the_evidence_shows_too_is_as_if_nothing_was_decided():
    found, off = timed(Decision(start=UNSAVED), Faults())
    assert abs(off) < 0.1
    assert (found.method, outcome(found)) == ("gpio", QC.PASS)


@pytest.mark.parametrize(("faults", "by"), [(Faults(), "GPIO"), (Faults(no_gpio=True), "clock")])
def test_a_start_against_the_evidence_is_followed_and_critical(faults, by):
    found, off = timed(Decision(start=UNSAVED + 3), faults, seconds=90)
    assert off == pytest.approx(3, abs=0.1)
    assert (found.method, outcome(found)) == ("decided", QC.CRITICAL)
    assert f"its {by} shows pulse 5 to be that of the first frame, not 8" in found.evidence.reason


def test_a_start_before_the_first_pulse():
    faults = replace(NOTHING_SHOWS_IT, daq_starts_late=0.5)
    found, off = timed(Decision(start=UNSAVED - 31), faults)
    assert abs(off) < 0.1
    assert any("26 camera pulses are missing at the start" in note for note in found.notes)


def test_the_start_is_a_pulse_as_it_was_recorded():
    setup = Setup(seconds=40, unsaved=400, trailing=2, seed=5, faults=NOTHING_SHOWS_IT)
    recorded = record(setup)
    pulses = np.delete(recorded.pulses, [100, 101, 102])
    found = camera_times(
        pulses, recorded.n_frames, recorded.frame_data, recorded.daq, Decision(start=397)
    )
    assert np.abs(found.times - recorded.truth).max() * setup.rate < 0.1


@pytest.mark.parametrize(
    ("method", "faults", "expected"),
    [
        ("gpio", Faults(), "gpio"),
        ("gpio", Faults(no_gpio=True), "pulses"),
        ("clock", Faults(), "clock"),
        ("pulses", Faults(), "pulses"),
        ("wheel", Faults(), "pulses"),
    ],
)
def test_the_method_is_the_only_witness(method, faults, expected):
    found, off = timed(Decision(method=method), faults, seconds=90)
    assert found.method == expected
    assert [witness.name for witness in found.evidence.witnesses] == (
        [] if expected == "pulses" else [expected]
    )
    assert off == pytest.approx(2 if expected == "pulses" else 0, abs=0.1)


@pytest.mark.parametrize(
    ("decided", "expected"),
    [
        (Decision(pin=3, inverted=True), "gpio"),
        (Decision(pin=3), "gpio"),
        (Decision(inverted=True), "gpio"),
        (Decision(pin=1), "pulses"),
        (Decision(inverted=False), "pulses"),
    ],
)
def test_only_the_pin_and_the_polarity_that_were_decided_are_heard(decided, expected):
    faults = Faults(no_clock=True, pin=2, inverted=True)
    found, off = timed(decided, faults)
    assert found.method == expected
    assert off == pytest.approx(0 if expected == "gpio" else 2, abs=0.1)


def test_only_the_line_that_was_decided_is_heard():
    times = np.arange(400) / 10
    channels = np.array([0, 3, 4, 3] * 100)
    recorded = Sync(times, np.tile([1, -1], 200), channels)
    names = {"left_camera": 0, "audio": 3, "frame2ttl": 4}

    def heard(line):
        return list(daq_lines.beside(recorded, names, 0, "frame2ttl", Decision(line=line)).lines)

    assert heard(3) == heard("audio") == ["audio"]
    assert heard("frame2ttl") == heard(4) == ["frame2ttl"]
    with pytest.raises(DataError, match=r"no line 'sound' .* Use one of: audio \(3\), frame2ttl"):
        heard("sound")


@pytest.mark.parametrize("shift", [0, 4])
def test_the_start_of_a_camera_with_a_log(shift):
    recorded = record(Setup(seconds=40, unsaved=UNSAVED, trailing=30, jitter=0, seed=2))
    log = FrameData(None, recorded.frame_data.count, None)
    with pytest.raises(DataError, match="nothing tells which pulse"):
        camlog_times(recorded.pulses, recorded.n_frames, log)
    found = camlog_times(recorded.pulses, recorded.n_frames, log, UNSAVED + shift)
    off = np.abs(found.times - recorded.truth).max() * 60.004
    assert off == pytest.approx(shift, abs=0.1)
    assert (found.method, outcome(found)) == ("decided", QC.WARNING)


# the file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("left: {strat: 3}", "unknown key `strat`; remove it or use one of: channel, inverted"),
        ("left: {start: a}", "`start` is 'a' but must be the number of the first frame's pulse"),
        ("left: {start: 1.5}", "`start` is 1.5 but must be"),
        ("left: {pin: 0}", "`pin` is 0 but must be a GPIO pin of the camera, 1 to 4"),
        ("left: {channel: -1}", "`channel` is -1 but must be"),
        ("left: {method: magic}", "`method` is 'magic' but must be one of gpio, clock, wheel"),
        ("left: {inverted: 1}", "`inverted` is 1 but must be true if"),
        ("left: 12", "`left` is 12 but must be a mapping"),
        ("lefft: {start: 12}", "`lefft` is no camera of the session. Use one of: left, right"),
        ("- left", "it holds no mapping"),
        ("left: {start: [", "cannot be read"),
    ],
)
def test_mistakes_in_the_file(tmp_path, content, message):
    file = tmp_path / decision.FILE
    file.write_text(content)
    with pytest.raises(DataError, match=message):
        decision.check(file, ["left", "right"])


def test_each_camera_has_its_own_decision(tmp_path):
    file = tmp_path / decision.FILE
    file.write_text("left: {start: 12, reason: seen in the picture}\nright:\n")
    decision.check(file, ["left", "right", "body"])
    left = decision.load([file], "left")
    assert left == Decision(start=12, reason="seen in the picture")
    assert left.notes == (
        "A person decided in camera_timing.yaml: start 12. Why: seen in the picture",
    )
    assert decision.load([file], "right") == decision.load([], "left") == Decision()
    assert Decision().notes == ()


def test_what_has_no_meaning_on_a_rig_is_refused():
    Decision(start=3).check_used("channel", "start")
    with pytest.raises(DataError, match="`pin` means nothing on this kind of rig"):
        Decision(start=3, pin=2).check_used("channel", "start")
