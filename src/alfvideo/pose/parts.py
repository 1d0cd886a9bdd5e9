"""Finished parts of a long video, kept on disk until the whole is done."""

import json
import logging
import re
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.files import atomic

log = logging.getLogger(__name__)

_NAME = re.compile(r"(\d{9})-(\d{9})\.npz")


class Parts:
    """Poses of a video in parts of consecutive frames, in a hidden folder beside the output.

    A job that was killed goes on after the last part. Parts that were made from something else
    (another video, other models) are removed, and so are those from the first damaged one on. A
    context manager: at its end the parts are removed
    unless something went wrong. Only for one process at a time: hold the lock of the output.
    """

    def __init__(self, output: Path, made_from: Mapping[str, Any]) -> None:
        """Open the parts; `made_from` is what the poses depend on, as JSON can hold it."""
        self.folder = output.with_name(f".{output.name}.parts")
        self._key = self.folder / "made_from.json"
        text = json.dumps(made_from, sort_keys=True)
        try:
            fits = self._key.read_text(encoding="utf-8") == text
        except (OSError, UnicodeDecodeError):
            fits = False
        if not fits:
            self.remove()
            with atomic.output(self._key) as partial:
                partial.write_text(text, encoding="utf-8")
        self._remove_damaged()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Remove the parts if all went well, or if there are none."""
        if kind is None or not self.frames:
            self.remove()

    @property
    def frames(self) -> int:
        """Number of frames from the first one on that are in finished parts."""
        return self._joined()[-1][1] if self._joined() else 0

    def add(self, first: int, end: int, poses: Mapping[str, Floats]) -> None:
        """Keep the poses (n, n_parts, 3) of each model, of frames `first` to before `end`."""
        with atomic.output(self._path(first, end)) as partial, partial.open("wb") as file:
            # A model could only be taken for the option if it were called that.
            np.savez(file, **poses)  # type: ignore[arg-type]

    def load(self) -> dict[str, Floats]:
        """Load all poses by model, (frames, n_parts, 3) float64; empty if there are no parts."""
        parts = [_read(self._path(first, end)) for first, end in self._joined()]
        return {
            model: np.concatenate([part[model] for part in parts])
            for model in (parts[0] if parts else ())
        }

    def remove(self) -> None:
        """Remove all parts, what they were made from first: without that they do not count."""
        self._key.unlink(missing_ok=True)
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _remove_damaged(self) -> None:
        """Remove the first part that is damaged, and all after it."""
        whole, models = True, None
        for first, end in self._joined():
            path = self._path(first, end)
            if whole:
                shapes = _shapes(path)
                models = models or shapes.keys()
                whole = bool(shapes) and shapes.keys() == models
                whole = whole and all(len(s) == 3 and s[0] == end - first for s in shapes.values())
                if not whole:
                    log.warning("%s is damaged: regenerated from frame %d on", path, first)
            if not whole:
                path.unlink()

    def _path(self, first: int, end: int) -> Path:
        return self.folder / f"{first:09d}-{end:09d}.npz"

    def _joined(self) -> list[tuple[int, int]]:
        """Return first frame and end of each part, as far as they join from frame 0 on."""
        joined, done = [], 0
        names = (_NAME.fullmatch(path.name) for path in sorted(self.folder.glob("*.npz")))
        for name in filter(None, names):
            first, end = map(int, name.groups())
            if first == done < end:
                joined.append((first, end))
                done = end
        return joined


def _read(path: Path) -> dict[str, Floats]:
    with np.load(path) as arrays:
        return dict(arrays)


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays of a part, read whole; none if it is damaged."""
    try:
        return {
            name: array.shape
            for name, array in _read(path).items()
            if np.issubdtype(array.dtype, np.floating)
        }
    except (BadZipFile, ValueError, TypeError, LookupError, EOFError, RuntimeError, zlib.error):
        return {}
