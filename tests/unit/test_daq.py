"""Sync arrays, channel maps, pulse trains and Bpod trials."""

import json
from pathlib import Path

import numpy as np
import pytest

from alfvideo.files.errors import DataError
from alfvideo.timing import bpod, pulses, sync
from alfvideo.timing.alignment import NumberedFronts, best_fit

IBL = Path(__file__).parents[1] / "data" / "ibl"

TIMES = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
POLARITIES = np.array([-1, 1, 1, -1, -1, 1], np.int8)
CHANNELS = np.array([0, 7, 0, 7, 0, 0], np.uint8)


def write_sync(folder, namespace="spikeglx", extra="", **changes):
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {"times": TIMES, "polarities": POLARITIES, "channels": CHANNELS} | changes
    for attribute, array in arrays.items():
        if array is not None:
            np.save(folder / f"_{namespace}_sync.{attribute}{extra}.npy", array)
    return folder


def listed(folder):
    return sorted(folder.iterdir())


def write_wiring(folder, system="3B", digital=None, analog=None, name="_spikeglx_x.nidq"):
    folder.mkdir(parents=True, exist_ok=True)
    wiring = {"SYSTEM": system, "SYNC_WIRING_DIGITAL": digital, "SYNC_WIRING_ANALOG": analog}
    (folder / f"{name}.wiring.json").write_text(json.dumps(wiring))
    return folder


def write_timeline(folder, inputs):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "_timeline_DAQdata.meta.json").write_text(json.dumps({"inputs": inputs}))
    return folder


# sync arrays


@pytest.mark.parametrize("extra", ["", ".probe00"])
@pytest.mark.parametrize("namespace", ["spikeglx", "timeline"])
def test_camera_pulses_are_the_rises_also_after_a_fall(tmp_path, namespace, extra):
    folder = write_sync(tmp_path, namespace, extra)
    fronts = sync.load(listed(folder)).fronts(0)
    np.testing.assert_array_equal(fronts.times, [0.1, 0.3, 0.5, 0.6])
    np.testing.assert_array_equal(fronts.rises, [0.3, 0.6])
    np.testing.assert_array_equal(fronts.falls, [0.1, 0.5])
    assert sync.load(listed(folder)).fronts(3).times.size == 0


def test_front_without_polarity_is_neither_rise_nor_fall():
    fronts = sync.Fronts(np.array([1.0, 2, 3, 4]), np.array([3, 0, -2, 1]))
    assert fronts.rises.tolist() == [1, 4]
    assert fronts.falls.tolist() == [3]


def test_other_files_of_the_sync_are_not_read(tmp_path):
    folder = write_sync(tmp_path)
    (folder / "_spikeglx_sync.comments.npy").write_text("not an array")
    (folder / "_spikeglx_sync.comments.probe00.npy").write_text("not an array")
    assert sync.load(listed(folder)).times.size == 6


@pytest.mark.parametrize("shape", [(6, 1), (1, 6), (6,)])
def test_sync_arrays_that_are_columns(tmp_path, shape):
    folder = write_sync(tmp_path, times=TIMES.reshape(shape))
    np.testing.assert_array_equal(sync.load(listed(folder)).times, TIMES)


def test_sync_without_fronts(tmp_path):
    nothing = {name: np.empty(0) for name in ("times", "polarities", "channels")}
    assert sync.load(listed(write_sync(tmp_path, **nothing))).times.size == 0


def test_fronts_at_the_same_time_keep_their_order(tmp_path):
    times = np.array([2.0, 1, 1, 1, 1, 0])
    channels = np.arange(6)
    loaded = sync.load(listed(write_sync(tmp_path, times=times, channels=channels)))
    np.testing.assert_array_equal(loaded.channels, [5, 1, 2, 3, 4, 0])


def test_unsorted_times_are_sorted(tmp_path):
    order = [3, 1, 0, 2, 5, 4]
    folder = write_sync(
        tmp_path, times=TIMES[order], polarities=POLARITIES[order], channels=CHANNELS[order]
    )
    loaded = sync.load(listed(folder))
    np.testing.assert_array_equal(loaded.times, TIMES)
    np.testing.assert_array_equal(loaded.polarities, POLARITIES)
    np.testing.assert_array_equal(loaded.channels, CHANNELS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"polarities": None}, r"arrays are missing: polarities\."),
        ({"channels": CHANNELS[1:]}, "6 times, 6 polarities and 5 channels"),
        ({"times": np.full(6, np.nan)}, "none of 6 times is a number of seconds"),
        ({"times": np.ones((3, 2))}, r"expected a vector, found an array of shape \(3, 2\)"),
    ],
)
def test_sync_arrays_that_are_wrong(tmp_path, changes, message):
    folder = write_sync(tmp_path, **changes)
    with pytest.raises(DataError, match=message):
        sync.load(listed(folder))


