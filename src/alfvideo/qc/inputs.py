"""Loading what the checks of a camera compare its video with: sync line, frame log, reference."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alfvideo.array_types import Floats, Image
from alfvideo.qc import reference
from alfvideo.session.rigs import RIGS
from alfvideo.timing import camlog, embedded
from alfvideo.timing.frame_data import FrameData


def frame_data(files: Sequence[Path], columns: Mapping[str, Any] | None = None) -> FrameData:
    """Read the embedded data of each frame, from a camlog or from the camera's own files.

    `columns` are those of a log of frames, as in `embedded.load`.
    """
    if files and files[0].suffix == ".camlog":
        return camlog.load(files[0])
    return embedded.load(files, columns)


def ttl_rises(files: Sequence[Path], rig: str, namespace: str, label: str | None) -> Floats | None:
    """Read the rises of the sync line that is wired to a camera, (n,) float64, seconds.

    `rig` is the kind that recorded it, a key of `RIGS`. None if there is no recording of it, or
    nothing is wired.
    """
    if not files or label is None:
        return None
    return RIGS[rig].sync_line(files, namespace, label).rises


def reference_frame(path: str) -> Image | None:
    """Read the reference frame of a camera, (height, width) uint8; None if there is none."""
    return reference.load(Path(path)) if path else None
