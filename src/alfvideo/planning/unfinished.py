"""Work that is left although outputs are there: a raw video to remove, an mp4 of another program.

Other programs leave mp4s beside raw videos, some of them half or of another recording. What is not
the encoding of the raw video is set aside before it is regenerated: Snakemake deletes outputs. So
is an mp4 whose raw video changed: if that was damaged, the mp4 is what is left of the recording.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from alfvideo.configuration import Configuration
from alfvideo.files import aside
from alfvideo.jobs import provenance
from alfvideo.jobs.provenance import Entry
from alfvideo.session import datasets
from alfvideo.session.cameras import Camera, Session

Unfinished = Callable[[Session, Camera, Configuration, Mapping[str, Entry]], str]
"""Says what is left to do for a camera, empty if nothing; gets the session's records."""

NOT_OF_THE_AVI = "mp4 not of the avi: "
"""Begins the reason why an mp4 is set aside."""

_AVI_CHANGED = re.compile(r"\.avi\b.* changed")
"""The reason to regenerate an mp4 whose raw video is another file now."""

NO_CHECKSUM = "mp4 has no checksum on record"
"""The reason to regenerate one that seems right, as of a job that was killed, but may not replace
the avi."""


def raw_video_is_there(
    session: Session, camera: Camera, config: Configuration, records: Mapping[str, Entry]
) -> str:
    """Say that a raw video is there, which was to be removed."""
    return "avi still there"


def mp4_is_another(
    session: Session, camera: Camera, config: Configuration, records: Mapping[str, Entry]
) -> str:
    """Say why an mp4 is not the encoding of the raw video beside it.

    One that is on record, with its size if the record has that, is not looked at.
    """
    mp4 = datasets.path(datasets.RAW_MP4, session, camera)
    session.lookups.files.add(str(mp4))
    size = session.stat(str(mp4)).st_size
    made = records.get(provenance.relative(mp4, session.path))
    if made is not None and made.get("output", {}).get("size", size) == size:
        return ""
    # Slow to load, and seldom needed.
    from alfvideo.video import counterpart

    if reason := counterpart.why_another(datasets.avi(session, camera), mp4):
        return f"{NOT_OF_THE_AVI}{reason}"
    if made is None and not config.keep_avi:
        return NO_CHECKSUM
    return ""


def set_aside(outputs: Iterable[Path], reason: str) -> bool:
    """Set outputs aside that are not what they should be, if that is the reason to make them.

    Returns whether any was there.
    """
    if not (reason.startswith(NOT_OF_THE_AVI) or _AVI_CHANGED.search(reason)):
        return False
    found = [each for each in outputs if each.exists()]
    for output in found:
        kept = aside.set_aside(output)
        print(f"{output}: {reason}. It is set aside as {kept.name}.", file=sys.stderr)
    return bool(found)