@pytest.mark.parametrize("place", [0, 3, 5000, -1])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e12, 1e9, -1e9])
def test_a_time_that_is_impossible_costs_one_front(tmp_path, value, place):
    times = np.arange(10_000) / 60
    fronts = {"polarities": np.tile([1, -1], 5000), "channels": np.arange(10_000) % 3}
    damaged = times.copy()
    damaged[place] = value
    loaded = sync.load(listed(write_sync(tmp_path, times=damaged, **fronts)))
    np.testing.assert_array_equal(loaded.times, np.delete(times, place))
    np.testing.assert_array_equal(loaded.channels, np.delete(fronts["channels"], place))
    assert len(loaded.notes) == 1
    assert loaded.notes[0].startswith(f"1 of 10000 fronts in {tmp_path.name} have no time, ")


def test_a_polarity_that_is_no_number_costs_one_front(tmp_path):
    loaded = sync.load(
        listed(write_sync(tmp_path, polarities=np.array([-1, np.nan, 1, -1, -1, 1])))
    )
    np.testing.assert_array_equal(loaded.times, np.delete(TIMES, 1))
    assert len(loaded.notes) == 1


def test_a_pause_of_the_daq_line_is_no_damage(tmp_path):
    times = np.r_[0.0, 3000 + np.arange(4) / 60, 9000]
    loaded = sync.load(listed(write_sync(tmp_path, times=times)))
    np.testing.assert_array_equal(loaded.times, times)
    assert loaded.notes == ()


def test_sync_array_that_is_cut_off(tmp_path):
    folder = write_sync(tmp_path)
    path = folder / "_spikeglx_sync.times.npy"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"sync.times.npy: expected a numpy array"):
        sync.load(listed(folder))


def test_sync_of_two_probes_in_one_folder(tmp_path):
    write_sync(tmp_path, extra=".probe00")
    write_sync(tmp_path, extra=".probe01")
    with pytest.raises(DataError, match="Keep one of the two"):
        sync.load(listed(tmp_path))


# channel maps


NIDQ = {
    **{"left_camera": 0, "right_camera": 1, "body_camera": 2, "frame2ttl": 4, "audio": 7},
    **{"rotary_encoder_0": 5, "rotary_encoder_1": 6, "bpod": 16},
}


@pytest.mark.parametrize(
    ("collection", "expected"),
    [
        ("raw_ephys_data", NIDQ | {"imec_sync": 3, "laser": 17, "laser_ttl": 18}),
        ("raw_widefield_data", NIDQ | {"frame_trigger": 3}),
        ("raw_sync_data", NIDQ | {"frame_trigger": 3}),
        (
            "3A",
            {
                **{"left_camera": 2, "right_camera": 3, "body_camera": 4, "bpod": 7},
                **{"frame2ttl": 12, "rotary_encoder_0": 13, "rotary_encoder_1": 14, "audio": 15},
            },
        ),
    ],
)
def test_default_channels_are_those_of_ibl_rigs(collection, expected):
    assert sync.DEFAULT_CHANNELS[collection] == expected


def test_each_pin_of_a_3a_probe_has_its_channel(tmp_path):
    """Pins 5, 10, 15 and 20 are ground or power."""
    digital = {f"pin{n:02}": f"line_{n}" for n in range(1, 21)}
    channels = sync.channel_map(listed(write_wiring(tmp_path, "3A", digital)), "spikeglx")
    signals = [n for n in range(1, 21) if n % 5]
    assert channels == {f"line_{n}": channel for channel, n in enumerate(signals)}


@pytest.mark.parametrize(
    ("collection", "file", "expected"),
    [
        ("raw_ephys_data", "x.nidq.meta", {"left_camera": 0, "audio": 7, "imec_sync": 3}),
        ("raw_ephys_data", None, {"left_camera": 0, "laser": 17}),
        ("raw_ephys_data/probe00", "x.ap.meta", {"left_camera": 2, "body_camera": 4, "audio": 15}),
        ("raw_widefield_data", "x.nidq.meta", {"body_camera": 2, "frame_trigger": 3, "bpod": 16}),
        ("raw_sync_data", "x.nidq.meta", {"right_camera": 1, "frame_trigger": 3}),
    ],
)
def test_default_channels(tmp_path, collection, file, expected):
    folder = tmp_path / collection
    folder.mkdir(parents=True)
    write_sync(folder)
    if file:
        (folder / file).touch()
    channels = sync.channel_map(listed(folder), "spikeglx")
    assert expected.items() <= channels.items()


