"""Whole rows of damaged embedded data are as the truth; recordings whose truth is known."""

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from alfvideo.timing import damaged_rows, embedded, frame_data
from alfvideo.timing.daq_lines import DaqLines
from alfvideo.timing.frame_data import FrameData
from alfvideo.timing.sync import Fronts
from alfvideo.timing.timestamps import camera_times
from rigsim import clock, layout

SEEDS = st.integers(0, 2**32 - 1)
RATES = st.sampled_from([29.97, 60.004, 149.93])
FORMS = st.sampled_from(["bin", "ssv", "ssv_reversed"])
PREFIX = "_iblrig_leftCamera"
N = 500
WILD = [np.nan, np.inf, -np.inf, 1e300, -1.0, 0.0, 0.5, 2.0**62, 2.0**31, 4e9, 7.0]


class Written(NamedTuple):
    """Data of frames as they were written, and the truth."""

    table: np.ndarray
    recording: clock.Recording
    level: np.ndarray

    @property
    def count(self) -> np.ndarray:
        return self.recording.saved - self.recording.saved[0]

    @property
    def seconds(self) -> np.ndarray:
        times = self.recording.times
        return (times - times[0]) * (1 + self.recording.clock_ppm * 1e-6)


def recorded(
    rate: float, seed: int, n_dropped: int = 0, clock_start: float | None = None
) -> Written:
    """Record some frames, the sync line of which changes now and then."""
    rng = np.random.default_rng(seed)
    recording = clock.record(5.0, rate, 4, N, 2, n_dropped, rng)
    if clock_start is not None:
        recording = recording._replace(clock_start=clock_start)
    line = np.sort(rng.uniform(*recording.times[[0, -1]], 20)).reshape(-1, 2)
    table = clock.frame_table(recording, line, "2026-01-01", rng)
    return Written(table, recording, clock.level_at(recording.times, line))


def as_read(folder: Path, table: np.ndarray, form: str = "bin") -> FrameData:
    """Write a table in a form, and read it."""
    write(folder, table, form)
    return embedded.load(folder.iterdir())


def write(folder: Path, table: np.ndarray, form: str = "bin") -> None:
    if form == "bin":
        table.tofile(folder / f"{PREFIX}.frameData.bin")
        return
    days = layout._iso_times(table[:, 0])
    stamps = [str(int(value)) for value in table[:, 1]]
    columns = (days, stamps) if form == "ssv" else (stamps, days)
    lines = [f"{a} {b} \n" for a, b in zip(*columns, strict=True)]
    (folder / f"{PREFIX}.timestamps.ssv").write_text("".join(lines))
    table[:, 2].tofile(folder / f"{PREFIX}.frame_counter.bin")
    table[:, 3].tofile(folder / f"{PREFIX}.GPIO.bin")


def assert_as_the_truth(
    found: FrameData, written: Written, rows: slice | np.ndarray = slice(None)
) -> None:
    """Each of these rows is as it was written, and numbers are those of its exposure."""
    np.testing.assert_array_equal(found.count[rows], written.count[: found.count.size][rows])
    seconds = written.seconds[: found.timestamps.size]
    np.testing.assert_allclose(found.timestamps[rows], seconds[rows], rtol=0, atol=1e-3)
    pins = found.gpio[:, frame_data.SYNC_PIN]
    np.testing.assert_array_equal(pins[rows], written.level[: pins.size][rows])


def assert_intervals_as_the_truth(found: FrameData, written: Written, rows: np.ndarray) -> None:
    """The clock of these rows is as it was written, whatever the first row is."""
    late = found.timestamps[rows] - written.seconds[rows]
    np.testing.assert_allclose(late, late[0], rtol=0, atol=1e-6)


def in_a_folder(check):
    """Call with a new folder: hypothesis runs many examples in one test."""
    with tempfile.TemporaryDirectory() as name:
        return check(Path(name))


@given(RATES, SEEDS, FORMS, st.integers(0, 20), st.floats(0.3, 1), st.data())
def test_files_that_are_cut_anywhere(rate, seed, form, n_dropped, part, data):
    written = recorded(rate, seed, n_dropped)

    def check(folder: Path) -> None:
        write(folder, written.table, form)
        files = sorted(folder.iterdir())
        sizes = {}
        for file in files:
            content = file.read_bytes()
            place = data.draw(st.integers(int(part * len(content)), len(content)))
            file.write_bytes(content[:place])
            sizes[file.name.split(".")[1]] = place
        found = embedded.load(folder.iterdir())
        assert_as_the_truth(found, written)
        if form == "bin":
            whole, surplus = divmod(sizes["frameData"], 32)
            assert len(found.gpio) == found.count.size == found.timestamps.size == whole
            assert bool(found.notes) == bool(surplus)
        else:
            assert len(found.gpio) == sizes["GPIO"] // 8
            assert found.count.size == sizes["frame_counter"] // 8
        late = found.computer - found.computer[0] - written.recording.times[: found.computer.size]
        assert np.nanmax(np.abs(late - late[0])) < 5e-3
        assert np.count_nonzero(np.isnan(found.computer)) <= 1

    in_a_folder(check)


