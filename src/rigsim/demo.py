"""The sessions of the demo: one of each kind of rig, and one that is still being transferred."""

import sys
from pathlib import Path

from rigsim import Fault, Rig, render, truth

SESSIONS = (
    Rig(kind="spikeglx", lab="demolab", subject="KB001", date="2026-01-05", seconds=12, scale=0.25),
    Rig(kind="timeline", lab="demolab", subject="KB002", date="2026-01-06", seconds=12, scale=0.25),
    Rig(kind="bpod", lab="demolab", subject="KB003", date="2026-01-07", seconds=20, scale=0.25),
    Rig(kind="camlog", lab="demolab", subject="KB004", date="2026-01-08", seconds=12, scale=0.25),
    Rig(
        kind="bpod",
        lab="demolab",
        subject="KB003",
        date="2026-01-09",
        seconds=5,
        scale=0.25,
        faults={"left": (Fault.UNFINISHED_TRANSFER,)},
    ),
)


def render_missing(root: Path) -> Path:
    """Render the sessions that are not below `root` yet, and return it.

    A session of which the rendering was stopped halfway is rendered again.
    """
    for rig in SESSIONS:
        complete = truth.truth_folder(root, rig) / "complete"
        if not complete.exists():
            print(f"Rendering the demo session {rig.session}", file=sys.stderr)
            render(root, rig)
            complete.touch()
    return root
