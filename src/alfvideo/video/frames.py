"""Frames of a video by their numbers: some of them, or all from one on."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import av
import cv2
import numpy as np

from alfvideo.array_types import Image, Integers
from alfvideo.files.errors import DataError
from alfvideo.video import gray, upright
from alfvideo.video.probe import again, machine_error, opened


def picture(frame: av.VideoFrame) -> Image:
    """Convert a decoded frame to gray (height, width) or RGB (height, width, 3), upright, uint8.

    Gray only where there is no colour at all. The values are those of OpenCV.
    """
    values = gray.without_colour(frame)
    if values is not None:
        return values
    return np.asarray(cv2.cvtColor(upright.colours(frame), cv2.COLOR_BGR2RGB), np.uint8)


def from_number(path: Path, first: int) -> Iterator[av.VideoFrame]:
    """Yield all frames of a video from a number on, in order.

    Raises
    ------
    DataError
        If the video cannot be opened, or a frame is damaged.
    """
    number = first
    with opened(path) as (container, stream):
        stream.thread_type = "AUTO"
        times = _packet_times(container, stream)
        if first >= times.size:
            return
        _show_first_packet(container, stream)
        packets = _packets_from(container, stream, int(times[first]))
        try:
            for frame in _decoded(stream, packets):
                if frame.pts < times[first]:
                    continue
                if frame.is_corrupt:
                    raise _undecodable(path, number, "it is damaged")
                if number < times.size and frame.pts > times[number]:
                    raise _undecodable(path, number, "it is missing")
                yield frame
                number += 1
        except av.FFmpegError as error:
            raise machine_error(error, path) or _undecodable(
                path, number, error.strerror
            ) from error


def _decoded(
    stream: av.VideoStream, packets: Iterable["av.Packet[av.VideoStream]"]
) -> Iterator[av.VideoFrame]:
    for packet in packets:
        yield from stream.codec_context.decode(packet)
    yield from stream.codec_context.decode(None)


def read(path: Path, numbers: Iterable[int]) -> Iterator[av.VideoFrame]:
    """Yield frames of the given numbers, which increase, from 0; little more than these is decoded.

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
        _show_first_packet(container, stream)
        for wanted in _same_seek(times[numbers], _keyframe_times(stream, times)):
            found = 0
            try:
                for frame in _decode(container, stream, wanted):
                    found += 1
                    yield frame
            except av.FFmpegError as error:
                number = _number(times, wanted[found])
                raise machine_error(error, path) or _undecodable(
                    path, number, error.strerror
                ) from error
            if found < wanted.size:
                raise _undecodable(path, _number(times, wanted[found]), "no picture")


def _show_first_packet(container: av.container.InputContainer, stream: av.VideoStream) -> None:
    """Let the decoder see the first packet of a video that is then read from elsewhere.

    Only there x264 names its version, and FFmpeg reads 4:4:4 videos of versions before 151 wrong
    without it.
    """
    container.seek(stream.start_time or 0, stream=stream)
    with suppress(av.FFmpegError):
        stream.codec_context.decode(next(container.demux(stream)))
    stream.codec_context.flush_buffers()


def _presentation_times(container: av.container.InputContainer, stream: av.VideoStream) -> Integers:
    """Return the time of each frame in the order shown, (n,) int64, units of the stream.

    In a video of constant rate they follow from the index; else all packets are read.
    """
    decoding = np.array([entry.timestamp for entry in stream.index_entries], np.int64)
    steps = np.diff(decoding)
    if stream.start_time is not None and steps.size and (steps == steps[0]).all():
        start = stream.start_time
        if container.format.name == "avi":
            # Which knows only when frames are decoded; FFmpeg finds when they are shown.
            first = next(container.demux(stream))
            start = start if first.pts is None else first.pts
        times: Integers = start + np.arange(decoding.size) * steps[0]
        return times
    return _packet_times(container, stream)


def _packet_times(container: av.container.InputContainer, stream: av.VideoStream) -> Integers:
    """Read the time of each frame that is shown from all packets, in order, (n,) int64."""
    times = [
        packet.pts
        for packet in container.demux(stream)
        if packet.size and packet.pts is not None and not packet.is_discard
    ]
    return np.sort(np.array(times, np.int64))


def _keyframe_times(stream: av.VideoStream, times: Integers) -> Integers:
    """Return times of the keyframes: between two of them one seek is enough."""
    return times[[i for i, entry in enumerate(stream.index_entries) if entry.is_keyframe]]


def _same_seek(wanted: Integers, keyframes: Integers) -> list[Integers]:
    """Group times between the same keyframes."""
    after = np.searchsorted(keyframes, wanted, side="right")
    return [group for group in np.split(wanted, np.flatnonzero(np.diff(after)) + 1) if group.size]


def _decode(
    container: av.container.InputContainer, stream: av.VideoStream, wanted: Integers
) -> Iterator[av.VideoFrame]:
    """Yield frames of the wanted times, after one seek.

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
) -> Iterator["av.Packet[av.VideoStream]"]:
    """Yield coded frames from the last keyframe that is shown no later than a time."""
    container.seek(time, stream=stream)
    packets = (packet for packet in container.demux(stream) if packet.size)
    first = next(packets, None)
    if first is None:
        return
    if (
        (first.pts is not None and first.pts > time)
        and first.dts is not None
        and (first.pos is not None and first.pos > stream.index_entries[0].pos)
    ):
        # Frames that are shown before this keyframe come after it in the file.
        yield from _packets_from(container, stream, first.dts - 1)
        return
    yield first
    yield from packets


def _number(times: Integers, time: int) -> int:
    return int(np.searchsorted(times, time))


def _undecodable(path: Path, number: int, why: str | None) -> DataError:
    return DataError(f"{path}: frame {number} cannot be decoded ({why}). {again(path)}")
