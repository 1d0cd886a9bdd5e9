"""Batches of pictures hold each frame once, in order, with the context that a model asks for."""

import threading
import time
from itertools import chain

import numpy as np
import pytest

from alfvideo.pose.geometry import View
from alfvideo.pose.stream import NetworkInput, ahead, batch_length, batches
from alfvideo.video.region import Region

WHOLE = View(Region(0, 0, 2, 2), (2, 2), 2, mirrored=False)


def frames(n: int, first: int = 0) -> list[np.ndarray]:
    """Frames whose pixels are their number."""
    return [np.full((2, 2), number, np.uint8) for number in range(first, first + n)]


def numbers(pictures: np.ndarray) -> list[int]:
    return pictures[:, 0, 0].tolist()


@pytest.mark.parametrize("n_frames", [1, 2, 3, 4, 7, 8, 9, 20])
@pytest.mark.parametrize("length", [1, 3, 4, 64])
@pytest.mark.parametrize("contexts", [(0,), (2,), (0, 2), (1, 3)])
def test_every_frame_once_with_its_context(n_frames: int, length: int, contexts: tuple[int, ...]):
    inputs = {str(context): NetworkInput(WHOLE, context) for context in contexts}
    made = list(batches(frames(n_frames), inputs, length))
    for context in contexts:
        padded = [0] * context + list(range(n_frames)) + [n_frames - 1] * context
        start = 0
        for batch in made:
            seen = numbers(batch[str(context)])
            n = len(seen) - 2 * context
            assert 0 < n <= length
            assert seen == padded[start : start + n + 2 * context]
            start += n
        assert start == n_frames


@pytest.mark.parametrize("first", [1, 2, 5, 9])
def test_going_on_in_the_middle_gives_the_same(first: int):
    inputs = {"plain": NetworkInput(WHOLE, 0), "context": NetworkInput(WHOLE, 2)}
    whole = [0, 0, *range(10), 9, 9]
    before = min(first, 2)
    made = list(batches(frames(10 - first + before, first - before), inputs, 4, before))
    assert list(chain(*(numbers(batch["plain"]) for batch in made))) == list(range(first, 10))
    starts = [first, *(first + 4 * (i + 1) for i in range(len(made) - 1))]
    for start, batch in zip(starts, made, strict=True):
        seen = numbers(batch["context"])
        assert seen == whole[start : start + len(seen)]


def test_no_frames():
    assert list(batches([], {"a": NetworkInput(WHOLE, 2)}, 4)) == []


def test_frames_with_colour_among_gray_ones():
    colour = np.dstack([np.full((2, 2), value, np.uint8) for value in (1, 2, 3)])
    (batch,) = batches([*frames(1, first=9), colour], {"a": NetworkInput(WHOLE, 0)}, 8)
    assert batch["a"].shape == (2, 2, 2, 3)
    np.testing.assert_array_equal(batch["a"][:, 0, 0], [[9, 9, 9], [1, 2, 3]])


def test_batches_do_not_depend_on_the_length_of_the_video():
    assert batch_length(320, 256) == 64
    assert batch_length(1280, 1024) * 1280 * 1024 <= 32_000_000
    assert batch_length(10_000, 10_000) == 1


def test_ahead_gives_the_same_in_order():
    assert list(ahead({"n": np.array(i)} for i in range(50))) == [{"n": i} for i in range(50)]


def test_ahead_decodes_while_the_batch_before_is_used():
    made = []

    def slow():
        for i in range(10):
            made.append(i)
            yield {"n": np.array(i)}

    reader = ahead(slow(), waiting=2)
    next(reader)
    deadline = time.monotonic() + 20
    while len(made) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    assert len(made) == 4, "one in use, two ready and one in hand"
    reader.close()
    assert len(made) == 4


def test_ahead_passes_errors_on_and_stops_its_thread():
    def broken():
        yield {"n": np.array(0)}
        raise ValueError("frame 1")

    before = threading.active_count()
    with pytest.raises(ValueError, match="frame 1"):
        list(ahead(broken()))
    assert threading.active_count() == before