@given(RATES, SEEDS, FORMS, st.integers(2, 6000))
def test_nul_tails(rate, seed, form, n_nul):
    written = recorded(rate, seed, 3)

    def check(folder: Path) -> None:
        write(folder, written.table, form)
        for file in folder.iterdir():
            with file.open("ab") as opened:
                opened.write(bytes(8 * n_nul))
        found = embedded.load(folder.iterdir())
        whole = written.count.size
        assert whole <= found.count.size <= whole + 1
        assert whole <= found.timestamps.size <= whole + 1
        assert_as_the_truth(found, written, slice(whole))

    in_a_folder(check)


@settings(max_examples=200)
@given(
    RATES,
    SEEDS,
    FORMS,
    st.integers(0, 20),
    st.sampled_from([1, 2, 3]),
    st.sampled_from(WILD),
    st.integers(0, N - 30),
    st.floats(0, 127.9),
)
def test_a_value_that_is_impossible_costs_its_row(
    rate, seed, form, n_dropped, column, value, row, clock_start
):
    """Even that: the rows beside it tell the counter and the clock."""
    if form != "bin" and column == 1:
        assume(np.isfinite(value) and 0 <= value < 2**33 and value == int(value))
    written = recorded(rate, seed, n_dropped, clock_start)
    row = min(row, written.count.size - 1)
    table = written.table.copy()
    table[row, column] = value
    found = in_a_folder(lambda folder: as_read(folder, table, form))
    np.testing.assert_array_equal(found.count, written.count)
    np.testing.assert_allclose(found.timestamps, written.seconds, rtol=0, atol=0.5 / rate)
    others = np.arange(written.count.size) != row
    np.testing.assert_array_equal(found.gpio[others, 3], written.level[others])
    assert_intervals_as_the_truth(found, written, others)


@settings(max_examples=200)
@given(RATES, SEEDS, FORMS, st.integers(0, 10), st.integers(0, N - 30), st.integers(1, 40))
def test_a_block_of_zeros(rate, seed, form, n_dropped, row, n_rows):
    """The clock tells nothing in it, either: where in it frames were dropped is unknown."""
    written = recorded(rate, seed, n_dropped)
    table = written.table.copy()
    table[row : row + n_rows] = 0
    assume(row + n_rows < written.count.size)
    if form != "bin":
        table[:, 0] = written.table[:, 0]
    found = in_a_folder(lambda folder: as_read(folder, table, form))
    others = np.ones(written.count.size, bool)
    others[row : row + n_rows] = False
    first = found.count[others][0] - written.count[others][0]
    if row == 0:
        # what came before is unknown, but not how much later the others are
        assert abs(first) <= n_dropped
    else:
        assert first == 0
    np.testing.assert_array_equal(found.count[others] - first, written.count[others])
    assert (np.diff(found.count) >= 1).all()
    assert_intervals_as_the_truth(found, written, others)


@settings(max_examples=200)
@given(
    RATES, SEEDS, st.integers(0, 10), st.integers(0, N - 30), st.integers(0, 3), st.integers(0, 63)
)
def test_a_bit_that_is_flipped(rate, seed, n_dropped, row, column, bit):
    """At most the row with the bit is another, and by no more than the rows beside it allow."""
    written = recorded(rate, seed, n_dropped)
    table = written.table.copy()
    row = min(row, written.count.size - 1)
    table.view(np.uint64)[row, column] ^= np.uint64(1 << bit)
    found = in_a_folder(lambda folder: as_read(folder, table))
    np.testing.assert_array_equal(found.count, written.count)
    others = np.arange(written.count.size) != row
    np.testing.assert_allclose(found.timestamps, written.seconds, rtol=0, atol=0.55 / rate)
    assert_intervals_as_the_truth(found, written, others)
    np.testing.assert_array_equal(found.gpio[others, 3], written.level[others])
    late = found.computer - written.recording.times
    usual = np.nanmedian(late)
    assert np.abs(late[others] - usual).max() < 5e-3
    assert np.isnan(late[row]) or abs(late[row] - usual) < 1.1


