"""A folder of recordings on the screen, and the files that are proposed for it, after asking."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from alfvideo.configuration import Configuration
from alfvideo.describe import layout, look, proposal
from alfvideo.describe.layout import Collections, Placed
from alfvideo.describe.look import Seen
from alfvideo.files.errors import Blocked, DataError
from alfvideo.planning import pending
from alfvideo.planning.pending import State
from alfvideo.session import datasets, description, folders
from alfvideo.session.cameras import Camera, Session, any_of
from alfvideo.views.status import table
from alfvideo.views.status.table import printable

CONFIGURATION = "alfvideo.yaml"
"""The proposed configuration, in the data folder."""

MAX_SHOWN = 12
"""Lines of the DAQ, and endings of names, that are shown."""


_LAY_OUT = (
    "Nothing was written: these recordings are in no session. --into ROOT lays them out as one, by "
    "links, and writes these files."
)


@dataclass(frozen=True)
class Proposed:
    """Files to write, and the recordings to lay out."""

    session: Path
    texts: dict[Path, str]
    """Content of each file, the description last: with it the session is there."""
    placed: list[Placed]
    """Empty if the recordings stay where they are."""


def is_described(folder: Path) -> bool:
    """Return whether a folder has a description."""
    return any(map(any_of((description.DESCRIPTION,)), folders.listing(folder)))


def described(folder: Path, config: Configuration) -> Iterator[RenderableType]:
    """Yield what a session with a description holds, and what of it is blocked and why."""
    statuses = pending.scan_session(folder, config)
    if statuses and not statuses[0].stage and statuses[0].state is State.BLOCKED:
        yield printable(f"Nothing of {folder} can be processed: {statuses[0].reason}")
        return
    session = description.read(folder)
    where = f"{session.sync} in {session.sync_collection}"
    yield printable(f"{folder} is a session: {len(session.cameras)} cameras, pulses of {where}.")
    cameras = table.columns("camera", "video", "data of frames", "sync line")
    for camera in session.cameras.values():
        row = (
            camera.label,
            _listed(_videos, session, camera),
            _listed(datasets.embedded, session, camera),
            camera.sync_label or "none",
        )
        cameras.add_row(*map(printable, row))
    yield cameras
    reasons = table.columns("camera", "stage", "state", "why")
    for status in statuses:
        if status.state in (State.BLOCKED, State.LEFT_OUT):
            reasons.add_row(
                *map(printable, (status.camera, status.stage)),
                status.state,
                printable(status.reason),
            )
    if reasons.row_count:
        yield reasons
    else:
        yield Text("Nothing is blocked.")


def _listed(find: Callable[[Session, Camera], list[Path]], session: Session, camera: Camera) -> str:
    try:
        return ", ".join(path.name for path in find(session, camera)) or "none"
    except Blocked as reason:
        return str(reason)


def _videos(session: Session, camera: Camera) -> list[Path]:
    name = f"_iblrig_{camera.label}Camera.raw"
    camlog = [f"{camera.label}_cam*"] if camera.compressed else []
    return session.find(camera.collection, f"{name}.avi", f"{name}.mp4", *camlog)


def parts(seen: Seen) -> Iterator[RenderableType]:
    """Yield what is in a folder, what belongs together, and what is missing."""
    if seen.cameras:
        cameras = table.columns("camera", "video", "frames", "size", "rate", "seconds", "log")
        for camera in seen.cameras:
            more = f" and {len(camera.videos) - 1} more" if len(camera.videos) > 1 else ""
            log = camera.camlog or (camera.log.files[0] if camera.log else None)
            rate = camera.true_rate
            cameras.add_row(
                camera.label,
                printable(f"{camera.videos[0].relative_to(seen.folder)}{more}"),
                str(camera.frames),
                f"{camera.width}x{camera.height}",
                f"{rate:.2f} Hz",
                f"{camera.frames / rate:.1f}" if rate else "unknown",
                printable(log.name if log else "none"),
            )
        yield cameras
    if seen.daq is not None:
        yield Text("")
        yield printable(f"DAQ: {seen.daq.file.relative_to(seen.folder)} ({seen.daq.kind})")
        yield _lines(seen)
    if seen.wiring is not None:
        yield printable(f"Wiring: {seen.wiring.relative_to(seen.folder)}")
    if others := seen.files.others + Counter(path.suffix.lower() for path in _unused(seen)):
        counts = others.most_common()
        listed = ", ".join(f"{n} {ending}" for ending, n in counts[:MAX_SHOWN])
        more = ", and others" if len(counts) > MAX_SHOWN else ""
        yield printable(f"Other files, which are not read: {listed}{more}")
    yield Text("")
    sentences = (
        *proposal.certainties(seen),
        *proposal.corrections(seen),
        *seen.notes,
        *proposal.missing(seen),
    )
    yield from map(printable, sentences)


def _unused(seen: Seen) -> set[Path]:
    """Return the tables that belong to nothing."""
    logs = {path for camera in seen.cameras if camera.log for path in camera.log.files}
    return set(seen.files.tables) - logs - ({seen.daq.file} if seen.daq else set())


def _lines(seen: Seen) -> RenderableType:
    cameras = {each.line: each for each in seen.wired if each.line is not None}
    names = {channel: name for name, channel in seen.named.items()} | proposal.sync_names(seen)
    lines = table.columns("line", "pulses", "rate", "seconds", "is")
    for line in seen.lines[:MAX_SHOWN]:
        wired = cameras.get(line.channel)
        known = f"{wired.camera} ({wired.sure})" if wired else names.get(line.channel, "")
        rate = "" if line.rate is None else f"{line.rate:.2f} Hz"
        lines.add_row(
            str(line.channel), str(line.n_rises), rate, f"{line.seconds:.1f}", printable(known)
        )
    if len(seen.lines) > MAX_SHOWN:
        lines.add_row("...", "", "", "", f"and {len(seen.lines) - MAX_SHOWN} more")
    return lines


def proposed_here(seen: Seen) -> Proposed:
    """Return the files that are missing in a session whose recordings stay where they are.

    Raises
    ------
    DataError
        If nothing can be proposed, or recordings are not called as they must be in a session.
    """
    _check(seen)
    at = layout.collections_now(seen)
    place = seen.folder / at.wiring
    # A wiring file counts only beside the recording of the DAQ.
    counting = seen if seen.wiring and seen.wiring.parent == place else replace(seen, wiring=None)
    return Proposed(seen.folder, _texts(counting, seen.folder, at), [])


def proposed_somewhere(seen: Seen) -> Proposed:
    """Return a session as which the recordings could be laid out, in a place that is not known.

    Raises
    ------
    DataError
        If nothing can be proposed.
    """
    _check(seen)
    session = Path("ROOT/SUBJECT/YYYY-MM-DD/NNN")
    return Proposed(session, _texts(seen, session, layout.collections(seen)), layout.places(seen))


def proposed_into(seen: Seen, root: Path, subject: str, day: str, number: str) -> Proposed:
    """Return a session below `root` as which the recordings are laid out.

    Raises
    ------
    DataError
        As `layout.session_folder` and `layout.check`.
    """
    _check(seen)
    videos = [path for camera in seen.cameras for path in camera.videos]
    session = layout.session_folder(root, seen.folder, videos, subject, day, number)
    placed = [each for each in layout.places(seen) if each.source != session / each.target]
    texts = _texts(seen, session, layout.collections(seen))
    inside = [path.relative_to(session).as_posix() for path in texts if path.parent != root]
    layout.check(session, placed, inside, seen.folder)
    return Proposed(session, texts, placed)


def _check(seen: Seen) -> None:
    if not seen.cameras or (seen.daq is None and not seen.files.bpod):
        what = "no video" if not seen.cameras else "no recording of a DAQ"
        raise DataError(f"Nothing is proposed for {seen.folder}: {what} in it can be read.")


def _texts(seen: Seen, session: Path, at: Collections) -> dict[Path, str]:
    root = session.parents[2]
    texts = {
        root / CONFIGURATION: proposal.configuration(seen, root),
        session / at.wiring / proposal.WIRING: proposal.wiring(seen),
        session / description.NAME: proposal.description(seen, at.videos, at.sync, at.task),
    }
    return {path: text for path, text in texts.items() if text}


def of_proposal(seen: Seen, proposed: Proposed, *, move: bool) -> Iterator[RenderableType]:
    """Yield what would be written, and where recordings would be."""
    if proposed.placed:
        how = "Moves" if move else "Links"
        yield Text("")
        yield printable(f"{how} in {proposed.session}:")
        for source, target in proposed.placed:
            yield printable(f"  {target} <- {source.relative_to(seen.folder)}")
    for path, text in proposed.texts.items():
        note = ", which is there already and stays as it is" if os.path.lexists(path) else ""
        yield Text("")
        yield printable(f"{path}{note}:")
        yield from (printable(f"  {line}") for line in text.splitlines())
    if proposed.placed:
        sentences = (layout.to_convert(camera, proposed.session) for camera in seen.cameras)
        yield from map(printable, filter(None, sentences))


def carry_out(proposed: Proposed, *, move: bool) -> list[str]:
    """Lay out recordings and write files; returns sentences that say what was done.

    Raises
    ------
    DataError, OSError
        As `layout.carry_out`.
    """
    done = []
    if proposed.placed:
        n = layout.carry_out(proposed.session, proposed.placed, move=move)
        done.append(f"{n} {'moved' if move else 'linked'} into {proposed.session}.")
    for path, text in proposed.texts.items():
        if os.path.lexists(path):
            done.append(f"{path} was there and was not changed.")
        else:
            layout.write_new(path, text)
            done.append(f"{path} was written.")
    configuration = proposed.session.parents[2] / CONFIGURATION
    done.append(f"Confirm them, then: uv run snakemake -n --configfile {configuration}")
    return done


def run(
    folder: Path,
    into: Path | None,
    names: tuple[str, str, str],
    show: Callable[[Iterator[RenderableType]], None],
    ask: Callable[[], bool],
    tell: Callable[[str], None],
    *,
    move: bool,
) -> None:
    """Show what is in a folder and what is proposed; write it if `ask` says so.

    Parameters
    ----------
    folder
        Without a description. If it is not called as a session, and `into` is None, nothing is
        written.
    into
        The data folder in which a session is laid out; None if recordings stay where they are.
    names
        Subject, date and number of that, empty where the names of the recordings say it.
    show, ask, tell
        Print parts, ask whether to write, and say what takes long.
    move
        Move the recordings instead of linking them.

    Raises
    ------
    DataError
        If it is not the folder of a recording, or nothing can be proposed, and why.
    """
    seen = look.look(folder, tell)
    show(parts(seen))
    if not into and not folders.is_session(folder):
        show(of_proposal(seen, proposed_somewhere(seen), move=move))
        show(iter([Text(f"\n{_LAY_OUT}")]))
        return
    found = proposed_into(seen, into, *names) if into else proposed_here(seen)
    show(of_proposal(seen, found, move=move))
    if ask():
        show(map(printable, carry_out(found, move=move)))