def test_unknown_collection_has_no_default_channels(tmp_path):
    assert sync.channel_map(listed(write_sync(tmp_path)), "spikeglx") == {}


def test_wiring_of_a_nidq(tmp_path):
    folder = write_wiring(
        tmp_path / "raw_ephys_data",
        digital={"P0.4": "left_camera", "P0.1": "right_camera", "P0.7": "audio", "P0.6": ""},
        analog={"AI0": "bpod", "AI2": "laser"},
    )
    channels = sync.channel_map(listed(folder), "spikeglx")
    wired = {"left_camera": 4, "right_camera": 1, "audio": 7, "bpod": 16, "laser": 18}
    assert wired.items() <= channels.items()
    # body_camera is not in the file and gets its default channel
    assert channels["body_camera"] == 2
    # the default channel of frame2ttl is that of the left camera in the file
    assert "frame2ttl" not in channels


def test_wiring_of_a_3a_probe(tmp_path):
    digital = {"pin01": "left_camera", "pin06": "right_camera", "pin05": "ground"}
    folder = write_wiring(tmp_path / "probe00", "3A", digital, name="x.imec")
    (folder / "x.ap.meta").touch()
    channels = sync.channel_map(listed(folder), "spikeglx")
    assert (channels["left_camera"], channels["right_camera"]) == (0, 4)
    assert "ground" not in channels
    assert channels["audio"] == 15


@pytest.mark.parametrize("pin", ["left", "P0.x", "P0.", None])
def test_wiring_with_unknown_pins(tmp_path, pin):
    folder = write_wiring(tmp_path, digital={pin: "left_camera"})
    with pytest.raises(DataError, match=r"wiring.json: expected pins called P0.N, pinNN or AIN"):
        sync.channel_map(listed(folder), "spikeglx")


@pytest.mark.parametrize("content", ["{", "[]"])
def test_wiring_that_is_not_json(tmp_path, content):
    (tmp_path / "x.wiring.json").write_text(content)
    with pytest.raises(DataError, match=r"x.wiring.json: "):
        sync.channel_map(listed(tmp_path), "spikeglx")


def test_timeline_channels(tmp_path):
    inputs = [{"name": "belly_camera", "arrayColumn": 5}, {"name": "audio", "arrayColumn": 2}]
    folder = write_timeline(tmp_path, inputs)
    assert sync.channel_map(listed(folder), "timeline") == {"belly_camera": 5, "audio": 2}


def test_timeline_without_metadata(tmp_path):
    with pytest.raises(DataError, match=r"_timeline_DAQdata.meta.json is missing"):
        sync.channel_map(listed(write_sync(tmp_path, "timeline")), "timeline")
    write_timeline(tmp_path, [{"name": "audio"}])
    with pytest.raises(DataError, match="expected 'inputs'"):
        sync.channel_map(listed(tmp_path), "timeline")


def test_missing_channel_is_told_with_those_that_exist(tmp_path):
    channels = {"right_camera": 1, "audio": 7}
    assert sync.camera_channel(channels, "right", tmp_path) == 1
    with pytest.raises(
        DataError, match=r"'left_camera'. Channels there: audio \(7\), right_camera \(1\)"
    ):
        sync.camera_channel(channels, "left", tmp_path)


# pulse trains


@pytest.mark.parametrize("grid", [1_000, 10_000, 30_000])
@pytest.mark.parametrize("rate", [29.97, 60.0, 149.4])
def test_period_is_not_that_of_the_clock_grid(rate, grid):
    times = np.ceil(np.arange(20_000) / rate * grid) / grid
    damaged = np.delete(times, [100, 101, 5000, *range(9000, 9900)])
    assert pulses.period(damaged) * rate == pytest.approx(1, abs=1e-5)


def test_even_train_is_left_as_it_is():
    times = np.arange(1000) / 60 + np.random.default_rng(0).normal(0, 1e-4, 1000)
    train = pulses.even(times)
    np.testing.assert_array_equal(train.times, times)
    assert train.filled.size == train.removed.size == 0


