"""Pulses, alignment and numbering of frames in generated recordings whose truth is known."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from alfvideo.timing import embedded, encoder, pulses
from alfvideo.timing.alignment import NumberedFronts, best_fit
from alfvideo.timing.daq_lines import DaqLines
from alfvideo.timing.embedded import FrameData, exposures_by_clock, gpio_fronts
from alfvideo.timing.sync import Fronts
from alfvideo.timing.timestamps import camera_times
from rigsim import behaviour, clock

SEEDS = st.integers(0, 2**32 - 1)
RATES = st.sampled_from([29.97, 60.004, 149.93])
GRIDS = st.sampled_from([30003.0003, 10_000.0, 1_000.0])
"""Samples of the DAQ per second."""


def camera(rate, n, rng, unsaved=0, trailing=0, n_dropped=0):
    """A camera that starts 5 s after the DAQ."""
    return clock.record(5.0, rate, unsaved, n, trailing, n_dropped, rng)


# trains of pulses


def timed(recording, pulses, frame_data, ttl):
    lines = DaqLines({} if ttl is None else {"": ttl})
    return camera_times(pulses, recording.times.size, frame_data, lines)


@given(RATES, GRIDS, SEEDS, st.floats(0, 0.3), st.integers(0, 20))
def test_period_of_a_damaged_train(rate, grid, seed, lost, n_extra):
    rng = np.random.default_rng(seed)
    times = clock.on_grid(camera(rate, 3000, rng).exposures, grid)
    times = times[rng.random(times.size) >= lost]
    extra = rng.uniform(times[0], times[-1], n_extra)
    found = pulses.period(np.sort(np.r_[times, extra]))
    # each part of the train is known to a step of the grid; an interval that an extra pulse cuts
    # short counts, if it is more than half of a period
    assert abs(found * rate - 1) < 1e-4 + 0.02 * rate / grid + 0.5 * n_extra / times.size


@given(RATES, GRIDS, SEEDS, st.lists(st.tuples(st.integers(1, 990), st.integers(1, 60))))
def test_even_restores_the_train(rate, grid, seed, gaps):
    """Whatever was lost comes back and whatever was added goes, away from each other."""
    rng = np.random.default_rng(seed)
    times = clock.on_grid(camera(rate, 1000, rng).exposures, grid)
    lost = np.zeros(1000, bool)
    for start, size in gaps[:5]:
        lost[start : min(start + size, 999)] = True
    # every neighbour of an extra pulse was recorded, and intervals are regular around it
    quiet = np.flatnonzero(~np.convolve(lost, np.ones(7), "same").astype(bool)[:-1])
    quiet = quiet[(quiet > 3) & (quiet < 995)]
    chosen = np.unique(rng.choice(quiet, min(3, quiet.size // 8), replace=False))
    chosen = chosen[np.diff(chosen, prepend=-10) > 6]
    extra = times[chosen] + rng.uniform(0.2, 0.8, chosen.size) / rate
    train = pulses.even(np.sort(np.r_[times[~lost], extra]))
    assert train.times.size == 1000
    np.testing.assert_allclose(train.times, times, rtol=0, atol=1.5 / grid + 3e-4)
    np.testing.assert_array_equal(train.filled, np.flatnonzero(lost))
    np.testing.assert_array_equal(train.removed, extra)
    again = pulses.even(train.times)
    np.testing.assert_array_equal(again.times, train.times)
    assert again.filled.size == again.removed.size == 0


@given(
    RATES,
    GRIDS,
    SEEDS,
    st.tuples(st.integers(0, 400), st.integers(0, 400)),
    st.tuples(st.integers(30, 1000), st.integers(30, 1000)),
    st.tuples(st.integers(0, 500), st.integers(0, 500)),
)
def test_extend_is_true_also_beside_gaps(rate, grid, seed, n, beside, gap):
    """Gaps near both ends of the train have no influence on how it goes on."""
    rng = np.random.default_rng(seed)
    truth = camera(rate, 4000, rng).exposures
    lost = np.zeros(4000, bool)
    lost[n[0] + beside[0] :][: gap[0]] = True
    lost[: 4000 - n[1] - beside[1]][4000 - n[1] - beside[1] - gap[1] :] = True
    recorded = clock.on_grid(truth, grid)
    inside = recorded[n[0] : 4000 - n[1]][~lost[n[0] : 4000 - n[1]]]
    longer = pulses.extend(inside, *n)
    np.testing.assert_array_equal(longer[n[0] : longer.size - n[1]], inside)
    head, tail = longer[: n[0]], longer[longer.size - n[1] :]
    for found, expected, pulses_beside in (
        (head, truth[: n[0]], beside[0]),
        (tail, truth[4000 - n[1] :], beside[1]),
    ):
        # the slope of a line through few pulses on a grid is not known better
        reach = 1 + 4 * found.size / min(pulses_beside, 1000)
        assert found.size == expected.size
        assert np.abs(found - expected).max(initial=0) < reach * (1 / grid + 1e-4)
    assert (np.diff(longer) > 0).all()


# alignment of fronts


@given(
    SEEDS,
    st.integers(-500, 5000),
    st.integers(8, 60),
    st.floats(0, 0.3),
    st.floats(0, 0.3),
    st.integers(0, 20),
)
def test_fit_start_is_right_if_it_is_clear(seed, start, n_pulses, lost, late, n_noise):
    """TTLs are lost, others are noise, and pins are latched a frame late."""
    rng = np.random.default_rng(seed)
    counts = np.sort(rng.choice(20_000, 2 * n_pulses, replace=False))
    polarities = np.tile([1, -1], n_pulses)
    kept = rng.random(counts.size) >= lost
    is_late = rng.random(counts.size) < late
    # the majority decides
    assume(3 * np.count_nonzero(kept & is_late) < 2 * np.count_nonzero(kept & ~is_late))
    noise = rng.integers(start, start + 20_000, n_noise)
    ttl = np.r_[counts[kept] + start, noise]
    signs = np.r_[polarities[kept], rng.choice([-1, 1], n_noise)]
    order = np.argsort(ttl, kind="stable")
    shown = counts + is_late
    line, pin = NumberedFronts(ttl[order], signs[order]), NumberedFronts(shown, polarities)
    fit = best_fit({"audio": line}, {3: pin})
    if fit.clear:
        assert fit.start == start
    if kept.sum() > 0.6 * counts.size and n_noise < n_pulses:
        assert fit.clear
    right = np.where(shown == counts, 0, -1)
    if fit.start == start:
        # now and then a TTL of noise is nearer than the right one
        assert np.mean(fit.offsets[kept] == right[kept]) > 0.9
    assert fit.exact == np.count_nonzero(fit.offsets == 0)
    np.testing.assert_array_equal(fit.unmatched, np.isnan(fit.offsets))


@given(SEEDS, st.integers(-300, 300), st.integers(10, 60))
def test_an_inverted_line_is_found(seed, start, n_pulses):
    rng = np.random.default_rng(seed)
    counts = np.sort(rng.choice(20_000, 2 * n_pulses, replace=False))
    polarities = np.tile([1, -1], n_pulses)
    line = NumberedFronts(counts + start, -polarities)
    fit = best_fit({"audio": line}, {3: NumberedFronts(counts, polarities)})
    assert fit.clear
    assert fit.start == start
    assert fit.wiring == ("audio", 3, True)
    assert fit.exact == 2 * n_pulses


# what the camera writes


@given(st.lists(st.booleans()))
def test_gpio_fronts_are_the_changes(levels):
    indices, polarities = gpio_fronts(np.array(levels, bool))
    expected = [
        (i, 1 if levels[i] else -1) for i in range(1, len(levels)) if levels[i - 1] ^ levels[i]
    ]
    assert list(zip(indices, polarities, strict=True)) == expected


@given(RATES, SEEDS, st.integers(0, 20), st.integers(0, 60), st.floats(0, 127.9))
def test_embedded_data_come_back(rate, seed, n_dropped, unsaved, clock_start):
    """Camera clock, counter and pin of the saved frames; the clock begins again each 128 s."""
    rng = np.random.default_rng(seed)
    recording = camera(rate, 400, rng, unsaved, 0, n_dropped)
    recording = recording._replace(
        clock_start=clock_start, counter_start=int(rng.integers(2**32 - 500, 2**32))
    )
    line = np.sort(rng.uniform(*recording.times[[0, -1]], 20)).reshape(-1, 2)
    table = clock.frame_table(recording, line, "2026-01-01", rng)
    table[:, 2] %= 2**32
    with tempfile.TemporaryDirectory() as folder:
        table.tofile(Path(folder) / "_iblrig_leftCamera.frameData.bin")
        found = embedded.load(Path(folder).iterdir())
    elapsed = (recording.times - recording.times[0]) * (1 + recording.clock_ppm * 1e-6)
    np.testing.assert_allclose(found.timestamps, elapsed, rtol=0, atol=1e-7)
    np.testing.assert_array_equal(found.count, recording.saved - recording.saved[0])
    np.testing.assert_array_equal(
        found.gpio[:, embedded.SYNC_PIN], clock.level_at(recording.times, line)
    )
    assert not found.gpio[:, :3].any()


@given(RATES, SEEDS, st.integers(0, 40), st.integers(1, 500))
def test_exposures_are_numbered_by_the_clock(rate, seed, n_dropped, n_known):
    """A camera that does not count the frames that it drops; its clock is known up to a frame."""
    recording = camera(rate, 500, np.random.default_rng(seed), 0, 0, n_dropped)
    seconds = recording.times * (1 + recording.clock_ppm * 1e-6)
    count = np.arange(recording.saved.size)
    truth = recording.saved - recording.saved[0]
    found = exposures_by_clock(seconds[:n_known], count)
    known = min(n_known, count.size)
    np.testing.assert_array_equal(found[:known], truth[:known])
    np.testing.assert_array_equal(np.diff(found[known - 1 :]), 1)
    backwards = seconds.copy()
    backwards[1] = backwards[0]
    np.testing.assert_array_equal(exposures_by_clock(backwards, count), count)


@given(SEEDS)
def test_encoder_counts_come_back_from_its_lines(seed):
    walk = np.random.default_rng(seed).normal(0, 0.002, 2000)
    position = np.convolve(np.cumsum(walk), np.ones(50) / 50, "valid")
    times, counts = behaviour.encoder_counts(position)
    assume(times.size > 20)
    channels, polarities = behaviour.quadrature(counts)
    lines = [Fronts(times[channels == i], polarities[channels == i]) for i in range(2)]
    found_times, found = encoder.position(*lines)
    np.testing.assert_array_equal(found_times, times)
    assume(all(line.times.size for line in lines))
    turned = np.diff(counts[1:]) * 2 * np.pi / behaviour.TICKS
    np.testing.assert_allclose(np.diff(found), turned, atol=1e-12)


# times of frames


@dataclass(frozen=True)
class Damage:
    """Damage on the way from camera and sync line to the files."""

    pulses_missing_at_start: int = 0
    pulses_missing_at_end: int = 0
    pulses_lost: int = 0
    gap: int = 0
    pulses_added: int = 0
    ttls_lost: float = 0.0
    ttls_added: int = 0
    pins_late: float = 0.0
    counter: bool = True
    clock: bool = True
    gpio: bool = True
    inverted: bool = False


DAMAGES = st.builds(
    Damage,
    pulses_missing_at_start=st.sampled_from([0, 0, 3, 200]),
    pulses_missing_at_end=st.sampled_from([0, 0, 3, 200]),
    pulses_lost=st.integers(0, 4),
    gap=st.sampled_from([0, 0, 2, 90]),
    pulses_added=st.integers(0, 3),
    ttls_lost=st.floats(0, 0.25),
    ttls_added=st.integers(0, 5),
    pins_late=st.floats(0, 0.3),
    counter=st.booleans(),
    clock=st.booleans(),
)


def damaged_recording(recording, damage, grid, rng):
    """Pulses, frame data and sync fronts, as files hold them."""
    exposures = recording.exposures
    n = exposures.size
    # trials of 0.3 to 1.5 s, sounds of 0.1 s or more; more than 15 of them
    rises = recording.times[0] + 0.5 + np.cumsum(rng.uniform(0.7, 1.5, 40))
    widths = rng.choice([0.1, 0.35, 0.5], rises.size)
    line = clock.clear_of(np.column_stack((rises, rises + widths)).ravel(), exposures, 1.2 / grid)
    line = line[line < recording.times[-1] - 0.2]
    line = line[: line.size // 2 * 2].reshape(-1, 2)

    lost = np.zeros(n, bool)
    middle = np.arange(n // 4, n - n // 4)
    lost[rng.choice(middle, damage.pulses_lost, replace=False)] = True
    lost[n // 2 : n // 2 + damage.gap] = True
    lost[: damage.pulses_missing_at_start] = True
    lost[n - damage.pulses_missing_at_end :] = True
    train = exposures[~lost]
    # extra pulses among others that were all recorded
    among = rng.choice(np.arange(n // 8, n // 4 - 4, 8), damage.pulses_added, replace=False)
    among = among[among > damage.pulses_missing_at_start + 4]
    extra = exposures[among] + rng.uniform(0.25, 0.75, among.size) * (exposures[1] - exposures[0])
    train = np.sort(np.r_[train, extra])

    level = clock.level_at(recording.times, line)
    late = level.copy()
    for front in gpio_fronts(level).indices:
        if rng.random() < damage.pins_late:
            late[front] = level[front - 1]
    gpio = np.repeat(late[:, None], 4, axis=1)

    times, polarities = line.ravel(), np.tile([1, -1], len(line))
    kept = rng.random(times.size) >= damage.ttls_lost
    noise = rng.uniform(exposures[0], exposures[-1], damage.ttls_added)
    times = np.r_[times[kept], noise]
    polarities = np.r_[polarities[kept], rng.choice([-1, 1], noise.size)]
    order = np.argsort(times)
    sign = -1 if damage.inverted else 1
    elapsed = (recording.times - recording.times[0]) * (1 + recording.clock_ppm * 1e-6)
    return (
        clock.on_grid(train, grid),
        FrameData(
            timestamps=elapsed if damage.clock else None,
            count=recording.saved - recording.saved[0] if damage.counter else None,
            gpio=gpio if damage.gpio else None,
        ),
        Fronts(clock.on_grid(times[order], grid), sign * polarities[order]),
    )


def assert_true(result, recording, rate):
    """Each frame has the time of its own exposure, and not that of another."""
    assert result.times.shape == recording.times.shape
    assert (np.diff(result.times) > 0).all()
    assert np.abs(result.times - recording.times).max() < 0.5 / rate
    np.testing.assert_array_equal(result.count, recording.saved - recording.saved[0])


@settings(max_examples=150)
@given(RATES, GRIDS, SEEDS, DAMAGES, st.integers(0, 60), st.integers(0, 20), st.integers(0, 5))
@example(29.97, 10_000.0, 0, Damage(pulses_missing_at_end=3, counter=False), 0, 0, 1)
@example(60.004, 1_000.0, 1, Damage(pulses_missing_at_end=200, counter=False), 60, 0, 3)
def test_times_are_true_or_it_is_said(rate, grid, seed, damage, unsaved, trailing, n_dropped):
    """Sync TTLs decide, whatever was lost; without counter and clock drops cannot be known."""
    rng = np.random.default_rng(seed)
    known = damage.counter or damage.clock
    n_frames = round(30 * rate)
    recording = camera(rate, n_frames, rng, unsaved, trailing, n_dropped if known else 0)
    recorded = damaged_recording(recording, damage, grid, rng)
    result = timed(recording, *recorded)
    assert result.method == "gpio", result.notes
    assert_true(result, recording, rate)


@given(RATES, GRIDS, SEEDS, st.integers(0, 60), st.integers(0, 5))
def test_healthy_times_are_those_of_the_pulses(rate, grid, seed, unsaved, n_dropped):
    rng = np.random.default_rng(seed)
    recording = camera(rate, round(20 * rate), rng, unsaved, 2, n_dropped)
    recorded = damaged_recording(recording, Damage(), grid, rng)
    result = timed(recording, *recorded)
    np.testing.assert_array_equal(result.times, clock.on_grid(recording.times, grid))
    first = (
        [f"{unsaved} camera pulses came before the first frame of the video."] if unsaved else []
    )
    jumps = np.count_nonzero(np.diff(recording.saved) > 1)
    dropped = [
        f"{n_dropped} frames were dropped by the camera during the session (frame counter jumps "
        f"at {jumps} places)."
    ]
    assert list(result.notes) == (dropped if n_dropped else []) + first


@given(
    RATES,
    GRIDS,
    SEEDS,
    DAMAGES,
    st.sampled_from(["no gpio", "no ttl"]),
    st.integers(0, 60),
    st.integers(0, 20),
)
def test_without_sync_the_clock_places_the_video_or_the_last_pulse_does(
    rate, grid, seed, damage, why, unsaved, trailing
):
    """By the last pulse times are off by what came after the last frame, and it is said."""
    rng = np.random.default_rng(seed)
    recording = camera(rate, round(20 * rate), rng, unsaved, trailing)
    damage = replace(damage, gpio=why != "no gpio", counter=True)
    train, frame_data, ttl = damaged_recording(recording, damage, grid, rng)
    result = timed(recording, train, frame_data, ttl if why != "no ttl" else None)
    assert any(note.startswith("The video was not aligned by GPIO") for note in result.notes)
    frames = (result.times - recording.times) * rate
    assert damage.clock or result.method == "pulses"
    if result.method == "clock":
        assert np.abs(frames).max() < 0.5
        return
    assert result.evidence.bound is None
    # with jitter of 20 us the clock is enough, unless the DAQ samples at 1 kHz
    assert not damage.clock or grid == 1000
    # of the lost pulses one may be the first or the last of the train
    first, last = (int(np.abs(recording.exposures - train[end]).argmin()) for end in (0, -1))
    late = last - (recording.exposures.size - 1 - trailing)
    n_pulses = last - first + 1
    # as many pulses as frames are taken as they are, also those that are not even
    uneven = damage.pulses_lost or damage.gap or damage.pulses_added
    assume(train.size != recording.times.size or not uneven)
    if n_pulses < recording.times.size:
        # of too few pulses the first is taken for the first frame
        late = first - unsaved
        assert any("nothing shows whether at the start" in note for note in result.notes)
    np.testing.assert_allclose(frames, late, atol=0.5)
