"""Raw files of DAQs other than SpikeGLX, written from known fronts and read again."""

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from nptdms import ChannelObject, GroupObject, RootObject, TdmsWriter

from alfvideo.daq import open_ephys, samples, tables, tdms, timeline
from alfvideo.files.errors import DataError

RATE = 1000.0
N = 4000
CAMERAS = {"left_camera": 60.0, "right_camera": 25.0}


def levels() -> np.ndarray:
    """Levels of three lines, (N, 3): two cameras, and a line with a few pulses."""
    seconds = np.arange(N) / RATE
    rows = [(seconds * rate) % 1 < 0.3 for rate in CAMERAS.values()]
    rows = [row & (seconds > 0.1) & (seconds < 3.9) for row in rows]
    audio = np.zeros(N, bool)
    for start in (500, 1203, 2877):
        audio[start : start + 50] = True
    return np.stack([*rows, audio], axis=1)


LEVELS = levels()


def truth(shift: int = 0) -> list[tuple[float, int, int]]:
    steps = np.diff(LEVELS.astype(int), axis=0)
    rows, lines = np.nonzero(steps)
    return [
        ((row + 1) / RATE, line + shift, int(steps[row, line]))
        for row, line in zip(rows.tolist(), lines.tolist(), strict=True)
    ]


def listed(fronts) -> list[tuple[float, int, int]]:
    assert (np.diff(fronts.times) >= 0).all()
    assert (fronts.times.dtype, fronts.channels.dtype, fronts.polarities.dtype) == (
        np.float64,
        np.int16,
        np.int8,
    )
    return sorted(
        zip(
            fronts.times.round(9).tolist(),
            fronts.channels.tolist(),
            fronts.polarities.tolist(),
            strict=True,
        )
    )


def write_wiring(folder: Path, **content) -> None:
    pins = {f"P0.{n}": name for n, name in enumerate((*CAMERAS, "audio"))}
    content = {"SYNC_WIRING_DIGITAL": pins, **content}
    (folder / "daq.wiring.json").write_text(json.dumps(content))


# Timeline


def write_timeline(folder, raw=None, times=None, meta=None, order="F"):
    volts = 5.0 * LEVELS + 0.02 * np.random.default_rng(0).standard_normal(LEVELS.shape)
    raw = volts if raw is None else raw
    times = np.arange(len(raw)) / RATE if times is None else times
    inputs = [
        {"name": name, "arrayColumn": n + 1, "measurement": "Voltage", "daqChannelID": f"ai{n}"}
        for n, name in enumerate((*CAMERAS, "audio"))
    ]
    meta = {"daqSampleRate": RATE, "inputs": inputs} | (meta or {})
    np.save(folder / "_timeline_DAQdata.raw.npy", np.asarray(raw, order=order))
    np.save(folder / "_timeline_DAQdata.timestamps.npy", times)
    (folder / "_timeline_DAQdata.meta.json").write_text(json.dumps(meta))
    return folder / "_timeline_DAQdata.raw.npy"


@pytest.mark.parametrize("order", ["C", "F"])
def test_timeline(tmp_path, order):
    found = timeline.read(write_timeline(tmp_path, order=order))
    assert listed(found) == sorted(truth(shift=1))
    assert found.notes == ()


def test_timeline_with_the_times_of_its_first_and_last_sample(tmp_path):
    path = write_timeline(tmp_path, times=np.array([[0, 2.0], [N - 1, 2.0 + (N - 1) / RATE]]))
    assert listed(timeline.read(path)) == shifted(truth(shift=1), 2)


def test_timeline_lines_that_are_not_in_use_have_no_fronts(tmp_path):
    raw = 5.0 * LEVELS
    raw[:, 1] = 0.03 * np.random.default_rng(1).standard_normal(N)
    found = timeline.read(write_timeline(tmp_path, raw))
    assert listed(found) == sorted(front for front in truth(shift=1) if front[1] != 2)


def test_timeline_line_that_is_high_nearly_all_the_time(tmp_path):
    raw = 5.0 * LEVELS
    raw[:, 2] = 5 - raw[:, 2]
    found = timeline.read(write_timeline(tmp_path, raw))
    expected = [(t, c, -p if c == 3 else p) for t, c, p in truth(shift=1)]
    assert listed(found) == sorted(expected)


