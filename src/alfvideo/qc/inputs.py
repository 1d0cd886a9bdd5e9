"""Loading what the checks of a camera compare its video with: sync line, frame log, reference."""

from collections.abc import Sequence
from pathlib import Path

from alfvideo.array_types import Floats, Image
from alfvideo.qc import reference
from alfvideo.timing import bpod, camlog, embedded, sync
from alfvideo.timing.embedded import FrameData


def frame_data(files: Sequence[Path], collection: Path, camera: str) -> FrameData:
    """Read the embedded data of each frame, from a camlog or from the camera's own files."""
    if files and files[0].suffix == ".camlog":
        return camlog.load(files[0])
    return embedded.load(collection, camera)


def ttl_rises(files: Sequence[Path], namespace: str, label: str | None) -> Floats | None:
    """Read the rises of the sync line that is wired to a camera, (n,) float64, seconds.

    None if there is no recording of it, or nothing is wired.
    """
    if not files or label is None:
        return None
    folder = files[0].parent
    if any("taskData" in path.name for path in files):
        return bpod.sync_fronts(bpod.load(folder)).rises
    channel = sync.channel(sync.channel_map(folder, namespace), label, folder)
    return sync.load(folder, namespace).fronts(channel).rises


def reference_frame(path: str) -> Image | None:
    """Read the reference frame of a camera, (height, width) uint8; None if there is none."""
    return reference.load(Path(path)) if path else None
