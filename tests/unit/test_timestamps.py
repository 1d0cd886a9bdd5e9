"""Camera times against recordings whose exposure times are known."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from alfvideo.files.errors import DataError
from alfvideo.timing.daq_lines import DaqLines
from alfvideo.timing.frame_data import FrameData
from alfvideo.timing.sync import Fronts
from alfvideo.timing.timestamps import camera_times


@dataclass(frozen=True)
class Recording:
    """Recordings of DAQ and camera, and when each saved frame was exposed (`truth`)."""

    pulses: np.ndarray
    truth: np.ndarray
    frame_data: FrameData
    ttl: Fronts
    rate: float

    @property
    def n_frames(self):
        return self.truth.size

    def times(self, **changes):
        changed = replace(self, **changes)
        lines = DaqLines({"": changed.ttl} if changed.ttl else {})
        return camera_times(changed.pulses, changed.n_frames, changed.frame_data, lines)

    def half_frame(self):
        return 0.5 / self.rate


def record(
    rate=60.0,
    n_exposures=6000,
    unsaved=50,
    trailing=20,
    dropped=(),
    n_trials=30,
    delays=(),
    seed=0,
    grid=30_000,
):
    """Run a camera at `rate`, with a DAQ that samples at `grid`, both in Hz.

    `dropped` are exposures not saved, `delays` pauses after exposures.

    The TTL of a trial is high for 0.1 s, of every third 0.5 s. A frame shows the level of the line
    at its exposure. The camera's clock is 20 ppm fast and starts at the first saved frame.
    """
    rng = np.random.default_rng(seed)
    exposures = 5.0 + np.arange(n_exposures) / rate + rng.normal(0, 2e-5, n_exposures)
    for exposure, seconds in delays:
        exposures[exposure + 1 :] += seconds
    saved = np.setdiff1d(np.arange(unsaved, n_exposures - trailing), dropped)

    gaps = rng.uniform(0.4, 1.6, n_trials)
    rises = exposures[saved[0]] + 1 + np.cumsum(gaps) / gaps.sum() * np.ptp(exposures[saved]) * 0.95
    widths = np.where(np.arange(n_trials) % 3, 0.1, 0.5)
    line = np.sort(np.concatenate((rises, rises + widths)))
    level = np.searchsorted(line, exposures[saved]) % 2 == 1

    gpio = np.zeros((saved.size, 4), bool)
    gpio[:, 3] = level
    on_grid = np.ceil(np.concatenate((exposures, line)) * grid) / grid
    return Recording(
        pulses=on_grid[:n_exposures],
        truth=exposures[saved],
        frame_data=FrameData(
            timestamps=(exposures[saved] - exposures[saved[0]]) * (1 + 20e-6),
            count=saved - saved[0],
            gpio=gpio,
        ),
        ttl=Fronts(on_grid[n_exposures:], np.tile([1, -1], n_trials)),
        rate=rate,
    )


def assert_right(result, recording):
    assert result.times.shape == (recording.n_frames,)
    assert (np.diff(result.times) > 0).all()
    assert np.abs(result.times - recording.truth).max() < recording.half_frame()


def without(fronts, *indices):
    return Fronts(np.delete(fronts.times, indices), np.delete(fronts.polarities, indices))


@pytest.mark.parametrize("grid", [30_000, 10_000, 1_000])
@pytest.mark.parametrize("rate", [29.97, 60.0, 149.4])
def test_healthy(rate, grid):
    recording = record(rate, grid=grid)
    result = recording.times()
    assert_right(result, recording)
    assert result.method == "gpio"
    assert result.notes == ("50 camera pulses came before the first frame of the video.",)
    # recorded pulses are used as they are
    assert np.isin(result.times, recording.pulses).all()


def test_dropped_frames():
    recording = record(dropped=[700, 2000, 2001, 4000])
    result = recording.times()
    assert_right(result, recording)
    assert (
        "4 frames were dropped by the camera during the session (frame counter jumps at 3 places)."
        in result.notes
    )


def test_ttls_the_camera_never_saw():
    recording = record()
    early = np.array([5.1, 5.2, 5.25, 5.26, 40.0001, 40.0002])
    times = np.concatenate((recording.ttl.times, early))
    order = np.argsort(times)
    polarities = np.concatenate((recording.ttl.polarities, [1, -1] * 3))[order]
    result = recording.times(ttl=Fronts(times[order], polarities))
    assert_right(result, recording)
    assert result.method == "gpio"


def test_gpio_fronts_the_daq_never_saw():
    recording = record()
    result = recording.times(ttl=without(recording.ttl, 0, 1, 30, 31, 33))
    assert_right(result, recording)
    assert "5 of 60 GPIO fronts match no sync TTL of the DAQ." in result.notes


def test_first_ttl_is_a_fall_and_pin_is_high_from_the_start():
    recording = record()
    gpio = recording.frame_data.gpio.copy()
    gpio[:30, 3] = True
    ttl = Fronts(
        np.r_[recording.truth[29] + 1e-3, recording.ttl.times], np.r_[-1, recording.ttl.polarities]
    )
    result = recording.times(frame_data=replace(recording.frame_data, gpio=gpio), ttl=ttl)
    assert_right(result, recording)
    assert result.method == "gpio"


@pytest.mark.parametrize("rate", [30.0, 149.4])
@pytest.mark.parametrize(("at_start", "at_end"), [(70, 0), (0, 3000), (51, 500)])
def test_missing_pulses_are_extrapolated(rate, at_start, at_end):
    recording = record(rate)
    pulses = recording.pulses[at_start : recording.pulses.size - at_end]
    result = recording.times(pulses=pulses)
    assert_right(result, recording)
    assert np.abs(result.times - recording.truth).max() < 1e-3
    if at_start > 50:
        assert (
            f"{at_start - 50} camera pulses are missing at the start: they were extrapolated."
            in result.notes
        )
    if at_end:
        assert (
            f"{at_end - 20} camera pulses are missing at the end: they were extrapolated."
            in result.notes
        )


@pytest.mark.parametrize("late", [0.3, 0.4])
def test_pin_latched_a_frame_late_now_and_then(late):
    recording = record()
    rng = np.random.default_rng(1)
    level = recording.frame_data.gpio[:, 3].copy()
    for front in np.flatnonzero(np.diff(level)) + 1:
        if rng.random() < late:
            level[front] = level[front - 1]
    gpio = np.repeat(level[:, None], 4, axis=1)
    result = recording.times(frame_data=replace(recording.frame_data, gpio=gpio))
    assert_right(result, recording)
    assert any("one frame away from their sync TTL" in note for note in result.notes)


def test_evenly_spaced_ttls_are_ambiguous():
    recording = record()
    rises = recording.truth[0] + 1.0001 + np.arange(90)
    line = np.sort(np.r_[rises, rises + 0.1])
    gpio = np.zeros_like(recording.frame_data.gpio)
    gpio[:, 3] = np.searchsorted(line, recording.truth) % 2
    ttl = Fronts(line, np.tile([1, -1], 90))
    without_clock = replace(recording.frame_data, gpio=gpio, timestamps=None)
    result = recording.times(frame_data=without_clock, ttl=ttl)
    assert result.method == "pulses"
    assert result.evidence.bound is None
    assert any("equally well" in note for note in result.notes)
    result = recording.times(frame_data=replace(recording.frame_data, gpio=gpio), ttl=ttl)
    assert result.method == "clock"
    assert result.evidence.bound < 0.5
    assert_right(result, recording)


@pytest.mark.parametrize("side", ["start", "end"])
def test_ttls_beyond_the_pulses_match_too(side):
    """Missing pulses are numbered as if they were there, up to each TTL that came then."""
    recording = record(unsaved=0, trailing=0)
    for front in (1, 3, 10):
        at = recording.ttl.times[front] if side == "start" else recording.ttl.times[-1 - front]
        kept = recording.pulses > at + 0.01 if side == "start" else recording.pulses < at - 0.01
        result = recording.times(pulses=recording.pulses[kept])
        assert_right(result, recording)
        missing = np.count_nonzero(~kept)
        assert result.notes == (
            f"{missing} camera pulses are missing at the {side}: they were extrapolated.",
        )


@pytest.mark.parametrize(
    ("times", "used"), [(0.5, True), (7, True), (9.5, True), (10.5, False), (18, False)]
)
def test_counter_that_jumps_ahead(times, used):
    """More than ten times as many exposures as there are frames and pulses cannot be."""
    recording = record(trailing=0)
    count = recording.frame_data.count.copy()
    count[-5:] += int(times * (recording.n_frames + recording.pulses.size)) - count[-1]
    frame_data = replace(recording.frame_data, count=count, timestamps=None)
    result = recording.times(frame_data=frame_data)
    assert int(result.count[-1]) == (count[-1] if used else recording.n_frames - 1)
    assert any("was not used" in note for note in result.notes) is not used


@pytest.mark.parametrize("frame", [2000, 5000])
@pytest.mark.parametrize("delay", [1, 2])
def test_the_numbering_with_more_exact_fronts_is_taken(frame, delay):
    """Without the clock a pause of a period looks like a lost pulse; only the TTLs tell."""
    recording = record(delays=[(frame + 50, delay / 60)])
    frame_data = replace(recording.frame_data, timestamps=None)
    result = recording.times(frame_data=frame_data)
    assert_right(result, recording)
    assert result.method == "gpio"
    assert not any("lost by the DAQ" in note for note in result.notes)


@pytest.mark.parametrize("n_lost", [1, 2])
def test_lost_pulses_are_seen_if_there_are_as_many_pulses_as_frames(n_lost):
    """As many pulses as frames are first taken as they are; the TTLs agree better without gap."""
    recording = record(unsaved=0, trailing=n_lost)
    pulses = np.delete(recording.pulses, np.arange(3000, 3000 + n_lost))
    assert pulses.size == recording.n_frames
    result = recording.times(pulses=pulses)
    assert_right(result, recording)
    assert any(note.startswith(f"{n_lost} camera pulses were lost") for note in result.notes)


def test_pulses_lost_outside_the_video_are_not_told():
    recording = record(unsaved=50, trailing=50)
    extra = recording.pulses[[20, 5980]] + 0.006
    pulses = np.sort(np.r_[np.delete(recording.pulses, [10, 5990]), extra])
    result = recording.times(pulses=pulses)
    assert_right(result, recording)
    assert result.notes == ("50 camera pulses came before the first frame of the video.",)


def test_pulses_lost_within_the_video_are_told_with_the_first():
    recording = record()
    lost, extra = [60, 70, 5900], recording.pulses[[80, 5950]] + 0.006
    pulses = np.sort(np.r_[np.delete(recording.pulses, lost), extra])
    result = recording.times(pulses=pulses)
    assert_right(result, recording)
    assert result.notes == (
        f"3 camera pulses were lost by the DAQ during the session (the first at "
        f"{recording.pulses[60]:.3f} s): they were filled in evenly.",
        f"2 extra camera pulses were recorded by the DAQ during the session (the first at "
        f"{extra[0]:.3f} s): they were ignored.",
        "50 camera pulses came before the first frame of the video.",
    )


@pytest.mark.parametrize(("late", "told"), [(0.15, False), (0.3, True)])
def test_pins_that_are_late_are_told_if_they_are_many(late, told):
    recording = record()
    level = recording.frame_data.gpio[:, 3].copy()
    fronts = np.flatnonzero(np.diff(level)) + 1
    for front in fronts[:: round(1 / late)]:
        level[front] = level[front - 1]
    gpio = np.repeat(level[:, None], 4, axis=1)
    result = recording.times(frame_data=replace(recording.frame_data, gpio=gpio))
    assert_right(result, recording)
    n_late = fronts[:: round(1 / late)].size
    note = (
        f"{n_late} of 60 GPIO fronts are one frame away from their sync TTL: the majority decides."
    )
    assert (note in result.notes) is told


@pytest.mark.parametrize(("n_fronts", "method"), [(4, "gpio"), (6, "pulses"), (10, "pulses")])
def test_some_fronts_that_agree_on_other_times(n_fronts, method):
    """Six or more fronts that agree among themselves speak against the others."""
    recording = record()
    ttl_times = recording.ttl.times.copy()
    ttl_times[60 - n_fronts :] += 5 / recording.rate
    ttl = Fronts(ttl_times, recording.ttl.polarities)
    without_clock = replace(recording.frame_data, timestamps=None)
    result = recording.times(ttl=ttl, frame_data=without_clock)
    assert result.method == method
    assert_right(recording.times(ttl=ttl), recording)


def test_fronts_that_disagree_with_each_other_do_not_count():
    recording = record()
    ttl_times = recording.ttl.times.copy()
    ttl_times[50:] += np.arange(10) * 7.3 / recording.rate
    order = np.argsort(ttl_times)
    result = recording.times(ttl=Fronts(ttl_times[order], recording.ttl.polarities[order]))
    assert result.method == "gpio"
    assert_right(result, recording)


def test_ttls_of_another_session_are_not_used():
    recording, other = record(seed=0), record(seed=1)
    result = recording.times(
        ttl=other.ttl, frame_data=replace(recording.frame_data, timestamps=None)
    )
    assert result.method == "pulses"
    assert any("GPIO fronts match a sync TTL" in note for note in result.notes)


@pytest.mark.parametrize("n_fronts", [6, 20, 29])
def test_a_part_of_the_fronts_is_enough_if_it_is_not_by_chance(n_fronts):
    """The DAQ may have recorded a part of the session only."""
    recording = record()
    result = recording.times(
        ttl=without(recording.ttl, *range(n_fronts, 60)),
        frame_data=replace(recording.frame_data, timestamps=None),
    )
    assert result.method == "gpio"
    assert_right(result, recording)
    assert f"{60 - n_fronts} of 60 GPIO fronts match no sync TTL of the DAQ." in result.notes


@pytest.mark.parametrize("shift", [-1e6, 1e6])
def test_ttls_far_from_the_pulses_are_not_used(shift):
    recording = record()
    ttl = Fronts(recording.ttl.times + shift, recording.ttl.polarities)
    without_clock = replace(recording.frame_data, timestamps=None)
    assert recording.times(ttl=ttl, frame_data=without_clock).method == "pulses"
    assert recording.times(ttl=ttl).method == "clock"


def test_one_pulse_with_an_absurd_time():
    recording = record()
    assert_right(recording.times(pulses=np.r_[recording.pulses, 1e9]), recording)


@pytest.mark.parametrize("timestamps", [True, False])
def test_pulses_lost_by_the_daq(timestamps):
    recording = record(dropped=[2500, 2501])
    frame_data = (
        recording.frame_data if timestamps else replace(recording.frame_data, timestamps=None)
    )
    pulses = np.delete(recording.pulses, [1000, 3000, 3001, 3002, 4500])
    result = recording.times(pulses=pulses, frame_data=frame_data)
    assert_right(result, recording)
    assert result.method == "gpio"
    assert any(note.startswith("5 camera pulses were lost by the DAQ") for note in result.notes)


def test_pulses_added_by_the_daq():
    recording = record()
    extra = recording.pulses[[900, 2000, 2001]] + [0.003, 0.006, 0.011]
    result = recording.times(pulses=np.sort(np.r_[recording.pulses, extra]))
    assert_right(result, recording)
    assert any(note.startswith("3 extra camera pulses") for note in result.notes)


@pytest.mark.parametrize("timestamps", [True, False])
def test_camera_that_pauses_is_not_taken_for_lost_pulses(timestamps):
    recording = record(delays=[(2000, 0.5), (4000, 0.083)])
    data = recording.frame_data if timestamps else replace(recording.frame_data, timestamps=None)
    result = recording.times(frame_data=data)
    assert_right(result, recording)
    assert result.method == "gpio"
    assert not any("dropped" in note or "lost" in note for note in result.notes)


def test_a_pause_is_told_apart_from_drops_and_lost_pulses():
    recording = record(dropped=[700, 701], delays=[(2000, 30.25 / 60), (4000, 9.9 / 60)])
    pulses = np.delete(recording.pulses, [5000, 5001, 5002])
    result = recording.times(pulses=pulses)
    assert_right(result, recording)
    assert "2 frames were dropped by the camera during the session" in " ".join(result.notes)
    assert "3 camera pulses were lost by the DAQ during the session" in " ".join(result.notes)
    assert (
        "The camera stood still 2 times, the longest for 31 frame periods after frame 1948: "
        "neither its clock nor its pulses have exposures there."
    ) in result.notes


def test_exposures_that_the_counter_missed():
    recording = record(dropped=[2000, 2001, 4000])
    frame_data = replace(recording.frame_data, count=np.arange(recording.n_frames))
    result = recording.times(frame_data=frame_data)
    assert_right(result, recording)
    assert any(note.startswith("At 2 places the camera's clock shows") for note in result.notes)


@pytest.mark.parametrize("missing", [0, 3, 600])
def test_exposures_without_a_counter_and_the_last_pulses(missing):
    """The clock shows exposures for which the DAQ has no pulses; the sync TTLs agree with it."""
    recording = record(dropped=[2000, 2001, 4000], trailing=0)
    result = recording.times(
        pulses=recording.pulses[: 6000 - missing],
        frame_data=replace(recording.frame_data, count=None),
    )
    assert_right(result, recording)
    assert result.method == "gpio"


@pytest.mark.parametrize("gpio", [True, False])
def test_counter_that_jumps_without_time_passing(gpio):
    recording = record(trailing=0)
    count = recording.frame_data.count.copy()
    count[2000:] += 700
    frame_data = replace(recording.frame_data, count=count)
    result = recording.times(frame_data=frame_data if gpio else replace(frame_data, gpio=None))
    assert_right(result, recording)
    assert any(note.startswith("At 1 places the camera's clock shows") for note in result.notes)


def test_break_that_cannot_be_repaired_is_told():
    recording = record()
    ttl_times = recording.ttl.times.copy()
    ttl_times[40:] += 5 / recording.rate
    result = recording.times(
        ttl=Fronts(ttl_times, recording.ttl.polarities),
        frame_data=replace(recording.frame_data, timestamps=None),
    )
    assert result.method == "pulses"
    assert result.evidence.bound is None
    assert any("5 frames away from those of the others" in note for note in result.notes)


def test_break_of_one_frame_is_told():
    recording = record()
    ttl_times = recording.ttl.times.copy()
    ttl_times[32:] += 1 / recording.rate
    result = recording.times(ttl=Fronts(ttl_times, recording.ttl.polarities))
    assert any("part of the times is one frame off" in note for note in result.notes)


NO_GPIO = Fronts(np.empty(0), np.empty(0))


@pytest.mark.parametrize(
    ("change", "ttl", "reason"),
    [
        ({"gpio": None}, None, "the camera saved no GPIO"),
        ({"gpio": np.ones((10, 4), bool)}, None, "the sync line never changes"),
        ({}, NO_GPIO, "the DAQ recorded no sync TTLs"),
        ({}, "none", "the DAQ recorded no sync TTLs"),
    ],
)
def test_without_gpio_leading_pulses_are_discarded(change, ttl, reason):
    recording = record(trailing=0, dropped=[3000])
    ttl = {"none": None}.get(ttl, recording.ttl) if not isinstance(ttl, Fronts) else ttl
    data = replace(recording.frame_data, timestamps=None, **change)
    result = recording.times(frame_data=data, ttl=ttl)
    assert_right(result, recording)
    assert result.method == "pulses"
    assert result.evidence.bound is None
    assert any(reason in note for note in result.notes)
    assert "The first 50 camera pulses were discarded: 6000 pulses for 5950 frames." in result.notes


def test_without_gpio_a_lost_pulse_is_filled_in():
    recording = record(trailing=0)
    frame_data = replace(recording.frame_data, gpio=None)
    result = recording.times(pulses=np.delete(recording.pulses, 3000), frame_data=frame_data)
    assert_right(result, recording)


def test_without_gpio_and_too_few_pulses():
    recording = record(unsaved=0)
    frame_data = replace(recording.frame_data, gpio=None)
    result = recording.times(pulses=recording.pulses[:5000], frame_data=frame_data)
    assert_right(result, recording)
    assert "980 camera pulses are missing at the end: they were extrapolated." in result.notes


def test_without_anything_embedded():
    recording = record(trailing=0)
    result = recording.times(frame_data=FrameData(None, None, None))
    assert_right(result, recording)
    assert "The camera saved no frame counter: frames are taken as consecutive." in result.notes


def test_counter_longer_than_the_video():
    recording = record()
    result = recording.times(truth=recording.truth[:5000])
    np.testing.assert_array_equal(result.times, recording.times().times[:5000])
    assert any("its last 930 values were left out" in note for note in result.notes)


def test_counter_shorter_than_the_video():
    recording = record()
    data = recording.frame_data
    short = FrameData(data.timestamps[:5000], data.count[:5000], data.gpio[:4000])
    result = recording.times(frame_data=short)
    assert_right(result, recording)
    assert any("the last 930 frames are taken as consecutive" in note for note in result.notes)


@pytest.mark.parametrize("wrong", [0, -100, 10**9])
def test_counter_that_cannot_be_is_not_used(wrong):
    recording = record()
    count = recording.frame_data.count.copy()
    count[3000:] = np.arange(2930) + wrong
    result = recording.times(frame_data=replace(recording.frame_data, count=count))
    assert_right(result, recording)
    assert any("was not used" in note for note in result.notes)


@pytest.mark.parametrize("pulses", [[], [1.0]])
def test_no_pulses(pulses):
    with pytest.raises(DataError, match=f"found {len(pulses)}. Check the wiring"):
        record().times(pulses=np.array(pulses))


def test_pulses_that_do_not_increase():
    recording = record()
    with pytest.raises(DataError, match=r"pulse 100 .* does not come after"):
        recording.times(pulses=np.insert(recording.pulses, 100, recording.pulses[98]))


def test_pulses_in_the_same_sample_are_one():
    recording = record()
    result = recording.times(pulses=np.insert(recording.pulses, 100, recording.pulses[99]))
    assert_right(result, recording)
    assert any("1 camera pulses came in the same sample" in note for note in result.notes)


def test_video_without_frames():
    with pytest.raises(DataError, match="no frames"):
        record().times(truth=np.empty(0))


def test_video_of_one_frame():
    recording = record(unsaved=0)
    one = FrameData(np.zeros(1), np.zeros(1, int), np.zeros((1, 4), bool))
    result = camera_times(recording.pulses[:2], 1, one, DaqLines({"": recording.ttl}))
    assert result.times.tolist() == [recording.pulses[1]]
