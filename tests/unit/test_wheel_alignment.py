"""Alignment by the wheel, against sessions whose exposure times are known."""

import weakref
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import pytest

from alfvideo import configuration
from alfvideo.files.errors import DataError
from alfvideo.timing import record
from alfvideo.timing.evidence import Evidence
from alfvideo.timing.timestamps import CameraTimes
from alfvideo.timing.wheel_alignment import _faults, _findings, align, for_record
from alfvideo.timing.wheel_alignment.contamination import WheelMotion, wheel_motion
from alfvideo.timing.wheel_alignment.fallback import instead_of_pulses
from alfvideo.timing.wheel_alignment.shifts import (
    Quality,
    cleaned,
    distinctness,
    frame_shifts,
    quality,
    window_shifts,
)
from alfvideo.video.region import Region, from_configuration
from rigsim import Fault, Rig, load_truth, render

WHEEL_REGIONS = {
    camera: from_configuration(box.model_dump())
    for camera, box in configuration.WHEEL_REGIONS.items()
}

RATE = 60.0


def make_speed(seconds, rate=RATE, seed=0):
    """Speed of a wheel that is turned every 1 to 4 s, (n,)."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    speed = np.zeros(time.size)
    turn = 1.0
    while turn < seconds - 1:
        width = rng.uniform(0.03, 0.08)
        speed += rng.uniform(0.6, 1.8) * np.exp(-(((time - turn) / width) ** 2) / 2)
        turn += rng.uniform(1, 4)
    return speed


def make_energy(speed, shift=0, seed=0):
    """Make its motion energy: `shift` frames late, saturated, with an offset and noise."""
    rng = np.random.default_rng(seed)
    return 3 + np.roll(np.minimum(speed, 1.2), shift) + rng.normal(0, 0.05, speed.size)


# Shifts of windows


@pytest.mark.parametrize("shift", [-5, -1, 0, 1, 2, 20])
def test_windows_find_the_shift(shift):
    speed = make_speed(300)
    centres, shifts = window_shifts(make_energy(speed, shift), speed, RATE)
    assert centres.tolist() == list(range(0, speed.size, 60))  # to the end of the session
    assert (shifts == shift).all()


def test_windows_without_motion_have_no_shift():
    speed = make_speed(500)
    speed[200 * 60 : 420 * 60] = 0
    centres, shifts = window_shifts(make_energy(speed), speed, RATE)
    still = np.isnan(shifts)
    assert centres[still].min() >= 275 * 60
    assert centres[still].max() <= 345 * 60
    assert still.sum() >= 69
    turning = (centres < 270 * 60) | (centres > 350 * 60)
    assert (shifts[turning] == 0).all()
    assert np.isnan(window_shifts(np.full(600, np.nan), speed[:600], RATE)[1]).all()


def test_cleaned_shifts_do_not_grow_by_one():
    shifts = np.repeat([5.0, 4, 5, 3], 150)
    assert np.unique(cleaned(shifts)).tolist() == [3, 5]
    assert (np.diff(cleaned(shifts)) <= 0).all()


@pytest.mark.parametrize(
    ("shifts", "expected"),
    [
        ([5, 2, 5, 3], [5, 5, 5, 3]),  # up by 3 goes with down by 3
        ([5, 4, 5, 2], [5, 5, 5, 2]),  # up by 1 goes with down by 1
        ([5, 3, 5, 2], [5, 3, 5, 2]),  # up by 2 stays, as in ibllib
        ([9, 5, 9, 8, 9, 4], [9, 9, 9, 9, 9, 4]),
        ([9, 8, 8, 5, 8, 7], [9, 8, 8, 8, 8, 7]),
        ([3, 7, 7, 6], [3, 3, 3, 2]),  # up without a step down
    ],
)
def test_steps_up_go_with_the_nearest_step_down(shifts, expected):
    result = cleaned(np.repeat(np.array(shifts, float), 300))
    middles = np.arange(150, 300 * len(shifts), 300)
    assert result[middles].tolist() == expected
    assert result.size == 300 * len(shifts)


def test_windows_without_a_shift_take_the_nearest():
    shifts = np.repeat([6.0, 2], 400)
    shifts[380:500] = np.nan
    # the known windows are 379 and 500: halfway is 439.5
    result = cleaned(shifts)
    assert np.flatnonzero(np.diff(result)).size == 1
    assert abs(int(np.flatnonzero(np.diff(result))[0]) - 439) < 40


def test_cleaned_shifts_are_without_outliers_and_gaps():
    shifts = np.full(600, 3.0)
    shifts[100:110] = 4000
    shifts[300:305] = -70
    shifts[400:450] = np.nan
    assert (cleaned(shifts) == 3).all()
    assert np.isnan(cleaned(np.full(5, np.nan))).all()


@pytest.mark.parametrize("rate", [60, 150])
def test_steps_are_found_where_they_are(rate):
    speed = make_speed(400, rate)
    shift = np.repeat([3, 2, 1, 0], speed.size // 4)
    energy = make_energy(speed)[np.arange(speed.size) - shift]
    found = frame_shifts(energy, speed, rate, 8, -5)
    assert (np.diff(found) <= 0).all()
    assert np.abs(found - shift).max() <= 1
    # a step cannot be seen before the wheel turns again
    assert np.mean(found != shift) < 0.03


def test_what_the_wheel_did_before_and_after_does_not_count():
    speed, energy = np.zeros(30), np.zeros(30)
    speed[0], energy[:5] = 100, [1, 2, 1, 1, 1]
    assert frame_shifts(energy, speed, 10, 4, 0)[1] == 1
    assert frame_shifts(energy[::-1], speed[::-1], 10, 0, -4)[-2] == -1


def test_a_step_after_the_first_block():
    energy, speed = np.zeros(30), np.zeros(30)
    energy[:2], speed[[1, 3]] = [5, 1], 100
    assert frame_shifts(energy, speed, 10, -1, -2)[:2].tolist() == [-1, -2]


def test_distinctness_tells_the_wheel_from_other_motion():
    speed = make_speed(120)
    assert distinctness(make_energy(speed, 7), speed, RATE) > 4
    others = [distinctness(make_energy(make_speed(120, seed=k)), speed, RATE) for k in range(1, 20)]
    assert max(others) < 2


def test_quality_counts_as_ibllib():
    shifts = np.array([0.0, 0, 11, 0, np.nan, 0, 0, 0, 0, 10])
    result = quality(shifts, np.array([4.0, 3, 3, 1, 0, 0]), n_frames=200, n_missing_pulses=30)
    assert result == (15.0, 10.0, 2, 1)


GOOD = Quality(ttl_per=10, nan_per=40, shifts_sum=60, shifts_filt_sum=0)


@pytest.mark.parametrize(
    ("change", "distinct", "fault"),
    [
        ({}, 2.0, None),
        ({}, 1.99, "not clearly that of the wheel"),
        ({"ttl_per": 11}, 3, "11 % of the frames have no camera pulse"),
        ({"nan_per": 41}, 3, "41 % of the windows have no shift"),
        ({"shifts_sum": 61}, 3, "jumps by more than 10 frames 61 times"),
        ({"shifts_filt_sum": 1}, 3, "cleaned shift jumps by more than 1 frame 1 times"),
    ],
)
def test_what_speaks_against_an_alignment(change, distinct, fault):
    """The limits are ibllib's, and belong to what is good."""
    faults = _faults(GOOD._replace(**change), distinct)
    assert len(faults) == (fault is not None)
    assert fault is None or fault in faults[0]


