"""Evidence for times: pulses of this camera, lines and pins, its clock, and the bound."""

from dataclasses import replace

import numpy as np
import pytest
from tests.campaign.sessions import Faults, Setup, record

from alfvideo.files.errors import DataError
from alfvideo.timing import by_clock, clock_match, daq_lines, own_pulses
from alfvideo.timing.daq_lines import DaqLines
from alfvideo.timing.embedded import FrameData
from alfvideo.timing.evidence import Scores
from alfvideo.timing.sync import Fronts, Sync
from alfvideo.timing.timestamps import camera_times

HEALTHY = Setup(seconds=40, seed=5)


def timed(faults: Faults, **options: object):
    """Times of a session with faults, and by how many frames they are off."""
    setup = replace(HEALTHY, faults=faults, **options)
    recorded = record(setup)
    found = camera_times(recorded.pulses, recorded.n_frames, recorded.frame_data, daq=recorded.daq)
    return found, float(np.abs(found.times - recorded.truth).max()) * setup.rate


# pulses that are not those of the camera


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (Faults(every_second_pulse=True), "only every second exposure has a pulse"),
        (Faults(pulses_of_other_camera=True), r"60\.01 frames per second .* come at 45 Hz: they"),
        (Faults(in_samples=True), "look like numbers of samples"),
    ],
)
def test_pulses_at_another_rate_end_the_camera(faults, message):
    with pytest.raises(DataError, match=message):
        timed(faults)


def test_the_channel_with_the_right_rate_is_named():
    own = np.arange(3000) / 149.93
    other = np.arange(1200) / 60.004
    clock = np.arange(1150) / 60.0045
    with pytest.raises(DataError, match=r"right_camera has 60\.00 Hz\. Are the two cables swapped"):
        own_pulses.checked(own, clock, {"body_camera": own[::5], "right_camera": other}, [])


@pytest.mark.parametrize("ppm", [-200, 200])
@pytest.mark.parametrize("rate", [29.97, 149.93])
def test_clocks_may_differ_as_quartzes_do(rate, ppm):
    train = np.ceil(np.arange(3000) / rate * 1000) / 1000
    clock = np.arange(2900) / rate * (1 + ppm * 1e-6)
    notes: list[str] = []
    np.testing.assert_array_equal(own_pulses.checked(train, clock, {}, notes), train)
    assert notes == []


def test_a_clock_that_is_none_contradicts_nothing():
    train = np.arange(500) / 60
    for clock in (np.zeros(500), np.random.default_rng(0).random(500).cumsum() ** 2, np.empty(0)):
        np.testing.assert_array_equal(own_pulses.checked(train, clock, {}, []), train)


@pytest.mark.parametrize("distance", [1e-4, 5e-4, 2e-3])
@pytest.mark.parametrize("no_clock", [True, False])
def test_edges_that_ring_are_left_out(distance, no_clock):
    found, off = timed(Faults(ringing=distance, no_clock=no_clock))
    assert off < 0.1
    assert found.evidence.bound < 0.5
    assert any("follow another" in note for note in found.notes)


@pytest.mark.parametrize("no_gpio", [True, False])
def test_swapped_cables_of_cameras_of_one_rate_are_found(no_gpio):
    """Each camera's own clock knows its pulses."""
    left, right = (record(replace(HEALTHY, faults=Faults(no_gpio=no_gpio), seed=k)) for k in (5, 6))
    lines = replace(left.daq, pulses={"right_camera": left.pulses})
    with pytest.raises(DataError, match="pulses of right_camera are those of this camera's clock"):
        camera_times(right.pulses, left.n_frames, left.frame_data, daq=lines)
    # another camera beside changes nothing
    lines = replace(left.daq, pulses={"right_camera": right.pulses})
    assert camera_times(left.pulses, left.n_frames, left.frame_data, daq=lines).evidence.bound == 0


# lines and pins


@pytest.mark.parametrize("pin", range(4))
@pytest.mark.parametrize("inverted", [True, False])
@pytest.mark.parametrize("wrong_label", [True, False])
def test_any_line_may_be_on_any_pin(pin, inverted, wrong_label):
    faults = Faults(pin=pin, inverted=inverted, wrong_label=wrong_label, no_clock=True)
    found, off = timed(faults)
    assert off < 0.1
    assert found.method == "gpio"
    is_odd = pin != 3 or inverted or wrong_label
    assert any(note.startswith(f"Pin {pin + 1} of the camera") for note in found.notes) is is_odd


