"""Writes frames to the avi files that rigs make, and damages such files."""

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange

from rigsim.specification import Fault

CODECS = {
    "mjpeg": {"qmin": "3", "qmax": "3", "huffman": "default", "threads": "1"},
    "libx264": {"preset": "ultrafast", "crf": "20", "bf": "0", "threads": "1"},
}
"""Options of the encoders; one thread, because the bytes must not depend on the machine."""


def write_avi(
    path: Path, frames: Iterable[np.ndarray], size: tuple[int, int], fps: int, codec: str
) -> None:
    """Encode gray frames (height, width) uint8 as full-range yuvj420p at `fps` frames a second."""
    width, height = size
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream(codec, rate=fps, options=CODECS[codec])
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        stream.codec_context.color_range = ColorRange.JPEG
        for i, gray in enumerate(frames):
            frame = _gray_frame(gray)
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _gray_frame(gray: np.ndarray) -> av.VideoFrame:
    height, width = gray.shape
    frame = av.VideoFrame(width, height, "yuvj420p")
    for plane, values in zip(frame.planes, (gray, 128, 128), strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        rows[:, : plane.width] = values
    return frame


def damage_avi(path: Path, faults: Iterable[Fault]) -> None:
    """Cut a finished avi as its faults say; other faults are ignored."""
    for fault in faults:
        if fault in (Fault.TRUNCATED_AVI, Fault.UNFINISHED_TRANSFER):
            length = path.stat().st_size // 2
        elif fault == Fault.HEADER_ONLY_AVI:
            length = path.read_bytes().index(b"movi") + 4
        elif fault == Fault.EMPTY_AVI:
            length = 0
        else:
            continue
        with path.open("r+b") as file:
            file.truncate(length)