def test_what_was_found_is_told():
    nothing = np.zeros(4, bool)
    motion = WheelMotion(np.zeros(4), nothing, nothing)
    seen = WheelMotion(np.zeros(4), np.array([0, 1, 1, 0], bool), np.array([1, 0, 0, 0], bool))
    assert "agrees with the camera pulses" in _findings(np.zeros(4, int), motion)[0]
    assert "are 3 pulses earlier than" in _findings(np.full(4, 3), motion)[0]
    assert "are 3 pulses later than" in _findings(np.full(4, -3), motion)[0]
    lost = _findings(np.array([3, 3, 0, 0]), motion)
    assert lost[0].startswith("The first frames are 3 and the last ones 0 pulses earlier")
    assert "frames were lost" in _findings(np.array([0, 0, 0, -2]), motion)[0]
    assert _findings(np.zeros(4, int), seen)[1:] == [
        "Something was in front of the wheel in 2 of 4 frames.",
        "1 of 4 frames cannot be decoded.",
    ]


# Motion energy and contaminated frames

WHEEL = np.random.default_rng(1).integers(20, 60, (62, 80)).astype(np.uint8)


def wheel_regions(n, contaminated=(), unreadable=(), brightness=200):
    """The wheel turns by a pixel a frame; a moving paw is in front of it in some frames."""
    for i in range(n):
        frame = np.roll(WHEEL, i, axis=1)
        if any(first <= i < last for first, last in contaminated):
            x = 10 + 3 * i % 20
            frame[10:50, x : x + 30] = brightness
        yield None if i in unreadable else frame


