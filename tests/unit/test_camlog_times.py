"""Logs of camlog rigs, and the times from them, against recordings whose truth is known."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alfvideo.files.errors import DataError
from alfvideo.timing import camlog
from alfvideo.timing.camlog_times import camlog_times
from alfvideo.timing.frame_data import FrameData
from rigsim import clock

SEEDS = st.integers(0, 2**32 - 1)
RATES = st.sampled_from([29.97, 60.004, 149.93])
GRID = 30003.0003
N = 1500


class Recorded(NamedTuple):
    """Pulses on the DAQ, the log, and when each frame was exposed."""

    pulses: np.ndarray
    log: FrameData
    truth: np.ndarray

    def times(self, pulses: np.ndarray | None = None, log: FrameData | None = None):
        pulses = self.pulses if pulses is None else pulses
        return camlog_times(pulses, self.truth.size, log or self.log)


def record(rate=60.004, seed=0, n_dropped=0, unsaved=0, trailing=0, counts=True, pause=0.0):
    """Run a camera that keeps a log."""
    recording = clock.record(
        5.0, rate, unsaved, N, trailing, n_dropped, np.random.default_rng(seed)
    )
    exposures = recording.exposures.copy()
    exposures[700:] += pause
    truth = exposures[recording.saved]
    seconds = np.round(truth * (1 + recording.clock_ppm * 1e-6), 6)
    count = recording.saved - recording.saved[0]
    log = FrameData(seconds - seconds[0], count if counts else np.arange(count.size), None)
    return Recorded(clock.on_grid(exposures, GRID), log, truth)


def assert_right(result, recorded, rate=60.004):
    assert result.times.shape == recorded.truth.shape
    assert np.abs(result.times - recorded.truth).max() < 0.5 / rate
    assert result.method == "camlog"


# times


@given(RATES, SEEDS, st.integers(0, 20), st.booleans())
def test_dropped_frames_are_known_by_id_and_clock(rate, seed, n_dropped, counts):
    recorded = record(rate, seed, n_dropped, counts=counts)
    result = recorded.times()
    np.testing.assert_array_equal(result.times, clock.on_grid(recorded.truth, GRID))
    assert bool(result.notes) == bool(n_dropped)


@settings(max_examples=100)
@given(
    RATES,
    SEEDS,
    st.integers(0, 10),
    st.booleans(),
    st.integers(0, 25),
    st.integers(0, 25),
    st.integers(0, 5),
    st.integers(0, 5),
    st.lists(st.integers(200, N - 200), max_size=5),
    st.lists(st.integers(200, N - 200), max_size=3, unique=True),
)
def test_the_clock_tells_which_pulses_are_those_of_frames(
    rate, seed, n_dropped, counts, unsaved, trailing, no_first, no_last, lost, extra
):
    """Whatever pulses came before, between and after, or were lost there."""
    recorded = record(rate, seed, n_dropped, unsaved, trailing, counts)
    more = recorded.pulses[extra] + 0.4 / rate
    pulses = np.sort(np.r_[np.delete(recorded.pulses, np.array(lost, int)), more])
    pulses = pulses[no_first : pulses.size - no_last]
    result = recorded.times(pulses)
    assert_right(result, recorded, rate)
    off = np.abs(result.times - recorded.truth).max() * rate
    assert result.evidence.bound is not None
    assert off <= result.evidence.bound + 0.02
    assert result.evidence.bound < 0.5


@given(RATES, SEEDS, st.integers(-3, 3), st.floats(0, 1), st.booleans())
def test_without_a_clock_times_are_true_or_refused(rate, seed, surplus, place, logged):
    """Pulses that are lost or added inside are seen; at the ends only their number is."""
    recorded = record(rate, seed)
    at = 1 + int(place * (N - 10))
    pulses = recorded.pulses
    if surplus < 0:
        pulses = np.delete(pulses, np.arange(at, at - surplus))
    elif surplus:
        more = pulses[at] + np.arange(1, surplus + 1) / (surplus + 1) / rate
        pulses = np.insert(pulses, at + 1, more)
    log = FrameData(None, recorded.log.count if logged else None, None)
    assert_right(recorded.times(pulses, log), recorded, rate)


@pytest.mark.parametrize("surplus", [-1, 1])
def test_one_pulse_more_or_less_at_an_end_that_nothing_tells(surplus):
    recorded = record()
    pulses = recorded.pulses
    pulses = pulses[:-1] if surplus < 0 else np.r_[pulses, pulses[-1] + 1 / 60.004]
    result = recorded.times(pulses, FrameData(None, recorded.log.count, None))
    assert_right(result, recorded)
    assert "nothing tells at which end" in result.notes[-1]
    assert 1 <= result.evidence.bound < 1.1
    without = recorded.times(pulses, FrameData(None, None, None))
    np.testing.assert_array_equal(without.times, result.times)
    assert without.evidence.bound is None


@pytest.mark.parametrize("surplus", [-1000, -2, 2, 1000])
def test_numbers_that_nothing_explains_are_refused(surplus):
    recorded = record()
    pulses = recorded.pulses
    pulses = (
        pulses[:surplus]
        if surplus < 0
        else np.r_[pulses, pulses[-1] + np.arange(1, 1 + surplus) / 60.004]
    )
    message = f"{pulses.size} pulses for {N} frames, of {N} exposures by the camlog, and nothing"
    with pytest.raises(DataError, match=message):
        recorded.times(pulses, FrameData(None, recorded.log.count, None))


def test_pulse_too_many_at_the_start_and_one_too_few_at_the_end():
    """Their number is that of the frames."""
    recorded = record()
    pulses = np.r_[recorded.pulses[0] - 1 / 60.004, recorded.pulses[:-1]]
    result = recorded.times(pulses)
    assert_right(result, recorded)
    assert result.notes == (
        "1 camera pulses came before the first frame of the video and 1 camera pulses are missing "
        "at the end and were extrapolated (1500 pulses for 1500 frames; no other start fits the "
        "camlog).",
    )


@pytest.mark.parametrize("grid", [1e-3, 1 / GRID, 1e-4])
@pytest.mark.parametrize("rate", [29.97, 59.97, 60.004, 149.93, 100.0])
def test_a_camera_without_jitter_has_no_pattern_to_be_misled_by(rate, grid):
    exposures = 5 + np.arange(4000) / rate
    pulses = np.ceil(exposures * GRID) / GRID
    seconds = np.floor(exposures / grid) * grid
    result = camlog_times(pulses, 4000, FrameData(seconds, np.arange(4000), None))
    np.testing.assert_array_equal(result.times, pulses)
    assert result.notes == ()


@pytest.mark.parametrize("pause", [0.31, 100.0])
@pytest.mark.parametrize("early", [0, 1])
def test_a_camera_that_paused(pause, early):
    recorded = record(pause=pause)
    pulses = np.r_[recorded.pulses[0] - np.arange(early, 0, -1) / 60.004, recorded.pulses]
    assert_right(recorded.times(pulses), recorded)


@pytest.mark.parametrize("unit", [1e-9, 1e-4, 1e3, 1e6])
def test_clock_of_another_unit(unit):
    recorded = record(n_dropped=5, counts=False)
    log = FrameData(recorded.log.timestamps / unit, recorded.log.count, None)
    assert_right(recorded.times(log=log), recorded)


def test_pulses_of_another_camera_are_refused():
    recorded = record()
    other = record(149.93)
    with pytest.raises(
        DataError, match=r"come at 149\.93 Hz, the frames of its camlog at 60\.01 Hz"
    ):
        recorded.times(other.pulses)


@pytest.mark.parametrize("n_rows", [N - 200, N - 1, N + 40])
def test_log_of_another_length_than_the_video(n_rows):
    recorded = record(trailing=50)
    count = np.arange(n_rows)
    clock_too = np.r_[
        recorded.log.timestamps, recorded.log.timestamps[-1] + np.arange(1, 41) / 60.004
    ]
    log = FrameData(clock_too[:n_rows], count, None)
    result = recorded.times(log=log)
    assert_right(result, recorded)
    assert result.notes[0].startswith(f"The camlog has {n_rows} rows for {N} frames")
    assert result.evidence.bound >= abs(n_rows - N)


def test_ids_that_begin_again():
    recorded = record(n_dropped=6)
    ids = recorded.log.count.copy()
    ids[800:] -= ids[800]
    result = recorded.times(log=FrameData(recorded.log.timestamps, ids, None))
    assert_right(result, recorded)


def test_video_of_one_frame():
    recorded = record()
    log = FrameData(np.zeros(1), np.zeros(1, int), None)
    assert camlog_times(recorded.pulses[:2], 1, log).times.tolist() == [recorded.pulses[0]]


# logs


def written(folder, rows, head="# Log header:frame_id,timestamp\n", tail=""):
    path = folder / "left_cam_run000.camlog"
    path.write_bytes((head + "".join(rows) + tail).encode())
    return path


def rows_of(recorded, more=""):
    log = recorded.log
    return [
        f"{n + 17},{t + 3.25:.6f}{more}\n" for n, t in zip(log.count, log.timestamps, strict=True)
    ]


@pytest.mark.parametrize("more", ["", ",1", ",0,7"])
@pytest.mark.parametrize(
    "head",
    [
        "",
        "# Log header:frame_id,timestamp\n",
        "# Camera: left\n# Log header: frame_id , timestamp, line_state\n# x\n",
        "\ufeff# Log header:frame_id,timestamp\r\n\n",
    ],
)
def test_logs_as_writers_leave_them(tmp_path, head, more):
    recorded = record(n_dropped=7)
    found = camlog.load(written(tmp_path, rows_of(recorded, more), head, "# Wrote 1493 frames\n"))
    np.testing.assert_array_equal(found.count, recorded.log.count)
    np.testing.assert_allclose(found.timestamps, recorded.log.timestamps, rtol=0, atol=1e-6)
    assert (found.gpio, found.notes) == (None, ())


def test_columns_are_named(tmp_path):
    log = (
        "# Camera: left\n# Log header: timestamp , frame_id\n# x\n0.25,0\n0.5,1\n# Wrote 3\n1.0,3\n"
    )
    found = camlog.load(written(tmp_path, [], log))
    assert found.timestamps.tolist() == [0, 0.25, 0.75]
    assert found.count.tolist() == [0, 1, 3]


@settings(max_examples=100)
@given(
    SEEDS,
    st.integers(0, 10),
    st.integers(0, N - 30),
    st.sampled_from(
        ["?", "", "nan,nan", "12", "7,abc", "\0\0\0,\0", "99999999,1e300", "0,0", "-5,2"]
    ),
    st.integers(0, 30),
    st.booleans(),
)
def test_a_row_that_is_damaged(tmp_path_factory, seed, n_dropped, row, line, n_cut, nul):
    """It is filled in; a row that is cut at the end is left out, and so are zeros after it."""
    recorded = record(60.004, seed, n_dropped)
    rows = rows_of(recorded)
    row = min(row, len(rows) - 5)
    rows[row] = f"{line}\n" if line else rows[row] + "\n  \n"
    content = "".join(rows)
    content = content[: len(content) - n_cut] + "\0" * 5000 * nul
    found = camlog.load(written(tmp_path_factory.mktemp("log"), [content]))
    n = found.count.size
    assert n >= len(rows) - 4
    np.testing.assert_array_equal(found.count, recorded.log.count[:n])
    np.testing.assert_allclose(found.timestamps, recorded.log.timestamps[:n], rtol=0, atol=2e-4)
    assert bool(found.notes) == bool(line or n_cut or nul) or n_cut == 1 or (nul and not n_cut)


@pytest.mark.parametrize("first", [1, 0])
def test_ids_of_16_bits(tmp_path, first):
    ids = np.r_[65000:65536, first:1000]
    rows = [f"{n},{i / 60}\n" for i, n in enumerate(ids)]
    found = camlog.load(written(tmp_path, rows))
    np.testing.assert_array_equal(found.count, np.arange(ids.size))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"is missing\. Copy it again"),
        ("", "expected a line '# Log header:frame_id,timestamp' and a row"),
        ("# Camera: left\n\n", "found none in 0 rows"),
        ("# Log header:frame_id,time\n0,1\n", r"names frame_id, time, .* timestamp is missing"),
        ("# Log header:frame_id,timestamp\n0,x\n", "found none in 1 rows"),
    ],
)
def test_log_of_which_nothing_is_left(tmp_path, content, message):
    path = tmp_path / "left_cam_run000.camlog"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=message):
        camlog.load(path)
