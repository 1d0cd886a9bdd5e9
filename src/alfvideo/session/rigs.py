"""The kinds of rig: one row for each way in which the pulses of the cameras are recorded.

What the description of a session may name, which files are looked for, the rule that gives frames
their times and what checks read: all of it comes from here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from alfvideo.session import pulse_files
from alfvideo.timing import bpod, sync
from alfvideo.timing.sync import Fronts

if TYPE_CHECKING:
    from alfvideo.session.cameras import Camera, Session

NAMESPACE = "spikeglx"
"""Of sync arrays, where the description names no acquisition software."""


@dataclass(frozen=True)
class Rig:
    """A kind of rig: its name, its files, its rule, and who reads its lines."""

    name: str
    """The key in `sync` of the description."""
    rule: str
    """The rule that gives each frame its time."""
    files: tuple[Callable[["Session", "Camera"], list[Path]], ...]
    """Functions that list the files with the pulses; the first raises Blocked without them."""
    sync_line: Callable[[Sequence[Path], str, str], Fronts]
    """Reads the line wired to a camera's GPIO from these files, by namespace and label."""
    collection: str = ""
    """Where the files are if the description does not say; empty: with those of the task."""
    software: tuple[str, ...] = ()
    """Acquisition software that can be read, which is the namespace of the files; empty: any."""
    has_labels: bool = True
    """True if the `sync_label` of a camera says which line is wired to its GPIO."""
    records_wheel: bool = False
    """True if the encoder of the wheel is on lines of sync arrays. A camera whose GPIO is of no use
    is then timed by the wheel."""
    has_camlog: bool = False
    """True if videos are compressed already, with a camlog that has a row for each pulse."""
    crf: Literal["crf", "crf_bpod"] = "crf"
    """The key in `compression` of the configuration that its videos are compressed with."""
    version: int = 1
    """Of the algorithm of its rule: raised when times of the same files change."""


NIDQ = Rig(
    name="nidq",
    rule="video_sync_qc_nidq",
    files=(pulse_files.sync_arrays, pulse_files.wiring),
    sync_line=sync.sync_line,
    collection="raw_ephys_data",
    software=("spikeglx", "timeline", "openephys", "daq"),
    records_wheel=True,
    version=3,
)

BPOD = Rig(
    name="bpod",
    rule="video_sync_qc_bpod",
    files=(pulse_files.task_data,),
    sync_line=bpod.sync_line,
    has_labels=False,
    crf="crf_bpod",
    version=3,
)

CAMLOG = replace(NIDQ, rule="video_sync_qc_camlog", has_camlog=True, version=2)
"""Not a key of its own: `compressed` in the description of a camera tells it."""

RIGS = {rig.name: rig for rig in (NIDQ, BPOD)}
"""By the key in `sync` of the description."""

KINDS = (*RIGS.values(), CAMLOG)
"""All rows, each with another rule."""


def kind_of(session: "Session", camera: "Camera") -> Rig:
    """Return the row of a camera of a session."""
    return CAMLOG if camera.compressed else RIGS[session.sync]