@pytest.mark.parametrize("n", [0, 1, 2, 3, 49, 50, 51, 10_000, 19_999])
def test_motion_has_one_value_for_each_frame(n):
    motion = wheel_motion(wheel_regions(n), chunk_frames=50)
    assert motion.energy.shape == motion.contaminated.shape == motion.unreadable.shape == (n,)
    assert np.isfinite(motion.energy[1:-1]).all()
    assert np.isnan(motion.energy[[0, -1][:n]]).all()
    assert not motion.contaminated.any()


def test_motion_is_centred_on_its_frame():
    still, moved = np.zeros((4, 4), np.uint8), np.full((4, 4), 8, np.uint8)
    frames = [still] * 5 + [moved] * 5
    motion = wheel_motion(iter(frames))
    assert motion.energy[1:-1].tolist() == [0, 0, 0, 8, 8, 0, 0, 0]


@pytest.mark.parametrize(
    "run",
    [(0, 7), (30, 31), (30, 60), (49, 50), (49, 60), (48, 52), (93, 101), (20, 276), (280, 300)],
)
def test_contaminated_frames_are_repaired(run):
    clean = wheel_motion(wheel_regions(300))
    raw = wheel_motion(wheel_regions(300, [run]), threshold=255)
    at_once = wheel_motion(wheel_regions(300, [run]), chunk_frames=300)
    in_chunks = wheel_motion(wheel_regions(300, [run]), chunk_frames=50)
    first, last = run
    for motion in (at_once, in_chunks):
        assert np.flatnonzero(motion.contaminated).tolist() == list(range(first, last))
        elsewhere = np.r_[1 : max(first - 1, 1), last + 1 : 299]
        np.testing.assert_array_equal(motion.energy[elsewhere], clean.energy[elsewhere])
        # the paw, which moves, does not move any more
        highest = [np.nanmax(m.energy) for m in (motion, clean, raw)]
        assert highest[0] <= 1.01 * highest[1]
        assert highest[1] < 0.7 * highest[2]
    if last - first < 25:
        np.testing.assert_array_equal(in_chunks.energy, at_once.energy)


def test_things_that_are_a_little_brighter_are_in_front_of_the_wheel():
    """Otsu's threshold is 30 gray levels above that of a clean frame."""
    motion = wheel_motion(wheel_regions(60, [(20, 30)], brightness=105))
    assert np.flatnonzero(motion.contaminated).tolist() == list(range(20, 30))
    motion = wheel_motion(wheel_regions(60, [(20, 30)], brightness=105), threshold=40)
    assert not motion.contaminated.any()