def damage_of(kind: str, table: np.ndarray) -> np.ndarray:
    """Return a table with one kind of damage, some of it in the middle."""
    damaged = table.copy()
    if kind == "a counter of 0":
        damaged[250, 2] = 0
    elif kind == "a counter far ahead":
        damaged[100, 2] += 2**30
    elif kind == "last counter far ahead":
        damaged[-1, 2] *= 2
    elif kind == "a counter that is no number":
        damaged[250, 2] = np.nan
    elif kind == "a clock that is no number":
        damaged[250, 1] = np.nan
    elif kind == "zeros in ten rows":
        damaged[200:210] = 0
    elif kind == "zeros at the end":
        damaged[-30:] = 0
    elif kind == "no last rows":
        damaged = damaged[:-30]
    return damaged


@pytest.mark.parametrize(
    "kind",
    [
        *("a counter of 0", "a counter far ahead", "last counter far ahead", "zeros in ten rows"),
        *("a counter that is no number", "a clock that is no number", "zeros at the end"),
        "no last rows",
    ],
)
@pytest.mark.parametrize("form", ["bin", "ssv"])
def test_times_are_true_whatever_row_is_damaged(tmp_path, kind, form):
    """Frames were dropped before and after it: without its counter times are frames off."""
    rate, rng = 60.004, np.random.default_rng(3)
    recording = clock.record(5.0, rate, 7, N, 3, 12, rng)
    line = np.sort(rng.uniform(*recording.times[[0, -1]], 24)).reshape(-1, 2)
    line = clock.clear_of(line.ravel(), recording.exposures, 1e-4).reshape(-1, 2)
    table = clock.frame_table(recording, line, "2026-01-01", rng)
    damaged = damage_of(kind, table)
    if form == "ssv":
        damaged[:, :2] = np.where(np.isfinite(damaged[:, :2]), damaged[:, :2], 0)
        damaged[:, 0] = table[: len(damaged), 0]
    found = camera_times(
        clock.on_grid(recording.exposures, 30_000),
        recording.times.size,
        as_read(tmp_path, damaged, form),
        DaqLines({"": Fronts(*clock.fronts(line, 30_000))}),
    )
    assert found.method == "gpio"
    late = np.abs(found.times - recording.times)
    if kind == "zeros in ten rows":
        # a frame was dropped there, and nothing tells where
        assert late[200:210].max() < 1.1 / rate
        late[200:210] = 0
    assert late.max() < 1e-3


def test_bom_blank_lines_and_line_ends_of_windows(tmp_path):
    written = recorded(60.004, 1, 5)
    write(tmp_path, written.table, "ssv")
    file = tmp_path / f"{PREFIX}.timestamps.ssv"
    lines = file.read_text().split("\n")
    lines[7:7] = ["", "  ", ""]
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    found = embedded.load(tmp_path.iterdir())
    assert_as_the_truth(found, written)
    assert found.notes == ()


@pytest.mark.parametrize("line", ["?", "2026-01-01T12:00 12x", "\x00" * 30, "1 2 3", "\ufffd 5"])
def test_a_line_that_is_damaged(tmp_path, line):
    written = recorded(60.004, 1, 5)
    write(tmp_path, written.table, "ssv")
    file = tmp_path / f"{PREFIX}.timestamps.ssv"
    lines = file.read_text().split("\n")
    lines[100] = f"x{line}"
    file.write_text("\n".join(lines))
    found = embedded.load(tmp_path.iterdir())
    assert_as_the_truth(found, written)
    assert np.flatnonzero(np.isnan(found.computer)).tolist() == [100]
    assert found.notes == (
        f"{file.name}: 1 of 495 rows are damaged, the first is row 100: they were filled in from "
        "the rows beside them. If the file is whole on the rig, copy it again.",
    )


def test_files_that_are_not_needed_are_not_opened(tmp_path):
    written = recorded(60.004, 1)
    write(tmp_path, written.table)
    (tmp_path / f"{PREFIX}.timestamps.ssv").mkdir()
    (tmp_path / f"{PREFIX}.GPIO.bin").write_bytes(b"\1" * 13)
    found = embedded.load(tmp_path.iterdir())
    assert_as_the_truth(found, written)
    assert found.notes == ()


