"""Windows around events hold what was recorded there, and nothing else."""

import numpy as np
import pytest

from alfvideo.behaviour import perievent

EVENTS = np.array([3.0, 7.013, 11.5])


def by_loop(values, times, events):
    """The frame nearest to each sample, one by one."""
    rate = 1 / np.median(np.diff(times))
    offsets = np.arange(round(2 * rate)) / rate - 0.5
    result = np.full((events.size, offsets.size), np.nan)
    for i, event in enumerate(events):
        for j, offset in enumerate(offsets):
            distance = np.abs(times - (event + offset))
            if distance.min() <= 0.75 / rate:
                result[i, j] = values[distance.argmin()]
    return offsets, result


@pytest.mark.parametrize("rate", [30, 59.94, 150])
def test_windows_hold_the_nearest_frames(rate):
    rng = np.random.default_rng(0)
    times = np.arange(round(14 * rate)) / rate + rng.normal(0, 0.05 / rate, round(14 * rate))
    times = np.delete(times, round(3 * rate) + np.array([2, 3, 4, 20]))
    values = rng.normal(size=times.size)
    values[round(7 * rate) :][:5] = np.nan
    offsets, expected = by_loop(values, times, EVENTS)
    found = perievent.windows(values, times, EVENTS)
    np.testing.assert_array_equal(found.values, expected)
    np.testing.assert_allclose(found.offsets, offsets)
    assert 0 < np.isnan(found.values).mean() < 0.5
    assert found.offsets[[0, -1]] == pytest.approx([-0.5, 1.5 - 1 / rate], abs=0.6 / rate)


def test_windows_are_those_of_a_known_function():
    times = np.arange(1200) / 60
    found = perievent.windows(times**2, times, EVENTS)
    wanted = EVENTS[:, None] + found.offsets
    np.testing.assert_allclose(found.values, wanted**2, atol=2 * 13 * 0.5 / 60 + 1e-3)


def test_dropped_frames_are_not_filled():
    times = np.delete(np.arange(600) / 60, np.arange(190, 200))
    found = perievent.windows(np.ones(times.size), times, np.array([3.0]))
    assert np.flatnonzero(np.isnan(found.values[0])).tolist() == list(range(40, 50))


def test_nothing_is_taken_from_elsewhere():
    times = np.arange(600) / 60
    events = np.array([-100.0, 0.0, 9.75, 300.0, np.nan])
    found = perievent.windows(times, times, events).values
    assert np.isnan(found[[0, 3, 4]]).all()
    np.testing.assert_allclose(found[1, 30:], np.arange(90) / 60)
    assert np.isnan(found[1, :29]).all()
    assert np.isfinite(found[2]).sum() == pytest.approx(45, abs=1)
    around = perievent.interpolated(times, times, events).values
    assert np.isnan(around[[0, 3, 4]]).all()
    np.testing.assert_allclose(around[1, 25:], np.arange(76) * 0.02)
    assert np.isnan(around[1, :25]).all()


def test_times_with_nan_and_out_of_order():
    times, values = np.arange(600) / 60, np.sin(np.arange(600))
    expected = perievent.windows(values, times, EVENTS[:2]).values
    mixed = np.random.default_rng(0).permutation(602)
    values, times = np.r_[values, 9, 9], np.r_[times, np.nan, np.nan]
    found = perievent.windows(values[mixed], times[mixed], EVENTS[:2])
    np.testing.assert_array_equal(found.values, expected)


@pytest.mark.parametrize("n_frames", [0, 1])
def test_too_few_frames_give_no_samples(n_frames):
    found = perievent.windows(np.ones(n_frames), np.ones(n_frames), EVENTS)
    assert found.values.shape == (3, 0)


def test_no_events():
    times = np.arange(600) / 60
    assert perievent.windows(times, times, np.empty(0)).values.shape == (0, 120)
    assert perievent.counts(times, np.empty(0), (0, 10)).values.shape == (0, 100)
    mean, error = perievent.mean_and_error(np.empty((0, 120)))
    assert np.isnan(mean).all()
    assert np.isnan(error).all()


def test_values_without_times_are_refused():
    with pytest.raises(ValueError, match="3 values but 2 times"):
        perievent.windows(np.ones(3), np.ones(2), EVENTS)


def test_interpolation_of_irregular_samples():
    rng = np.random.default_rng(1)
    times = np.sort(rng.uniform(0, 20, 500))
    found = perievent.interpolated(3 * times + 1, times, EVENTS)
    np.testing.assert_allclose(found.values, 3 * (EVENTS[:, None] + found.offsets) + 1)
    assert found.offsets[[0, -1]] == pytest.approx([-0.5, 1.5])


def test_counts_against_a_loop():
    rng = np.random.default_rng(2)
    licks = rng.uniform(0, 20, 400)
    found = perievent.counts(np.r_[licks, np.nan], np.r_[EVENTS, 19.0, np.nan], (0, 20))
    assert found.values.shape == (5, 100)
    for event, row in zip(EVENTS, found.values, strict=False):
        for middle, count in zip(found.offsets, row, strict=True):
            from_event = licks - event - middle
            assert count == np.count_nonzero((from_event >= -0.01) & (from_event < 0.01))
    assert np.isnan(found.values[3, 75:]).all()
    assert np.isfinite(found.values[3, :75]).all()
    assert np.isnan(found.values[4]).all()


def test_counts_keep_all_licks():
    licks = np.array([2.501, 3.0, 3.001, 4.49])
    found = perievent.counts(licks, np.array([3.0]), (0, 20))
    assert found.values.sum() == 4
    assert found.values[0, 25] == 2
    assert found.offsets[25] == pytest.approx(0.01)


def test_aligned_against_a_loop():
    rng = np.random.default_rng(3)
    licks, events = rng.uniform(0, 20, 200), np.array([3.0, np.nan, 4.0, 50.0, 12.0])
    expected = sorted(
        (i, lick - event)
        for i, event in enumerate(events)
        for lick in licks
        if -0.5 <= lick - event < 1.5
    )
    event, offset = perievent.aligned(np.r_[licks, np.nan], events)
    assert event.tolist() == [i for i, _ in expected]
    np.testing.assert_allclose(offset, [after for _, after in expected])


def test_mean_and_error_of_what_is_known():
    nan = np.nan
    values = np.array([[1.0, 2, 5, nan], [3, nan, 5, nan], [5, 4, 5, nan], [7, nan, nan, 8]])
    mean, error = perievent.mean_and_error(values)
    np.testing.assert_allclose(mean, [4, 3, 5, 8])
    np.testing.assert_allclose(error, [np.sqrt(20 / 3) / 2, 1, 0, nan])


def test_z_scores():
    values = np.array([1.0, 2, np.nan, 3, 4])
    found = perievent.z_scored(values)
    assert np.nanmean(found) == pytest.approx(0)
    assert np.nanstd(found) == pytest.approx(1)
    assert np.isnan(found).tolist() == [False, False, True, False, False]
    assert np.isnan(perievent.z_scored(np.full(7, 0.1))).all()


def test_change_from_the_first_sample():
    nan = np.nan
    values = np.array(
        [[1.0, 2, 3, 4], [10, 20, nan, 40], [nan, 1, 2, 3], [1, nan, nan, nan], [2, 2, 2, 2]]
    )
    found = perievent.change(values)
    np.testing.assert_allclose(found[0], np.arange(4) / np.std([1, 2, 3, 4]))
    np.testing.assert_allclose(found[1], np.array([0, 1, nan, 3]) / np.std([1, 2, 4]))
    assert np.isnan(found[2:]).all()
