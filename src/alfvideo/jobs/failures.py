"""The messages of jobs that failed on another machine, found in their logs."""

import logging
import re
import sys
import time
from pathlib import Path

ERROR = re.compile(r"^\S+ \S+ ERROR (.*?)(?=^\d{4}-\d\d-\d\d \S+ [A-Z]+ |\Z)", re.M | re.S)
"""A message in the log of a job, with the traceback that may follow it."""


class Messages(logging.Handler):
    """Prints the message of each job that Snakemake reports as failed, but not for each attempt."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._created = time.time()
        self._printed: set[tuple[str, str]] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print what went wrong if the record is of a failed job."""
        for log in getattr(record, "log", ()):
            rule = getattr(record, "rule_name", "a job")
            for message in errors(Path(log), self._created):
                if (log, message) not in self._printed:
                    print(
                        f"{rule}: {message}",
                        file=sys.stderr,
                        flush=True,
                    )
                self._printed.add((log, message))


def errors(log: Path, since: float) -> list[str]:
    """Return the errors in the log of a job; none if last written before `since` (s since 1970)."""
    try:
        if log.stat().st_mtime < since:
            return []
        return [found.strip() for found in ERROR.findall(log.read_text(errors="replace"))]
    except OSError:
        return []
