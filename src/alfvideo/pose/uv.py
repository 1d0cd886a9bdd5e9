"""Python environments made by uv: whole or not at all, and by one process at a time."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from alfvideo.files.errors import DataError

PYTHONS = ((3, 10), (3, 12))
"""Oldest and newest Python in which the pose engines run."""

LOCKED_PYTHONS = ((3, 11), (3, 12))
"""Oldest and newest Python that the locks are for."""

PYTHON_OTHERWISE = "3.11"
"""Fetched by uv if alfvideo itself runs in another one."""

LOCK = "uv.lock"

INDEX = "https://pypi.org/simple"
"""The index of the locks; with another one, from UV_DEFAULT_INDEX, uv takes them as outdated."""

FINISHED = ".alfvideo-finished"
"""This file in an environment says that its installation came to the end.

An environment holds its own path, so it cannot be made under another name and then renamed.
"""


def make(home: Path, label: str, project: Path) -> Path:
    """Make the environment of a locked project in the folder `home`; returns its Python.

    Nothing is done if it is there. `label` names it in messages. One environment is made at a time
    below the same folder, so that packages which several need are downloaded once, to uv's cache.
    The progress goes to standard error.

    Raises
    ------
    DataError
        If it cannot be made: no uv, no network, no space.
    """
    try:
        if not _is_made(home):
            with _locked(home.with_name(".lock"), label):
                if not _is_made(home):
                    _install(home, label, project)
    except OSError as error:
        raise DataError(
            f"The environment of {label} cannot be made in {home} ({error.strerror or error}). "
            "Fix that and run again."
        ) from error
    return python_in(home)


def _is_made(home: Path) -> bool:
    """Return whether it was finished, and the Python that it is based on is still there."""
    return (home / FINISHED).exists() and python_in(home).exists()


def python_in(home: Path) -> Path:
    """Return the Python of an environment."""
    return home / "bin" / "python"


def program() -> str:
    """Find the uv program: the one that started this process (`uv run` sets UV), else on PATH.

    Raises
    ------
    DataError
        If there is none.
    """
    found = os.environ.get("UV") or shutil.which("uv")
    if not found or not shutil.which(found):
        raise DataError(
            "The environments of the pose engines are made by uv, which was not found on PATH: "
            "`pip install uv`, or name a Python that has the engine in config/config.yaml "
            "(environments:)."
        )
    return found


def _install(home: Path, label: str, project: Path) -> None:
    """Make the environment with uv, whole or not at all; what was there before is removed."""
    if home.exists():
        shutil.rmtree(home)
    fits = LOCKED_PYTHONS[0] <= sys.version_info[:2] <= LOCKED_PYTHONS[1]
    base = sys.executable if fits else PYTHON_OTHERWISE
    command = [program(), "sync", "--locked", "--default-index", INDEX]
    variables = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(home)}
    # That of alfvideo itself.
    variables.pop("VIRTUAL_ENV", None)
    print(f"Making the environment of {label} in {home}.", file=sys.stderr)
    try:
        _run(label, [*command, "--python", base, "--project", str(project)], variables)
        (home / FINISHED).touch()
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise


def _run(label: str, command: Sequence[str], variables: Mapping[str, str]) -> None:
    """Run uv, show what it does, and turn its failure into one sentence."""
    process = subprocess.Popen(
        command,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    last = ""
    for line in process.stderr or ():
        # One line for each of more than a hundred packages.
        if line.strip() and not line.startswith(" + "):
            sys.stderr.write(line)
            last = last if line.startswith("hint: ") else line
    if process.wait():
        raise DataError(
            f"uv could not install {label} ({last_line(last)}). It needs the network (HTTPS_PROXY "
            "names a proxy) and 8 GB of free space, there and in its cache (UV_CACHE_DIR). Run "
            f"again when it has them, or name a Python that has {label} in config/config.yaml "
            "(environments:)."
        )


def last_line(text: str) -> str:
    """Return the last line of a message that says something, without `cause:` and the full stop."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return re.sub(r"^(cause|Caused by): |\.$", "", lines[-1]) if lines else ""


@contextmanager
def _locked(path: Path, label: str) -> Iterator[None]:
    """Let one process at a time make an environment; the others wait for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                f"Another process is making an environment: {label} waits for it.", file=sys.stderr
            )
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
