"""Files of a session are opened only if they are regular files of bounded size."""

import ast
import os
import pickle
import re
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alfvideo.behaviour import features, perievent
from alfvideo.files import arrays, inputs, tables
from alfvideo.files.errors import DataError, MachineError, attempt
from alfvideo.pose import clock, table
from alfvideo.qc import reference, wheel
from alfvideo.timing import bpod, camlog, embedded, pulses
from alfvideo.timing.wheel import velocity_at

SOURCES = Path(__file__).parents[2] / "src" / "alfvideo"
TIMES = np.arange(1000) / 60


def test_regular_file_is_opened(tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(b"123")
    with inputs.opened(file) as opened:
        assert opened.read() == b"123"
    assert inputs.check(file, max_bytes=3) == 3


def test_link_to_a_regular_file_is_followed_wherever_it_is(tmp_path):
    (tmp_path / "annex").write_text("text")
    link = tmp_path / "session" / "a.txt"
    link.parent.mkdir()
    link.symlink_to("../annex")
    assert inputs.text(link) == "text"


def put_fifo(file):
    os.mkfifo(file)


def put_socket(file):
    opened = socket.socket(socket.AF_UNIX)
    opened.bind(str(file))
    opened.close()


@pytest.mark.parametrize(
    ("put", "message"),
    [
        (put_fifo, "is a named pipe, expected a file"),
        (put_socket, "is a socket, expected a file"),
        (Path.mkdir, "is a folder, expected a file"),
        (lambda file: file.symlink_to("/dev/zero"), "is a link to a device, expected a file"),
        (lambda file: file.symlink_to(".."), "is a link to a folder, expected a file"),
        (lambda file: file.symlink_to("gone"), "is a link to gone, which is not there.*git annex"),
        (lambda file: file.symlink_to(file.name), "is a link that leads back to itself"),
        (lambda file: file.write_bytes(bytes(101)), "has 101 bytes, .* at most 100"),
        (lambda file: None, "is missing. Copy it again"),
    ],
)
def test_everything_else_is_refused_in_a_sentence(tmp_path, put, message):
    file = tmp_path / "a"
    put(file)
    with pytest.raises(DataError, match=rf"^{file}:? {message}.*\.$"):
        inputs.opened(file, max_bytes=100)


def test_what_may_not_be_read_is_not_damaged(tmp_path, become):
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:3]:
        parent.chmod(0o755)
    file = tmp_path / "_ibl_leftCamera.times.npy"
    np.save(file, TIMES)
    file.chmod(0)
    become(1000)
    for read in (arrays.load, table.Columns, camlog.load, bpod.load, inputs.text):
        with pytest.raises(MachineError, match=rf"^No permission for {file}\."):
            read(file)
        with pytest.raises(MachineError):
            attempt(read, file)


@pytest.mark.parametrize("content", ["a\nb\n", "\ufeffa\nb\n", "a\r\nb\r\n"])
def test_text_may_be_saved_by_an_editor_of_windows(tmp_path, content):
    file = tmp_path / "a.txt"
    file.write_bytes(content.encode())
    assert inputs.text(file) == "a\nb\n"


def test_text_of_another_encoding(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes("né".encode("latin-1"))
    with pytest.raises(DataError, match=r"expected text in UTF-8, found byte 0xe9 at position 1\."):
        inputs.text(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "not valid JSON"),
        ('{"a": ' + "9" * 5000 + "}", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[1]", "expected a JSON object, found a list"),
    ],
)
def test_json_that_is_no_mapping(tmp_path, content, message):
    file = tmp_path / "a.json"
    file.write_text(content)
    with pytest.raises(DataError, match=message):
        inputs.mapping(file)


# arrays


def write_header(file, **changes):
    header = {"descr": "<f8", "fortran_order": False, "shape": (3,)} | changes
    with file.open("wb") as opened:
        np.lib.format.write_array_header_1_0(opened, header)
        opened.write(bytes(24))


@pytest.mark.parametrize(
    "array",
    [TIMES, TIMES.astype("f4"), TIMES.astype(">f8"), TIMES.astype("u2"), TIMES.reshape(-1, 2).T],
)
def test_arrays_of_numbers_are_loaded(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    for load in (arrays.load, arrays.mapped):
        np.testing.assert_array_equal(load(tmp_path / "a.npy"), array)
    np.testing.assert_array_equal(arrays.vector(tmp_path / "a.npy"), array.ravel())


@pytest.mark.parametrize(
    "array",
    [
        TIMES.astype(object),
        TIMES.astype(str),
        TIMES.astype("S8"),
        TIMES > 1,
        TIMES.astype(complex),
        TIMES.astype("M8[s]"),
        np.zeros(3, [("a", "f8")]),
        np.zeros((1, 1, 1)),
    ],
)
def test_arrays_of_something_else_are_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match="expected an array of numbers with at most 2 dimensions"):
        arrays.load(tmp_path / "a.npy")


