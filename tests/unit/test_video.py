"""Contents of a video, found by reading its packets, and messages about damaged ones."""

import subprocess
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from alfvideo.files.errors import DataError, MachineError
from alfvideo.video import frames, probe

NOBODY = 65534
FRAMES, RATE, SIZE = 60, 30, (64, 48)
PICTURE = ("-f", "lavfi", "-i", f"testsrc2=size=64x48:rate={RATE}:duration=2")


@pytest.fixture(scope="session")
def avi(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable) -> Path:
    path = tmp_path_factory.mktemp("video") / "a.avi"
    ffmpeg(*PICTURE, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", path)
    return path


@pytest.fixture(scope="session")
def mp4(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable) -> Path:
    path = tmp_path_factory.mktemp("video") / "a.mp4"
    ffmpeg(*PICTURE, "-c:v", "libx264", path)
    return path


def cut(source: Path, target: Path, length: int) -> Path:
    target.write_bytes(source.read_bytes()[:length])
    return target


def damaged(source: Path, target: Path) -> Path:
    """The first half of a packet in the middle of an avi is overwritten with zeros."""
    content = bytearray(source.read_bytes())
    start = content.index(b"00dc", len(content) // 2) + 8
    content[start : start + 400] = bytes(400)
    target.write_bytes(content)
    return target


@pytest.mark.parametrize("name", ["avi", "mp4"])
def test_healthy(request: pytest.FixtureRequest, name: str):
    path = request.getfixturevalue(name)
    found = probe.probe_whole(path)
    assert found.frames == found.indexed == found.announced == found.periods == FRAMES
    assert (found.width, found.height) == SIZE
    assert found.rate == Fraction(RATE)
    assert found.seconds == pytest.approx(FRAMES / RATE)
    assert found.whole
    assert not found.variable_rate
    assert probe.count_decoded(path) == FRAMES


def test_progress_is_called_for_each_frame(avi: Path):
    seen = []
    probe.count_decoded(avi, seen.append)
    assert seen == list(range(1, FRAMES + 1))


def test_rate_that_is_not_whole(tmp_path: Path, ffmpeg: Callable):
    path = tmp_path / "a.avi"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=30000/1001:d=1", "-c:v", "mjpeg", path)
    assert probe.probe(path).rate == Fraction(30000, 1001)


def test_variable_rate(tmp_path: Path, ffmpeg: Callable):
    path = tmp_path / "a.avi"
    dropped = "select='not(between(n,10,14))*not(eq(n,30))'"
    ffmpeg(*PICTURE, "-vf", dropped, "-fps_mode", "passthrough", "-c:v", "mjpeg", path)
    found = probe.probe_whole(path)
    assert (found.frames, found.periods) == (FRAMES - 6, FRAMES)
    assert found.variable_rate
    assert found.seconds == pytest.approx(FRAMES / RATE)


@pytest.mark.parametrize("fraction", [0.3, 0.5, 0.9])
def test_cut_avi(tmp_path: Path, avi: Path, fraction: float):
    path = cut(avi, tmp_path / "a.avi", int(fraction * avi.stat().st_size))
    with pytest.raises(DataError) as caught:
        probe.probe_whole(path)
    frames = probe.probe(path).frames
    assert 0 < frames < FRAMES
    text = str(caught.value)
    assert f"{path} holds {frames} frames, expected {FRAMES}" in text
    assert "Transfer it again from the rig" in text


def test_what_to_do_with_a_recording_that_broke_off(tmp_path: Path, avi: Path):
    """The command that the message names makes a whole file."""
    path = cut(avi, tmp_path / "a.avi", avi.stat().st_size // 2)
    with pytest.raises(DataError) as caught:
        probe.probe_whole(path)
    command = str(caught.value).rpartition("in its place: ")[2].split()
    subprocess.run([command[0], "-loglevel", "error", *command[1:]], cwd=tmp_path, check=True)
    whole = probe.probe_whole(tmp_path / "whole.avi").frames
    cut_packet = 1
    assert 0 <= probe.probe(path).frames - whole <= cut_packet
    assert probe.count_decoded(tmp_path / "whole.avi") == whole


def test_cut_mp4(tmp_path: Path, mp4: Path):
    path = cut(mp4, tmp_path / "a.mp4", mp4.stat().st_size // 2)
    with pytest.raises(DataError, match=r"a\.mp4 cannot be opened .*damaged or was cut"):
        probe.probe_whole(path)


@pytest.mark.parametrize("check", [probe.probe, probe.probe_whole, probe.count_decoded])
def test_files_that_are_no_video(tmp_path: Path, check: Callable):
    with pytest.raises(DataError, match=r"none\.avi is missing"):
        check(tmp_path / "none.avi")
    (tmp_path / "empty.avi").touch()
    with pytest.raises(DataError, match=r"empty\.avi is empty \(0 bytes\)"):
        check(tmp_path / "empty.avi")
    (tmp_path / "text.avi").write_text("no video " * 500)
    with pytest.raises(DataError, match=r"text\.avi cannot be opened as a video"):
        check(tmp_path / "text.avi")


def test_header_only(tmp_path: Path, avi: Path):
    path = cut(avi, tmp_path / "a.avi", avi.read_bytes().index(b"movi") + 4)
    with pytest.raises(DataError, match=r"a\.avi holds no frames"):
        probe.probe_whole(path)


def test_sound_alone(tmp_path: Path, ffmpeg: Callable):
    path = tmp_path / "a.avi"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "pcm_s16le", path)
    with pytest.raises(DataError, match="holds no video stream"):
        probe.probe(path)


def test_coded_frames_without_a_container(tmp_path: Path, ffmpeg: Callable):
    path = tmp_path / "a.avi"
    ffmpeg(*PICTURE, "-c:v", "libx264", "-f", "h264", path)
    with pytest.raises(DataError, match=r"a\.avi: frame 0 has no time"):
        probe.probe(path)


def test_damaged_packet_is_found_by_decoding(tmp_path: Path, avi: Path):
    path = damaged(avi, tmp_path / "a.avi")
    assert probe.probe_whole(path).frames == FRAMES
    with pytest.raises(DataError, match=r"a\.avi: frame \d+ (is damaged|cannot be decoded)"):
        probe.count_decoded(path)


def test_frame_that_the_decoder_patched_up_is_damaged(tmp_path: Path, ffmpeg: Callable):
    """The H.264 decoder hides damage in a part of a frame and goes on."""
    path = tmp_path / "a.mp4"
    picture = ("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30:duration=1")
    ffmpeg(*picture, "-c:v", "libx264", "-bf", "0", path)
    with probe.opened(path) as (container, stream):
        packet = [packet for packet in container.demux(stream) if packet.size][10]
    content = bytearray(path.read_bytes())
    start, length = packet.pos + 100, packet.size // 10
    content[start : start + length] = b"\x55" * length
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.mp4: frame 10 is damaged"):
        probe.count_decoded(path)


@pytest.mark.parametrize("name", ["a b'c\"d.avi", "ü%d$;&(x)[1]*?.avi", "concat:a|b.avi"])
def test_names(tmp_path: Path, avi: Path, name: str):
    path = cut(avi, tmp_path / name, avi.stat().st_size)
    assert probe.probe_whole(path).frames == FRAMES
    assert probe.count_decoded(path) == FRAMES


def test_no_permission_is_no_damage(avi: Path, become: Callable):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = cut(avi, Path(folder) / "a.avi", avi.stat().st_size)
        path.chmod(0)
        become(NOBODY)
        for read in (probe.probe_whole, probe.count_decoded, lambda p: list(frames.read(p, [0]))):
            with pytest.raises(MachineError, match=r"^No permission for .*a\.avi"):
                read(path)
        become(0)


ADVICE = [
    ("a.avi", False, "Transfer it again from the rig"),
    ("a.mp4", True, "Remove it and run again"),
    ("a.mp4", False, "Copy it again from where this session came from"),
]


@pytest.mark.parametrize("check", [probe.probe_whole, probe.count_decoded])
@pytest.mark.parametrize(("name", "has_avi", "advice"), ADVICE)
@pytest.mark.parametrize("kept", [0, 0.5])
def test_the_rig_has_no_mp4_to_transfer(
    tmp_path: Path, mp4: Path, check: Callable, name: str, has_avi: bool, advice: str, kept: float
):
    if has_avi:
        (tmp_path / "a.avi").touch()
    path = cut(mp4, tmp_path / name, int(kept * mp4.stat().st_size))
    with pytest.raises(DataError, match=advice) as caught:
        check(path)
    assert ("from the rig" in str(caught.value)) == (name == "a.avi")


def test_a_seek_that_fails_is_no_matter_of_permissions():
    """FFmpeg says -1, the number of EPERM, for an error that has none."""
    unknown = av.error.PermissionError(1, "Operation not permitted")
    refused = av.error.PermissionError(13, "Permission denied")
    assert probe.machine_error(unknown, Path("a.avi")) is None
    assert "No permission for a.avi" in str(probe.machine_error(refused, Path("a.avi")))
