"""Speed of the wheel against movements that are known, and wheels that cannot be used."""

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from alfvideo.files.errors import DataError
from alfvideo.timing.wheel import checked, load, velocity, velocity_at
from rigsim import behaviour


def write_alf(folder: Path) -> list[Path]:
    files = [folder / f"_ibl_wheel.{name}.npy" for name in ("timestamps", "position")]
    for i, file in enumerate(files):
        np.save(file, np.arange(3.0) + i)
    return files


def write_lines(folder: Path, n_lines: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """The lines of an encoder on a DAQ: times of its changes and the position in radians."""
    times, counts = behaviour.encoder_counts(np.sin(np.arange(5000) / 700))
    channels, polarities = behaviour.quadrature(counts)
    kept = channels < n_lines
    arrays = {"times": times, "channels": channels + 5, "polarities": polarities}
    for name, values in arrays.items():
        np.save(folder / f"_timeline_sync.{name}.npy", values[kept])
    inputs = [f'{{"name": "rotary_encoder_{i}", "arrayColumn": {5 + i}}}' for i in range(n_lines)]
    content = f'{{"inputs": [{", ".join(inputs)}]}}'
    (folder / "_timeline_DAQdata.meta.json").write_text(content)
    return times, counts[1:] * 2 * np.pi / 4096


def listed(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_wheel_from_alf_files_goes_first(tmp_path: Path):
    write_lines(tmp_path)
    timestamps, position = load(write_alf(tmp_path), listed(tmp_path), "timeline")
    assert timestamps.tolist() == [0, 1, 2]
    assert position.tolist() == [1, 2, 3]
    timestamps, position = load(write_alf(tmp_path)[::-1])
    assert timestamps.tolist() == [0, 1, 2]


def test_wheel_from_the_lines_of_its_encoder(tmp_path: Path):
    times, expected = write_lines(tmp_path)
    timestamps, position = load([], listed(tmp_path), "timeline")
    np.testing.assert_array_equal(timestamps, times)
    np.testing.assert_allclose(np.diff(position), np.diff(expected), atol=1e-12)


@pytest.mark.parametrize("n_lines", [0, 1])
def test_no_wheel(tmp_path: Path, n_lines: int):
    write_lines(tmp_path, n_lines)
    assert load([], listed(tmp_path), "timeline") is None
    assert load([]) is None


@pytest.mark.parametrize("n", [28, 29, 30, 500])
def test_velocity_is_filtered_as_scipy_does_by_default(n):
    position = np.cumsum(np.random.default_rng(n).normal(0, 1, n)) + 5
    smooth = sosfiltfilt(butter(8, 20, fs=1000, output="sos"), position)
    np.testing.assert_allclose(velocity(position)[1:], np.diff(smooth) * 1000)
    assert velocity(position)[0] == 0


def test_velocity_of_an_even_turn():
    position = 3.0 * np.arange(4000) / 1000
    np.testing.assert_allclose(velocity(position)[1000:-1000], 3.0, atol=1e-6)
    assert velocity(position)[0] == 0


def test_velocity_follows_slow_turns_and_not_fast_ones():
    time = np.arange(5000) / 1000
    slow, fast = (np.sin(2 * np.pi * hertz * time) for hertz in (2, 100))
    expected = 4 * np.pi * np.cos(4 * np.pi * (time - 0.0005))
    np.testing.assert_allclose(velocity(slow)[500:-500], expected[500:-500], atol=1e-3)
    assert np.abs(velocity(fast)[500:-500]).max() < 1e-3


@pytest.mark.parametrize("n", [0, 1, 2, 5, 27, 28, 29])
def test_velocity_of_few_samples(n):
    result = velocity(np.arange(n, dtype=float))
    assert result.shape == (n,)
    assert np.isfinite(result).all()


def test_velocity_is_known_from_the_first_sample_to_the_last():
    timestamps = 3.25 + np.arange(500) / 100
    position = 2.0 * (timestamps - 3.25)
    times = timestamps[0] + np.array([-0.001, 0, 0.0005, 2.5, 4.99, 4.991])
    found = velocity_at(times, timestamps, position)
    assert np.isnan(found).tolist() == [True, False, False, False, False, True]
    assert found[3] == pytest.approx(2, abs=1e-6)


def test_velocity_at_frames_is_the_same_in_blocks():
    rng = np.random.default_rng(0)
    timestamps = 7.3 + np.cumsum(rng.exponential(0.05, 20_000))  # 1000 s, more than three blocks
    position = np.cumsum(rng.choice([-1, 1], timestamps.size)) * 0.0015
    grid = timestamps[0] + np.arange(int(np.ptp(timestamps) * 1000) + 1) / 1000
    expected = velocity(np.interp(grid, timestamps, position))
    times = np.arange(0.0, timestamps[-1] + 5, 1 / 60)
    result = velocity_at(times, timestamps, position)
    inside = (times >= grid[0]) & (times <= grid[-1])
    np.testing.assert_allclose(
        result[inside], np.interp(times[inside], grid, expected), rtol=0, atol=1e-9
    )
    outside = (times < timestamps[0]) | (times > timestamps[-1])
    assert np.isnan(result[outside]).all()
    assert outside.sum() > 600


def test_checked_may_stand_still_in_time_and_have_columns():
    times, position = checked(np.array([[0.0], [1], [1], [2]]), np.array([[5.0], [6], [7], [8]]))
    assert times.tolist() == [0, 1, 1, 2]
    assert position.tolist() == [5, 6, 7, 8]
    assert checked(np.array([0.0, 1]), np.array([1.0, 2]))[0].size == 2


def test_checked_leaves_out_nan():
    times, position = checked(np.array([0, 1, np.nan, 3]), np.array([5, np.nan, 7, 8]))
    assert times.tolist() == [0, 3]
    assert position.tolist() == [5, 8]


@pytest.mark.parametrize(
    ("timestamps", "position", "message"),
    [
        ([], [], "0 usable samples of 0"),
        ([1.0], [1.0], "1 usable samples of 1"),
        ([np.nan] * 3, [1.0] * 3, "0 usable samples of 3"),
        ([1.0, 2.0], [1.0], "2 timestamps but 1 positions"),
        ([1.0, 3.0, 2.0], [0.0, 0.0, 0.0], "go back after 3.000 s"),
    ],
)
def test_wheels_that_cannot_be_used(timestamps, position, message):
    with pytest.raises(DataError, match=message):
        checked(np.array(timestamps), np.array(position))
