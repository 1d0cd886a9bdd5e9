"""Each frame of an mp4 against that of its avi: every healthy one passes, no other one does."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from alfvideo.files.errors import DataError
from alfvideo.video import compare, compress, probe

SIZE = "size=160x128:rate=30"
CONTENTS = {
    "pattern": f"testsrc2={SIZE}",
    "noise": "nullsrc=s=160x128:r=30,geq=random(1)*255:128:128",
    "static": "color=c=gray:s=160x128:r=30,noise=alls=12:allf=t",
    "low light": f"testsrc2={SIZE},eq=brightness=-0.45:contrast=0.1,noise=alls=6:allf=t",
    "flashes": "color=c=gray:s=160x128:r=30,eq=eval=frame:brightness='0.4*not(mod(n,17))'",
    "blinking": "color=c=gray:s=160x128:r=30,eq=eval=frame:brightness='0.05*mod(n,2)'",
    "life": "life=s=160x128:r=30:mold=10:ratio=0.3:death_color=#222222:life_color=#dddddd",
    "tiny": "testsrc2=size=16x16:rate=30,noise=alls=10:allf=t",
    "black": "color=c=black:s=160x128:r=30",
}
FRAMES = 24
STORED = ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p")


@pytest.fixture
def make(tmp_path: Path, ffmpeg: Callable) -> Callable[..., Path]:
    """Make a raw video of a content, with options of ffmpeg."""

    def avi(content: str, *options: object) -> Path:
        path = tmp_path / f"{content.replace(' ', '_')}.avi"
        picture = ("-f", "lavfi", "-i", CONTENTS[content], "-frames:v", FRAMES)
        ffmpeg(*picture, *(options or STORED), path)
        return path

    return avi


def encode(source: Path, crf: int = 17) -> Path:
    target = source.with_suffix(".mp4")
    compress.encode(source, target, preset="veryfast", crf=crf, threads=1)
    return target


def agrees(source: Path, target: Path, crf: int = 17) -> bool:
    try:
        compare.check_every_frame([source], target, compare.quantiser_step(crf))
    except DataError:
        return False
    return True


@pytest.mark.parametrize("content", CONTENTS)
def test_healthy_at_each_quality(make: Callable, content: str):
    source = make(content)
    for crf in (0, 17, 29, 45):
        assert agrees(source, encode(source, crf), crf), crf


@pytest.mark.parametrize("stored", ["bgr24", "gray", "yuv420p", "yuv444p", "gray10le"])
def test_healthy_from_each_pixel_format(make: Callable, stored: str):
    source = make("pattern", "-c:v", "ffv1", "-pix_fmt", stored)
    assert agrees(source, encode(source))


def test_frames_that_were_copied_are_equal(make: Callable):
    source = make("pattern", "-c:v", "libx264", "-bf", "2")
    target = source.with_suffix(".mp4")
    compress.copy([source], target)
    compare.check_every_frame([source], target, 0)


def reorder(order: list[int]) -> str:
    """Write a filter that shows the frames in another order."""
    return f"shuffleframes={' '.join(map(str, order))}"


SWAPPED = [*range(20), 21, 20, *range(22, FRAMES)]
FROZEN = [*range(20), 19, *range(21, FRAMES)]
WRONG = {
    "two frames swapped": reorder(SWAPPED),
    "a frame twice": reorder(FROZEN),
    "backwards": reorder([*range(FRAMES)][::-1]),
    "all a frame late": reorder([0, *range(FRAMES - 1)]),
    "a gray frame": "drawbox=t=fill:color=gray:enable='eq(n,20)'",
    "a gray part": "drawbox=x=64:y=64:w=16:h=16:t=fill:color=gray:enable='eq(n,20)'",
    "mirrored": "hflip",
    "a pixel aside": "crop=159:128:1:0,pad=160:128",
    "darker": "eq=brightness=-0.05",
    "without colour": "hue=s=0",
    "another video": "negate",
}


@pytest.mark.parametrize("crf", [17, 29])
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_content(make: Callable, ffmpeg: Callable, wrong: str, crf: int):
    source = make("pattern")
    target = source.with_name("wrong.mp4")
    coded = ("-c:v", "libx264", "-crf", crf, "-preset", "veryfast", "-fps_mode", "passthrough")
    ffmpeg("-i", source, "-vf", f"{WRONG[wrong]},format=yuvj420p", *coded, target)
    assert probe.probe_whole(target).frames == FRAMES
    assert not agrees(source, target, crf)


@pytest.mark.parametrize("order", [SWAPPED, FROZEN])
def test_a_change_within_the_coding_noise_has_to_be_there(
    make: Callable, ffmpeg: Callable, order: list[int]
):
    """Every other frame is 13 gray levels brighter, and single means may differ by more."""
    source = make("blinking")
    target = source.with_name("wrong.mp4")
    assert compare.LEVELS[1][1] * compare.quantiser_step(29) > 13
    assert agrees(source, encode(source, 29), 29)
    ffmpeg("-i", source, "-vf", reorder(order), "-c:v", "libx264", "-crf", 10, target)
    with pytest.raises(DataError, match="a change from the frame before is missing"):
        compare.check_every_frame([source], target, compare.quantiser_step(29))


def test_another_video_of_the_same_length(make: Callable):
    source, other = make("pattern"), make("low light")
    assert not agrees(source, encode(other))


def damaged(content: bytes, seed: int) -> bytes:
    """Return the mp4 with one to 64 of its coded bytes wrong, or, by some seeds, cut."""
    dice = np.random.default_rng(seed)
    start = content.index(b"mdat") + 4
    length = int.from_bytes(content[start - 8 : start - 4], "big") - 8
    place = start + int(dice.integers(length - 64))
    if seed % 6 == 5:
        return content[:place]
    n = int(2 ** dice.integers(0, 7))
    return content[:place] + dice.bytes(n) + content[place + n :]


@pytest.mark.parametrize("content", ["pattern", "life"])
def test_damaged_bytes(make: Callable, content: str, tmp_path: Path):
    """Nearly all are seen; what passes shows each frame within the noise of the coding."""
    source = make(content)
    whole = encode(source).read_bytes()
    target, passed = tmp_path / "damaged.mp4", []
    for seed in range(30):
        target.write_bytes(damaged(whole, seed))
        if agrees(source, target):
            passed.append(largest_difference(source, target))
    assert len(passed) <= 6
    assert max(passed, default=0) < 1 + 1.5 * compare.quantiser_step(17)


def largest_difference(one: Path, two: Path) -> float:
    """Return the largest difference of two videos in the mean of 8x8 pixels."""
    pairs = zip(probe.decoded(one), probe.decoded(two), strict=True)
    most = 0.0
    for a, b in pairs:
        change = a.to_ndarray(format="gray").astype(float) - b.to_ndarray(format="gray")
        blocks = change.reshape(change.shape[0] // 8, 8, -1, 8).mean(axis=(1, 3))
        most = max(most, float(np.abs(blocks).max()))
    return most


def test_one_frame_less(make: Callable, ffmpeg: Callable, tmp_path: Path):
    source = make("pattern")
    target = tmp_path / "short.mp4"
    ffmpeg("-i", source, "-frames:v", FRAMES - 1, "-c:v", "libx264", target)
    with pytest.raises(DataError, match="has 23 frames of 160x128, expected 24"):
        compare.check_every_frame([source], target, compare.quantiser_step(23))


def test_the_message_names_the_frame(make: Callable, ffmpeg: Callable):
    source = make("pattern")
    target = source.with_name("wrong.mp4")
    box = "drawbox=t=fill:color=gray:enable='eq(n,20)',format=yuvj420p"
    ffmpeg("-i", source, "-vf", box, "-c:v", "libx264", target)
    with pytest.raises(DataError, match=r"frame 20 .*differs by \d+ gray levels.*is kept"):
        compare.check_every_frame([source], target, compare.quantiser_step(23))


def test_a_damaged_avi_is_not_its_mp4(make: Callable, tmp_path: Path):
    """Frames that cannot be decoded in the avi cannot be compared: it stays."""
    source = make("pattern")
    target = encode(source)
    kept = shutil.copyfile(source, tmp_path / "damaged.avi")
    content = bytearray(kept.read_bytes())
    start = content.index(b"00dc", len(content) // 2) + 8
    content[start : start + 400] = bytes(400)
    kept.write_bytes(content)
    assert not agrees(kept, target)
