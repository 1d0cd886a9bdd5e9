"""Records of the last runs: a line for each, kept in the folder that snakemake runs in."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from alfvideo.files import regular
from alfvideo.jobs import duration

FILE = Path("logs/runs.jsonl")
SHOWN = 5


@dataclass(frozen=True)
class Run:
    """A run that ended, well or not; one that was killed leaves none.

    `started` is as `provenance.now` gives it; `done` and `failed` are numbers of jobs.
    """

    started: str
    seconds: int
    root: str
    done: int
    failed: int
    host: str

    @property
    def sentence(self) -> str:
        """Start in local time, duration and result, in words.

        >>> Run("2026-11-22T21:10:00+00:00", 2040, "/data", 120, 0, "rig").sentence[-29:]
        '34 min: 120 jobs done on rig.'
        """
        started = datetime.fromisoformat(self.started).astimezone()
        failed = f", {self.failed} failed" if self.failed else ""
        return (
            f"{started:%a %d %b %H:%M}, {duration.in_words(self.seconds)}: {self.done} jobs "
            f"done{failed} on {self.host}."
        )


def record(run: Run, file: Path = FILE) -> None:
    """Add a run, if that can be written: nothing depends on it."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_CREAT | os.O_APPEND
        with os.fdopen(regular.open_for_writing(file, flags), "a", encoding="utf-8") as lines:
            # The line before may have been cut when the disk was full.
            lines.write(f"\n{json.dumps(asdict(run))}")


def last(root: Path, n: int = SHOWN, file: Path = FILE) -> list[Run]:
    """List the last runs on a data folder, newest first; but for the newest those that did work."""
    try:
        lines = regular.read(file).decode(errors="replace").splitlines()
    except OSError:
        return []
    found: list[Run] = []
    for line in reversed(lines):
        # Whatever is wrong with a line, the others are runs.
        with suppress(Exception):
            run = Run(**json.loads(line))
            # Each start tries again what fails.
            if run.root == str(root) and run.sentence and (run.done or not found):
                found.append(run)
        if len(found) == n:
            break
    return found