def test_lines_are_those_that_a_pin_can_follow():
    times = np.arange(300.0)
    channels = np.r_[np.zeros(200, int), np.full(60, 7), np.full(30, 4), np.full(10, 2)]
    recorded = Sync(times, np.tile([1, -1], 150), channels)
    names = {"left_camera": 0, "audio": 7, "frame2ttl": 4, "right_camera": 2}
    found = daq_lines.beside(recorded, names, 0, "frame2ttl")
    assert next(iter(found.lines)) == "frame2ttl"
    assert set(found.lines) == {"frame2ttl", "audio", "right_camera"}
    assert found.is_labelled
    assert found.period == (0.0, 299.0)
    assert set(found.pulses) == {"right_camera"}
    unknown = daq_lines.beside(recorded, {"left_camera": 0}, 0, None)
    assert set(unknown.lines) == {"channel 7", "channel 4", "channel 2"}
    assert not unknown.is_labelled


# the clock of the camera


@pytest.mark.parametrize("start", [-40, 0, 7, 300])
def test_the_clock_finds_the_start(start):
    rng = np.random.default_rng(1)
    exposures = np.arange(2000) / 60 + rng.normal(0, 2e-5, 2000)
    count = np.setdiff1d(np.arange(1500), [400, 900, 901])
    pulses, clock = exposures[max(-start, 0) :], exposures[max(start, 0) :][count]
    found = clock_match.deviations(pulses, count, clock * (1 + 3e-5) + 77)
    assert found.best == start
    assert found.at(start) > 20
    elsewhere = np.delete(found.nats, start - found.first)
    assert elsewhere.max() < 6


@pytest.mark.parametrize(
    ("pulses", "clock"),
    [
        (np.arange(900) / 60, np.arange(800) / 60),
        (np.arange(900) / 60, np.arange(20) / 60),
        (np.arange(900) / 60 + np.where(np.arange(900) > 450, 0.005, 0), np.arange(800) / 60),
    ],
)
def test_a_clock_without_irregularity_says_nothing(pulses, clock):
    assert clock_match.deviations(pulses, np.arange(clock.size), clock) is None


@pytest.mark.parametrize("cycle", [3, 60, 250])
def test_irregularities_that_repeat_place_no_video(cycle):
    """Also where the DAQ started late, so that a wrong start has more in common."""
    jitter = np.random.default_rng(0).normal(0, 2e-5, cycle)
    exposures = np.arange(3000) / 60 + np.resize(jitter, 3000)
    found = clock_match.deviations(exposures[500:], np.arange(2500), exposures[:2500])
    assert not clock_match.nats(found).is_clear


def test_a_video_is_placed_rightly_or_not_at_all():
    """Clocks and DAQs of all resolutions, cameras without jitter, and jitter with a pattern."""
    rng = np.random.default_rng(3)
    n_placed = 0
    for _ in range(150):
        n, start = int(rng.choice([900, 3000, 9000])), int(rng.integers(-100, 100))
        number = np.arange(n + 200)
        exposures = 3 + number / rng.choice([29.97, 30.0, 60.0, 60.004, 59.9, 149.93, 150.0])
        exposures += rng.normal(0, 1, number.size) * rng.choice([0, 1e-7, 1.3e-6, 2e-5])
        if rng.random() < 0.3:
            exposures += 3e-5 * np.sin(2 * np.pi * number / rng.integers(5, 400))
        grid = rng.choice([30003.0003, 30_000.0, 10_000.0, 1_000.0])
        pulses = np.ceil(exposures * grid) / grid
        resolution = rng.choice([1 / 8000, 1 / 24.576e6, 1e-6, 1e-3, 1e-4])
        frames = exposures[max(start, 0) :][:n] * (1 + rng.uniform(-5e-5, 5e-5))
        clock = np.floor((frames + rng.uniform(0, 9)) / resolution) * resolution
        found = clock_match.deviations(pulses[max(-start, 0) :], np.arange(n), clock)
        if found is not None and (nats := clock_match.nats(found)).is_clear:
            assert nats.best == start
            n_placed += 1
    assert n_placed > 20


def test_by_chance_no_start_stands_out():
    """Over 40 unrelated recordings of 2,000 frames the best of 4,000 starts stays below 6."""
    rng = np.random.default_rng(2)
    for _ in range(40):
        pulses, clock = (np.arange(2000) / 60 + rng.normal(0, 2e-5, 2000) for _ in range(2))
        found = clock_match.deviations(pulses, np.arange(2000), clock)
        assert found.nats.max() < 6


@pytest.mark.parametrize("jitter", [2e-5, 5e-6])
def test_without_gpio_the_clock_is_enough(jitter):
    found, off = timed(Faults(no_gpio=True), jitter=jitter)
    assert (found.method, found.evidence.bound) == ("clock", 0.0)
    assert off < 0.1
    (witness,) = found.evidence.witnesses
    assert witness.name == "clock"
    assert witness.agreement > 7 > witness.second