def test_timeline_samples_that_are_no_numbers_have_the_level_before(tmp_path):
    raw = 5.0 * LEVELS
    rises = np.flatnonzero(LEVELS[1:, 0] & ~LEVELS[:-1, 0]) + 1
    raw[rises[3] + 1 : rises[3] + 3, 0] = np.nan
    raw[:4, 0] = np.nan
    found = timeline.read(write_timeline(tmp_path, raw))
    assert listed(found) == sorted(truth(shift=1))
    assert found.notes == (
        "6 of 4000 samples of left_camera are no numbers: its level was taken to be that before "
        "them.",
    )


def test_timeline_counters_and_positions(tmp_path):
    raw = np.zeros((6, 3))
    raw[:, 0] = [2, 2, 3, 5, 5, 6]
    raw[:, 1] = [1, 0, 2**32 - 1, 2**32 - 2, 2**32 - 1, 0]
    names = [("count", "EdgeCount"), ("wheel", "Position"), ("light", "Colour")]
    inputs = [
        {"name": name, "arrayColumn": n + 1, "measurement": kind}
        for n, (name, kind) in enumerate(names)
    ]
    found = timeline.read(write_timeline(tmp_path, raw, meta={"inputs": inputs}))
    counts = [(0.002, 1, 1), (0.003, 1, 1), (0.005, 1, 1)]
    turns = [(0.001, 2, -1), (0.003, 2, -1), (0.004, 2, 1)]
    assert listed(found) == sorted(counts + turns)
    assert found.notes == ("light was left out: nothing tells the fronts of a 'Colour'.",)


def inputs_in(column):
    return [{"name": "left_camera", "arrayColumn": column, "measurement": "Voltage"}]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"times": np.arange(N - 5) / RATE},
            "has the times of 3995 samples, the raw file has 4000",
        ),
        ({"times": np.arange(N)}, "samples are 1 s apart, by the metadata they are 0.001 s apart"),
        (
            {"times": np.arange(N) % 3000 / RATE},
            "the time goes back at 1 of 4000 samples, by 2.999 s at number 3000: the DAQ was",
        ),
        (
            {"times": np.where(np.arange(N) == 7, np.nan, np.arange(N) / RATE)},
            "the time of sample 7 is nan, expected seconds",
        ),
        (
            {"meta": {"inputs": inputs_in(4)}},
            "left_camera is in column 4, the raw file has the columns 1 to 3",
        ),
        ({"meta": {"inputs": [{"name": "x"}]}}, "expected 'inputs', a list of entries with 'name'"),
        ({"meta": {"inputs": inputs_in(-1)}}, "no line changes its level in it"),
        ({"raw": np.zeros((N, 3))}, "no line changes its level in it"),
    ],
)
def test_timeline_that_is_wrong(tmp_path, changes, sentence):
    path = write_timeline(tmp_path, **changes)
    with pytest.raises(DataError) as error:
        timeline.read(path)
    assert sentence in str(error.value)