def test_unreadable_frames_are_not_motion():
    motion = wheel_motion(wheel_regions(200, [(120, 130)], {0, 20, 21, 125}), chunk_frames=50)
    clean = wheel_motion(wheel_regions(200))
    assert np.flatnonzero(motion.unreadable).tolist() == [0, 20, 21, 125]
    unknown = [0, 1, 19, 20, 21, 22, 124, 125, 126, 199]
    assert np.flatnonzero(np.isnan(motion.energy)).tolist() == unknown
    np.testing.assert_array_equal(motion.energy[23:119], clean.energy[23:119])
    nothing = wheel_motion(wheel_regions(5, unreadable=range(5)))
    assert nothing.unreadable.all()
    assert np.isnan(nothing.energy).all()


@pytest.mark.parametrize("contaminated", [[], [(40, 2900)]])
def test_motion_holds_a_chunk_of_frames(contaminated):
    alive, most = weakref.WeakSet(), 0

    class Image(np.ndarray):
        __hash__ = object.__hash__

    def images():
        nonlocal most
        for frame in wheel_regions(3000, contaminated):
            image = frame.view(Image)
            alive.add(image)
            most = max(most, len(alive))
            yield image

    assert wheel_motion(images(), chunk_frames=100).energy.size == 3000
    assert 90 < most <= 110


# Whole sessions


@dataclass(frozen=True)
class Session:
    video: Path
    camera: str
    wheel: tuple[np.ndarray, np.ndarray]
    truth: dict[str, np.ndarray]

    @property
    def pulses(self):
        return self.truth["pulses"][:, 0]

    @property
    def count(self):
        return self.truth["saved"] - self.truth["saved"][0]

    def align(self, pulses=None, wheel=None, **options):
        return align(
            self.video,
            self.pulses if pulses is None else pulses,
            self.truth["times"].size,
            *(self.wheel if wheel is None else wheel),
            WHEEL_REGIONS[self.camera],
            **options,
        )

    def assert_right(self, result):
        """Within a frame of the truth for 99 % of the frames (and 2 % of one for jitter)."""
        frames = (result.times - self.truth["times"]) * self.rate
        assert np.mean(np.abs(frames) < 1.02) >= 0.99
        assert (np.diff(result.times) > 0).all()

    @property
    def rate(self):
        return 1 / np.median(np.diff(self.truth["exposure_times"]))


def session_of(root, camera, *faults, **options):
    rig = Rig(cameras=(camera,), faults={camera: (Fault.NO_GPIO, *faults)}, scale=0.25, **options)
    path = render(root, rig)
    (video,) = path.glob("raw_video_data/*.avi")
    wheel = tuple(
        np.load(path / f"alf/_ibl_wheel.{name}.npy") for name in ("timestamps", "position")
    )
    return Session(video, camera, wheel, load_truth(path, camera))


@pytest.fixture(scope="session")
def left(tmp_path_factory):
    return session_of(tmp_path_factory.mktemp("left"), "left", seconds=120, unsaved=30)


@pytest.fixture(scope="session")
def right(tmp_path_factory):
    """150 Hz, with dropped frames; between two drops the wheel turns, so that both can be seen."""
    root = tmp_path_factory.mktemp("right")
    return session_of(root, "right", (Fault.DROPPED, 5), seconds=120, unsaved=40, seed=2)


def test_session_without_gpio(left):
    result = left.align()
    assert result.ok, result.notes
    assert np.abs(result.times - left.truth["times"]).max() < 1e-3
    trailing = left.truth["exposure_times"].size - left.truth["saved"][-1] - 1
    assert (result.frame_shifts == trailing).all()
    assert result.notes == (
        f"The frames are {trailing} pulses earlier than counted from the last pulse, by the motion "
        "of the wheel.",
    )


@pytest.mark.parametrize("shift", [-5, -1, 0, 20])
def test_session_shifted_by_a_known_number_of_frames(left, shift):
    exposures = left.truth["exposure_times"]
    last = int(left.truth["saved"][-1])
    train = np.r_[exposures, exposures[-1] + np.arange(1, 30) / left.rate]
    result = left.align(train[: last + 1 + shift])
    assert result.ok, result.notes
    assert (result.frame_shifts == shift).all()
    assert (result.shifts == shift).all()
    left.assert_right(result)


