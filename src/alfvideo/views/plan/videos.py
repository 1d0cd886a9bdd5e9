"""How many frames a video has, told from sizes of files alone: no video is opened."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from alfvideo.jobs.provenance import Entry
from alfvideo.session import datasets
from alfvideo.views.plan import settings

NPY_HEADER = 128
"""Bytes before the values in a npy file of one dimension (numpy.lib.format, version 1.0)."""
ENDINGS = (".raw.mp4", ".raw.avi", ".avi")
"""How names of raw videos end; those of camlog rigs, compressed already, only in `.avi`."""


@dataclass(frozen=True)
class Video:
    """A raw video or its mp4: camera, ending, how it was made, size in bytes, frames if known."""

    camera: str
    ending: str
    settings: str
    size: int
    frames: int | None


@dataclass(frozen=True)
class Recorded:
    """What the records of a session say of its cameras: frames, and settings of the mp4."""

    frames: Mapping[str, int]
    settings: Mapping[str, str]

    def video(self, file: Path | str, camera: str, size: int) -> Video:
        """One of its videos, of `size` bytes; an empty camera is found in the name of the file."""
        camera = camera or datasets.camera_of(Path(file))
        ending = next(ending for ending in ENDINGS if str(file).endswith(ending))
        made = self.settings.get(camera, "") if ending == ".raw.mp4" else ""
        return Video(camera, ending, made, size, self.frames.get(camera))


def recorded(entries: Mapping[str, Entry]) -> Recorded:
    """From the entries of `provenance.json`."""
    frames, made = {}, {}
    for output, entry in entries.items():
        if output.endswith("Camera.times.npy") and "output" in entry:
            frames[datasets.camera_of(Path(output))] = frames_of(entry["output"]["size"])
        elif is_video(output):
            made[datasets.camera_of(Path(output))] = settings.text(entry.get("params", {}))
    return Recorded(frames, made)


def frames_of(size: int) -> int:
    """Frames of a camera by the size in bytes of its times: one float64 each."""
    return (size - NPY_HEADER) // 8


def is_video(file: Path | str) -> bool:
    """Whether a file is a raw video or the mp4 made from one, by its name.

    >>> is_video("raw_video_data/_iblrig_leftCamera.raw.mp4"), is_video("left_cam0.avi")
    (True, True)
    >>> is_video("snapshot/leftCamera.pose.mp4")
    False
    """
    return str(file).endswith(ENDINGS)


class Lengths:
    """Lengths of videos in frames: as it is known, else by size, as others have for their size.

    Others are those of the same camera, ending and settings, else of the camera and ending, else of
    the ending, else the typical length of any is taken. If none is known, lengths are sizes in
    bytes.
    """

    def __init__(self, known: Iterable[Video]) -> None:
        rates: dict[Sequence[str], list[float]] = defaultdict(list)
        frames = []
        for video in known:
            if video.frames and video.size:
                frames.append(video.frames)
                for key in _keys(video):
                    rates[key].append(video.frames / video.size)
        self._rates = {key: median(values) for key, values in rates.items()}
        self._typical = median(frames) if frames else None

    def frames(self, video: Video) -> float:
        """The length of a video."""
        if video.frames:
            return video.frames
        for key in _keys(video):
            if key in self._rates:
                return video.size * self._rates[key]
        return self._typical or video.size


def _keys(video: Video) -> Sequence[Sequence[str]]:
    camera, ending = video.camera, video.ending
    return (camera, ending, video.settings), (camera, ending), (ending,)
