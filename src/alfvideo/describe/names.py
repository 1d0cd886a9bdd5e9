"""Labels of cameras from the names of their videos, and which files are named alike."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from alfvideo.files import labels

_IBL = re.compile(rf"_iblrig_({labels.PATTERN})Camera\.raw.*")
_CAMLOG = re.compile(rf"({labels.PATTERN})_cam\w*_\d{{8}}")
_CAMERA = re.compile(r"_?cam(era)?$", re.IGNORECASE)
_PART = re.compile(r"(.*?)[_.-]*(\d{4,8})")
DATE = re.compile(r"(?<!\d)(20\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)")
"""Year, separator, month and day."""
_NO_LABELS = ("raw", "video", "videos", "movie", "camera", "cam")
"""Words in the names of videos that tell none from another."""
_LONG = 6
"""Digits of a number that is a date, a time or a serial number."""


def words(path: PurePath) -> list[str]:
    """Return the words of a path without its ending: letters and digits between other characters.

    >>> words(PurePath("M1/side cam-0.raw.mp4"))
    ['M1', 'side', 'cam', '0', 'raw']
    """
    return [word for part in path.with_suffix("").parts for word in re.findall(r"[^\W_]+", part)]


def labels_of(paths: Sequence[PurePath]) -> dict[PurePath, tuple[str, bool]]:
    """Give each video a label, and tell whether that is from its name.

    A label is made of the words that not all names have; of a single video, of all but dates and
    numbers. Where nothing is left, or two would be the same, it is `camera1` and so on.

    Parameters
    ----------
    paths
        Below the folder of the recordings; one for each camera.

    >>> paths = [PurePath(f"M1_2026-02-03_{name}.mp4") for name in ("sideCam", "top")]
    >>> [label for label, _ in labels_of(paths).values()]
    ['side', 'top']
    >>> labels_of([PurePath("größe.mp4")]).popitem()[1]
    ('camera1', False)
    """
    common = _common(paths)
    found = {path: _label(path, common) for path in paths}
    times = Counter(label.lower() for label in found.values())
    result = {}
    for number, (path, label) in enumerate(found.items(), start=1):
        is_named = bool(label) and times[label.lower()] == 1
        result[path] = (label if is_named else f"camera{number}", is_named)
    return result


def _common(paths: Sequence[PurePath]) -> set[str]:
    """Return the words that all names have; of a single one its dates and numbers."""
    if len(paths) == 1:
        return {word for word in words(paths[0]) if word.isdigit()}
    return set.intersection(*(set(words(path)) for path in paths)) if paths else set()


def _label(path: PurePath, common: set[str]) -> str:
    for known, name in ((_IBL, path.name), (_CAMLOG, path.stem)):
        if named := known.fullmatch(name):
            return named[1]
    undated = PurePath(DATE.sub("", str(path)))
    own = [word for word in words(undated) if word not in common]
    own = [word for word in words(PurePath(undated.name)) if word in own] or own
    short = [word for word in own if not (word.isdigit() and len(word) >= _LONG)]
    told = [word for word in short if word.lower() not in _NO_LABELS] or short
    label = _CAMERA.sub("", "_".join(told)) or "_".join(told)
    return label if re.fullmatch(labels.PATTERN, label) else ""


def parts(paths: Sequence[Path]) -> dict[Path, tuple[Path, ...]]:
    """Put together the videos that are one recording, by the first of each.

    These are numbered with at least four digits, from 0 or 1 on.

    >>> found = parts([Path(f"{name}.avi") for name in ("side_0000", "side_0001", "top_0000")])
    >>> {first.name: len(each) for first, each in found.items()}
    {'side_0000.avi': 2, 'top_0000.avi': 1}
    """
    groups: dict[tuple[Path, str, str, int], list[tuple[int, Path]]] = {}
    for path in paths:
        named = _PART.fullmatch(path.stem)
        stem, number = (named[1], named[2]) if named else (path.stem, "")
        key = path.parent, stem, path.suffix.lower(), len(number)
        groups.setdefault(key, []).append((int(number or 0), path))
    result: dict[Path, tuple[Path, ...]] = {}
    for numbered in groups.values():
        numbered.sort()
        numbers = [number for number, _ in numbered]
        in_order = numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[-1] + 1))
        files = tuple(path for _, path in numbered)
        result |= {files[0]: files} if in_order else {file: (file,) for file in files}
    return dict(sorted(result.items()))


def named_alike(table: PurePath, videos: Mapping[str, PurePath]) -> str:
    """Return the label of the video that a table is named after; empty if none, or two, can be.

    >>> videos = {"side": PurePath("a_side.mp4"), "side2": PurePath("a_side_2.mp4")}
    >>> named_alike(PurePath("logs/side_2.csv"), videos), named_alike(PurePath("x.csv"), videos)
    ('side2', '')
    """
    common = _common(list(videos.values())) if len(videos) > 1 else set()
    there = {word.lower() for word in words(table)}
    alike: dict[str, int] = {}
    for label, video in videos.items():
        own = {word.lower() for word in words(PurePath(video.name)) if word not in common}
        own = own or {word.lower() for word in words(video) if word not in common}
        stem, name = video.stem.lower(), table.stem.lower()
        is_beside = table.parent == video.parent and name.startswith(stem)
        if is_beside or {label.lower()} <= there or (own and own <= there):
            alike[label] = len(own) + 100 * (name == stem)
    best = [label for label, score in alike.items() if score == max(alike.values())]
    return best[0] if len(best) == 1 else ""