@pytest.mark.parametrize("shape", [(1 << 40,), (2,), (4,), (1 << 31, 1 << 31), (1 << 62, 4)])
def test_header_that_promises_something_else_is_refused_before_memory_is_taken(tmp_path, shape):
    write_header(tmp_path / "a.npy", shape=shape)
    with pytest.raises(DataError, match=r"none or not whole \(\d+ bytes, its header says"):
        arrays.load(tmp_path / "a.npy")


def test_nothing_is_unpickled(tmp_path):
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    file = tmp_path / "a.npy"
    for content in (pickle.dumps(Payload()), None):
        if content is None:
            np.save(file, np.array([Payload()], object), allow_pickle=True)
        else:
            file.write_bytes(content)
        with pytest.raises(DataError):
            arrays.load(file)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"\x93NUMPY\x01\x00\xff\xff{"]
)
def test_files_that_are_no_array(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(DataError, match="expected a numpy array"):
        arrays.load(tmp_path / "a.npy")


def test_times_that_are_none_become_nan(tmp_path):
    np.save(tmp_path / "a.npy", [1, np.nan, np.inf, -np.inf, 1e12, 1.7e9])
    np.testing.assert_array_equal(
        arrays.seconds(tmp_path / "a.npy"), [1, np.nan, np.nan, np.nan, np.nan, 1.7e9]
    )


# tables


def test_table_with_more_rows_than_a_video_has_frames(tmp_path, monkeypatch):
    pd.DataFrame({"nose_x": np.arange(11.0)}).to_parquet(tmp_path / "a.pqt")
    monkeypatch.setattr(inputs, "MAX_FRAMES", 10)
    with pytest.raises(DataError, match="expected a table, found 11 rows and 1 columns"):
        tables.Table(tmp_path / "a.pqt", "a table", "Remove it.")


@pytest.mark.parametrize("values", ["text", [[1.0]] * 3, None])
def test_column_that_holds_no_numbers(tmp_path, values):
    file = tmp_path / "a.pqt"
    pd.DataFrame({"a": np.arange(3.0), "b": values}).to_parquet(file)
    found = tables.Table(file, "a table", "Remove it.")
    np.testing.assert_array_equal(found.column("a"), [0, 1, 2])
    if values is None:
        assert np.isnan(found.column("b")).all()
    else:
        with pytest.raises(DataError, match=r"a\.pqt: expected a table.*Remove it\."):
            found.column("b")


def test_features_that_lack_a_column(tmp_path):
    pd.DataFrame({"pupilDiameter_raw": [1.0]}).to_parquet(tmp_path / "a.pqt")
    with pytest.raises(DataError, match="expected a table with the columns pupilDiameter_raw, pup"):
        features.load(tmp_path / "a.pqt")


def test_points_far_away_or_of_unknown_likelihood_are_not_seen():
    pose = {
        "nose_x": np.array([1.0, 1e12, 1.0, np.inf]),
        "nose_y": np.array([2.0, 2.0, 2.0, 2.0]),
        "nose_likelihood": np.array([1.0, 1.0, np.nan, 1.0]),
    }
    assert np.isfinite(table.points(pose, "nose")).all(axis=1).tolist() == [
        True,
        False,
        False,
        False,
    ]


# what wild values would take


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Allow 1 GB more than what is taken."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("wild", [1e7, 1e12, np.inf])
def test_train_with_a_wild_pulse_is_not_filled(little_memory, wild):
    train = np.append(TIMES, wild)
    with np.errstate(invalid="ignore"), pytest.raises(DataError, match="camera pulses span"):
        pulses.even(train)


@pytest.mark.parametrize("wild", [1e7, 1e9])
def test_velocity_of_a_wheel_with_a_wild_timestamp(little_memory, wild):
    timestamps = np.arange(0, 20, 0.01)
    position = np.sin(timestamps)
    times = np.arange(5, 15, 0.1)
    expected = velocity_at(times, timestamps, position)
    found = velocity_at(times, np.append(timestamps, wild), np.append(position, 0))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("wild", [1e6, 1e9])
def test_check_of_a_wheel_with_a_wild_timestamp(little_memory, wild):
    timestamps = np.arange(0, 60, 0.01)
    position = np.where((timestamps > 25) & (timestamps < 35), np.sin(3 * timestamps), 0)
    times = np.arange(10, 50, 1 / 60)
    moving, active = wheel.period(times, timestamps, position)
    found, same = wheel.period(times, np.append(timestamps, wild), np.append(position, 0))
    assert same == active
    assert found.times.size == moving.times.size


def test_times_of_which_no_camera_is_capable(little_memory):
    times = np.arange(1000) * 1e-9
    assert perievent.windows(times, times, times).values.shape == (1000, 0)


def test_rate_is_that_of_the_video_if_the_times_tell_an_absurd_one(tmp_path, ffmpeg):
    mp4 = tmp_path / "a.mp4"
    ffmpeg(*("-f", "lavfi", "-i", "testsrc=duration=1:size=64x48:rate=25"), mp4)
    assert clock.rate(TIMES, mp4) == pytest.approx(60)
    assert clock.rate(TIMES * 1e-9, mp4) == 25


def test_counter_that_is_no_number(tmp_path):
    file = tmp_path / "_iblrig_leftCamera.frame_counter.bin"
    np.array([5, 6, np.nan, 2.0**62, 9]).tofile(file)
    with np.errstate(all="raise"):
        assert embedded.load([file]).count.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("trial", "message"),
    [
        ("", r"taskData\.raw\.jsonable is empty: no trial was recorded"),
        ("[]", "expected one trial with 'behavior_data' per line"),
        ('{"behavior_data": []}', "expected one trial"),
        ("[" * 100_000, r"expected one trial .*RecursionError in line 1"),
        (
            '{"behavior_data": {"Trial start timestamp": Infinity, "Bpod start timestamp": 0}}',
            "the trial starts at inf s",
        ),
    ],
)
def test_trials_of_another_shape(tmp_path, trial, message):
    file = tmp_path / "_iblrig_taskData.raw.jsonable"
    file.write_text(trial)
    with pytest.raises(DataError, match=message):
        bpod.load(file)


