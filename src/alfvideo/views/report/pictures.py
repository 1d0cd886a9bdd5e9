"""The pictures and clips of a session, and what they show."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

from jinja2 import Environment

from alfvideo.planning.pending import Status
from alfvideo.session import datasets, folders
from alfvideo.trackers import TRACKERS

_OF_CAMERA = re.compile(r"([a-z]+)Camera[._].+")
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
    folder = path / "snapshot"
    found = [
        _picture(folder / name)
        for name in folders.listing(folder)
        if name.endswith((".png", ".mp4")) and not name.startswith(".")
    ]
    selected = (picture for picture in found if picture.camera in ("", *cameras))
    return sorted(selected, key=lambda picture: (picture.is_clip, picture.title))


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
