"""How long the last runs took: a line for each, kept in the folder that snakemake runs in."""

import csv
import fcntl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from alfvideo import duration

FILE = Path("logs/runs.csv")
SHOWN = 5


@dataclass(frozen=True)
class Run:
    """A run that ended, well or not; one that was killed leaves none.

    `started` is in UTC, to the second; `done` and `failed` are numbers of jobs.
    """

    started: str
    seconds: int
    root: str
    done: int
    failed: int
    host: str

    @property
    def sentence(self) -> str:
        """When it was, in local time, how long it took and what came of it.

        >>> Run("2026-11-22T21:10:00+00:00", 2040, "/data", 120, 0, "rig").sentence[-36:]
        '21:10, 34 min: 120 jobs done on rig.'
        """
        started = datetime.fromisoformat(self.started).astimezone()
        failed = f", {self.failed} failed" if self.failed else ""
        return (
            f"{started:%a %d %b %H:%M}, {duration.in_words(self.seconds)}: {self.done} jobs "
            f"done{failed} on {self.host}."
        )


def now() -> datetime:
    """The time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def record(run: Run, file: Path = FILE) -> None:
    """Add a run, if that can be written: nothing depends on it."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8", newline="") as lines:
            fcntl.flock(lines, fcntl.LOCK_EX)
            writer = csv.DictWriter(lines, [f.name for f in fields(Run)], lineterminator="\n")
            if file.stat().st_size == 0:
                writer.writeheader()
            writer.writerow(asdict(run))


def last(root: Path, n: int = SHOWN, file: Path = FILE) -> list[Run]:
    """The last runs on a data folder that did something, newest first."""
    found = []
    with suppress(OSError), file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            # The disk may have been full while a line was written.
            with suppress(TypeError, ValueError):
                found += [_run(row)] if row["root"] == str(root) else []
    return found[: -n - 1 : -1]


def _run(row: Mapping[str, str]) -> Run:
    numbers = {name: int(row[name]) for name in ("seconds", "done", "failed")}
    return Run(**{**row, **numbers})
