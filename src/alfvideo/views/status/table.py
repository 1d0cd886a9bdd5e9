"""The tables that people read: what is to be done of each camera, how far each stage is."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TextIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from alfvideo.jobs import duration
from alfvideo.planning import left_out, tasks, up_to_date
from alfvideo.planning.pending import State
from alfvideo.views.history import Past
from alfvideo.views.status.rows import Row

COLOURS = {
    State.DONE: "green",
    State.PENDING: "cyan",
    State.RUNNING: "bold blue",
    State.FAILED: "bold red",
    State.BLOCKED: "yellow",
    State.LEFT_OUT: "dim",
}
WORST_FIRST = (State.FAILED, State.BLOCKED, State.RUNNING, State.PENDING, State.DONE)
STATES = tuple(state for state in State if state is not State.LEFT_OUT)
"""Those that a stage can have."""
MAX_NAME = 60
"""Characters of a session or camera; of longer ones the middle is left out."""
MAX_REASONS = 10
"""So many reasons are summed up, the most frequent ones."""

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

    At most `longest` rows in which something is merely pending are shown, all others always. The
    sums are those of cameras by state, and of what is pending by reason.
    """
    cameras: dict[tuple[Path, str], list[Row]] = {}
    for row in rows:
        if row.state is State.LEFT_OUT:
            continue
        cameras.setdefault((row.session, row.camera), []).append(row)
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
        elif worst is not State.DONE or any(row.message for row in of_camera):
            shown += worst is State.PENDING
            name = path.relative_to(root).as_posix()
            who = (printable(_short(each)) for each in (name, camera or "(all)"))
            table.add_row(*who, _work(of_camera), _why(of_camera))
    parts: list[RenderableType] = [table] if table.row_count else []
    if hidden:
        parts.append(Text(f"... and {hidden} more with something pending"))
    parts += _left_out(rows, root)
    parts += map(Text, left_out.advice(root, {row.session for row in rows}))
    sums = [f"{len({row.session for row in rows})} sessions"]
    sums += [f"{each.total()} {kind}: {_counts(each)}" for kind, each in counts.items() if each]
    return [*parts, Text("; ".join(sums)), *map(printable, by_reason(rows))]


def by_reason(rows: Iterable[Row]) -> list[str]:
    """Say how many stages are pending for each reason, the most frequent first.

    What waits for a pending input is left out.
    """
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        if row.state is State.PENDING and row.message and not up_to_date.follows(row.message):
            counts.setdefault(row.message, Counter())[row.stage] += 1
    ordered = sorted(counts, key=lambda reason: -counts[reason].total())
    lines = [
        f"pending, {reason}: {', '.join(f'{n:,} {stage}' for stage, n in counts[reason].items())}"
        for reason in ordered[:MAX_REASONS]
    ]
    more = len(ordered) - MAX_REASONS
    return lines + ([f"... and {more} other reasons"] if more > 0 else [])


def _left_out(rows: Iterable[Row], root: Path, longest: int = 20) -> Iterator[RenderableType]:
    """Yield a line for each reason why something is left out, and for the rest how to see it."""
    names: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.state is State.LEFT_OUT:
            name = row.session.relative_to(root).as_posix()
            names.setdefault((row.camera, row.message), []).append(name)
    for (camera, reason), sessions in list(names.items())[:longest]:
        where = sessions[0] if len(sessions) == 1 else f"{len(sessions)} sessions"
        yield printable(f"left out: {where}{f', camera {camera}' if camera else ''}: {reason}")
    if len(names) > longest:
        yield Text(f"... and {len(names) - longest} more left out: alfvideo status --format csv")


def of_stages(rows: Iterable[Row], past: Iterable[Past]) -> Table:
    """Count the cameras (or sessions) in each state, by stage, beside what past jobs took."""
    counts: dict[str, Counter[State]] = {}
    for row in rows:
        counts.setdefault(row.stage, Counter())[row.state] += 1
    seconds: dict[str, list[float]] = {}
    for job in past:
        seconds.setdefault(tasks.BY_RULE[job.rule].stage, []).append(job.seconds)
    table = columns("stage", *STATES, "past jobs took")
    for column in table.columns[1:]:
        column.justify = "right"
    order = dict.fromkeys(task.stage for task in tasks.TASKS)
    for stage in filter(counts.get, order):
        numbers = [
            Text(str(counts[stage][state]), COLOURS[state] if counts[stage][state] else "dim")
            for state in STATES
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
    """Return why stages are pending or blocked, what went wrong and its log, how far they are."""
    forms = {State.FAILED: "{0.message} Log: {0.log}", State.RUNNING: "{0.stage} {0.message}"}
    worth_saying = (row for row in of_camera if row.message and not up_to_date.follows(row.message))
    reasons = [forms.get(row.state, "{0.message}").format(row) for row in worth_saying]
    one_line = (" ".join(reason.split()) for reason in dict.fromkeys(reasons))
    return printable("; ".join(one_line))


def printable(text: str) -> Text:
    r"""Return a text from data without what would change the screen.

    >>> str(printable("mouse\x1b[2J 1"))
    'mouse?[2J 1'
    """
    return Text("".join(letter if letter.isprintable() else "?" for letter in text))


def _short(name: str) -> str:
    """Return a name without its middle, if it would make the table too wide.

    >>> _short("KB001/2026-01-01/001"), len(_short("x" * 300 + "/2026-01-01/001"))
    ('KB001/2026-01-01/001', 60)
    """
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME // 2]}…{name[1 - MAX_NAME // 2 :]}"


def _counts(counts: Mapping[State, int]) -> str:
    states = [state for state in State if counts[state] or state in ALWAYS]
    return ", ".join(f"{counts[state]} {state}" for state in states)
