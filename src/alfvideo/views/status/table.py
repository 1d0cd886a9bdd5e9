"""The tables that people read: what is to be done of each camera, how far each stage is."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TextIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from alfvideo.jobs import duration
from alfvideo.planning import tasks
from alfvideo.planning.pending import State
from alfvideo.views.history import Past
from alfvideo.views.status.rows import Row

COLOURS = {
    State.DONE: "green",
    State.PENDING: "cyan",
    State.RUNNING: "bold blue",
    State.FAILED: "bold red",
    State.BLOCKED: "yellow",
}
WORST_FIRST = (State.FAILED, State.BLOCKED, State.RUNNING, State.PENDING, State.DONE)
ALWAYS = (State.DONE, State.PENDING, State.BLOCKED)
"""States that are counted even if nothing is in them."""


def show(parts: Iterable[RenderableType], file: TextIO) -> None:
    """Print tables and sentences: coloured and as wide as it is on a terminal, else plain.

    What is not a terminal gets one line for each row, however long.
    """
    if file.isatty():
        console = Console(file=file, highlight=False, markup=False, emoji=False)
        for part in parts:
            console.print(part)
    else:
        print(plain(parts), file=file)


def plain(parts: Iterable[RenderableType]) -> str:
    """Return the same without colour, one line for each row."""
    console = Console(width=100_000, color_system=None, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def of_cameras(rows: Sequence[Row], root: Path, longest: int = 40) -> list[RenderableType]:
    """Sessions and cameras that are not done, with what is to be done and why it is not, and sums.

    At most `longest` rows in which something is merely pending are shown, all others always.
    """
    cameras: dict[tuple[Path, str], list[Row]] = {}
    for row in rows:
        cameras.setdefault((row.session, row.camera), []).append(row)
    if not cameras:
        return [
            Text(
                f"No sessions found below {root}: their folders are called SUBJECT/YYYY-MM-DD/NNN. "
                "If there are some, `sessions`, `subjects` or the dates leave them out."
            )
        ]
    table = columns("session", "camera", "work", "why")
    counts: dict[str, Counter[State]] = {"cameras": Counter(), "whole sessions": Counter()}
    shown = hidden = 0
    for (path, camera), of_camera in cameras.items():
        states = {row.state for row in of_camera}
        worst = next(state for state in WORST_FIRST if state in states)
        kind = "cameras" if camera or not of_camera[0].stage else "whole sessions"
        counts[kind][worst] += 1
        if worst is State.PENDING and shown == longest:
            hidden += 1
        elif worst is not State.DONE:
            shown += worst is State.PENDING
            name = path.relative_to(root).as_posix()
            table.add_row(Text(name), camera or "(all)", _work(of_camera), _why(of_camera))
    parts: list[RenderableType] = [table] if table.row_count else []
    if hidden:
        parts.append(Text(f"... and {hidden} more with something pending"))
    sums = [f"{len({path for path, _ in cameras})} sessions"]
    sums += [f"{each.total()} {kind}: {_counts(each)}" for kind, each in counts.items() if each]
    return [*parts, Text("; ".join(sums))]


def of_stages(rows: Iterable[Row], past: Iterable[Past]) -> Table:
    """Count the cameras (or sessions) in each state, by stage, beside what past jobs took."""
    counts: dict[str, Counter[State]] = {}
    for row in rows:
        counts.setdefault(row.stage, Counter())[row.state] += 1
    seconds: dict[str, list[float]] = {}
    for job in past:
        seconds.setdefault(tasks.BY_RULE[job.rule].stage, []).append(job.seconds)
    table = columns("stage", *State, "past jobs took")
    for column in table.columns[1:]:
        column.justify = "right"
    order = dict.fromkeys(task.stage for task in tasks.TASKS)
    for stage in filter(counts.get, order):
        numbers = [
            Text(str(counts[stage][state]), COLOURS[state] if counts[stage][state] else "dim")
            for state in State
        ]
        took = duration.in_words(median(seconds[stage])) if stage in seconds else ""
        table.add_row(stage, *numbers, took)
    return table


def columns(*names: str) -> Table:
    """Return a table without lines, with these columns and no rows yet."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in names:
        table.add_column(column, overflow="fold")
    return table


def _work(of_camera: Sequence[Row]) -> Text:
    """Return the stages in each state but done, in words."""
    work = []
    for state in reversed(WORST_FIRST):
        stages = [row.stage for row in of_camera if row.state is state]
        if stages and state is not State.DONE:
            names = "all" if len(stages) == len(of_camera) else " ".join(stages)
            work.append(Text.assemble((state, COLOURS[state]), f": {names}"))
    return Text("; ").join(work)


def _why(of_camera: Sequence[Row]) -> Text:
    """Return why stages are blocked, what went wrong and its log, how far running ones are."""
    forms = {State.FAILED: "{0.message} Log: {0.log}", State.RUNNING: "{0.stage} {0.message}"}
    reasons = [forms.get(row.state, "{0.message}").format(row) for row in of_camera if row.message]
    one_line = (" ".join(reason.split()) for reason in dict.fromkeys(reasons))
    return Text("; ".join(one_line))


def _counts(counts: Mapping[State, int]) -> str:
    states = [state for state in State if counts[state] or state in ALWAYS]
    return ", ".join(f"{counts[state]} {state}" for state in states)