def test_quoted_numbers_are_numbers(tmp_path):
    file = tmp_path / "_iblrig_taskData.raw.jsonable"
    file.write_text(
        '{"behavior_data": {"Trial start timestamp": "2.5", "Bpod start timestamp": "0.5",'
        '"Events timestamps": {"Port1In": ["1.0", 2]}}}\n'
    )
    assert bpod.load(file).events[0]["Port1In"].tolist() == [3, 4]


def test_picture_that_is_none(tmp_path):
    file = tmp_path / "left.png"
    os.mkfifo(file)
    with pytest.raises(DataError, match="is a named pipe"):
        reference.load(file)


# where files are opened

OPENING = re.compile(
    r"^(open|read_text|read_bytes|read_parquet|read_csv|fromfile|memmap|load_array|ParquetFile|"
    r"read_table|imread|loadtxt|genfromtxt)$"
)
EXCEPTIONS = {
    "files/": "opens inputs, or files of alfvideo's own",
    "jobs/": "records and logs of alfvideo's own",
    "planning/": "what alfvideo keeps of its own in its working folder",
    "pose/": "models and engines, which are no data of a session; parts of its own",
    "views/": "files of the package, and records of alfvideo's own",
    "registration/": "tables and records of alfvideo's own, and pictures that it made",
    "daq/samples.py": "hands a checked path to h5py",
    "daq/tables.py": "hands checked paths to pandas, and text to a function that opens it",
    "describe/layout.py": "writes files that are not there",
    "loading.py": "hands a checked path to pandas",
    "daq/tdms.py": "hands a checked path to npTDMS",
    "session/description.py": "documents, which are opened by a module of their own",
    "plots/pose_clip.py": "opens what it writes",
    "daq/spikeglx.py": "hands a checked and open file to mtscomp and numpy",
    "timing/record.py": "opens what it writes",
    "video/compress.py": "opens what it writes",
    "video/probe.py": "hands a checked path to FFmpeg",
    "qc/reference.py": "hands a checked path to OpenCV",
}
"""Files that may open others, by the beginning of their path, and why."""


def opening(content: str) -> Iterator[str]:
    """List the calls that open a file; text that was read before may be parsed."""
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            parses = bool(node.args) and ast.unparse(node.args[0]).startswith("io.StringIO(")
            if called == "np.load" or (OPENING.match(called.rpartition(".")[2]) and not parses):
                yield f"{node.lineno}: {called}"


def test_data_of_a_session_are_opened_in_one_place():
    wrong = [
        f"{name}:{found}"
        for path in sorted(SOURCES.rglob("*.py"))
        if not any((name := path.relative_to(SOURCES).as_posix()).startswith(e) for e in EXCEPTIONS)
        for found in opening(path.read_text())
    ]
    assert wrong == []


def test_calls_that_open_a_file_are_found():
    content = "np.load(a)\npath.open()\npd.read_csv(io.StringIO(b))\npd.read_csv(b)\narrays.load(c)"
    assert list(opening(content)) == ["1: np.load", "2: path.open", "4: pd.read_csv"]
