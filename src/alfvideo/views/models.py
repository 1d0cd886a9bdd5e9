"""The models of all cascades: whether they can be run, what they are, how near to their engine."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table

from alfvideo.configuration import Configuration
from alfvideo.files.errors import Blocked, DataError
from alfvideo.planning import pending
from alfvideo.pose import cascades, comparison, environment, track
from alfvideo.pose.comparison import Compared
from alfvideo.pose.engine import Engine
from alfvideo.session import datasets
from alfvideo.session.cameras import VIDEO_COLLECTION
from alfvideo.trackers import TRACKERS
from alfvideo.video import probe

FACTS = ("tracker", "cameras", "network", "model", "can run", "architecture", "snapshot")
NUMBERS = ("parts", "input", "context")
COMPARED = ("difference (px)", "frames/s")

Found = dict[tuple[str, Path, str, str], Compared]
"""The comparisons, by tracker, cascade, network and path of the model."""


def parts(
    config: Configuration, found: Found | None = None, notes: tuple[str, ...] = ()
) -> Iterator[RenderableType]:
    """Yield the table of the models, one row for each model of each cascade, and what is to say.

    Raises
    ------
    DataError
        If a cascade says something wrong.
    """
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in FACTS:
        table.add_column(name, overflow="fold")
    for name in (*NUMBERS, *(COMPARED if found is not None else ())):
        table.add_column(name, justify="right")
    reasons: dict[str, None] = {}
    for (tracker, file), cameras in _cascades(config).items():
        for network, model, facts in cascades.each_model(file, tracker):
            begin = tracker, " ".join(cameras), network, Path(model).name
            if isinstance(facts, str):
                reasons[facts] = None
                table.add_row(*begin, "no")
                continue
            size = "x".join(map(str, facts.size)) if facts.size else "as given"
            n_parts = str(len(facts.parts)) if facts.parts is not None else "?"
            told = facts.architecture, facts.weights.name, n_parts, size, str(facts.context)
            each = found.get((tracker, file, network, model)) if found else None
            table.add_row(*begin, "yes", *told, *(_compared(each) if each else ()))
        try:
            cascades.load(file, tracker)
            cascades.check_trusted(file, tracker, config.trusted_models)
        except (Blocked, DataError) as reason:
            reasons[str(reason)] = None
    if not table.rows:
        yield "No cascades: set `trackers` and `cascades` in the configuration."
        return
    yield table
    yield from (*reasons, *notes)


def _compared(each: Compared) -> tuple[str, str]:
    difference = "–" if each.difference is None else f"{each.difference:.2g}"
    return difference, f"{each.rate:.3g}"


def _cascades(config: Configuration) -> dict[tuple[str, Path], list[str]]:
    """Return the cameras of each tracker and file."""
    found: dict[tuple[str, Path], list[str]] = {}
    for tracker, camera, file in cascades.files(config):
        found.setdefault((tracker, file), []).append(camera)
    return found


def compared(config: Configuration, root: Path, threads: int) -> tuple[Found, tuple[str, ...]]:
    """Compare all models that can be run with their engines' own commands, on real frames.

    Returns what was found, and sentences on what was not compared.

    Raises
    ------
    DataError
        If there are no sessions.
    """
    found: Found = {}
    notes = []
    sessions = pending.selected(root, config)
    for (tracker, file), cameras in _cascades(config).items():
        try:
            cascade = cascades.load(file, tracker)
            cascades.check_trusted(file, tracker, config.trusted_models)
            camera, video = _video(sessions, cameras)
            record = Path(".environments", f"{tracker}.json")
            python = environment.known_python(config.environments[tracker], record)
            if not python:
                raise DataError(
                    f"{TRACKERS[tracker].label} is not installed yet: the first run does that."
                )
            with Engine(
                Path(python).expanduser().absolute(),
                tracker,
                track.models(cascade),
                threads,
                trusted=config.trusted_models,
            ) as engine:
                results = comparison.compare(video, camera, cascade, engine)
        except (Blocked, DataError) as reason:
            notes.append(f"{tracker} {' '.join(cameras)}: not compared. {reason}")
            continue
        for network in cascade.networks:
            for name in track.members(cascade, network):
                path = track.models(cascade)[name]
                found[tracker, file, network, path] = results[name]
    return found, tuple(notes)


def _video(sessions: list[Path], cameras: list[str]) -> tuple[str, Path]:
    """Return the first whole video of one of the cameras, sessions in their order."""
    for session in sessions:
        place = {"session": session, "collection": VIDEO_COLLECTION}
        for camera in cameras:
            for video in (datasets.RAW_MP4, datasets.RAW_AVI):
                path = Path(video.format(camera=camera, **place))
                with suppress(DataError):
                    probe.probe_whole(path)
                    return camera, path
    raise DataError(f"No session has a whole video of {' or '.join(cameras)}.")