def test_as_many_pulses_as_frames(left):
    exact = left.truth["exposure_times"][left.truth["saved"]]
    result = left.align(exact)
    assert result.ok
    assert (result.frame_shifts == 0).all()
    np.testing.assert_array_equal(result.times, exact)
    assert result.notes == ("The motion of the wheel in the video agrees with the camera pulses.",)


def test_dropped_frames_with_the_frame_counter(right):
    result = right.align(count=right.count)
    assert result.ok, result.notes
    assert np.abs(result.times - right.truth["times"]).max() < 1e-3


def test_dropped_frames_without_the_frame_counter(right):
    result = right.align()
    assert result.ok, result.notes
    assert right.truth["dropped"].size == 5
    assert result.frame_shifts[0] - result.frame_shifts[-1] >= 4
    right.assert_right(result)


def test_missing_pulses_at_both_ends(left):
    result = left.align(left.pulses[80:-300])
    assert result.ok, result.notes
    left.assert_right(result)
    assert result.quality.ttl_per > 0


def test_too_many_missing_pulses_are_not_used(left):
    result = left.align(left.pulses[:-1000])
    assert not result.ok
    assert "14 % of the frames have no camera pulse." in result.notes


def by_pulses(session):
    """Times by the pulses alone, of which the last is taken for the last frame."""
    n = session.truth["times"].size
    times = session.pulses[-n:]
    unknown = Evidence(None, "Nothing shows it.", 0.0)
    return CameraTimes(times, session.pulses, np.arange(n), "pulses", ("No GPIO.",), unknown)


def test_times_by_the_wheel_take_the_place_of_those_by_pulses(left):
    region = WHEEL_REGIONS[left.camera]
    result, alignment = instead_of_pulses(by_pulses(left), left.video, left.wheel, region)
    assert (result.method, alignment.ok) == ("wheel", True)
    assert result.notes == ("No GPIO.", *alignment.notes)
    (witness,) = result.evidence.witnesses
    assert (witness.name, witness.agreement) == ("wheel", alignment.distinctness)
    assert result.evidence.bound == 2
    left.assert_right(result)


def test_times_by_the_pulses_stay_with_the_reason(left, right):
    found, region = by_pulses(left), WHEEL_REGIONS[left.camera]
    for wheel, reason, is_tried in (
        (None, "was not aligned by the wheel either: there is no recording of the wheel.", False),
        (still(left.wheel), "was not aligned by the wheel either: The wheel does not turn", False),
        (right.wheel, "The alignment by the wheel was not used. ", True),
    ):
        result, alignment = instead_of_pulses(found, left.video, wheel, region)
        assert result.method == "pulses"
        np.testing.assert_array_equal(result.times, found.times)
        assert result.notes[0] == "No GPIO."
        assert reason in result.notes[1]
        assert (alignment is not None) is is_tried


def test_wheel_of_another_session_is_not_used(left, right):
    result = left.align(wheel=right.wheel)
    assert not result.ok
    assert "The motion in the region of the wheel is not clearly that of the wheel." in result.notes


def test_region_beside_the_wheel_is_not_used(left):
    result = align(
        left.video, left.pulses, left.truth["times"].size, *left.wheel, Region(1, 200, 30, 20)
    )
    assert not result.ok


def still(wheel):
    return wheel[0], np.full(wheel[1].size, 2.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda wheel: (np.empty(0), np.empty(0)), "0 usable samples"),
        (lambda wheel: (wheel[0][:1], wheel[1][:1]), "1 usable samples"),
        (lambda wheel: (wheel[0], np.full(wheel[0].size, np.nan)), "0 usable samples"),
        (lambda wheel: (wheel[0], wheel[1][:-1]), "timestamps but"),
        (still, "The wheel does not turn during the video"),
        (lambda wheel: (wheel[0] + 1e4, wheel[1]), "The wheel does not turn during the video"),
    ],
)
def test_wheels_that_cannot_be_used(left, change, message):
    with pytest.raises(DataError, match=message):
        left.align(wheel=change(left.wheel))