def test_even_fills_gaps_and_removes_extra_pulses():
    times = np.arange(2000) / 60 + np.random.default_rng(0).normal(0, 1e-4, 2000)
    lost = np.r_[1, 500, 700:1300, 1998]
    extra = times[[300, 301, 1500]] + [0.003, 0.012, 0.008]
    train = pulses.even(np.sort(np.r_[np.delete(times, lost), extra]))
    np.testing.assert_allclose(train.times, times, atol=1e-3)
    np.testing.assert_array_equal(train.filled, lost)
    np.testing.assert_array_equal(train.removed, extra)


@pytest.mark.parametrize("part", [0.1, 0.4, 0.499, 0.5, 0.501, 0.6, 0.9])
@pytest.mark.parametrize("jitter", [-0.02, 0.02])
def test_extra_pulse_anywhere_between_two_others(part, jitter):
    times = np.arange(100.0)
    times[50:] += jitter
    train = pulses.even(np.insert(times, 50, 49 + part * (1 + jitter)))
    np.testing.assert_allclose(train.times, times, atol=1e-9)
    assert train.removed.size == 1


def test_interval_that_is_no_whole_number_of_periods():
    times = np.arange(1000.0)
    times[50:] += 0.49
    times[51:] += 0.02
    train = pulses.even(times)
    assert train.filled.size == train.removed.size == 0


@pytest.mark.parametrize("rate", [29.97, 149.4])
def test_extend(rate):
    times = np.ceil(np.arange(5000) / rate * 10_000) / 10_000
    longer = pulses.extend(times[1000:4000], 1000, 1000)
    np.testing.assert_allclose(longer, times, atol=2e-4, rtol=0)
    np.testing.assert_array_equal(longer[1000:4000], times[1000:4000])


def test_extend_beside_a_gap():
    times = np.r_[np.arange(100), 200 + np.arange(3)]
    np.testing.assert_allclose(pulses.extend(times, 2, 2)[[0, 1, -2, -1]], [-2, -1, 203, 204])
    times = np.r_[np.arange(100), 200]
    np.testing.assert_allclose(pulses.extend(times, 0, 2)[-2:], [201, 202])


@pytest.mark.parametrize("n", [3, 40])
def test_extend_after_a_gap_follows_what_is_nearest(n):
    """The pulses before the gap are of another phase, by a third of a period."""
    times = np.r_[np.arange(900), 950.33 + np.arange(n)]
    np.testing.assert_allclose(pulses.extend(times, 0, 3)[-3:], 950.33 + n + np.arange(3))
    backwards = -times[::-1]
    np.testing.assert_allclose(
        pulses.extend(backwards, 3, 0)[:3], -(950.33 + n + np.arange(3))[::-1]
    )


@pytest.mark.parametrize("interval", [0.45, 1.55])
def test_extend_beside_an_odd_interval(interval):
    """More than half of a period away from one period: the train begins again there."""
    times = np.r_[np.arange(900), 899 + interval + np.arange(50)]
    np.testing.assert_allclose(pulses.extend(times, 0, 2)[-2:], times[-1] + [1, 2], atol=1e-9)


def test_extend_by_the_two_pulses_after_a_gap():
    times = np.r_[np.arange(100), 200, 201.1]
    np.testing.assert_allclose(pulses.extend(times, 0, 2)[-2:], [202.2, 203.3])


def test_extend_follows_a_drift():
    """The rate of the last 1000 pulses counts, not that of the train as a whole."""
    times = np.cumsum(np.r_[np.full(3000, 1.02), np.full(1000, 1.0)])
    np.testing.assert_allclose(pulses.extend(times, 0, 100)[-1], times[-1] + 100, atol=0.01)


def test_period_of_few_pulses():
    assert pulses.period(np.array([1.0, 3.5])) == 2.5
    assert pulses.period(np.array([0.0, 1, 2, 4, 5, 6])) == 1
    # an interval that is less than half of a period off is one period
    assert pulses.period(np.array([0.0, 1, 2, 3.4])) == pytest.approx(3.4 / 3)
    assert pulses.period(np.array([0.0, 1, 2, 3.6])) == 1
    # none of the intervals is near the median of the two
    assert pulses.period(np.array([0.0, 1, 11])) == 5.5


def test_even_keeps_the_pulse_that_fits_those_before():
    times = np.arange(20.0)
    for extra, kept in ((9.7, 10), (10.3, 10)):
        train = pulses.even(np.sort(np.r_[times, extra]))
        assert train.times[kept] == kept
        assert train.removed.tolist() == [extra]
    # three in one period
    train = pulses.even(np.sort(np.r_[times, 10.3, 10.4]))
    np.testing.assert_array_equal(train.times, times)
    assert train.removed.tolist() == [10.3, 10.4]


