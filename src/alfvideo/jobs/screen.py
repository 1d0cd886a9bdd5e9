"""A filter of Snakemake's messages, so that many jobs can be followed on the screen."""

import logging
import re

_ROUTINE = re.compile(r"Select jobs to execute\.\.\.|Execute \d+ jobs\.\.\.")
"""Said each time that a job ends: with thousands of jobs, a third of all lines."""


def is_news(record: logging.LogRecord) -> bool:
    """Return whether a message tells more than that the scheduler is at work.

    >>> said = {"msg": "Select jobs to execute..."}, {"msg": "1 of 3 steps (33%) done"}
    >>> [is_news(logging.makeLogRecord(message)) for message in said]
    [False, True]
    """
    return not _ROUTINE.fullmatch(str(record.msg).strip())