def test_timeline_that_is_cut_or_not_whole(tmp_path):
    path = write_timeline(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(DataError, match="its header says"):
        timeline.read(path)
    path.write_bytes(content)
    (tmp_path / "_timeline_DAQdata.meta.json").unlink()
    with pytest.raises(DataError, match=r"meta\.json is missing"):
        timeline.read(path)


# Open Ephys


def write_open_ephys(
    folder,
    stream="Acquisition_Board-100.Rhythm_Data/TTL",
    fronts=None,
    version=0.6,
    rate=30000.0,
    start=12.5,
    node="Record Node 101",
    recording="experiment1/recording1",
    listed=True,
):
    """Write a recording as the given version does, 12.5 s after the acquisition was started."""
    path = folder / node / recording / "structure.oebin"
    path.parent.mkdir(parents=True, exist_ok=True)
    events = json.loads(path.read_text())["events"] if path.exists() else []
    if listed:
        events.append({"folder_name": f"{stream}/", "sample_rate": rate, "channel_name": "TTL"})
    path.write_text(json.dumps({"GUI version": str(version), "continuous": [], "events": events}))
    times, lines, signs = np.array(sorted(truth(shift=1)) if fronts is None else fronts).T
    ttl = path.parent / "events" / stream
    ttl.mkdir(parents=True)
    counts = np.rint((times + start) * rate).astype(np.int64)
    words = (lines * signs).astype(np.int16)
    if version >= 0.6:
        np.save(ttl / "states.npy", words)
        np.save(ttl / "sample_numbers.npy", counts)
        np.save(ttl / "timestamps.npy", times + start)
    else:
        np.save(ttl / "channel_states.npy", words)
        np.save(ttl / "channels.npy", lines.astype(np.int16))
        np.save(ttl / "timestamps.npy", counts)
    return path


def shifted(fronts, seconds=12.5):
    return sorted((round(t + seconds, 9), c, p) for t, c, p in fronts)


@pytest.mark.parametrize("version", [0.5, 0.6])
def test_open_ephys(tmp_path, version):
    found = open_ephys.read(write_open_ephys(tmp_path, version=version))
    assert listed(found) == shifted(truth(shift=1))
    assert found.notes == ()


def test_open_ephys_of_which_streams_are_not_synchronised(tmp_path):
    path = write_open_ephys(tmp_path)
    (ttl,) = path.parent.glob("events/*/TTL")
    np.save(ttl / "timestamps.npy", np.full(len(truth()), -1.0))
    found = open_ephys.read(path)
    assert listed(found) == shifted(truth(shift=1))
    assert "are no seconds of its samples: times are samples since the start" in found.notes[0]


def test_open_ephys_of_which_timestamps_are_seconds_of_the_main_clock(tmp_path):
    path = write_open_ephys(tmp_path)
    (ttl,) = path.parent.glob("events/*/TTL")
    np.save(ttl / "timestamps.npy", np.load(ttl / "timestamps.npy") * 1.00002 + 3)
    found = open_ephys.read(path)
    assert found.notes == ()
    np.testing.assert_allclose(found.times[0], (truth()[0][0] + 12.5) * 1.00002 + 3)


def test_open_ephys_beside_probes(tmp_path):
    sync = [(n + 0.5, 1, 1 - 2 * (n % 2)) for n in range(4000)]
    write_open_ephys(tmp_path, "Neuropix-PXI-100.ProbeA-AP/TTL", sync)
    path = write_open_ephys(tmp_path, "NI-DAQmx-103.PXIe-6341/TTL")
    found = open_ephys.read(path)
    assert listed(found) == shifted(truth(shift=1))
    assert found.notes == (
        "The TTL events of NI-DAQmx-103.PXIe-6341/TTL were read, not those of "
        "Neuropix-PXI-100.ProbeA-AP/TTL.",
    )


def test_open_ephys_of_a_probe_alone(tmp_path):
    write_open_ephys(tmp_path, "Neuropix-PXI-100.ProbeA-LFP/TTL", [(1.0, 1, 1), (2.0, 1, -1)])
    path = write_open_ephys(tmp_path, "Neuropix-PXI-100.ProbeA-AP/TTL")
    assert listed(open_ephys.read(path)) == shifted(truth(shift=1))


def test_open_ephys_with_two_devices(tmp_path):
    write_open_ephys(tmp_path, "Acquisition_Board-100.Rhythm_Data/TTL")
    path = write_open_ephys(tmp_path, "NI-DAQmx-103.PXIe-6341/TTL")
    with pytest.raises(DataError, match="have TTL events, and each its own clock"):
        open_ephys.read(path)


def test_open_ephys_that_crashed(tmp_path):
    path = write_open_ephys(tmp_path)
    for file in path.parent.glob("events/*/TTL/*.npy"):
        content = file.read_bytes()
        shape = f"({len(truth())},)"
        file.write_bytes(content.replace(shape.encode(), "(0,)".ljust(len(shape)).encode()))
    found = open_ephys.read(path)
    assert listed(found) == shifted(truth(shift=1))
    assert len(found.notes) == 3
    assert "states.npy says that it has 0 values" in found.notes[0]


def test_open_ephys_with_damaged_events(tmp_path):
    path = write_open_ephys(tmp_path)
    (ttl,) = path.parent.glob("events/*/TTL")
    times = np.load(ttl / "timestamps.npy")
    times[5], times[9] = np.nan, 1e300
    np.save(ttl / "timestamps.npy", times)
    found = open_ephys.read(path)
    left = [front for n, front in enumerate(sorted(truth(shift=1))) if n not in (5, 9)]
    assert listed(found) == shifted(left)
    assert "2 of" in found.notes[0]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ({"states.npy": np.empty(0, np.int16)}, "no TTL events are in events/*/TTL"),
        ({"sample_numbers.npy": np.arange(30), "timestamps.npy": np.full(30, -1.0)}, "different"),
        ({"timestamps.npy": np.arange(len(truth())) % 200 * 0.1 + 5}, "the time goes back"),
        ({"states.npy": np.full(len(truth()), 3000, np.int16)}, "3000 is no line of a DAQ"),
    ],
)
def test_open_ephys_that_is_wrong(tmp_path, damage, sentence):
    path = write_open_ephys(tmp_path, listed="timestamps.npy" not in damage)
    (ttl,) = path.parent.glob("events/*/TTL")
    for name, values in damage.items():
        np.save(ttl / name, values)
    with pytest.raises(DataError) as error:
        open_ephys.read(path)
    assert sentence in str(error.value)


