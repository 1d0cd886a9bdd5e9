"""Logs of frames in CSV, as recorders of other labs write them, read as embedded data."""

import numpy as np
import pytest

from alfvideo.files.errors import DataError
from alfvideo.timing import embedded, frame_log
from alfvideo.timing.daq_lines import DaqLines
from alfvideo.timing.frame_data import SYNC_PIN
from alfvideo.timing.sync import Fronts
from alfvideo.timing.timestamps import camera_times

N = 600
PERIOD = 1 / 59.94
FIRST = 4711


def counts():
    """Frame counter, (N,): 3 frames are dropped at two places."""
    steps = np.ones(N, int)
    steps[0], steps[100], steps[400] = 0, 3, 2
    return np.cumsum(steps)


COUNT = counts()
SECONDS = COUNT * PERIOD + 2e-5 * np.random.default_rng(3).standard_normal(N)
SECONDS -= SECONDS[0]
LEVEL = np.isin(np.arange(N) // 17, np.random.default_rng(4).choice(36, 15, replace=False))
UNIX = 1_767_600_000.0


def write(path, columns, names=True, separator=",", end="\n"):
    lines = [separator.join(columns)] if names else []
    lines += [separator.join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join(lines) + end)
    return path


def ticks(per_second, offset=987.0):
    return np.rint((SECONDS + offset) * per_second).astype(np.int64)


@pytest.mark.parametrize(
    ("columns", "separator"),
    [
        ({"FrameID": COUNT + FIRST, "Timestamp": ticks(1e9)}, ","),
        ({"frame": COUNT, "time": (SECONDS + 3).round(6), "gpio": LEVEL.astype(int)}, ","),
        ({"frame_number": COUNT, "device_timestamp_ns": ticks(1e9, UNIX)}, ","),
        ({"Frame ID": COUNT, "Timestamp (us)": ticks(1e6), "Line0": LEVEL}, ";"),
        (
            {
                "Value.Metadata.Chunk.FrameID": COUNT,
                "Value.Metadata.Chunk.Timestamp": ticks(1e9),
                "Value.Metadata.LineStatusAll": 8 + 2 * LEVEL,
                "Seconds": SECONDS + 5,
            },
            ",",
        ),
        ({"": np.arange(N), "frameNumber": COUNT, "timeStamp": (SECONDS * 1000).round(3)}, ","),
        ({"BlockID": COUNT, "time_ms": ticks(1e3 * 1000) / 1000, "sync_ttl": LEVEL}, "\t"),
    ],
)
def test_logs_with_usual_names(tmp_path, columns, separator):
    found = embedded.load([write(tmp_path / "left.csv", columns, separator=separator)])
    np.testing.assert_array_equal(found.count, COUNT)
    np.testing.assert_allclose(found.timestamps, SECONDS, atol=2e-6)
    has_pins = any("ine" in name or name == "gpio" for name in columns)
    assert (found.gpio is not None) == has_pins
    if has_pins:
        np.testing.assert_array_equal(found.gpio[:, SYNC_PIN], LEVEL)
        assert np.count_nonzero(found.gpio) == np.count_nonzero(LEVEL)
    assert found.notes == ()


def test_log_without_names(tmp_path):
    columns = {"0": ticks(125e6), "1": COUNT, "2": LEVEL, "3": np.zeros(N, int)}
    path = write(tmp_path / "left.csv", columns, names=False, separator=" ")
    with pytest.raises(DataError, match=r"none of its columns \(0, 1, 2, 3\) is called as a frame"):
        frame_log.load(path)
    mapped = {"frame": "1", "time": "0", "ticks_per_second": 125e6, "pins": ["2"]}
    found = frame_log.load(path, mapped)
    np.testing.assert_array_equal(found.count, COUNT)
    np.testing.assert_allclose(found.timestamps, SECONDS, atol=1e-7)
    np.testing.assert_array_equal(found.gpio[:, SYNC_PIN], LEVEL)


@pytest.mark.parametrize("unit", [1.0, 1e3, 1e9])
def test_clock_of_the_computer_is_not_the_cameras(tmp_path, unit):
    path = write(tmp_path / "left.csv", {"frame": COUNT, "timestamp": (SECONDS + UNIX) * unit})
    found = frame_log.load(path)
    assert found.timestamps is None
    np.testing.assert_allclose(found.computer, SECONDS + UNIX, atol=1e-6)
    mapped = frame_log.load(path, {"time": "timestamp"})
    np.testing.assert_allclose(mapped.timestamps, SECONDS, atol=1e-6)


def test_dates_are_the_clock_of_the_computer(tmp_path):
    dates = np.datetime64("2026-01-05T08:00:00", "us") + ticks(1e6, 0)
    columns = {"Timestamp": [f"{date}0+00:00" for date in dates], "Value.FrameID": COUNT}
    found = frame_log.load(write(tmp_path / "left.csv", columns))
    assert found.timestamps is None
    np.testing.assert_allclose(found.computer - UNIX, SECONDS + found.computer[0] - UNIX, atol=1e-6)
    assert found.computer[0] == 1_767_600_000.0


def test_counters_that_overflow(tmp_path):
    for bits in (16, 32):
        ids = (COUNT + 2**bits - 77) % 2**bits
        path = write(tmp_path / "left.csv", {"FrameID": ids, "time_ns": ticks(1e9)})
        found = frame_log.load(path)
        np.testing.assert_array_equal(found.count, COUNT)
        assert found.notes == ()


def test_damaged_rows(tmp_path):
    columns = {"frame": COUNT + FIRST, "time_ns": ticks(1e9)}
    path = write(tmp_path / "left.csv", columns)
    lines = path.read_text().splitlines()
    lines[50] = f"x,{lines[50].split(',')[1]}"
    lines[90] = f"{lines[90].split(',')[0]},9"
    path.write_text("\n".join([*lines, str(FIRST + 700)]))
    found = frame_log.load(path)
    np.testing.assert_array_equal(found.count, COUNT)
    np.testing.assert_allclose(found.timestamps, SECONDS, atol=1e-4)
    assert [note.partition(".csv: ")[2].partition(":")[0] for note in found.notes] == [
        "the last line is cut",
        "2 of 600 rows are damaged, the first is row 49",
    ]


@pytest.mark.parametrize(
    ("columns", "mapped", "sentence"),
    [
        ({"frame": COUNT, "t": SECONDS * 30}, {}, "Give ticks_per_second in frame_logs"),
        ({"frame": COUNT, "t": SECONDS}, {"frame": "id"}, "it has no column 'id', its columns are"),
        ({"frame": ["x"] * N, "t": SECONDS}, {}, "600 of 600 rows of 'frame' are no numbers"),
        ({"frame": [], "t": []}, {}, "expected a row for each frame, found none"),
        ({"frame": COUNT, "gpio": np.arange(N)}, {}, "lines change in gpio, expected at most 4"),
    ],
)
def test_log_that_is_wrong(tmp_path, columns, mapped, sentence):
    path = write(tmp_path / "left.csv", columns)
    with pytest.raises(DataError) as error:
        frame_log.load(path, mapped)
    assert sentence in str(error.value)


def test_times_by_a_log_are_those_of_the_exposures(tmp_path):
    """Pulses begin before the video and go on after it; GPIO tells which is that of a frame."""
    exposures = 2.0 + np.arange(-40, COUNT[-1] + 25) * PERIOD
    columns = {"frame": COUNT + FIRST, "time_ns": ticks(1e9), "gpio": LEVEL.astype(int)}
    data = frame_log.load(write(tmp_path / "left.csv", columns))
    truth = 2.0 + COUNT * PERIOD
    changes = np.flatnonzero(np.diff(LEVEL.astype(int))) + 1
    line = Fronts(truth[changes] - 0.004, np.where(LEVEL[changes], 1, -1))
    found = camera_times(exposures, N, data, DaqLines({"trial": line}))
    np.testing.assert_allclose(found.times, truth, atol=1e-6)
    assert found.method == "gpio"
    assert found.evidence.bound < 0.5
