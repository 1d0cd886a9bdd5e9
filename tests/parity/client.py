"""Asks ibllib 4.1.0, which runs in an environment and a process of its own."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import imageio_ffmpeg
import numpy as np

ENVIRONMENT = Path(__file__).parent / "peer"

_NO_REGISTRY = ("Failed to fetch", "Failed to download")


class Unavailable(Exception):
    """The environment of ibllib could not be installed, because there is no package registry."""


class PeerError(Exception):
    """An error that ibllib raised."""


@dataclass(frozen=True)
class Answer:
    """Arrays that ibllib found, by name, and how long the call took, by the clock and of CPU."""

    arrays: Mapping[str, np.ndarray]
    seconds: float
    cpu_seconds: float


def install() -> Path:
    """Make or update the environment of ibllib and return its Python.

    Raises
    ------
    Unavailable
        If the package registry cannot be reached.
    """
    ours = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    uv = os.environ.get("UV", "uv")
    sync = subprocess.run(
        [uv, "sync", "--frozen", "--project", ENVIRONMENT],
        env=environ,
        capture_output=True,
        text=True,
    )
    if sync.returncode:
        if any(sign in sync.stderr for sign in _NO_REGISTRY):
            raise Unavailable(f"ibllib cannot be installed: {sync.stderr.strip()}")
        raise RuntimeError(f"uv sync failed: {sync.stderr}")
    return ENVIRONMENT / ".venv" / "bin" / "python"


class Peer:
    """A process with ibllib; a context manager. `folder` takes its log and passes arrays."""

    def __init__(self, python: Path, folder: Path):
        self._arrays = folder / "arrays.npz"
        programs, home = folder / "bin", folder / "home"
        programs.mkdir(parents=True)
        home.mkdir()
        (programs / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
        with (folder / "ibllib.log").open("w") as log:
            self._process = subprocess.Popen(
                [python, ENVIRONMENT / "serve.py"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ
                | {
                    "PATH": f"{programs}:{os.environ['PATH']}",
                    "HOME": str(home),
                    "MPLBACKEND": "Agg",
                },
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def ask(self, call: str, *, load: bool = True, **arguments: Any) -> Answer:
        """Call a function of peer/serve.py; paths may be given as such.

        Raises
        ------
        PeerError
            If ibllib raises.
        """
        question = {
            "call": call,
            "arguments": arguments,
            "save": self._arrays if load else None,
        }
        self._process.stdin.write(json.dumps(question, default=str) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"ibllib ended: {self._arrays.with_name('ibllib.log').read_text()}")
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(answer["error"])
        if not load:
            return Answer({}, answer["seconds"], answer["cpu_seconds"])
        with np.load(self._arrays) as arrays:
            return Answer(dict(arrays), answer["seconds"], answer["cpu_seconds"])