def test_open_ephys_samples_without_a_rate(tmp_path):
    path = write_open_ephys(tmp_path, version=0.5, listed=False)
    with pytest.raises(DataError, match=r"structure\.oebin does not say their rate"):
        open_ephys.read(path)


# tables of events


def rows(fronts=None, line="{line}", high="1", low="0", unit=1.0):
    return [
        (f"{t * unit:.10g}", line.format(line=c), high if p > 0 else low)
        for t, c, p in (truth() if fronts is None else fronts)
    ]


def write_text(path, lines, header=None, separator=",", end="\n"):
    joined = [separator.join(row) for row in ([header] if header else []) + list(lines)]
    path.write_text("\n".join(joined) + end)
    return path


@pytest.mark.parametrize(
    ("header", "separator", "spelling"),
    [
        (("time", "line", "state"), ",", {}),
        (("Timestamp", "Channel", "Level"), "\t", {"high": "True", "low": "False"}),
        (("t", "pin", "edge"), ";", {"high": "rising edge", "low": "Falling"}),
        (("time [s]", "TTL line", "polarity"), ",", {"high": "1.0", "low": "-1.0"}),
        (("seconds", "name", "event"), ",", {"line": "DI{line}", "high": "on", "low": "off"}),
        (("Time (ms)", "line", "state"), ",", {"unit": 1000}),
        (("time_us", "line", "state"), ",", {"unit": 1e6}),
        (("time", "line", "direction"), " ", {"line": "port0/line{line}"}),
        (None, ",", {}),
        (None, "\t", {"high": "up", "low": "down", "line": "{line}.0"}),
    ],
)
def test_table_of_events(tmp_path, header, separator, spelling):
    path = write_text(tmp_path / "daq.csv", rows(**spelling), header, separator)
    found = tables.read(path)
    assert listed(found) == sorted(truth())
    assert found.notes == ()


def test_table_of_events_with_columns_in_another_order_and_others_beside(tmp_path):
    lines = [(str(n), state, line, time, "") for n, (time, line, state) in enumerate(rows())]
    path = write_text(tmp_path / "a.csv", lines, ("index", "state", "line", "time", "comment"))
    assert listed(tables.read(path)) == sorted(truth())


@pytest.mark.parametrize("header", [("time", "line", "state", ""), None])
def test_table_of_events_whose_rows_end_with_a_comma(tmp_path, header):
    path = write_text(tmp_path / "a.csv", [(*row, "") for row in rows()], header)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert listed(tables.read(path)) == sorted(truth())


def test_table_of_events_with_decimal_commas(tmp_path):
    lines = [(time.replace(".", ","), *others) for time, *others in rows()]
    path = write_text(tmp_path / "a.csv", lines, ("Time", "Line", "State"), ";")
    assert listed(tables.read(path)) == sorted(truth())


def test_table_of_events_whose_lines_are_named_in_the_wiring_file(tmp_path):
    names = [*CAMERAS, "audio"]
    lines = [(time, names[int(line)], state) for time, line, state in rows()]
    path = write_text(tmp_path / "a.csv", lines, ("time", "line", "state"))
    with pytest.raises(DataError, match="rows have no time, line and state that can be read"):
        tables.read(path)
    write_wiring(tmp_path)
    assert listed(tables.read(path)) == sorted(truth())


def test_table_of_events_in_samples(tmp_path):
    path = write_text(tmp_path / "a.csv", rows(unit=RATE), ("sample", "line", "state"))
    with pytest.raises(DataError, match="nothing says their rate"):
        tables.read(path)
    write_wiring(tmp_path, SAMPLE_RATE=RATE)
    assert listed(tables.read(path)) == sorted(truth())