@pytest.mark.parametrize(
    "faults",
    [
        Faults(pauses=2, no_gpio=True),
        Faults(gap=90, pauses=1),
        Faults(gap=30, pauses=2, no_gpio=True),
        Faults(daq_starts_late=9.0, pauses=3),
        Faults(daq_ends_early=9.0, pauses=3),
        Faults(pulses_lost=4, pulses_added=2, dropped=3),
    ],
)
def test_where_pulses_are_lost_the_clock_is_followed(faults):
    found, off = timed(faults)
    assert off < 0.5
    assert found.evidence.bound is not None
    assert off <= found.evidence.bound + 0.1


def test_disagreements_are_counted():
    clock = np.arange(300) / 60
    times = clock + 5
    assert by_clock.disagreements(times, clock) == 0
    times[100:] += 1 / 60
    times[200:] += 3 / 60
    assert by_clock.disagreements(times, clock) == 2
    assert by_clock.disagreements(times[:50], clock[:50]) == 0


# how far times may be off


def test_all_that_is_healthy_is_exact():
    found, off = timed(Faults())
    assert (found.evidence.bound, found.evidence.reason) == (0.0, "")
    assert [witness.name for witness in found.evidence.witnesses] == ["gpio", "clock"]
    assert off < 0.1


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        (Faults(no_gpio=True, no_clock=True, daq_starts_late=3.0), "Nothing shows which pulse"),
        (Faults(no_counter=True, no_clock=True), "neither counter nor clock"),
        (Faults(no_clock=True, daq_ends_early=9.0), "nothing shows that it ran evenly there"),
        (Faults(no_gpio=True, no_clock=True, fewer_frames=3), "the last pulse was taken"),
    ],
)
def test_what_cannot_be_known_is_said(faults, reason):
    evidence = timed(faults)[0].evidence
    assert reason in evidence.reason


def test_the_number_of_surplus_pulses_bounds_the_error():
    found, off = timed(Faults(no_gpio=True, no_clock=True), unsaved=4, trailing=3)
    assert found.method == "pulses"
    assert off == pytest.approx(3, abs=0.1)
    assert found.evidence.bound == 7
    found, off = timed(Faults(no_gpio=True, no_clock=True), unsaved=0, trailing=0)
    assert (found.evidence.bound, off < 0.1) == (0, True)


def test_gpio_and_clock_that_contradict_each_other_end_the_camera():
    recorded = record(HEALTHY)
    shifted = np.roll(recorded.frame_data.gpio, 90, axis=0)
    data = replace(recorded.frame_data, gpio=shifted)
    with pytest.raises(DataError, match=r"contradict each other.* 90 frames from that of the cam"):
        camera_times(recorded.pulses, recorded.n_frames, data, daq=recorded.daq)


def test_scores_of_starts():
    scores = Scores(-2, np.array([0.0, 3.0, 30.0, 20.0, 30.0, 0.0]))
    assert (scores.best, scores.at(scores.best)) == (2, 30.0)
    assert scores.at(-99) == 0
    assert scores.rivals(2).tolist() == [0, 1]
    assert scores.rivals(2, margin=5).tolist() == [0]
    assert scores.lead(2) == 0


def test_no_lines_and_no_pins():
    recorded = record(HEALTHY)
    nothing = Fronts(np.empty(0), np.empty(0, int))
    data = FrameData(None, recorded.frame_data.count, recorded.frame_data.gpio)
    found = camera_times(recorded.pulses, recorded.n_frames, data, DaqLines({"": nothing}))
    assert any("the DAQ recorded no sync TTLs" in note for note in found.notes)


# gaps and ends


def test_frames_that_are_timed_by_the_clock_do_not_speak_for_it():
    """The DAQ ended early: of frames without pulses the clock agrees with itself."""
    faults = Faults(no_gpio=True, daq_ends_early=5.573958565307424, gap=41, dropped=1)
    found, off = timed(
        faults, rate=100.0, seconds=16.44860955613828, jitter=2e-6, unsaved=21, seed=316896844
    )
    assert found.method == "clock"
    assert off < 0.5


@pytest.mark.parametrize("what", [{"pauses": 3}, {"gap": 19}, {"pauses": 1, "gap": 19}])
@pytest.mark.parametrize("trial", [0, 12, 1000])
def test_without_a_clock_a_gap_is_known_by_fronts_on_both_sides_only(what, trial):
    one_trial = Faults(no_clock=True, ttls_seen_in_trial=trial, **what)
    found, _ = timed(one_trial, seconds=90)
    assert found.evidence.bound is None
    assert found.evidence.reason
    whole, off = timed(Faults(no_clock=True, **what), seconds=90)
    if whole.evidence.bound is not None:
        assert off <= whole.evidence.bound + 0.5
    by_clock_too, off = timed(Faults(ttls_seen_in_trial=trial, **what), seconds=90)
    assert off < 0.5
    assert by_clock_too.evidence.bound < 0.5
