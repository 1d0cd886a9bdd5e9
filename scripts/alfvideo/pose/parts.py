"""Finished parts of a long video, kept on disk until the whole is done."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from alfvideo import atomic


class Parts:
    """Poses of a video in parts of consecutive frames, in a hidden folder beside the output.

    A job that was killed goes on after the last part. Parts that were made from something else
    (another video, other models) are removed. A context manager: at its end the parts are removed
    unless something went wrong.
    """

    def __init__(self, output: Path, made_from: Mapping[str, Any]) -> None:
        """`made_from` is what the poses depend on, as JSON can hold it."""
        self.folder = output.with_name(f".{output.name}.parts")
        key = self.folder / "made_from.json"
        text = json.dumps(made_from, sort_keys=True)
        try:
            fits = key.read_text(encoding="utf-8") == text
        except (OSError, UnicodeDecodeError):
            fits = False
        if not fits:
            self.remove()
            with atomic.output(key) as partial:
                partial.write_text(text, encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Remove the parts if all went well, or if there are none."""
        if kind is None or not self.frames:
            self.remove()

    @property
    def frames(self) -> int:
        """Number of frames from the first one on that are in finished parts."""
        return self._ends()[-1] if self._ends() else 0

    def add(self, end: int, poses: Mapping[str, np.ndarray]) -> None:
        """Keep the poses (n, n_parts, 3) of each model up to frame `end`, not included."""
        with atomic.output(self._path(end)) as partial, partial.open("wb") as file:
            np.savez(file, **poses)

    def load(self) -> dict[str, np.ndarray]:
        """All poses by model, (frames, n_parts, 3) float64; empty if there are no parts."""
        parts = []
        for end in self._ends():
            with np.load(self._path(end)) as arrays:
                parts.append(dict(arrays))
        return {
            model: np.concatenate([part[model] for part in parts])
            for model in (parts[0] if parts else ())
        }

    def remove(self) -> None:
        """Remove all parts."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, end: int) -> Path:
        return self.folder / f"{end:09d}.npz"

    def _ends(self) -> list[int]:
        return sorted(int(path.stem) for path in self.folder.glob("[0-9]*.npz"))