def test_table_of_events_whose_unit_is_not_said(tmp_path):
    path = write_text(tmp_path / "a.csv", rows(unit=1000), ("time", "line", "state"))
    with pytest.raises(DataError, match=r"rises of line 0 are 16\.5 apart|are 17 apart"):
        tables.read(path)
    write_wiring(tmp_path, TIME_UNIT="ms")
    assert listed(tables.read(path)) == sorted(truth())


def test_text_that_is_too_large_for_the_memory(tmp_path):
    path = write_text(tmp_path / "a.csv", rows(), ("time", "line", "state"))
    with path.open("r+b") as file:
        file.truncate(300_000_001)
    with pytest.raises(DataError, match="Save the table as parquet"):
        tables.read(path)


def test_table_of_rises_only_and_with_signs(tmp_path):
    rises = [front for front in truth(shift=1) if front[2] > 0]
    path = write_text(tmp_path / "a.csv", [row[:2] for row in rows(rises)], ("time", "line"))
    assert listed(tables.read(path)) == sorted(rises)
    signed = [(f"{t}", str(c * p)) for t, c, p in truth(shift=1)]
    path = write_text(tmp_path / "b.csv", signed, ("time", "channel"))
    assert listed(tables.read(path)) == sorted(truth(shift=1))


def test_table_of_events_in_parquet(tmp_path):
    table = pd.DataFrame(truth(), columns=["time", "line", "state"])
    table.to_parquet(tmp_path / "a.pqt")
    assert listed(tables.read(tmp_path / "a.pqt")) == sorted(truth())
    (tmp_path / "a.pqt").write_bytes((tmp_path / "a.pqt").read_bytes()[:-30])
    with pytest.raises(DataError, match="expected a parquet table"):
        tables.read(tmp_path / "a.pqt")


def test_table_of_events_with_damage(tmp_path):
    lines = rows()
    header = ("time", "line", "state")
    lines[4] = ("nan", *lines[4][1:])
    lines[8] = (*lines[8][:2], "?")
    lines.insert(20, header)
    lines.insert(30, ("0.5", "1", "0", "7", "8"))
    path = write_text(tmp_path / "a.csv", lines, header, end="\n3.99")
    found = tables.read(path)
    left = [front for n, front in enumerate(truth()) if n not in (4, 8)]
    assert listed(found) == sorted(left)
    assert [note.split(": ")[1].partition(" rows")[0] for note in found.notes] == [
        "1",
        "the line with the names of the columns is there 2 times",
        f"3 of {len(truth()) + 1}",
    ]


def test_table_of_events_a_little_out_of_order(tmp_path):
    lines = rows()
    lines[10], lines[11] = lines[11], lines[10]
    path = write_text(tmp_path / "a.csv", lines, ("time", "line", "state"))
    assert listed(tables.read(path)) == sorted(truth())


@pytest.mark.parametrize(
    ("lines", "header", "sentence"),
    [
        (rows() + rows(), ("time", "line", "state"), "the DAQ was started again in this file"),
        (rows(), ("time", "time", "state"), "the column 'time' is there twice"),
        (rows(), ("when", "line", "state"), "expected one of 'time', 'line' and 'state' each"),
        ([row * 2 for row in rows()], None, "names none of its 6 columns"),
        ([("1",)], None, "expected rows of several columns"),
        ([], ("time", "line", "state"), "no line changes its level in it"),
        (
            [("0.1", "b1", "1"), ("0.2", "1", "0")],
            ("time", "line", "state"),
            "1 and b1 would both be line 1. Number them in a.wiring.json",
        ),
    ],
)
def test_table_that_is_wrong(tmp_path, lines, header, sentence):
    path = write_text(tmp_path / "a.csv", lines, header)
    with pytest.raises(DataError) as error:
        tables.read(path)
    assert sentence in str(error.value)


# columns of samples


def sampled_rows():
    return [
        (f"{n / RATE:.4f}", *(str(int(level)) for level in row)) for n, row in enumerate(LEVELS)
    ]


def test_table_of_samples(tmp_path):
    path = write_text(tmp_path / "a.csv", sampled_rows(), ("time", *CAMERAS, "audio"))
    assert listed(tables.read(path)) == sorted(truth())


def test_numbers_at_the_end_of_names_are_those_of_the_lines(tmp_path):
    path = write_text(tmp_path / "a.csv", sampled_rows(), ("Time [s]", *(f"DI {n}" for n in "425")))
    expected = [(t, (4, 2, 5)[c], p) for t, c, p in truth()]
    assert listed(tables.read(path)) == sorted(expected)


