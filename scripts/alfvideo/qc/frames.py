"""Reading some frames of a video as gray images, decoding little more than these frames."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import Interpolation

from alfvideo import gray
from alfvideo.errors import DataError
from alfvideo.video import opened

N_SAMPLES = 100
_MARGIN = 100
"""Frames at either end of a video that are not sampled, as in ibllib."""


def sample_numbers(n_frames: int, n_samples: int = N_SAMPLES) -> np.ndarray:
    """Numbers of evenly spaced frames, (m,) int64, increasing, at most `n_samples`.

    100 frames are left out at either end, in videos of up to 200 frames a quarter of them.

    >>> sample_numbers(1000, 5), sample_numbers(8, 5), sample_numbers(0)
    (array([100, 300, 500, 700, 900]), array([2, 3, 4, 5, 6]), array([], dtype=int64))
    """
    if n_frames < 1:
        return np.empty(0, np.int64)
    margin = _MARGIN if n_frames > 2 * _MARGIN else n_frames // 4
    last = min(n_frames - margin, n_frames - 1)
    return np.unique(np.linspace(margin, last, n_samples).astype(np.int64))


class Samples(NamedTuple):
    """Evenly spaced frames of a video, and what its file announces."""

    n_frames: int
    """Number of frames in the whole video."""
    rate: float
    """Frames per second."""
    numbers: np.ndarray
    """(m,) int64, of the sampled frames."""
    frames: np.ndarray
    """(m, height, width) uint8, gray."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.frames.shape[2], self.frames.shape[1]


def read_samples(path: Path, n_samples: int = N_SAMPLES) -> Samples:
    """Read evenly spaced frames of a video, as `sample_numbers` and `read`."""
    with opened(path) as (_, stream):
        n_frames, rate = len(stream.index_entries), float(stream.average_rate or 0)
        shape = stream.codec_context.height, stream.codec_context.width
    numbers = sample_numbers(n_frames, n_samples)
    frames = np.empty((numbers.size, *shape), np.uint8)
    for place, frame in enumerate(read(path, numbers)):
        frames[place] = frame
    return Samples(n_frames, rate, numbers, frames)


def read(path: Path, numbers: Iterable[int]) -> Iterator[np.ndarray]:
    """Gray frames (height, width) uint8 of the given numbers, which increase, from 0.

    They are the same to the bit as the first channel that `cv2.VideoCapture` gives.

    Raises
    ------
    DataError
        If the video cannot be opened, or a frame is not there or cannot be decoded.
    """
    with opened(path) as (container, stream):
        times = _presentation_times(container, stream)
        numbers = np.asarray(numbers, np.int64)
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < times.size:
            raise DataError(
                f"{path} holds {times.size} frames: frame {numbers.max()} cannot be read. Check "
                "that the video is whole."
            )
        stream.thread_type = "AUTO"
        for wanted in _same_seek(times[numbers], _keyframe_times(stream, times)):
            found = 0
            try:
                for frame in _decode(container, stream, wanted):
                    found += 1
                    yield first_channel(frame)
            except av.FFmpegError as error:
                raise _undecodable(path, times, wanted[found], error.strerror) from error
            if found < wanted.size:
                raise _undecodable(path, times, wanted[found], "no picture")


def first_channel(frame: av.VideoFrame) -> np.ndarray:
    """The first channel of the picture as OpenCV has it (blue), (height, width) uint8, a copy.

    In pictures without colour it is the gray value.
    """
    values = gray.without_colour(frame)
    if values is None:
        values = frame.to_ndarray(format="bgr24", interpolation=Interpolation.BICUBIC)[:, :, 0]
    return values


def _presentation_times(
    container: av.container.InputContainer, stream: av.VideoStream
) -> np.ndarray:
    """Time of each frame in the order in which they are shown, (n,) int64, units of the stream.

    In a video of constant rate they follow from the index; else all packets are read.
    """
    decoding = np.array([entry.timestamp for entry in stream.index_entries], np.int64)
    steps = np.diff(decoding)
    if stream.start_time is not None and steps.size and (steps == steps[0]).all():
        return stream.start_time + np.arange(decoding.size) * steps[0]
    times = [packet.pts for packet in container.demux(stream) if packet.size]
    return np.sort(np.array([time for time in times if time is not None], np.int64))


def _keyframe_times(stream: av.VideoStream, times: np.ndarray) -> np.ndarray:
    """Times of the keyframes: between two of them one seek is enough."""
    return times[[i for i, entry in enumerate(stream.index_entries) if entry.is_keyframe]]


def _same_seek(wanted: np.ndarray, keyframes: np.ndarray) -> list[np.ndarray]:
    """Groups of times between the same keyframes."""
    after = np.searchsorted(keyframes, wanted, side="right")
    return [group for group in np.split(wanted, np.flatnonzero(np.diff(after)) + 1) if group.size]


def _decode(
    container: av.container.InputContainer, stream: av.VideoStream, wanted: np.ndarray
) -> Iterator[av.VideoFrame]:
    """Frames of the wanted times, after one seek.

    Frames that no other refers to are skipped unless they are wanted themselves; the decoder is
    drained after the last wanted packet, so nothing after it is decoded.
    """
    decoder, remaining = stream.codec_context, set(wanted.tolist())
    for packet in _packets_from(container, stream, int(wanted[0])):
        decoder.skip_frame = "DEFAULT" if packet.pts in remaining else "NONREF"
        remaining.discard(packet.pts)
        yield from (frame for frame in decoder.decode(packet) if frame.pts in wanted)
        if not remaining:
            break
    yield from (frame for frame in decoder.decode(None) if frame.pts in wanted)


def _packets_from(
    container: av.container.InputContainer, stream: av.VideoStream, time: int
) -> Iterator[av.Packet]:
    """Coded frames from the last keyframe that is shown no later than a time."""
    container.seek(time, stream=stream)
    packets = (packet for packet in container.demux(stream) if packet.size)
    first = next(packets, None)
    if first is None:
        return
    if first.pts > time and not first.pos <= stream.index_entries[0].pos:
        # Frames that are shown before this keyframe come after it in the file.
        yield from _packets_from(container, stream, first.dts - 1)
        return
    yield first
    yield from packets


def _undecodable(path: Path, times: np.ndarray, time: int, why: str) -> DataError:
    number = int(np.searchsorted(times, time))
    return DataError(
        f"{path}: frame {number} cannot be decoded ({why}). Compress the raw video again."
    )
