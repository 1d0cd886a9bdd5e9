"""Embedded frame data, from files written here and from real rigs."""

from pathlib import Path

import numpy as np
import pytest

from alfvideo.files.errors import DataError
from alfvideo.timing import embedded, frame_data

IBL = Path(__file__).parents[1] / "data" / "ibl"

N = 600
SECONDS = 120 + np.arange(N) / 30
"""Camera clock of the frames; it wraps at 128 s."""
COUNT = np.arange(N) + 1000
PIN_4 = np.isin(np.arange(N) // 10 % 3, 1)


def cycle_times(seconds):
    cycles, offset = np.divmod(np.rint(seconds * 8000 * 3072).astype(np.int64), 3072)
    whole, cycles = np.divmod(cycles, 8000)
    return (whole % 128) << 25 | cycles << 12 | offset


def write_bin(folder, attribute, *columns):
    path = folder / f"_iblrig_leftCamera.{attribute}.bin"
    np.column_stack(columns).astype(np.float64).tofile(path)
    return path


def write_ssv(folder, reverse=False, seconds=SECONDS):
    path = folder / "_iblrig_leftCamera.timestamps.ssv"
    dates = [f"2020-08-19T12:42:{i % 60:02d}.7903616-04:00" for i in range(len(seconds))]
    rows = zip(dates, cycle_times(seconds), strict=True)
    lines = (f"{c} {d} " if reverse else f"{d} {c} " for d, c in rows)
    path.write_text("".join(line + "\n" for line in lines))
    return path


def write_three_files(folder, reverse=False):
    write_ssv(folder, reverse)
    write_bin(folder, "frame_counter", COUNT)
    write_bin(folder, "GPIO", PIN_4 * 2.0**28)


def write_frame_data(folder):
    ticks = np.full(N, 6.3756e17)
    return write_bin(folder, "frameData", ticks, cycle_times(SECONDS), COUNT, PIN_4 * 2.0**28)


WRITERS = {
    "frameData": write_frame_data,
    "three files": write_three_files,
    "camera first": lambda folder: write_three_files(folder, reverse=True),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_load(tmp_path, write):
    write(tmp_path)
    data = embedded.load(tmp_path.iterdir())
    np.testing.assert_allclose(data.timestamps, SECONDS - SECONDS[0], atol=1e-7, rtol=0)
    assert data.count.dtype == np.int64
    np.testing.assert_array_equal(data.count, np.arange(N))
    assert data.gpio.shape == (N, 4)
    np.testing.assert_array_equal(data.gpio[:, frame_data.SYNC_PIN], PIN_4)
    assert not data.gpio[:, :3].any()
    assert (data.notes, data.gpio_missing) == ((), 0)


def test_frame_data_goes_first_and_names_may_have_extra_parts(tmp_path):
    write_three_files(tmp_path)
    write_bin(tmp_path, "GPIO", PIN_4[:5])
    (tmp_path / "_iblrig_leftCamera.raw.mp4").touch()
    assert embedded.load(tmp_path.iterdir()).gpio.shape == (5, 4)
    path = tmp_path / "_iblrig_leftCamera.frameData.extra.bin"
    write_frame_data(tmp_path).rename(path)
    assert embedded.load(tmp_path.iterdir()).gpio.shape == (N, 4)


@pytest.mark.parametrize(
    "name", ["frameData.bin", "timestamps.ssv", "GPIO.bin", "frame_counter.bin", None]
)
def test_missing_and_empty_files_give_none(tmp_path, name):
    if name:
        (tmp_path / f"_iblrig_leftCamera.{name}").touch()
    data = embedded.load(tmp_path.iterdir())
    assert (data.timestamps, data.count, data.gpio, data.computer) == (None, None, None, None)
    said = f"_iblrig_leftCamera.{name} is empty. If the file is whole on the rig, copy it again."
    assert data.notes == ((said,) if name else ())


def test_two_files_that_could_be_meant(tmp_path):
    write_bin(tmp_path, "GPIO", PIN_4)
    write_bin(tmp_path, "GPIO.copy", PIN_4)
    with pytest.raises(DataError, match="Keep one of the two"):
        embedded.load(tmp_path.iterdir())


def test_counter_overflow_is_undone_but_a_restart_is_not(tmp_path):
    write_bin(tmp_path, "frame_counter", (np.arange(10) + 2**32 - 5) % 2**32)
    np.testing.assert_array_equal(embedded.load(tmp_path.iterdir()).count, np.arange(10))
    write_bin(tmp_path, "frame_counter", [100, 101, 7, 8])
    np.testing.assert_array_equal(embedded.load(tmp_path.iterdir()).count, [0, 1, -93, -92])


def test_clock_that_wraps_several_times(tmp_path):
    seconds = 50 + np.arange(400.0)
    write_ssv(tmp_path, seconds=seconds)
    np.testing.assert_allclose(embedded.load(tmp_path.iterdir()).timestamps, np.arange(400.0))


def test_each_pin_has_its_column(tmp_path):
    write_bin(tmp_path, "GPIO", 2.0 ** np.array([31, 30, 29, 28]))
    np.testing.assert_array_equal(embedded.load(tmp_path.iterdir()).gpio, np.eye(4, dtype=bool))


def test_gpio_fronts():
    indices, polarities = frame_data.gpio_fronts(np.array([1, 1, 0, 0, 1, 0], bool))
    np.testing.assert_array_equal(indices, [2, 4, 5])
    np.testing.assert_array_equal(polarities, [-1, 1, -1])
    assert frame_data.gpio_fronts(np.ones(5, bool)).indices.size == 0
    assert frame_data.gpio_fronts(np.empty(0, bool)).indices.size == 0


def test_exposures_by_clock():
    exposures = np.array([0, 1, 2, 5, 6, 106, 107])
    count = np.arange(7)
    seconds = exposures / 29.97 + 1e-4 * np.sin(exposures)
    np.testing.assert_array_equal(embedded.exposures_by_clock(seconds, count), exposures)
    np.testing.assert_array_equal(embedded.exposures_by_clock(None, count), count)
    # frames without a timestamp follow the counter
    counted = np.array([0, 1, 2, 3, 4, 6, 9])
    np.testing.assert_array_equal(
        embedded.exposures_by_clock(seconds[:4], counted), [0, 1, 2, 5, 6, 8, 11]
    )
    # a clock that goes back is not used
    np.testing.assert_array_equal(embedded.exposures_by_clock(-seconds, count), count)


def test_real_frame_data():
    data = embedded.load((IBL / "frame_data").glob("*left*"))
    assert data.notes == ()
    np.testing.assert_allclose(np.diff(data.computer), 1 / 30, atol=5e-3)
    np.testing.assert_array_equal(data.count, np.arange(135))
    np.testing.assert_allclose(np.diff(data.timestamps), 1 / 30, atol=1e-4)
    assert data.gpio[:, 1:].all()
    assert not data.gpio[:, 0].any()


def test_real_timestamps_counter_and_gpio():
    data = embedded.load((IBL / "session_ephys" / "raw_video_data").glob("*body*"))
    assert data.timestamps.shape == (6001,)
    assert np.isfinite(data.computer).all()
    assert np.abs(data.computer - data.computer[0] - data.timestamps).max() < 0.1
    assert data.gpio_missing == 6001 - 510
    assert len(data.notes) == 1
    # 198.6 s at 30.2 Hz, evenly spaced to 3 us: the clock is unwrapped and read in full
    frames = np.arange(6001)
    line = np.polyval(np.polyfit(frames, data.timestamps, 1), frames)
    assert data.timestamps[0] == 0
    assert np.abs(data.timestamps - line).max() < 3e-6
    np.testing.assert_array_equal(data.count, np.arange(510))
    fronts = frame_data.gpio_fronts(data.gpio[:, frame_data.SYNC_PIN])
    np.testing.assert_array_equal(fronts.indices, [166, 172])
    np.testing.assert_array_equal(fronts.polarities, [1, -1])
