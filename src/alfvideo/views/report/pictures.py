"""The pictures and clips of a session, and what they show."""

import errno
import os
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

from jinja2 import Environment

from alfvideo.files import labels, regular
from alfvideo.planning.pending import Status
from alfvideo.session import datasets, folders
from alfvideo.trackers import TRACKERS

MAX_BYTES = 500_000_000
"""Bytes of a picture or clip that is shown; those of alfvideo have some millions at most."""

_OF_CAMERA = re.compile(rf"({labels.PATTERN})Camera[._].+")
_TITLES = {
    Path(datasets.VIDEO_QC_PICTURE).name: ("Camera QC, {camera} camera", "video_qc"),
    Path(datasets.POSE_CLIP).name: ("Clip of the pose, {camera} camera", "pose_clip"),
    **{
        Path(datasets.POSE_PICTURE[name]).name: (tracker.picture_title, "pose")
        for name, tracker in TRACKERS.items()
    },
}
"""Title and caption by the name of the file, for known ones."""


@dataclass(frozen=True)
class Picture:
    """A picture (.png) or clip (.mp4); `camera` is empty if it is of all cameras."""

    file: Path
    camera: str
    title: str
    caption: str

    @property
    def is_clip(self) -> bool:
        """True if it is a video."""
        return self.file.suffix == ".mp4"


def pictures(path: Path, cameras: Collection[str]) -> list[Picture]:
    """List what is in the folder `snapshot` of a session, of these cameras and of all."""
    found = [_picture(file) for file, problem in _files(path) if not problem]
    selected = (picture for picture in found if picture.camera in ("", *cameras))
    return sorted(selected, key=lambda picture: (picture.is_clip, picture.title))


def problems(path: Path) -> list[str]:
    """Say which files in the folder `snapshot` of a session are not shown, and why."""
    return [f"{file.name} is not shown: {problem}." for file, problem in _files(path) if problem]


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the pictures and clips of a session, with the reason if they are not its own files."""
    folder = path / "snapshot"
    try:
        names = [name for name in folders.listing(folder) if name.endswith((".png", ".mp4"))]
    except OSError as error:
        yield folder, error.strerror or str(error)
        return
    for name in names:
        if not name.startswith("."):
            try:
                os.close(open_own(folder / name, path))
                yield folder / name, ""
            except OSError as error:
                yield folder / name, error.strerror or str(error)


def open_own(file: Path, session: Path) -> int:
    """Open a picture or clip for reading if it is a file of the session itself.

    Raises
    ------
    OSError
        If it is a link out of the session, no regular file, too large, or may not be read.
    """
    descriptor = regular.open_for_reading(regular.inside(file, session))
    if os.fstat(descriptor).st_size > MAX_BYTES:
        os.close(descriptor)
        raise regular.NotRegular(errno.EFBIG, f"it has more than {MAX_BYTES:,} bytes", str(file))
    return descriptor


def below(statuses: Iterable[Status], cameras: Collection[str]) -> list[str]:
    """List the pictures, clips left out, of all sessions that a scan found."""
    return [
        str(picture.file)
        for path in dict.fromkeys(status.session for status in statuses)
        for picture in pictures(path, cameras)
        if not picture.is_clip
    ]


def _picture(file: Path) -> Picture:
    of_camera = _OF_CAMERA.fullmatch(file.name)
    camera = of_camera[1] if of_camera else ""
    pattern = file.name.replace(camera, "{camera}", 1) if camera else file.name
    title, caption = _TITLES.get(pattern, (file.name, ""))
    return Picture(file, camera, title.format(camera=camera), _caption(caption, camera))


@cache
def _caption(name: str, camera: str) -> str:
    """Return the caption that Snakemake's report has, too, which renders it with the same names."""
    if not name:
        return ""
    text = (
        files("alfvideo.views.report").joinpath(f"captions/{name}.rst").read_text(encoding="utf-8")
    )
    of_job = SimpleNamespace(wildcards=SimpleNamespace(camera=camera))
    return Environment().from_string(text).render(snakemake=of_job)