# alignment of front trains


def fit_start(ttl_pulses, ttl_polarities, front_counts, front_polarities):
    """Fit one line to one pin."""
    line = NumberedFronts(ttl_pulses, ttl_polarities)
    return best_fit({"audio": line}, {3: NumberedFronts(front_counts, front_polarities)})


def test_fit_start_is_exact():
    rng = np.random.default_rng(0)
    counts = np.sort(rng.choice(10_000, 200, replace=False))
    polarities = np.tile([1, -1], 100)
    for start in (-300, 0, 1, 777):
        fit = fit_start(counts[::-1] + start, polarities[::-1], counts, polarities)
        assert (fit.start, fit.exact, fit.clear) == (start, 200, True)


@pytest.mark.parametrize("sign", [1, -1])
def test_fit_start_with_one_polarity(sign):
    counts = np.array([10, 25, 60, 61, 300])
    polarities = np.full(5, sign)
    fit = fit_start(counts + 7, polarities, counts, polarities)
    assert (fit.start, fit.exact, fit.clear) == (7, 5, True)


def test_fit_start_when_half_of_the_fronts_are_seen_a_frame_late():
    counts = 2 * np.sort(np.random.default_rng(0).choice(3000, 24, replace=False))
    polarities = np.tile([1, -1], 12)
    late = np.tile([1, 0, 0, 1], 6)
    fit = fit_start(counts + 7, polarities, counts + late, polarities)
    assert (fit.start, fit.exact, fit.clear) == (7, 12, True)
    np.testing.assert_array_equal(fit.near, [0, 0, 12, 12, 0, 0, 0])


def test_fit_start_tells_how_late_each_ttl_is():
    counts, polarities = np.array([10, 20, 50, 65, 90, 99]), np.array([1, -1, 1, -1, 1, -1])
    late = np.array([0, 1, 0, -1, 0, 2])
    fit = fit_start(counts + 7 + late, polarities, counts, polarities)
    np.testing.assert_array_equal(fit.offsets, [0, 1, 0, -1, 0, np.nan])
    np.testing.assert_array_equal(fit.unmatched, [False] * 5 + [True])
    assert fit.exact == 3


@pytest.mark.parametrize("frames", [-3, -2, -1, 1, 2, 3, -4, 4])
def test_pins_that_are_latched_some_frames_late_are_no_other_start(frames):
    """Up to 3 frames; what is further away speaks against the start that has more votes."""
    rng = np.random.default_rng(0)
    counts = np.sort(rng.choice(10_000, 100, replace=False)) * 10
    polarities = np.tile([1, -1], 50)
    shown = counts + np.where(np.arange(100) % 5 < 2, frames, 0)
    fit = fit_start(counts + 7, polarities, shown, polarities)
    assert fit.start == 7
    assert fit.clear is (abs(frames) <= 3)


@pytest.mark.parametrize(("n_matched", "clear"), [(0, False), (2, False), (3, True), (9, True)])
def test_as_many_fronts_must_match_as_do_not_by_chance(n_matched, clear):
    counts, polarities = np.array([0, 10, 30, 70, 150, 310, 630, 1270, 2550]), np.ones(9)
    ttl = np.r_[counts[:n_matched], 10_000 + np.arange(3) ** 5]
    fit = fit_start(ttl, np.ones(ttl.size), counts, polarities)
    assert fit.clear is clear


@pytest.mark.parametrize(("n_other", "clear"), [(2, True), (3, True), (4, False)])
def test_another_start_with_more_than_half_of_the_votes(n_other, clear):
    """Six fronts agree on one start; of these some agree on another one, too."""
    counts, polarities = np.array([0, 10, 30, 70, 150, 310]), np.ones(6)
    ttl = np.unique(np.r_[counts, counts[:n_other] + 5001])
    assert fit_start(ttl, np.ones(ttl.size), counts, polarities).clear is clear


def test_one_front_is_not_enough():
    one = np.array([5])
    assert not fit_start(one + 3, one, one, one).clear
    two = np.array([5, 17])
    assert not fit_start(two + 3, np.ones(2), two, np.ones(2)).clear


def test_fit_start_needs_the_polarity():
    counts, polarities = np.array([10, 20, 50, 60]), np.array([1, -1, 1, -1])
    assert not fit_start(counts, -polarities, counts, polarities).clear