def test_table_of_samples_without_times(tmp_path):
    lines = [row[1:] for row in sampled_rows()]
    path = write_text(tmp_path / "a.csv", lines, (*CAMERAS, "audio"))
    with pytest.raises(
        DataError, match=r"nothing says its sample rate. Write SAMPLE_RATE \(in Hz\)"
    ):
        tables.read(path)
    write_wiring(tmp_path, SAMPLE_RATE=RATE)
    assert listed(tables.read(path)) == sorted(truth())


def test_names_of_the_wiring_file_number_the_lines_of_samples(tmp_path):
    lines = [(row[0], row[3], row[2], row[1]) for row in sampled_rows()]
    header = ("time", "audio", "right_camera", "left_camera")
    path = write_text(tmp_path / "a.csv", lines, header)
    write_wiring(tmp_path)
    assert listed(tables.read(path)) == sorted(truth())


def test_table_of_samples_with_words_for_levels_and_a_column_of_text(tmp_path):
    lines = [
        (row[0], *("high" if cell == "1" else "low" for cell in row[1:]), "x")
        for row in sampled_rows()
    ]
    path = write_text(tmp_path / "a.csv", lines, ("time", *CAMERAS, "audio", "comment"))
    found = tables.read(path)
    assert listed(found) == sorted(truth())
    assert found.notes == ("Column 'comment' of a.csv has no numbers: it was left out.",)


@pytest.mark.parametrize(
    ("name", "clock", "sentence"),
    [
        ("time", np.arange(N), "samples are 1 apart in 'time': that is too far for seconds"),
        ("time", np.arange(N) % 2500 / RATE, "the time goes back at 1 of 4000 samples"),
        ("sample", np.arange(N), "'sample' are samples, and nothing says their rate"),
    ],
)
def test_clock_of_samples_that_is_wrong(tmp_path, name, clock, sentence):
    lines = [(str(t), *row[1:]) for t, row in zip(clock, sampled_rows(), strict=True)]
    path = write_text(tmp_path / "a.csv", lines, (name, *CAMERAS, "audio"))
    with pytest.raises(DataError) as error:
        tables.read(path)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    "array",
    [
        LEVELS,
        LEVELS.T,
        3.3 * LEVELS.astype(np.float32),
        np.array(20000 * LEVELS, np.int16) + 7,
        LEVELS @ np.array([1, 2, 4], np.uint8),
        LEVELS @ np.array([1, 2, 4], np.int64),
    ],
)
def test_array_of_samples(tmp_path, array):
    np.save(tmp_path / "daq.npy", array)
    write_wiring(tmp_path, SAMPLE_RATE=RATE)
    assert listed(samples.read_npy(tmp_path / "daq.npy")) == sorted(truth())


def test_damaged_array_of_truth_values(tmp_path):
    path = tmp_path / "daq.npy"
    np.save(path, LEVELS)
    content = bytearray(path.read_bytes())
    content[-3 * N :] = bytes(8 if value else 0 for value in content[-3 * N :])
    path.write_bytes(content)
    write_wiring(tmp_path, SAMPLE_RATE=RATE)
    assert listed(samples.read_npy(path)) == sorted(truth())


def test_threshold_of_the_wiring_file(tmp_path):
    array = 3.3 * LEVELS
    array[3950] = 12.0  # more than twice as high
    np.save(tmp_path / "daq.npy", array)
    write_wiring(tmp_path, SAMPLE_RATE=RATE, THRESHOLD=1.5)
    found = listed(samples.read_npy(tmp_path / "daq.npy"))
    left = [front for front in found if front[0] < 3.94]
    assert left == sorted(truth())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"SAMPLE_RATE": 0}, "SAMPLE_RATE is 0, expected a number"),
        ({"SAMPLE_RATE": "30 kHz"}, "SAMPLE_RATE is '30 kHz', expected a number"),
        ({"SAMPLE_RATE": True}, "SAMPLE_RATE is True, expected a number"),
        ({"TIME_UNIT": "hours"}, "TIME_UNIT is 'hours', expected s, ms, us, ns or samples"),
        ({}, "nothing says its sample rate"),
    ],
)
def test_wiring_file_that_is_wrong(tmp_path, content, sentence):
    np.save(tmp_path / "daq.npy", LEVELS)
    write_wiring(tmp_path, **content)
    with pytest.raises(DataError) as error:
        samples.read_npy(tmp_path / "daq.npy")
    assert sentence in str(error.value)


