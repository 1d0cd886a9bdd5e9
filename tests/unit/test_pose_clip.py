"""The clip with keypoints: the right frames, with discs where the points are."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pandas as pd
import pytest

from alfvideo.files.errors import DataError
from alfvideo.plots import pose_clip
from alfvideo.video import frames

SCRIPT = Path(__file__).parents[2] / "scripts" / "pose_clip.py"
SIZE = (320, 256)
BITS = 10
"""Bits of the number of a frame, from the left, as dark and bright blocks in its upper half."""
STARTS = 100.0
"""Session time of the first frame."""


def onset(seconds):
    return STARTS + seconds


class TestExcerpts:
    rate = 60.0
    times = STARTS + np.arange(60 * 60) / rate

    def chosen(self, onsets, times=times):
        n_frames = len(times) or len(self.times)
        return pose_clip.excerpts(n_frames, self.rate, times, np.asarray(onsets, float))

    def seconds(self, onsets, times=times):
        """First and last time of each excerpt, seconds from the start of the video."""
        found = self.chosen(onsets, times)
        return [
            (round(times[e.start] - STARTS, 1), round(times[e.stop] - STARTS, 1)) for e in found
        ]

    def test_are_around_stimuli_of_all_the_session(self):
        onsets = [onset(t) for t in range(5, 56, 5)]
        starts = np.array([first for first, _ in self.seconds(onsets)])
        assert len(starts) == 4
        assert set(starts + 1) <= set(range(5, 56, 5))
        quarters = np.searchsorted([0, 15, 30, 45, 60], starts)
        assert quarters.tolist() == [1, 2, 3, 4]

    def test_are_from_1_s_before_to_2_s_after(self):
        assert self.seconds([onset(30)]) == [(29, 32)]
        assert self.chosen([onset(30)]) == [range(29 * 60, 32 * 60)]

    def test_are_whole(self):
        assert self.seconds([onset(t) for t in (0.5, 0.99, 58.1, 59, 1000)] + [onset(40)]) == [
            (39, 42)
        ]
        assert self.seconds([onset(1), onset(57.9)]) == [(0, 3), (56.9, 59.9)]

    def test_do_not_overlap(self):
        assert self.seconds([onset(t) for t in (10, 12.9, 13.1, 14, 30)]) == [
            (9, 12),
            (12.1, 15.1),
            (29, 32),
        ]

    def test_onsets_may_be_unknown_and_in_any_order(self):
        assert self.seconds([onset(40), np.nan, onset(20), np.nan]) == [(19, 22), (39, 42)]

    def test_stimuli_while_the_camera_did_not_record_are_left_out(self):
        times = np.r_[self.times[:1800], self.times[1800:] + 600]
        starts = [first for first, _ in self.seconds([onset(t) for t in (20, 29, 300, 650)], times)]
        assert starts == [19, 649]

    @pytest.mark.parametrize("onsets", [[], [np.nan], [onset(-5), onset(0.2), onset(59.5)]])
    def test_without_stimuli_are_spread_over_the_video(self, onsets):
        found = self.chosen(onsets)
        assert [len(excerpt) for excerpt in found] == [180] * 4
        middles = [(excerpt.start + excerpt.stop) / 2 for excerpt in found]
        assert middles == [450, 1350, 2250, 3150]

    def test_without_times_stimuli_do_not_matter(self):
        assert self.chosen([onset(30)], times=np.empty(0)) == self.chosen([])

    @pytest.mark.parametrize("rate", [0.1, 1 / 3, 1, 5, 29.97, 30.4])
    def test_spread_ones_fit_into_any_video(self, rate):
        for n_frames in range(1, 600):
            found = pose_clip.excerpts(n_frames, rate, np.empty(0), np.empty(0))
            every = [number for excerpt in found for number in excerpt]
            assert every == sorted(set(every))
            assert every[0] >= 0
            assert every[-1] < n_frames
            assert found == [range(n_frames)] or n_frames > 4 * 3 * rate

    def test_a_short_video_is_whole(self):
        times = self.times[: 12 * 60]
        assert self.chosen([onset(5)], times) == [range(720)]
        assert self.chosen([onset(5)], self.times[:721]) == [range(4 * 60, 7 * 60)]


@pytest.mark.parametrize("rate", [1, 24.9, 30.2, 31, 59.9, 60, 61, 149.4, 150, 151, 500])
def test_pace_is_real_time(rate):
    every, shown = pose_clip.pace(rate)
    assert shown <= 30
    assert shown * every == pytest.approx(rate, rel=0.01)
    assert rate < 30 or shown > 15


def test_time_is_from_the_nearest_stimulus():
    times = np.array([9.0, 10.5, 12.4, 12.6, 20.0])
    since = pose_clip.since_stimulus(times, np.array([15.0, np.nan, 10.0]))
    np.testing.assert_allclose(since, [-1.0, 0.5, 2.4, -2.4, 5.0])
    assert np.isnan(pose_clip.since_stimulus(times, np.array([np.nan]))).all()


class TestDrawn:
    GRAY = 90

    def drawn(self, size, points, n_parts=None):
        """The picture in the clip of a gray frame of that size."""
        names = [f"part_{i}" for i in range(n_parts or len(points))]
        layout = pose_clip.layout(*size, names)
        picture = np.full(size[::-1], self.GRAY, np.uint8)
        canvas = pose_clip.drawn(layout, picture, np.array(points, float), ["frame 0", "", ""])
        assert canvas.shape[0] > layout.picture[1]
        return canvas[: layout.picture[1]]

    def centre(self, picture):
        """Centre of all that was drawn, x and y, by how much it differs from the background."""
        change = np.abs(picture.astype(float) - self.GRAY).sum(axis=2)
        rows, columns = np.indices(change.shape)
        return (columns * change).sum() / change.sum(), (rows * change).sum() / change.sum()

    @pytest.mark.parametrize("point", [(200, 100), (200.25, 100.5), (308.8, 77.37)])
    @pytest.mark.parametrize(
        ("size", "scale"), [((600, 400), 1), ((1280, 1024), 0.5), ((320, 256), 1.5)]
    )
    def test_discs_are_where_the_points_are(self, size, scale, point):
        expected = (np.array(point) + 0.5) * scale - 0.5
        np.testing.assert_allclose(self.centre(self.drawn(size, [point])), expected, atol=0.12)

    @pytest.mark.parametrize("size", [(1280, 1024), (320, 256), (501, 333)])
    def test_discs_are_on_what_they_mark(self, size):
        """A bright square in the camera's frame, of an odd number of pixels, around the point."""
        picture = np.zeros(size[::-1], np.uint8)
        picture[90:111, 50:71] = 255
        layout = pose_clip.layout(*size, ["part"])
        plain = pose_clip.drawn(layout, picture, np.array([[np.nan, np.nan]]), [])
        seen = plain[: layout.picture[1], :, 0].astype(float)
        rows, columns = np.indices(seen.shape)
        square = (columns * seen).sum() / seen.sum(), (rows * seen).sum() / seen.sum()
        found = self.centre(self.drawn(size, [(60, 100)]))
        np.testing.assert_allclose(found, square, atol=0.12)

    def test_each_part_has_its_colour(self):
        points = [(30 + 30 * i, 100) for i in range(18)]
        picture = self.drawn((600, 400), points)
        discs = [picture[92:109, x - 8 : x + 9].tobytes() for x, _ in points]
        assert len(set(discs)) == 18
        for (x, _), colour in zip(points, pose_clip.COLOURS, strict=False):
            assert tuple(picture[100, x]) == colour

    @pytest.mark.parametrize(
        "point", [(np.nan, np.nan), (-50, 20), (20, 1e12), (-1e300, 5), (np.inf, 5)]
    )
    def test_nothing_is_drawn_for_points_outside_or_unlikely(self, point):
        assert (self.drawn((600, 400), [point]) == self.GRAY).all()

    def test_discs_at_the_border_are_cut_off_there(self):
        picture = self.drawn((600, 400), [(599, 399), (0, 0)])
        assert tuple(picture[-1, -1]) == pose_clip.COLOURS[0]
        assert tuple(picture[0, 0]) == pose_clip.COLOURS[1]

    @pytest.mark.parametrize(
        ("size", "expected"),
        [
            ((1280, 1024), (640, 512)),
            ((640, 512), (640, 512)),
            ((320, 256), (480, 384)),
            ((501, 333), (500, 332)),
            ((2001, 3), (640, 2)),
        ],
    )
    def test_size(self, size, expected):
        layout = pose_clip.layout(*size, ["nose_tip", "a_very_long_name_" * 10])
        assert layout.picture == expected
        height, width, _ = layout.ground.shape
        assert width == expected[0]
        assert height > expected[1]
        assert not height % 2

    def test_the_legend_shows_all_parts_in_their_colours(self):
        names = [f"part_{i}" for i in range(11)]
        layout = pose_clip.layout(320, 256, names)
        legend = layout.ground[layout.picture[1] :].reshape(-1, 3)
        for colour in pose_clip.COLOURS:
            assert (legend == colour).all(axis=1).any()

    def test_colour_stays_colour(self):
        picture = np.zeros((400, 600, 3), np.uint8)
        picture[:, :, 0] = 200
        canvas = pose_clip.drawn(
            pose_clip.layout(600, 400, ["a"]), picture, np.full((1, 2), -9), []
        )
        assert (canvas[:400] == (200, 0, 0)).all()