# Bpod

PERIOD = 1 / 30.05


def bpod_session(n_trials=20, between=0.45, pulse_width=0.0064, drop=(), seed=0):
    """Trials of a Bpod with a grid of 0.1 ms, and the true times of all camera pulses."""
    rng = np.random.default_rng(seed)
    lengths = np.r_[1.5, rng.uniform(2, 6, n_trials - 2), 1.5]
    starts = np.r_[0, np.cumsum(lengths + between)[:-1]]
    truth = np.arange(0.7, starts[-1] + lengths[-1], PERIOD)
    trials = []
    for i, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        camera = np.delete(truth, drop)
        events = {"Port1In": camera, "Port1Out": camera + pulse_width, "Tup": [0.1]}
        if i % 3:
            sound = start + np.array([0.5, 0.503])
            events |= {"BNC2High": sound, "BNC2Low": sound + np.array([0.0001, 0.1])}
        start = np.round(start, 4)
        inside = {
            name: [
                round(t - start, 4)
                for t in map(float, times)
                if start <= round(t, 4) <= start + length
            ]
            for name, times in events.items()
        }
        trials.append(
            {
                "behavior_data": {
                    "Bpod start timestamp": 1.7,
                    "Trial start timestamp": 1.7 + start,
                    "Trial end timestamp": 1.7 + start + length,
                    "Events timestamps": {name: t for name, t in inside.items() if t},
                }
            }
        )
    return trials, truth


def write_bpod(folder, trials):
    text = "".join(json.dumps(trial) + "\n" for trial in trials)
    path = folder / "_iblrig_taskData.raw.jsonable"
    path.write_text(text)
    return path


def assert_pulses(found, truth, unrecorded_at_end=0):
    first = int(np.argmin(np.abs(truth - found[0])))
    assert first == 0
    assert 0 <= truth.size - found.size <= unrecorded_at_end
    np.testing.assert_allclose(found, truth[: found.size], atol=2e-4, rtol=0)


@pytest.mark.parametrize("between", [0.01, 0.45, 600.0])
@pytest.mark.parametrize("pulse_width", [0.0064, 0.025])
def test_bpod_pulses_between_trials_are_interpolated(tmp_path, between, pulse_width):
    trials, truth = bpod_session(n_trials=6, between=between, pulse_width=pulse_width)
    found, notes = bpod.camera_pulses(bpod.load(write_bpod(tmp_path, trials)).events)
    assert_pulses(found, truth, unrecorded_at_end=1)
    assert notes == ()


def test_bpod_trials_without_camera_pulses(tmp_path):
    trials, truth = bpod_session()
    for i in (0, 7, 8):
        events = trials[i]["behavior_data"]["Events timestamps"]
        del events["Port1In"], events["Port1Out"]
    found, notes = bpod.camera_pulses(bpod.load(write_bpod(tmp_path, trials)).events)
    assert_pulses(found, truth[truth >= found[0] - PERIOD / 2], unrecorded_at_end=1)
    assert notes == (
        "2 trials have no camera pulses although trials before and after them have; they were "
        "filled in evenly.",
    )


def test_bpod_pulses_lost_within_a_trial(tmp_path):
    trials, truth = bpod_session(drop=[200, 201, 700])
    found, notes = bpod.camera_pulses(bpod.load(write_bpod(tmp_path, trials)).events)
    assert_pulses(found, truth, unrecorded_at_end=1)
    assert notes == ("3 camera pulses were lost within trials; they were filled in evenly.",)


def test_bpod_pulse_counts_only_with_both_fronts():
    trial = {"Port1In": np.array([1.0, 2.2, 3.0, 5.2]), "Port1Out": np.array([0.5, 1.5, 3.5, 4.5])}
    other = {"Port1In": np.arange(7.0, 20), "Port1Out": np.arange(7.5, 20)}
    # the falls of the pulses at 2.2 s and 5.2 s were not seen
    found, _ = bpod.camera_pulses([trial, other])
    np.testing.assert_allclose(found, np.arange(1, 20))


def test_bpod_trials_of_one_and_two_pulses():
    trials = [
        {"Port1In": np.array([0.0]), "Port1Out": np.array([0.5])},
        {"Port1In": np.array([1.0, 2.0]), "Port1Out": np.array([1.5, 2.5])},
        {"Port1In": np.array([3.0, 4.0, 5.0]), "Port1Out": np.array([3.5, 4.5])},
        {"Port1In": np.arange(7.0, 20), "Port1Out": np.arange(7.5, 20)},
    ]
    found, notes = bpod.camera_pulses(trials)
    np.testing.assert_array_equal(found, np.arange(20))
    assert notes == ()
    two, _ = bpod.camera_pulses(trials[1:2])
    np.testing.assert_array_equal(two, [1, 2])


