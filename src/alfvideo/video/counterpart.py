"""A quick look whether an mp4 can be the encoding of a raw video, by its index and three frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from alfvideo.files.errors import DataError, MachineError
from alfvideo.video import compare, frames, probe

COARSE = compare.quantiser_step(51)
"""The quality of the mp4 is not known: only a frame of other content differs by more."""


@dataclass(frozen=True)
class Index:
    """Contents of the index of a video: `complete` if all that it names lies in the file."""

    frames: int
    width: int
    height: int
    complete: bool


def why_another(sources: Sequence[Path], target: Path) -> str:
    """Say why `target` is not the whole encoding of a video in one or more parts; else empty.

    If a part itself is not whole there is nothing better, and nothing is said.

    Raises
    ------
    MachineError
        If a file cannot be read for no fault of its own.
    """
    try:
        parts = [index(source) for source in sources]
        if not all(part.complete for part in parts):
            return ""
        starts = list(accumulate((part.frames for part in parts), initial=0))
        numbers = sorted(
            {
                start + number
                for start, part in zip(starts, parts, strict=False)
                for number in _numbers(part)
            }
        )
        pictures = [
            picture
            for source, part in zip(sources, parts, strict=True)
            for picture in frames.read(source, _numbers(part))
        ]
    except MachineError:
        raise
    except DataError:
        return ""
    try:
        coded = index(target)
        if not coded.complete:
            return "it was cut"
        if coded.frames != starts[-1]:
            return f"{coded.frames} frames, expected {starts[-1]}"
        for raw in parts:
            if (coded.width, coded.height) != (raw.width, raw.height):
                return f"{coded.width}x{coded.height} pixels, expected {raw.width}x{raw.height}"
        pairs = zip(pictures, frames.read(target, numbers), strict=True)
        for number, (one, other) in zip(numbers, pairs, strict=True):
            if compare.difference(one, other, COARSE):
                return f"frame {number} shows something else"
    except MachineError:
        raise
    except DataError:
        return "it cannot be read"
    return ""


def index(path: Path) -> Index:
    """Read the index of a video, and none of its frames.

    Raises
    ------
    DataError
        If it cannot be opened.
    """
    with probe.opened(path) as (container, stream):
        entries = stream.index_entries
        last = entries[-1] if len(entries) else None
        # The frame periods of an avi may hold no frame; elsewhere each has one.
        avi = container.format.name == "avi"
        announced = last.timestamp + 1 if last and avi else len(entries)
        inside = last is not None and max(e.pos + e.size for e in entries) <= path.stat().st_size
        return Index(
            frames=len(entries),
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            complete=inside and announced == stream.frames,
        )


def _numbers(video: Index) -> list[int]:
    """Return the numbers of the frames that are compared: first, middle and last."""
    return sorted({0, video.frames // 2, video.frames - 1})