def test_wheel_with_gaps_and_nan(left):
    timestamps, position = (values.copy() for values in left.wheel)
    position[1000:1050] = np.nan
    kept = (timestamps < 40) | (timestamps > 60)
    result = left.align(wheel=(timestamps[kept], position[kept]))
    assert result.ok, result.notes
    left.assert_right(result)


def test_wheel_recorded_for_a_part_of_the_video(left):
    timestamps, position = left.wheel
    kept = (timestamps > 30) & (timestamps < 100)
    result = left.align(wheel=(timestamps[kept], position[kept]))
    assert result.ok, result.notes
    left.assert_right(result)


@pytest.mark.parametrize(
    ("pulses", "message"),
    [
        (np.empty(0), "found 0 pulses"),
        (np.array([1.0]), "found 1 pulses"),
        (np.array([1.0, 2.0, 2.0]), "increase in time"),
    ],
)
def test_pulses_that_cannot_be_used(left, pulses, message):
    with pytest.raises(DataError, match=message):
        left.align(pulses)


def test_frame_counter_that_cannot_be_used(left):
    with pytest.raises(DataError, match="frame counter"):
        left.align(count=np.arange(10))


def write_video(path, frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=60)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for gray in frames:
            frame = av.VideoFrame.from_ndarray(gray, "gray").reformat(format="yuvj420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("n", [0, 1, 2, 30, 1700])
def test_videos_too_short_to_align(left, n):
    with pytest.raises(DataError, match="too short" if n else "no frames"):
        align(left.video, left.pulses[:2000], n, *left.wheel, WHEEL_REGIONS["left"])


def test_video_in_which_nothing_moves(tmp_path):
    video = write_video(tmp_path / "still.avi", np.full((1900, 48, 64), 90, np.uint8))
    wheel = np.arange(-1, 40, 0.01), np.sin(np.arange(-1, 40, 0.01) * 9)
    with pytest.raises(DataError, match="nothing moves"):
        align(video, np.arange(1900) / 60, 1900, *wheel, Region(0, 0, 64, 48))


def test_video_with_other_frames_than_announced(left):
    with pytest.raises(DataError, match="expected 7000"):
        align(left.video, left.pulses, 7000, *left.wheel, WHEEL_REGIONS["left"])


def test_the_record_keeps_what_the_picture_needs(left, right, tmp_path):
    for alignment in (left.align(), left.align(wheel=right.wheel)):
        shifts = for_record(alignment)
        assert shifts.used is alignment.ok
        np.testing.assert_array_equal(shifts.window_times, alignment.window_times)
        of_each = np.repeat(
            shifts.step_shifts, np.diff(shifts.step_frames, append=alignment.times.size)
        )
        np.testing.assert_array_equal(of_each, alignment.frame_shifts)
        file = tmp_path / "timing.json"
        made = record.TimingRecord("wheel", alignment.notes, wheel=shifts)
        record.save(made, file, alignment.times, tmp_path / "times.npy")
        read = record.load(file)
        assert (read.method, read.notes) == ("wheel", alignment.notes)
        assert file.stat().st_size < 20_000


def test_the_record_of_a_long_session_is_short(left):
    alignment = left.align()
    n = 90 * 60
    long = replace(
        alignment,
        window_times=np.arange(n, dtype=float),
        shifts=np.full(n, -12.0),
        cleaned_shifts=np.full(n, -12.0),
    )
    shifts = for_record(long)
    assert 400 < shifts.window_times.size <= 500
    np.testing.assert_array_equal(np.diff(shifts.window_times), 11)
    assert shifts.shifts.shape == shifts.cleaned_shifts.shape == shifts.window_times.shape
