"""A quick look whether an mp4 can be the encoding of a raw video, by its index and three frames."""

from dataclasses import dataclass
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


def why_another(source: Path, target: Path) -> str:
    """Say why `target` is not the whole encoding of `source`; empty if it seems to be.

    If the source itself is not whole there is nothing better, and nothing is said.

    Raises
    ------
    MachineError
        If a file cannot be read for no fault of its own.
    """
    try:
        raw = index(source)
        if not raw.complete:
            return ""
        pictures = list(frames.read(source, _numbers(raw)))
    except MachineError:
        raise
    except DataError:
        return ""
    try:
        coded = index(target)
        if not coded.complete:
            return "it was cut"
        if coded.frames != raw.frames:
            return f"{coded.frames} frames, expected {raw.frames}"
        if (coded.width, coded.height) != (raw.width, raw.height):
            return f"{coded.width}x{coded.height} pixels, expected {raw.width}x{raw.height}"
        pairs = zip(pictures, frames.read(target, _numbers(raw)), strict=True)
        for number, (one, other) in zip(_numbers(raw), pairs, strict=True):
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
