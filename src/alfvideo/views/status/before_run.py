"""The lines that a run prints before its first job."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from alfvideo.configuration import Configuration
from alfvideo.planning import left_out, tasks, up_to_date
from alfvideo.planning.pending import State, Status
from alfvideo.pose import cascades
from alfvideo.registration import names
from alfvideo.views.status import rows

FEW = 3
"""So many videos are encoded again without a word of it."""


def not_in_tables(statuses: Iterable[Status], root: Path, config: Configuration) -> list[str]:
    """Say which sessions are not put in the ONE tables because of their names, if any are.

    A data folder that is one too high or low is said instead: from another, names may be right.
    Sessions that are blocked as a whole have a reason already.
    """
    statuses = list(statuses)
    sessions = dict.fromkeys(status.session for status in statuses)
    if not config.registration.tables or left_out.advice(root, sessions):
        return []
    whole = {s.session for s in statuses if s.state is State.BLOCKED and not s.camera + s.stage}
    return names.left_out(root, (session for session in sessions if session not in whole))


def show(statuses: Sequence[Status], root: Path, config: Configuration) -> None:
    """Print to standard error what is to be done, what for again, and what no cascade is for."""
    # Slow to load, and each job loads the rules without showing a table.
    from alfvideo.views.status import table

    parts = table.of_cameras(list(rows.rows(statuses)), root)
    parts += map(table.printable, not_in_tables(statuses, root, config))
    table.show(parts, sys.stderr)
    for sentence in (*encoded_again(statuses), *cascades.left_out(config)):
        print(sentence, file=sys.stderr)


def encoded_again(statuses: Iterable[Status]) -> Iterator[str]:
    """Announce that more than a few videos are encoded again because a setting is another."""
    stage = tasks.BY_RULE["video_compress"].stage
    reasons = Counter(
        status.reason
        for status in statuses
        if status.stage == stage
        and status.state is State.PENDING
        and up_to_date.is_of_settings(status.reason)
    )
    if reasons.total() > FEW:
        where = "in the configuration"
        if any(reason.startswith("version ") for reason in reasons):
            where += ", and use the earlier version of alfvideo"
        yield (
            f"{reasons.total():,} videos are to be encoded again because of changed settings "
            f"({'; '.join(reasons)}). To keep them, set `compression` back {where}."
        )