@pytest.mark.parametrize(
    ("form", "name", "other"),
    [
        ("bin", "frameData.bin", "frameData.BIN"),
        ("bin", "frameData.bin", "framedata.bin"),
        ("ssv", "GPIO.bin", "gpio.Bin"),
        ("ssv", "frame_counter.bin", "Frame_Counter.bin"),
        ("ssv", "timestamps.ssv", "timestamps.SSV"),
    ],
)
def test_names_in_another_case_are_read_and_said(tmp_path, form, name, other):
    written = recorded(60.004, 1)
    write(tmp_path, written.table, form)
    file = tmp_path / f"{PREFIX}.{name}"
    renamed = file.rename(tmp_path / f"{PREFIX}.{other}")
    found = embedded.load(tmp_path.iterdir())
    assert_as_the_truth(found, written)
    assert found.notes == (f"{PREFIX}.{other} was read as {name}: correct its name.",)
    file.write_bytes(renamed.read_bytes())
    renamed.write_bytes(b"something else")
    assert embedded.load(tmp_path.iterdir()).notes == ()


@pytest.mark.parametrize("content", [b"", bytes(7)])
def test_frame_data_of_which_nothing_is_left(tmp_path, content):
    written = recorded(60.004, 1)
    write(tmp_path, written.table, "ssv")
    (tmp_path / f"{PREFIX}.frameData.bin").write_bytes(content)
    found = embedded.load(tmp_path.iterdir())
    assert_as_the_truth(found, written)
    assert len(found.notes) == 1
    assert f"{PREFIX}.frameData.bin" in found.notes[0]


@pytest.mark.parametrize("cut", [8, 3])
def test_pins_of_fewer_frames_than_there_are(tmp_path, cut):
    """With the end cut within a row it is the end that is missing, else it is not known."""
    written = recorded(60.004, 1)
    write(tmp_path, written.table, "ssv")
    file = tmp_path / f"{PREFIX}.GPIO.bin"
    file.write_bytes(file.read_bytes()[:-cut])
    found = embedded.load(tmp_path.iterdir())
    assert_as_the_truth(found, written)
    assert found.gpio_missing == (cut == 8)
    assert ("first rows that the GPIO lacks" in " ".join(found.notes)) == (cut == 8)


@pytest.mark.parametrize("has_clock", [True, False])
def test_pins_without_those_of_the_first_frame(tmp_path, has_clock):
    """The clock tells that it is the first that is missing; without it the bound says so."""
    rate, rng = 60.004, np.random.default_rng(5)
    recording = clock.record(5.0, rate, 7, 3000, 3, 12, rng)
    line = np.sort(rng.uniform(*recording.times[[0, -1]], 60)).reshape(-1, 2)
    line = clock.clear_of(line.ravel(), recording.exposures, 1e-4).reshape(-1, 2)
    write(tmp_path, clock.frame_table(recording, line, "2026-01-01", rng), "ssv")
    file = tmp_path / f"{PREFIX}.GPIO.bin"
    file.write_bytes(file.read_bytes()[8:])
    if not has_clock:
        (tmp_path / f"{PREFIX}.timestamps.ssv").unlink()
    data = embedded.load(tmp_path.iterdir())
    pulses, ttl = clock.on_grid(recording.exposures, 30_000), Fronts(*clock.fronts(line, 30_000))
    found = camera_times(pulses, recording.times.size, data, DaqLines({"": ttl}))
    assert found.method == "gpio"
    off = np.abs(found.times - recording.times).max() * rate
    assert off == pytest.approx(0 if has_clock else 1, abs=0.02)
    assert found.evidence.bound == pytest.approx(0 if has_clock else 1, abs=0.02)
    assert any("first rows that the GPIO lacks" in note for note in data.notes)


def test_a_counter_that_starts_again_is_left_as_it_is():
    values = np.r_[1000:1400, 5:30].astype(float)
    found = damaged_rows.counter(values)
    np.testing.assert_array_equal(found.values, values)
    assert not found.damaged.any()


def test_a_counter_of_64_bits():
    values = 2.0**40 + np.r_[0:400, 410:500]
    found = damaged_rows.counter(values)
    np.testing.assert_array_equal(found.values - found.values[0], np.r_[0:400, 410:500])
    assert not found.damaged.any()


def test_pauses_of_a_camera_are_no_damage():
    """Also a frame between two pauses, and more than the clock can count."""
    for seconds in ([10, 90], [0.4, 0.4], [30, 0.02]):
        times = np.arange(600) / 60
        times[300:] += seconds[0]
        times[301:] += seconds[1]
        cycles = clock.camera_timestamps(times + 3).astype(float)
        found, step = damaged_rows.clock(damaged_rows.cycle_times(cycles), np.arange(600))
        np.testing.assert_allclose(found.values, times, atol=1e-6)
        assert not found.damaged.any()
        assert step == pytest.approx(1 / 60, rel=1e-4)