def test_bpod_pulse_between_two_others():
    rises = np.sort(np.r_[np.arange(20.0), 7.3])
    found, notes = bpod.camera_pulses([{"Port1In": rises, "Port1Out": rises + 0.1}])
    np.testing.assert_array_equal(found, np.arange(20))
    assert notes == ("1 camera pulses between two others were ignored.",)


def test_bpod_ttls_are_fused_below_5_ms():
    trial = {"BNC2High": np.array([1.0, 2.0, 2.104]), "BNC2Low": np.array([1.1, 2.1, 2.2])}
    fronts = bpod.sync_fronts([trial])
    assert fronts.times.tolist() == [1, 1.1, 2, 2.2]
    apart = trial | {"BNC2High": np.array([1.0, 2.0, 2.106])}
    assert bpod.sync_fronts([apart]).times.size == 6
    # a short pulse is not a gap
    short = {"BNC2High": np.array([1.0]), "BNC2Low": np.array([1.001])}
    assert bpod.sync_fronts([short]).times.tolist() == [1, 1.001]


def test_bpod_events_that_did_not_happen(tmp_path):
    trials, _ = bpod_session(3)
    trials[1]["behavior_data"]["Events timestamps"]["BNC2High"] = [float("nan"), 0.5]
    trials[1]["behavior_data"]["Events timestamps"]["BNC2Low"] = 0.6
    start = trials[1]["behavior_data"]["Trial start timestamp"] - 1.7
    found = bpod.load(write_bpod(tmp_path, trials)).events[1]
    np.testing.assert_allclose(found["BNC2High"], [start + 0.5])
    np.testing.assert_allclose(found["BNC2Low"], [start + 0.6])


def test_bpod_without_camera():
    with pytest.raises(DataError, match=r"found 0 in 2 trials. Check the cable"):
        bpod.camera_pulses([{}, {"Port1In": np.array([1.0])}])


def test_bpod_sync_fronts(tmp_path):
    trials, _ = bpod_session(n_trials=7)
    fronts = bpod.sync_fronts(bpod.load(write_bpod(tmp_path, trials)).events)
    starts = [t["behavior_data"]["Trial start timestamp"] - 1.7 for t in trials]
    # trials 0, 3 and 6 have no sound; the two pulses of a go cue are one
    expected = np.array(starts)[[1, 2, 4, 5]]
    np.testing.assert_allclose(fronts.rises, expected + 0.5, atol=2e-4)
    np.testing.assert_allclose(fronts.falls, expected + 0.603, atol=2e-4)
    np.testing.assert_array_equal(fronts.polarities, np.tile([1, -1], 4))


def test_bpod_sync_fronts_alternate():
    trial = {"BNC2High": np.array([1.0, 2.0, 3.0]), "BNC2Low": np.array([2.5, 2.6, 4.0])}
    fronts = bpod.sync_fronts([trial, {}])
    np.testing.assert_array_equal(fronts.times, [1, 2.5, 3, 4])
    assert bpod.sync_fronts([]).times.size == bpod.sync_fronts([{}]).times.size == 0


def test_bpod_task_data_is_not_the_settings():
    settings = Path("_iblrig_taskSettings.raw.json")
    data = Path("_iblrig_taskData.raw.jsonable")
    assert bpod.task_data([settings, data]) == data
    with pytest.raises(DataError, match=r"_iblrig_taskData.raw.jsonable is missing"):
        bpod.task_data([settings])


CUT = '{"behavior_data": {"Trial st'


@pytest.mark.parametrize(
    "line", [CUT, "{}", "[]", '{"behavior_data": null}', "\ufffd", "[" * 99_999]
)
@pytest.mark.parametrize("place", [0, 5, 9])
def test_a_trial_that_is_damaged_costs_that_trial(tmp_path, line, place):
    trials, _ = bpod_session(9)
    path = write_bpod(tmp_path, trials)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:place], line, *lines[place:]]))
    loaded = bpod.load(path)
    whole = bpod.load(write_bpod(tmp_path, trials))
    assert whole.notes == ()
    for found, expected in zip(loaded.events, whole.events, strict=True):
        assert found.keys() == expected.keys()
        for name in found:
            np.testing.assert_array_equal(found[name], expected[name])
    said = f"1 lines cannot be read, the first is line {place + 1}: the other 9 trials were used"
    if place == 9:
        said = "the last line is cut: the 9 trials before it were used"
    assert loaded.notes == (
        f"{path.name}: {said}. If the file is whole on the rig, copy it again.",
    )


