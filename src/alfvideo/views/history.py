"""The time that past jobs took, from the records beside the data and Snakemake's benchmarks."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from alfvideo.jobs import provenance
from alfvideo.planning import tasks

MAX_SESSIONS = 300
"""So many of the newest sessions with records are enough to learn from."""


MAX_SECONDS = 1e7
"""Four months: no job took longer, whatever a record says."""


class Past(NamedTuple):
    """A job that ended well: its time in seconds, with what it needs to start if that is known."""

    rule: str
    session: Path
    camera: str
    seconds: float
    host: str


def read(sessions: Iterable[Path], working_folder: Path) -> list[Past]:
    """Past jobs of the first `MAX_SESSIONS` sessions that have records of any.

    The records stay beside the data. The benchmarks, in the folder that snakemake runs in, have
    the time that a job needs to start, too.
    """
    # A job with several outputs has several entries.
    found = filter(None, (dict.fromkeys(_jobs(each, working_folder)) for each in sessions))
    return [job for of_session in islice(found, MAX_SESSIONS) for job in of_session]


def _jobs(session: Path, working_folder: Path) -> Iterator[Past]:
    for entry in provenance.readable(session)[0].values():
        # People may edit records; what cannot be understood is left out.
        with suppress(KeyError, TypeError, ValueError, OverflowError):
            if entry["rule"] in tasks.BY_RULE:
                yield _job(session, entry, working_folder)


def _job(session: Path, entry: Mapping[str, Any], working_folder: Path) -> Past:
    # A benchmark that is shorter is of another run of the job.
    seconds = entry["seconds"]
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"no job takes {seconds} s")
    seconds = max(seconds, _benchmark(working_folder, entry["log"]))
    camera, host = (str(entry.get(key, "")) for key in ("camera", "host"))
    return Past(entry["rule"], session, camera, seconds, host)


def _benchmark(working_folder: Path, log: str) -> float:
    """Seconds of the whole job that wrote a log, 0 if there is no benchmark of it."""
    path = working_folder.joinpath("benchmarks", *Path(log).parts[1:]).with_suffix(".tsv")
    with suppress(OSError, StopIteration, KeyError, ValueError), path.open(newline="") as file:
        return float(next(csv.DictReader(file, delimiter="\t"))["s"])
    return 0
