"""What past jobs took, from the records beside the data and Snakemake's benchmarks of them."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance
from alfvideo.jobs.provenance import Entry
from alfvideo.planning import tasks
from alfvideo.views.plan import settings, videos

BENCHMARKS = Path("benchmarks")
"""Where Snakemake writes them, beside the folder `logs` and with the same paths in it."""
SESSIONS = 300
"""So many of the newest sessions with records are enough to learn from."""
ENTRY = {
    "rule": str,
    "log": str,
    "finished": str,
    "seconds": int | float,
    "inputs": dict,
    "params": dict,
}
"""What is asked of the entry of a job in a record."""


@dataclass(frozen=True)
class Past:
    """A job that ended well.

    `settings` are the parameters that its results depend on, `videos` those that it read. `seconds`
    is the time of the whole job; `start_up` the part of it, in seconds, that went by before and
    after its own work, None if no benchmark says it and `seconds` is that of its own work alone.
    """

    rule: str
    camera: str
    settings: str
    videos: tuple[videos.Video, ...]
    seconds: float
    start_up: float | None
    host: str


def read(sessions: Iterable[Path], working_folder: Path) -> list[Past]:
    """Past jobs of the first `SESSIONS` sessions that have records of any.

    The records say when a job ran, on which host, and how large its inputs were; they stay beside
    the data. The benchmarks, in the folder that snakemake runs in, add what each job needs to
    start. A job of which there is no benchmark is taken to need as much as others of its rule.
    """
    past, counted = [], 0
    for session in sessions:
        of_session = list(_of_session(session, working_folder / BENCHMARKS))
        past += of_session
        counted += bool(of_session)
        if counted == SESSIONS:
            break
    return past


def start_up(past: Iterable[Past]) -> float | None:
    """Median start-up in seconds, None if it is known of no job."""
    known = [job.start_up for job in past if job.start_up is not None]
    return median(known) if known else None


def _of_session(session: Path, benchmarks: Path) -> Iterator[Past]:
    # The scan for pending work names a session whose records cannot be read.
    with suppress(DataError, OSError):
        entries = provenance.read(session)
        recorded = videos.recorded(entries)
        whole = filter(_is_whole, entries.values())
        jobs = {(entry["log"], entry["finished"]): entry for entry in whole}
        for entry in jobs.values():
            yield _job(entry, recorded, benchmarks)


def _is_whole(entry: Entry) -> bool:
    """Whether an entry tells of a job of today what is asked here; people may edit records."""
    return (
        all(isinstance(entry.get(key), kind) for key, kind in ENTRY.items())
        and entry["rule"] in tasks.BY_RULE
    )


def _job(entry: Entry, recorded: videos.Recorded, benchmarks: Path) -> Past:
    seconds = entry["seconds"]
    whole = _benchmark(benchmarks, entry["log"])
    if whole is not None and whole < seconds:
        whole = None  # of another run of the job
    camera = entry.get("camera", "")
    return Past(
        rule=entry["rule"],
        camera=camera,
        settings=settings.text(entry["params"]),
        videos=tuple(
            recorded.video(file, camera, of["size"])
            for file, of in entry["inputs"].items()
            if videos.is_video(file)
        ),
        seconds=seconds if whole is None else whole,
        start_up=None if whole is None else whole - seconds,
        host=entry.get("host", ""),
    )


def _benchmark(benchmarks: Path, log: str) -> float | None:
    """Seconds of the whole job that wrote a log, None if there is no benchmark of it."""
    path = benchmarks.joinpath(*Path(log).parts[1:]).with_suffix(".tsv")
    try:
        with path.open(newline="") as file:
            return float(next(csv.DictReader(file, delimiter="\t"))["s"])
    except (OSError, StopIteration, KeyError, ValueError):
        return None