@pytest.mark.parametrize("place", [0, 4, 8])
def test_pulses_of_a_lost_trial_are_filled_in(tmp_path, place):
    trials, truth = bpod_session(9)
    path = write_bpod(tmp_path, trials)
    lines = path.read_text().splitlines()
    lines[place] = CUT
    path.write_text("\n".join(lines))
    found, _ = bpod.camera_pulses(bpod.load(path).events)
    apart = np.abs(found[:, None] - truth).min(axis=1)
    assert apart.max() < 2e-4
    whole = bpod.camera_pulses(bpod.load(write_bpod(tmp_path, trials)).events)[0]
    if place == 4:
        assert_pulses(found, truth, unrecorded_at_end=1)
        assert found.size == whole.size


@pytest.mark.parametrize("more", ["\0" * 5000, "\n\n", "\n \0\n", "\r\n"])
@pytest.mark.parametrize("before", ["", "\ufeff", "\n"])
def test_what_is_no_trial_is_not_one(tmp_path, before, more):
    trials, _ = bpod_session(4)
    path = write_bpod(tmp_path, trials)
    path.write_text(before + path.read_text() + more)
    loaded = bpod.load(path)
    assert (len(loaded.events), loaded.notes) == (4, ())


@pytest.mark.parametrize("start", [0.0, 1e7])
def test_a_trial_at_an_impossible_time_is_left_out(tmp_path, start):
    trials, truth = bpod_session(9)
    trials[4]["behavior_data"]["Trial start timestamp"] = start
    loaded = bpod.load(write_bpod(tmp_path, trials))
    assert len(loaded.events) == 8
    assert "1 of 9 trials start at a time that is not between" in loaded.notes[0]
    assert_pulses(bpod.camera_pulses(loaded.events)[0], truth, unrecorded_at_end=1)


def test_trials_that_begin_again_are_two_recordings(tmp_path):
    trials, _ = bpod_session(6)
    with pytest.raises(DataError, match=r"trial 4 starts .* the file holds two recordings"):
        bpod.load(write_bpod(tmp_path, trials[3:] + trials[:3]))


@pytest.mark.parametrize(
    "order", [np.r_[50:100, 0:50], np.r_[0:100][::-1], np.r_[10:100, 0:10], np.r_[0:60, 20:60]]
)
def test_fronts_that_begin_again_are_two_recordings(tmp_path, order):
    times = 2.0 * np.arange(100)
    written = (times[order], np.tile([1, -1], 50)[order], np.zeros(100, int)[order])
    for name, values in zip(("times", "polarities", "channels"), written, strict=True):
        np.save(tmp_path / f"_spikeglx_sync.{name}.npy", values)
    with pytest.raises(DataError, match=r"sync\.times\.npy: times go back .* started again"):
        sync.load(tmp_path.iterdir())


@pytest.mark.parametrize("wild", [-50.0, 1e7])
def test_an_event_that_is_not_in_its_trial_is_left_out(tmp_path, wild):
    trials, truth = bpod_session(6)
    events = trials[2]["behavior_data"]["Events timestamps"]
    events["Port1In"][7] = wild
    loaded = bpod.load(write_bpod(tmp_path, trials))
    assert "1 of" in loaded.notes[0]
    assert "events are not within their trial" in loaded.notes[0]
    assert_pulses(bpod.camera_pulses(loaded.events)[0], truth, unrecorded_at_end=1)


def test_bpod_real_session():
    loaded = bpod.load(bpod.task_data(listed(IBL / "session_training_ge5" / "raw_behavior_data")))
    assert loaded.notes == ()
    found, notes = bpod.camera_pulses(loaded.events)
    # as ibllib 4.1.0: 3165 pulses
    assert found.size == 3165
    assert found[0] == pytest.approx(2.8014)
    intervals = np.diff(found)
    assert intervals.mean() == pytest.approx(1 / 30.04, rel=1e-3)
    assert np.abs(intervals - intervals.mean()).max() < 2e-3
    assert notes == ()
    fronts = bpod.sync_fronts(loaded.events)
    np.testing.assert_array_equal(fronts.polarities, np.tile([1, -1], 18))
    assert (np.diff(fronts.times) > 0.09).all()
