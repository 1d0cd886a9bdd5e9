"""The certainty of camera times that are done, by the records beside them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from alfvideo.files.errors import DataError
from alfvideo.planning.pending import State
from alfvideo.session import datasets
from alfvideo.timing import record
from alfvideo.timing.reliability import in_words
from alfvideo.views.status.rows import Row

MAX_READ = 3000
"""Cameras whose records are read for a table: half a second."""

_STAGE = "times"


def told(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows; those of camera times that are done say how well these are known."""
    for row in rows:
        known = of_camera(row.session, row.camera) if _has_times(row) else ""
        yield row._replace(message=" ".join(filter(None, (known, row.message))))


def summary(rows: Iterable[Row]) -> list[str]:
    """Count in a sentence how well the times of the cameras are known; none if there are none.

    Of very many cameras their records are not read.
    """
    timed = [row for row in rows if _has_times(row)]
    if not timed:
        return []
    if len(timed) > MAX_READ:
        return [f"{len(timed):,} cameras have times: how well known is in --format csv"]
    counts = Counter(of_camera(row.session, row.camera) for row in timed)
    listed = ", ".join(f"{n:,} {known}" for known, n in counts.most_common())
    return [f"{counts.total():,} cameras have times: {listed}"]


def _has_times(row: Row) -> bool:
    return row.stage == _STAGE and row.state is State.DONE


def of_camera(session: Path, camera: str) -> str:
    """Return in a few words how well the times of a camera are known, by their record."""
    file = datasets.newest(datasets.TIMING, session, camera)
    try:
        return in_words(record.load(file).evidence)
    except FileNotFoundError:
        return in_words(None)
    except (DataError, OSError):
        return "not readable"
