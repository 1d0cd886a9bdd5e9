"""Raw video to mp4: healthy, unusual and damaged videos, and what the check sees."""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from alfvideo.files.errors import DataError, MachineError
from alfvideo.video import compare, compress, counterpart, probe

FRAMES, RATE = 60, 30
PICTURE = ("-f", "lavfi", "-i", f"testsrc2=size=64x48:rate={RATE}:duration=2")


@pytest.fixture
def make(tmp_path: Path, ffmpeg: Callable) -> Callable[..., Path]:
    """Make a raw video with these options of ffmpeg."""

    def avi(*options: object, picture: tuple = PICTURE, name: str = "a.avi") -> Path:
        path = tmp_path / name
        ffmpeg(*picture, *(options or ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p")), path)
        return path

    return avi


def encode(source: Path, **options: object) -> tuple[probe.Video, Path]:
    target = source.with_suffix(".mp4")
    settings = {"preset": "ultrafast", "crf": 10, "threads": 1, **options}
    return compress.encode(source, target, **settings), target


def pictures(path: Path, pixel_format: str) -> np.ndarray:
    with probe.opened(path) as (container, stream):
        frames = [frame.to_ndarray(format=pixel_format) for frame in container.decode(stream)]
    return np.array(frames).astype(int)


def times(path: Path) -> list[float]:
    """Presentation times of the frames in seconds from the first."""
    with probe.opened(path) as (container, stream):
        stamps = sorted(p.pts for p in container.demux(stream) if p.size)
        return [float((stamp - stamps[0]) * stream.time_base) for stamp in stamps]


def test_healthy(make: Callable):
    source = make()
    described, target = encode(source)
    assert described == probe.probe(source)
    result = probe.probe_whole(target)
    assert (result.codec, result.frames, result.rate) == ("h264", FRAMES, Fraction(RATE))
    assert np.abs(pictures(source, "gray") - pictures(target, "gray")).mean() < 3


def test_settings_reach_the_encoder(make: Callable):
    source = make()
    sizes = []
    for crf in (10, 30, 45):
        _, target = encode(source, crf=crf)
        sizes.append(target.stat().st_size)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 2 * sizes[2]
    _, target = encode(source, preset="medium")
    assert b"subme=7" in target.read_bytes(), "x264 writes the settings of its preset in the file"
    assert b"crf=10.0" in target.read_bytes()


def test_the_same_source_gives_the_same_bytes(make: Callable):
    source = make()
    first = encode(source)[1].read_bytes()
    assert encode(source)[1].read_bytes() == first


@pytest.mark.parametrize(
    ("options", "source_format", "target_format"),
    [
        (("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"), "yuvj420p", "yuvj420p"),
        (("-c:v", "mjpeg", "-pix_fmt", "yuvj422p"), "yuvj422p", "yuvj422p"),
        (("-c:v", "rawvideo", "-pix_fmt", "bgr24"), "bgr24", "yuv444p"),
        (("-c:v", "rawvideo", "-pix_fmt", "gray"), "gray", "yuvj420p"),
        (("-c:v", "ffv1", "-pix_fmt", "gray"), "gray", "yuvj420p"),
    ],
)
def test_colour_is_kept(
    make: Callable, options: tuple[str, ...], source_format: str, target_format: str
):
    source = make(*options)
    described, target = encode(source)
    assert described.pixel_format == source_format
    assert probe.probe(target).pixel_format == target_format
    difference = np.abs(pictures(source, "rgb24") - pictures(target, "rgb24"))
    assert difference.mean() < 4
    assert np.abs(np.diff(pictures(target, "rgb24"), axis=-1)).mean() > 20 or (
        source_format == "gray"
    )


@pytest.mark.parametrize(
    ("stored", "size"),
    [
        (("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"), (65, 49)),
        (("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"), (64, 49)),
        (("-c:v", "mjpeg", "-pix_fmt", "yuvj422p"), (65, 48)),
        (("-c:v", "mjpeg", "-pix_fmt", "yuvj444p"), (65, 49)),
        (("-c:v", "rawvideo", "-pix_fmt", "gray"), (65, 49)),
        (("-c:v", "rawvideo", "-pix_fmt", "bgr24"), (65, 49)),
        (("-c:v", "rawvideo", "-pix_fmt", "yuv420p"), (65, 49)),
        (("-c:v", "ffv1", "-pix_fmt", "gray10le"), (65, 49)),
    ],
)
def test_sides_of_odd_length(make: Callable, stored: tuple[str, ...], size: tuple[int, int]):
    """Half a colour sample cannot be kept in 4:2:0; no pixel is added, lost or moved."""
    source = make("-vf", f"scale={size[0]}:{size[1]}", *stored)
    assert (probe.probe(source).width, probe.probe(source).height) == size
    _, target = encode(source)
    result = probe.probe(target)
    assert (result.width, result.height) == size
    assert np.abs(pictures(source, "gray") - pictures(target, "gray")).mean() < 3
    compare.check_every_frame([source], target, compare.quantiser_step(10))


def test_sound_is_copied(make: Callable):
    both = (*PICTURE, "-f", "lavfi", "-i", "sine=frequency=400:duration=2")
    source = make("-c:v", "mjpeg", "-c:a", "pcm_s16le", picture=both)
    described, target = encode(source)
    assert described.frames == FRAMES
    with av.open(str(source)) as before, av.open(str(target)) as after:
        sound = [b"".join(bytes(p) for p in c.demux(audio=0)) for c in (before, after)]
    assert len(sound[0]) == 2 * 2 * 44100
    assert sound[0] == sound[1]


def test_variable_rate_keeps_each_frame_once_at_its_time(make: Callable):
    dropped = [10, 11, 12, 13, 14, 30]
    select = "select='not(between(n,10,14))*not(eq(n,30))'"
    source = make("-vf", select, "-fps_mode", "passthrough", "-c:v", "mjpeg")
    described, target = encode(source)
    assert described.variable_rate
    note = compress.variable_rate_note(described)
    assert f"{FRAMES - 6} frames in {FRAMES} frame periods" in note
    kept = [n / RATE for n in range(FRAMES) if n not in dropped]
    assert times(target) == pytest.approx(kept, abs=1e-4)


def test_copy_does_not_encode_again(make: Callable):
    source = make("-c:v", "libx264", "-bf", "0")
    target = source.with_suffix(".mp4")
    compress.copy([source], target)
    np.testing.assert_array_equal(pictures(source, "gray"), pictures(target, "gray"))
    assert probe.probe(target).rate == RATE
    assert times(target) == pytest.approx([n / RATE for n in range(FRAMES)], abs=1e-4)


def test_copy_of_frames_stored_out_of_order(make: Callable):
    source = make("-c:v", "libx264", "-bf", "3")
    target = source.with_suffix(".mp4")
    described = compress.copy([source], target)
    assert (described.frames, probe.probe(target).frames) == (FRAMES, FRAMES)
    assert times(target) == pytest.approx([n / RATE for n in range(FRAMES)], abs=1e-4)
    np.testing.assert_array_equal(pictures(source, "gray"), pictures(target, "gray"))


@pytest.mark.parametrize("rate", ["30", "60.004", "30000/1001"])
@pytest.mark.parametrize("coded", [("libx264", "-bf", 0), ("libx264", "-bf", 3), ("mjpeg",)])
def test_parts_of_a_recording_become_one(make: Callable, tmp_path: Path, coded: tuple, rate: str):
    parts = []
    for n, frames in enumerate([17, 1, 31, 8]):
        picture = ("-f", "lavfi", "-i", f"testsrc2=size=64x48:rate={rate}")
        shown = ("-vf", f"hue=h={60 * n}", "-pix_fmt", "yuvj420p", "-frames:v", frames)
        parts.append(make(*shown, "-c:v", *coded, picture=picture, name=f"a_{n:08d}.avi"))
    target = tmp_path / "a.mp4"
    described = compress.copy(parts, target)
    result = probe.probe_whole(target)
    assert described.frames == result.frames == 57
    assert float(result.rate) == pytest.approx(float(Fraction(rate)), abs=1e-4)
    assert times(target) == pytest.approx([n / float(Fraction(rate)) for n in range(57)], abs=1e-4)
    whole = np.concatenate([pictures(part, "gray") for part in parts])
    np.testing.assert_array_equal(pictures(target, "gray"), whole)
    compare.check_every_frame(parts, target, 0)
    assert not counterpart.why_another(parts, target)
    assert counterpart.why_another(parts[:3], target) == "57 frames, expected 49"
    assert "shows something else" in counterpart.why_another([*parts[2:], *parts[:2]], target)


def test_parts_that_are_not_of_one_recording(make: Callable, tmp_path: Path):
    other = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1")
    parts = [make(name="a_00000000.avi"), make(picture=other, name="a_00000001.avi")]
    with pytest.raises(
        DataError, match=r"a_00000001\.avi cannot be joined .* its rate is 25, not 30"
    ):
        compress.copy(parts, tmp_path / "a.mp4")
    cut(parts[1], parts[1].stat().st_size // 2)
    with pytest.raises(DataError, match=r"a_00000001\.avi holds \d+ frames, expected"):
        compress.copy(parts, tmp_path / "a.mp4")


def cut(path: Path, length: int) -> None:
    os.truncate(path, length)


DAMAGE = {
    "cut in half": (lambda p: cut(p, p.stat().st_size // 2), r"holds \d+ frames, expected 60"),
    "empty": (lambda p: cut(p, 0), r"is empty \(0 bytes\)"),
    "header only": (lambda p: cut(p, p.read_bytes().index(b"movi") + 4), "holds no frames"),
    "missing": (lambda p: p.unlink(), "is missing"),
    "no video": (lambda p: p.write_text("text " * 1000), "cannot be opened as a video"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_source_is_refused_before_work(make: Callable, damage: str):
    source = make()
    spoil, message = DAMAGE[damage]
    spoil(source)
    with pytest.raises(DataError, match=message) as caught:
        encode(source)
    assert str(source) in str(caught.value)
    assert not source.with_suffix(".mp4").exists()


def test_damaged_frame_in_the_middle(make: Callable):
    source = make()
    content = bytearray(source.read_bytes())
    start = content.index(b"00dc", len(content) // 2) + 8
    content[start : start + 400] = bytes(400)
    source.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.avi: .*59 frames.*expected 60.*The avi is kept"):
        encode(source)
    assert source.read_bytes() == content


def test_ffmpeg_that_is_not_there(make: Callable, tmp_path: Path):
    nowhere = tmp_path / "bin" / "ffmpeg"
    with pytest.raises(DataError, match=f"{nowhere}.*Correct `ffmpeg` in the configuration"):
        encode(make(), ffmpeg=str(nowhere))


@pytest.mark.parametrize("mode", [0o644, None])
def test_ffmpeg_that_is_no_program(make: Callable, tmp_path: Path, mode: int | None):
    """A text file, or a folder."""
    program = tmp_path / "ffmpeg"
    if mode is None:
        program.mkdir()
    else:
        program.touch(mode)
    with pytest.raises(DataError, match=f"{program}.*Correct `ffmpeg` in the configuration"):
        encode(make(), ffmpeg=str(program))


def test_ffmpeg_that_fails(make: Callable, tmp_path: Path):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho 'Unknown encoder libx264' >&2\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(DataError, match=r"failed with status 3 \(Unknown encoder libx264\)"):
        encode(make(), ffmpeg=str(program))


def test_a_named_ffmpeg_is_used(make: Callable, tmp_path: Path):
    program = tmp_path / "my ffmpeg"
    program.symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    _, target = encode(make(), ffmpeg=str(program))
    assert probe.probe(target).frames == FRAMES


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no program called mount")
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_full_disk(make: Callable, small_disk: Path):
    noise = ("-f", "lavfi", "-i", "nullsrc=s=320x240:r=30:d=2,geq=random(1)*255:128:128")
    source = make(picture=noise)
    with pytest.raises(DataError, match=r"disk is full while writing .*(a\.mp4|mp4 of .*a\.avi)"):
        compress.encode(source, small_disk / "a.mp4", preset="ultrafast", crf=1, threads=1)
    assert probe.probe_whole(source).frames == FRAMES


SIGNALS = {
    "KILL": "ended by signal 9 .*memory",
    "XFSZ": "ended by signal 25 .*limit of the size of a file",
    "TERM": "ended by signal 15 .*queue",
    "SEGV": "ended by signal 11 .*defect of that program",
}


@pytest.mark.parametrize("name", SIGNALS)
def test_killed_ffmpeg_is_the_fault_of_the_machine(make: Callable, tmp_path: Path, name: str):
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\nulimit -c 0\nkill -{name} $$\n")
    program.chmod(0o755)
    target = tmp_path / "killed.mp4"
    with pytest.raises(MachineError, match=SIGNALS[name]):
        compress.encode(make(), target, preset="ultrafast", crf=1, threads=1, ffmpeg=str(program))


def test_a_limit_of_the_size_of_files(make: Callable, tmp_path: Path):
    program = tmp_path / "ffmpeg"
    program.write_text(f'#!/bin/sh\nulimit -f 4\nexec "{imageio_ffmpeg.get_ffmpeg_exe()}" "$@"\n')
    program.chmod(0o755)
    with pytest.raises(MachineError, match=r"limit of the size of a file|larger than this user"):
        encode(make(), ffmpeg=str(program))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("a.mp4: Disk quota exceeded", "quota of this user is used up"),
        ("a.avi: Permission denied", "No permission for"),
        ("a.mp4: Read-only file system", "can only be read"),
    ],
)
def test_what_ffmpeg_says_of_the_machine(make: Callable, tmp_path: Path, said: str, message: str):
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\necho '[out#0/mp4 @ 0x1] [error] {said}' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(MachineError, match=message):
        encode(make(), ffmpeg=str(program))


def test_the_first_error_of_ffmpeg_is_shown(make: Callable):
    source = make()
    with pytest.raises(
        DataError, match=r"failed with status \d+ \(Error setting preset/tune nothing"
    ):
        encode(source, preset="nothing")


WRONG = {
    "a frame less": (("-frames:v", "59"), PICTURE, "59 frames of 64x48, expected 60 of 64x48"),
    "another width": ((), "size=66x48:rate=30", "60 frames of 66x48, expected 60 of 64x48"),
    "another height": ((), "size=64x50:rate=30", "60 frames of 64x50, expected 60 of 64x48"),
    "another rate": (("-frames:v", "60"), "size=64x48:rate=29", "the frame rate is not the same"),
    "a rate nearly right": (("-frames:v", "60"), "size=64x48:rate=300/11", "frame rate is not"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_check_sees_a_wrong_mp4(make: Callable, tmp_path: Path, ffmpeg: Callable, wrong: str):
    source = make()
    options, picture, message = WRONG[wrong]
    if isinstance(picture, str):
        picture = ("-f", "lavfi", "-i", f"testsrc2={picture}:duration=3", "-frames:v", "60")
    target = tmp_path / "wrong.mp4"
    ffmpeg(*picture, *options, "-c:v", "libx264", target)
    with pytest.raises(DataError, match=message) as caught:
        compress.check(probe.probe(source), source, target)
    assert "The avi is kept" in str(caught.value)


def test_check_passes_a_right_mp4(make: Callable, tmp_path: Path, ffmpeg: Callable):
    source = make()
    target = tmp_path / "right.mp4"
    ffmpeg("-i", source, "-c:v", "libx264", target)
    compress.check(probe.probe(source), source, target)


def test_check_sees_a_cut_or_damaged_mp4(make: Callable, tmp_path: Path, ffmpeg: Callable):
    source = make()
    target = tmp_path / "a.mp4"
    ffmpeg("-i", source, "-c:v", "libx264", "-movflags", "faststart", target)
    content = target.read_bytes()
    target.write_bytes(content[: int(0.8 * len(content))])
    with pytest.raises(DataError, match=r"a\.mp4"):
        compress.check(probe.probe(source), source, target)


def test_check_decodes(make: Callable, tmp_path: Path, ffmpeg: Callable):
    """An mp4 with the right number of packets, one of which cannot be decoded."""
    source = make()
    target = tmp_path / "a.mp4"
    ffmpeg("-i", source, "-c:v", "libx264", "-g", "1", target)
    content = bytearray(target.read_bytes())
    middle = content.index(b"mdat") + len(content) // 2
    content[middle : middle + 800] = b"\xff" * 800
    target.write_bytes(content)
    assert probe.probe_whole(target).frames == FRAMES
    with pytest.raises(DataError):
        compress.check(probe.probe(source), source, target)


def test_half_a_frame_period_is_allowed(make: Callable):
    source = make()
    described, target = encode(source)
    period = 1 / RATE
    compress.check(replace(described, seconds=described.seconds + 0.4 * period), source, target)
    with pytest.raises(DataError, match="frame rate is not the same"):
        compress.check(replace(described, seconds=described.seconds + 0.6 * period), source, target)