def test_two_wiring_files(tmp_path):
    np.save(tmp_path / "daq.npy", LEVELS)
    write_wiring(tmp_path, SAMPLE_RATE=RATE)
    (tmp_path / "other.wiring.json").write_text("{}")
    with pytest.raises(DataError, match="could be meant too"):
        samples.read_npy(tmp_path / "daq.npy")


def test_hdf5_with_a_data_set_for_each_line(tmp_path):
    with h5py.File(tmp_path / "daq.h5", "w") as file:
        file["ttl/time"] = np.arange(N) / RATE
        for name, column in zip(("a", "b", "c"), LEVELS.T, strict=True):
            file[f"ttl/{name}"] = column
        file["settings/gain"] = np.arange(5)
    assert listed(samples.read_hdf5(tmp_path / "daq.h5")) == sorted(truth())


def test_hdf5_with_one_data_set_and_its_rate(tmp_path):
    with h5py.File(tmp_path / "daq.h5", "w") as file:
        file["header/AcquisitionSampleRate"] = RATE
        file["sweep_0001/analogScans"] = (5 * LEVELS).T.astype(np.float32)
    assert listed(samples.read_hdf5(tmp_path / "daq.h5")) == sorted(truth())
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["words"] = LEVELS @ np.array([1, 2, 4], np.uint8)
        file["words"].attrs["sample_rate"] = RATE
    assert listed(samples.read_hdf5(tmp_path / "b.h5")) == sorted(truth())


def test_hdf5_that_is_wrong(tmp_path):
    path = tmp_path / "daq.h5"
    with h5py.File(path, "w") as file:
        file["x"] = LEVELS
    with pytest.raises(DataError, match="nothing says its sample rate"):
        samples.read_hdf5(path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match="expected an HDF5 file, and it is none or damaged"):
        samples.read_hdf5(path)
    with h5py.File(path, "w") as file:
        file["x"] = "text"
    with pytest.raises(DataError, match="expected a column of samples for each line, found none"):
        samples.read_hdf5(path)


# TDMS


def write_tdms(path, analog=None, words=None, properties=None, names=("AI0", "AI1", "AI2")):
    properties = {"ScanRate": RATE} if properties is None else properties
    parts = [RootObject()]
    if analog is not None:
        parts.append(GroupObject("Analog", properties=properties))
        parts += [
            ChannelObject("Analog", name, column, properties={"ChannelKey": n})
            for n, (name, column) in enumerate(zip(names, analog.T, strict=True))
        ]
    if words is not None:
        parts.append(GroupObject("Digital", properties=properties))
        parts.append(ChannelObject("Digital", "AuxPort", words))
    with TdmsWriter(path) as writer:
        writer.write_segment(parts)
    return path


def test_tdms_of_analog_lines(tmp_path):
    path = write_tdms(tmp_path / "daq.tdms", 5.0 * LEVELS)
    assert listed(tdms.read(path)) == sorted(truth(shift=16))


def test_tdms_of_a_digital_port(tmp_path):
    path = write_tdms(tmp_path / "daq.tdms", words=LEVELS @ np.array([1, 2, 4], np.uint8))
    assert listed(tdms.read(path)) == sorted(truth())


def test_tdms_of_channels_with_names(tmp_path):
    write_wiring(tmp_path, SAMPLE_RATE=RATE)
    path = write_tdms(tmp_path / "daq.tdms", 5.0 * LEVELS, properties={}, names=(*CAMERAS, "audio"))
    assert listed(tdms.read(path)) == sorted(truth())


def test_tdms_that_is_cut(tmp_path):
    path = write_tdms(tmp_path / "daq.tdms", words=LEVELS @ np.array([1, 2, 4], np.uint8))
    path.write_bytes(path.read_bytes()[:-1000])
    found = tdms.read(path)
    assert listed(found) == sorted(front for front in truth() if front[0] < 3.0)
    assert "daq.tdms is cut" in found.notes[0]


def test_tdms_that_is_wrong(tmp_path):
    path = write_tdms(tmp_path / "daq.tdms", 5.0 * LEVELS, properties={})
    with pytest.raises(DataError, match="nothing says the sample rate of AI0"):
        tdms.read(path)
    path.write_bytes(b"not a TDMS file" * 10)
    with pytest.raises(DataError, match="expected a TDMS file, and it is none or damaged"):
        tdms.read(path)