class Files(list):
    """The paths of a rule, which have names as well."""

    def __init__(self, **named):
        super().__init__(path for value in named.values() for path in np.atleast_1d(value))
        self.__dict__.update(named)


@pytest.fixture
def session(tmp_path):
    path = tmp_path / "Subjects" / "KB001" / "2026-01-01" / "001"
    for folder in ("raw_video_data", "alf"):
        (path / folder).mkdir(parents=True)
    return path


def video_of(session):
    return session / "raw_video_data" / "_iblrig_leftCamera.raw.mp4"


def numbered(number):
    picture = np.full(SIZE[::-1], 90, np.uint8)
    width = SIZE[0] // BITS
    for bit in range(BITS):
        picture[: SIZE[1] // 2, bit * width : (bit + 1) * width] = 200 if number >> bit & 1 else 20
    return picture


def write_video(session, n_frames, rate):
    with av.open(str(video_of(session)), "w") as container:
        options = {"preset": "ultrafast", "crf": "12", "g": "30"}
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(n_frames):
            frame = av.VideoFrame.from_ndarray(numbered(number), format="gray")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def paw(number):
    """Where the paw is in a frame: it goes from left to right, again and again."""
    return 20.0 + number * 1.7 % 280, 220.0


def nose(number):
    """Where the nose is: it is likely only in every second hundred of frames."""
    return 300.0 - number * 1.3 % 280, 160.0, 0.95 if number // 100 % 2 else 0.89


def write_pose(session, n_frames):
    numbers = range(n_frames)
    paws, noses = np.array([paw(i) for i in numbers]), np.array([nose(i) for i in numbers])
    columns = {"paw_l_x": paws[:, 0], "paw_l_y": paws[:, 1], "paw_l_likelihood": 0.9}
    columns |= {"nose_tip_x": noses[:, 0], "nose_tip_y": noses[:, 1]}
    columns |= {"nose_tip_likelihood": noses[:, 2]}
    pd.DataFrame(columns).to_parquet(session / "alf" / "_ibl_leftCamera.dlc.pqt")


def write_times(session, n_frames, rate):
    path = session / "alf" / "_ibl_leftCamera.times.npy"
    np.save(path, STARTS + np.arange(n_frames) / rate)
    return [str(path)]


def write_trials(session, onsets):
    path = session / "alf" / "_ibl_trials.table.pqt"
    onsets = STARTS + np.array(onsets, float)
    columns = {"stimOn_times": onsets, "feedback_times": onsets + 1}
    pd.DataFrame(columns | {"choice": 1.0, "feedbackType": 1.0}).to_parquet(path)
    return [str(path)]


def run(session, times=(), trials=()):
    """Run the script; the path of the clip."""
    clip = session / "snapshot" / "leftCamera.pose.mp4"
    pose = session / "alf" / "_ibl_leftCamera.dlc.pqt"
    job = SimpleNamespace(
        rule="pose_clip",
        wildcards=SimpleNamespace(session=str(session), camera="left"),
        input=Files(
            mp4=[str(video_of(session))], pose=[str(pose)], times=list(times), trials=list(trials)
        ),
        output=Files(clip=str(clip)),
        params=SimpleNamespace(settings={"version": 1}),
        resources={},
        log=[str(session.parents[3] / "logs" / "left.log")],
    )
    runpy.run_path(str(SCRIPT), init_globals={"snakemake": job})
    return clip


def decoded(clip):
    with av.open(str(clip)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def number_of(picture):
    """The number of the frame that a picture of the clip shows."""
    width = picture.shape[1] // BITS
    blocks = [picture[20:80, (bit * width + 10) : (bit + 1) * width - 10] for bit in range(BITS)]
    return sum((block.mean() > 110) << bit for bit, block in enumerate(blocks))


def discs(picture):
    """Centres of the yellow and of the blue disc in the camera's picture, None where there is no.

    The paw is the first part of the table, the nose the second.
    """
    rgb = picture[200:384].astype(int)
    found = []
    for colourful in (rgb[..., 0] - rgb[..., 2] > 60, rgb[..., 2] - rgb[..., 0] > 60):
        rows, columns = np.nonzero(colourful)
        found.append((columns.mean(), rows.mean() + 200) if rows.size else None)
    return found


def expected(x, y):
    return (x + 0.5) * 1.5 - 0.5, (y + 0.5) * 1.5 - 0.5


def check_discs(pictures, numbers):
    for picture, number in zip(pictures, numbers, strict=True):
        yellow, blue = discs(picture)
        np.testing.assert_allclose(yellow, expected(*paw(number)), atol=1)
        x, y, likelihood = nose(number)
        if likelihood < 0.9:
            assert blue is None
        else:
            np.testing.assert_allclose(blue, expected(x, y), atol=1)


def check_clip(clip, numbers, rate):
    """Check that the clip plays these frames at a rate, with the right discs; its pictures."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == rate
        assert stream.frames == len(numbers)
        assert stream.width == 480
        assert float(stream.duration * stream.time_base) == pytest.approx(len(numbers) / rate)
    content = clip.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "a browser could not start at once"
    pictures = decoded(clip)
    assert [number_of(picture) for picture in pictures] == list(numbers)
    check_discs(pictures, numbers)
    return pictures


def test_clip_around_stimuli(session):
    write_video(session, 960, 60)
    write_pose(session, 960)
    clip = run(session, write_times(session, 960, 60), write_trials(session, [12, 3, 0.5]))
    numbers = [*range(120, 300, 2), *range(660, 840, 2)]
    pictures = check_clip(clip, numbers, 30)
    assert not list(clip.parent.glob(".*"))
    row = [picture[384:404] for picture in pictures]
    assert (row[0] > 150).any(), "there is text below the picture"
    assert len({text.tobytes() for text in row}) > len(row) / 2, "it changes with the frame"


def test_times_say_how_fast_it_plays(session):
    """The container of a camera of 60 frames per second may say 30."""
    write_video(session, 800, 30)
    write_pose(session, 800)
    clip = run(session, write_times(session, 800, 60), write_trials(session, [5]))
    check_clip(clip, range(240, 420, 2), 30)


def test_clip_without_times(session):
    write_video(session, 500, 25)
    write_pose(session, 500)
    starts = [25, 150, 275, 400]
    numbers = [number for start in starts for number in range(start, start + 75)]
    check_clip(run(session, trials=write_trials(session, [5])), numbers, 25)


@pytest.mark.parametrize("n_times", [0, 499, 501])
def test_times_of_another_length_are_left_out_and_noted(session, capfd, n_times):
    write_video(session, 500, 25)
    write_pose(session, 500)
    times = write_times(session, n_times, 25)
    clip = run(session, times, write_trials(session, [5]))
    assert f"has {n_times} times and" in capfd.readouterr().err
    assert number_of(decoded(clip)[0]) == 25


@pytest.mark.parametrize("n_frames", [1, 2, 120])
def test_a_short_video_is_in_the_clip_as_a_whole(session, n_frames):
    write_video(session, n_frames, 10)
    write_pose(session, n_frames)
    clip = run(session, write_times(session, n_frames, 10), write_trials(session, [5]))
    check_clip(clip, range(n_frames), 10)


def test_a_pose_of_another_video_is_refused(session, capfd):
    write_video(session, 60, 30)
    write_pose(session, 59)
    with pytest.raises(SystemExit):
        run(session)
    message = capfd.readouterr().err
    assert "has 60 frames and" in message
    assert "59 rows: the pose is not that of this video" in message
    assert not (session / "snapshot" / "leftCamera.pose.mp4").exists()


def test_only_the_excerpts_are_decoded(session):
    """Damage between them does not matter."""
    write_video(session, 960, 60)
    write_pose(session, 960)
    with av.open(str(video_of(session))) as container:
        places = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    with video_of(session).open("r+b") as file:
        for position, size in places[:90] + places[330:600] + places[900:]:
            file.seek(position)
            file.write(b"\xff" * size)
    with pytest.raises(DataError, match="cannot be decoded"):
        list(frames.read(video_of(session), range(400, 420)))
    clip = run(session, write_times(session, 960, 60), write_trials(session, [3, 12]))
    check_clip(clip, [*range(120, 300, 2), *range(660, 840, 2)], 30)
