"""The command `alfvideo`, which looks at what Snakemake made and will make, and explains it."""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from alfvideo.files.errors import DataError

# Each command imports what it needs itself: some of it takes seconds to load.
if TYPE_CHECKING:
    from alfvideo.views.settings import Settings

CONFIG = ("--config", "-C")


class Commands(TyperGroup):
    """The commands; what is wrong is said in one sentence, and readers may leave early."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take several KEY=VALUE after one `--config`, as snakemake does."""
        return super().parse_args(ctx, list(_with_option_each(args)))

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        # Names of folders may hold what the screen cannot show.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever reads has seen enough (head, less); Python must not write the rest at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (DataError, OSError) as error:
            from alfvideo.jobs import job

            print(job.message(error), file=sys.stderr)
            raise typer.Exit(1) from None


def _with_option_each(arguments: Sequence[str]) -> Iterator[str]:
    """Arguments in which each KEY=VALUE has the option before it.

    >>> list(_with_option_each(["status", "--config", "root=/data", "cameras=[left]", "/data/KB"]))
    ['status', '--config', 'root=/data', '--config', 'cameras=[left]', '/data/KB']
    """
    continues = False
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if continues and before not in CONFIG and "=" in argument and argument[0] != "-":
            yield CONFIG[0]
        elif before not in CONFIG:
            continues = argument in CONFIG
        yield argument


