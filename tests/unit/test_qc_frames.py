"""Reading sampled frames: the right ones, bit for bit as OpenCV reads them."""

import av
import cv2
import numpy as np
import pytest

from alfvideo.files.errors import DataError
from alfvideo.qc import frames

WIDTH, HEIGHT = 64, 48


def write(
    path, n_frames, *, codec="libx264", pixel_format="yuvj420p", gaps=(), colour=128, **options
):
    """A video whose pictures move; `gaps` are frames after which one period is left empty."""
    rng = np.random.default_rng(0)
    picture = cv2.resize(rng.integers(0, 256, (6, 8)).astype(np.uint8), (WIDTH * 2, HEIGHT * 2))
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixel_format
        stream.codec_context.color_range = 2 if pixel_format.startswith("yuvj") else 1
        for i in range(n_frames):
            frame = av.VideoFrame(WIDTH, HEIGHT, pixel_format)
            x = i % WIDTH
            luma = (
                picture[x : x + HEIGHT, x : x + WIDTH] if x < HEIGHT else picture[:HEIGHT, :WIDTH]
            )
            for number, plane in enumerate(frame.planes):
                deep = pixel_format.endswith("10le")
                rows = np.frombuffer(plane, np.uint16 if deep else np.uint8)
                rows = rows.reshape(plane.height, -1)
                image = luma.astype(rows.dtype) if number == 0 else colour
                rows[:, : plane.width] = image << (2 if deep else 0)
            frame.pts = i + sum(gap < i for gap in gaps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def by_opencv(path):
    """All frames, decoded one after the other."""
    capture, found = cv2.VideoCapture(str(path)), []
    while (result := capture.read())[0]:
        found.append(result[1][:, :, 0])
    return np.stack(found)


CODED = {
    "B-frames": {"bf": "3", "g": "20"},
    "B-pyramid": {"bf": "8", "x264-params": "b-pyramid=normal:keyint=40:scenecut=0:b-adapt=0"},
    "open GOP": {"x264-params": "open-gop=1:keyint=12:min-keyint=12:bframes=4:b-adapt=0"},
    "one keyframe": {"g": "1000", "bf": "2"},
    "keyframes only": {"g": "1"},
    "limited range": {"pixel_format": "yuv420p", "g": "20"},
    "limited range, 4:2:2": {"pixel_format": "yuv422p", "g": "20"},
    "limited range, 4:4:4": {"pixel_format": "yuv444p", "g": "20"},
    "colour": {"colour": 100, "g": "20"},
    "colour, limited range": {"colour": 150, "pixel_format": "yuv420p", "g": "20"},
    "gray": {"pixel_format": "gray", "g": "20"},
    "10 bits": {"pixel_format": "yuv420p10le", "g": "20"},
    "MPEG-4": {"codec": "mpeg4", "pixel_format": "yuv420p", "bf": "2", "g": "15"},
    "variable rate": {"gaps": (3, 17, 18, 50), "bf": "3", "g": "20"},
}


@pytest.mark.parametrize("coded", CODED)
def test_single_frames_are_those_of_opencv(tmp_path, coded):
    path = write(tmp_path / "video.mp4", 90, **CODED[coded])
    truth = by_opencv(path)
    assert len(truth) == 90
    for numbers in ([0], [89], [41], [0, 1, 2], [5, 13, 14, 60, 89], range(90), range(0, 90, 7)):
        found = list(frames.read(path, numbers))
        np.testing.assert_array_equal(np.stack(found), truth[list(numbers)])


@pytest.mark.parametrize(
    "coded",
    [
        {"g": "20", "bf": "0"},
        {"g": "1000", "bf": "0", "pixel_format": "yuv420p"},
        {"codec": "mjpeg", "pixel_format": "yuvj420p"},
        {"codec": "mpeg4", "pixel_format": "yuv420p", "bf": "0", "g": "15"},
    ],
)
def test_single_frames_of_an_avi(tmp_path, coded):
    """It does not say when frames are shown, and H.264 is then shown a frame after it is read."""
    path = write(tmp_path / "video.avi", 90, **coded)
    truth = by_opencv(path)
    assert len(truth) == 90
    for numbers in ([0], [89], [41], [0, 45, 89], range(90)):
        found = list(frames.read(path, numbers))
        np.testing.assert_array_equal(np.stack(found), truth[list(numbers)])


def test_each_single_frame_can_be_reached(tmp_path):
    path = write(tmp_path / "video.mp4", 50, **CODED["open GOP"])
    truth = by_opencv(path)
    for number in range(50):
        (found,) = frames.read(path, [number])
        np.testing.assert_array_equal(found, truth[number], err_msg=str(number))


def test_frames_that_no_other_refers_to_are_not_decoded(tmp_path):
    path = write(tmp_path / "video.mp4", 90, bf="3", g="90")
    truth = by_opencv(path)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    times = sorted(packet.pts for packet in packets)
    content = bytearray(path.read_bytes())
    # 4 bytes of length, then the type of a slice that no other frame refers to (nal_ref_idc 0)
    unneeded = [packet for packet in packets if content[packet.pos + 4] == 0x01]
    assert len(unneeded) > 20
    for packet in unneeded:
        content[packet.pos + 5 : packet.pos + packet.size] = b"\x55" * (packet.size - 5)
    path.write_bytes(content)

    needed = set(times) - {packet.pts for packet in unneeded}
    for number in [times.index(time) for time in sorted(needed)][::5]:
        (found,) = frames.read(path, [number])
        np.testing.assert_array_equal(found, truth[number])
    with pytest.raises(DataError, match="cannot be decoded"):
        list(frames.read(path, [times.index(unneeded[3].pts)]))


def test_frames_are_read_as_they_are_needed(tmp_path):
    path = write(tmp_path / "video.mp4", 90, g="20")
    reader = frames.read(path, range(90))
    assert next(reader).shape == (HEIGHT, WIDTH)
    reader.close()


@pytest.mark.parametrize("numbers", [[90], [-1], [5, 1000]])
def test_frames_that_are_not_there(tmp_path, numbers):
    path = write(tmp_path / "video.mp4", 90)
    with pytest.raises(DataError, match="holds 90 frames"):
        list(frames.read(path, numbers))


def test_a_damaged_video_is_named(tmp_path):
    path = write(tmp_path / "video.mp4", 90, g="20")
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + len(content) // 3
    content[start : start + len(content) // 4] = bytes(len(content) // 4)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"video\.mp4: frame \d+ cannot be decoded"):
        list(frames.read(path, range(90)))


# samples


@pytest.mark.parametrize("n_frames", [201, 250, 1000, 54321])
def test_long_videos_are_sampled_as_by_ibllib(n_frames):
    expected = np.linspace(100, n_frames - 100, 100).astype(int)
    np.testing.assert_array_equal(frames.sample_numbers(n_frames), np.unique(expected))


@pytest.mark.parametrize("n_frames", [*range(1, 30), 99, 150, 199, 200])
def test_short_videos_are_sampled_inside_and_forwards(n_frames):
    # ibllib reads from 100 to n - 100 here too: backwards, or beyond the ends.
    numbers = frames.sample_numbers(n_frames)
    assert numbers.size == min(n_frames, numbers.size) > 0
    assert (np.diff(numbers) > 0).all()
    assert 0 <= numbers[0] <= numbers[-1] < n_frames
    assert numbers[-1] - numbers[0] >= 0.4 * n_frames - 1


def test_samples_come_with_what_the_file_announces(tmp_path):
    path = write(tmp_path / "video.mp4", 230, g="50")
    samples = frames.read_samples(path, 10)
    assert samples.n_frames == 230
    assert samples.rate == 30
    assert samples.size == (WIDTH, HEIGHT)
    np.testing.assert_array_equal(samples.frames, by_opencv(path)[samples.numbers])
    assert samples.numbers[0] == 100
    assert samples.numbers[-1] == 130