class Format(StrEnum):
    """For whom the state is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


Folders = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATH", help="Only sessions in these folders below root."),
]
Config = Annotated[
    list[str] | None,
    typer.Option(
        *CONFIG, metavar="KEY=VALUE", help="A key of the configuration, as for snakemake."
    ),
]
Configfile = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="A configuration file, as for snakemake; may be repeated."),
]
Directory = Annotated[
    Path,
    typer.Option(
        "--directory",
        "-d",
        exists=True,
        file_okay=False,
        help="The folder that snakemake runs in, with its logs; by default this one.",
    ),
]

app = typer.Typer(
    cls=Commands,
    help="Looks at what Snakemake made and will make, and explains it. Nothing is changed, unless "
    "`describe` is told to write.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _chosen(paths: list[Path] | None) -> list[Path]:
    """Return absolute paths, before the working folder is another one."""
    # Not `resolve`: parts of the data folder may be links to other disks.
    return [Path(os.path.normpath(path.absolute())) for path in paths or ()]


def _settings(config: list[str] | None, files: list[Path] | None, directory: Path) -> "Settings":
    from alfvideo.views import settings

    files = [file.absolute() for file in files or ()]
    os.chdir(directory)
    return settings.read(config or (), files)


@app.command()
def status(
    paths: Folders = None,
    format: Annotated[
        Format, typer.Option(help="For people or for other programs.")
    ] = Format.TABLE,
    config: Config = None,
    configfile: Configfile = None,
    directory: Directory = Path(),
) -> None:
    """Show what is done, pending, running, failed and blocked, and why."""
    chosen = _chosen(paths)
    settings = _settings(config, configfile, directory)
    from alfvideo.views.status import screen

    screen.show(settings.statuses(), settings.root, chosen, format, sys.stdout, settings.config)


@app.command()
def why(
    session: Annotated[
        Path, typer.Argument(metavar="SESSION", help="Its folder, or its path below root.")
    ],
    camera: Annotated[
        str, typer.Argument(metavar="CAMERA", help="Only this camera; by default all.")
    ] = "",
    config: Config = None,
    configfile: Configfile = None,
    directory: Directory = Path(),
) -> None:
    """Say why results of a session are pending, blocked or failed, with the files compared."""
    given = session.absolute() if session.is_dir() else session
    settings = _settings(config, configfile, directory)
    from alfvideo.views import why as view
    from alfvideo.views.status import table

    found = view.find(given, settings.root)
    table.show(view.explain(found, camera, settings.config), sys.stdout)


@app.command()
def describe(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The recordings of one session, or a session.")
    ],
    into: Annotated[
        Path | None,
        typer.Option(metavar="ROOT", help="Lay the recordings out as a session in this folder."),
    ] = None,
    subject: Annotated[str, typer.Option(help="The animal, for --into.")] = "",
    date: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="The day, if the names do not say it.")
    ] = "",
    number: Annotated[
        str, typer.Option(metavar="NNN", help="The session of that day; by default 001.")
    ] = "",
    move: Annotated[
        bool, typer.Option("--move", help="Move the recordings; otherwise they are linked.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
    config: Config = None,
    configfile: Configfile = None,
    directory: Directory = Path(),
) -> None:
    """Say what is in a folder of recordings and what is missing, and propose what to write."""
    (place,) = _chosen([folder])
    from alfvideo.views import describe as view
    from alfvideo.views.status import table

    if not into and (move or any((subject, date, number))):
        raise DataError("--subject, --date, --number and --move are for --into ROOT: give it, too.")
    roots = _chosen([into]) if into else [None]
    if view.is_described(place):
        if into:
            raise DataError(f"{place} has a description already: copy it as it is below {into}.")
        settings = _settings(config, configfile, directory)
        table.show(view.described(place, settings.config), sys.stdout)
        return

    def ask() -> bool:
        if yes or (sys.stdin.isatty() and sys.stdout.isatty()):
            return yes or typer.confirm("Write this?")
        print("Nothing was written: there is no terminal to ask on. Give --yes to write it.")
        return False

    view.run(
        place,
        roots[0],
        (subject, date, number),
        lambda parts: table.show(parts, sys.stdout),
        ask,
        lambda sentence: print(table.printable(sentence), file=sys.stderr),
        move=move,
    )


@app.command()
def verify(
    paths: Folders = None,
    sample: Annotated[
        str, typer.Option(help="A share of the files, another one each day: after all, all.")
    ] = "100%",
    config: Config = None,
    configfile: Configfile = None,
    directory: Directory = Path(),
) -> None:
    """Compare raw files and results with the checksums on record; if any differs, status 1."""
    chosen = _chosen(paths)
    settings = _settings(config, configfile, directory)
    from alfvideo.views import verify as view

    part = view.part(sample)
    findings = view.verify(settings.sessions(chosen), part)
    print(findings.sentence())
    if findings.wrong:
        raise typer.Exit(1)


@app.command()
def methods(
    paths: Folders = None,
    config: Config = None,
    configfile: Configfile = None,
    directory: Directory = Path(),
) -> None:
    """Write the methods section of a paper, with BibTeX, from the provenance of the sessions."""
    chosen = _chosen(paths)
    settings = _settings(config, configfile, directory)
    from alfvideo.views.methods import results, text

    print(text.text(results.collect(settings.sessions(chosen))))


@app.command()
def doctor(
    profile: Annotated[
        str,
        typer.Option(
            envvar="SNAKEMAKE_PROFILE",
            help="The profile of runs; if it is one for SLURM, SLURM must be there.",
        ),
    ] = "",
    config: Config = None,
    configfile: Configfile = None,
    directory: Directory = Path(),
) -> None:
    """Show whether this machine has what a run needs; if not, the exit status is 1."""
    settings = _settings(config, configfile, directory)
    from alfvideo.views import doctor
    from alfvideo.views.doctor.examinations import examinations

    findings = doctor.examine(examinations(profile), settings.config)
    print(doctor.text(findings))
    if any(finding.state is doctor.State.MISSING for finding in findings):
        raise typer.Exit(1)


@app.command()
def models(
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Run 20 frames through each model here and by its engine's own command.",
        ),
    ] = False,
    config: Config = None,
    configfile: Configfile = None,
    directory: Directory = Path(),
) -> None:
    """Show the models of each cascade: whether they can be run, and what they are."""
    settings = _settings(config, configfile, directory)
    from alfvideo.views import models as view
    from alfvideo.views.status import table

    parts = view.parts(settings.config)
    if compare:
        threads = len(os.sched_getaffinity(0))
        parts = view.parts(settings.config, *view.compared(settings.config, settings.root, threads))
    table.show(parts, sys.stdout)


@app.command()
def plan(
    cores: Annotated[int | None, typer.Option(min=1, help="Cores of another machine.")] = None,
    gpus: Annotated[int | None, typer.Option(min=1, help="GPUs; by default 1.")] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Jobs at a time of a cluster, whatever its cores.")
    ] = None,
    config: Config = None,
    configfile: Configfile = None,
    directory: Directory = Path(),
) -> None:
    """Show how long the pending work takes, here and with more GPUs and cores."""
    settings = _settings(config, configfile, directory)
    from datetime import datetime

    from alfvideo.planning.snakemake_internals import LIMITS
    from alfvideo.views.plan import summary
    from alfvideo.views.status import table

    limits = {name: amount() for name, amount in LIMITS.items()} | {"gpu": gpus or 1}
    limits |= {"jobs": jobs} if jobs else {"cores": cores or len(os.sched_getaffinity(0))}
    if cores or gpus or jobs:
        # How much memory another machine has is not known.
        del limits["mem_mb"]
    parts = summary.parts(settings.statuses(), settings.config, limits, datetime.now())
    table.show(parts, sys.stdout)


@app.command()
def qc(
    folder: Annotated[Path, typer.Option(help="The folder of the page.")] = Path("report"),
    config: Config = None,
    configfile: Configfile = None,
    directory: Directory = Path(),
) -> None:
    """Write a page to look at: sessions, outcomes, pictures."""
    settings = _settings(config, configfile, directory)
    from alfvideo.views.report import folder as pages
    from alfvideo.views.report import sessions

    statuses = settings.statuses()
    reports = sessions.reports(statuses, settings.root, settings.config)
    n_changed = pages.write(reports, settings.root, folder)
    n_sessions = len({status.session for status in statuses})
    print(f"{folder / 'index.html'}: {n_sessions} sessions, {n_changed} of them new or changed.")
