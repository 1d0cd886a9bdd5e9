"""Examinations of what the configuration names: data folder, pose engines, models, Alyx."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from alfvideo.configuration import Configuration
from alfvideo.files import lock
from alfvideo.files.errors import Blocked
from alfvideo.pose import cascades, environment
from alfvideo.registration.alyx import connection
from alfvideo.trackers import TRACKERS
from alfvideo.views.doctor import State

Found = Iterator[tuple[State, str]]

_SPACE = 50e9
"""Bytes; an hour of three cameras is some 10 GB of raw video and 3 GB of results."""
_ENVIRONMENTS = 7e9
_SKEW = 2
"""Seconds by which the clock of a file server may differ."""


def data_folder(config: Configuration) -> Found:
    """Find out whether `root` can be read and written, has locks, space and a clock that agrees."""
    root = config.data_folder
    if not root.is_dir():
        yield (
            State.MISSING,
            f"{root} does not exist. Set `root` in config/config.yaml to the folder that holds "
            "your sessions",
        )
        return
    if not os.access(root, os.R_OK | os.X_OK):
        yield State.MISSING, f"{root} may not be read. Give the user who runs this read access"
        return
    yield from _writing(root)
    yield _space(root, _SPACE)


def _writing(root: Path) -> Found:
    probe = root / f".alfvideo.doctor.{os.getpid()}"
    before = time.time()
    try:
        with probe.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        skew = probe.stat().st_mtime - before
    except PermissionError:
        yield (
            State.MISSING,
            f"{root} may not be written to. Results are kept beside the raw data: give the user "
            "who runs this write access",
        )
        return
    except OSError as error:
        yield (
            State.MISSING,
            f"{root} cannot be written to or locked ({error.strerror}). On a file server, turn on "
            "its locks (NFS: mount without nolock)",
        )
        return
    finally:
        probe.unlink(missing_ok=True)
    if abs(skew) > _SKEW:
        yield (
            State.MISSING,
            f"the clock of the server of {root} is {skew:+.0f} s off that of this machine. Set "
            "both by NTP: what is out of date is told by times of files",
        )
    yield State.GOOD, f"{root} can be read, written and locked"
    if holder := lock.held_by(root):
        yield State.NOTE, f"a run is at work there ({holder}): another one would leave at once"


def working_folder(config: Configuration) -> Found:
    """Find out whether environments of the pose engines, logs and benchmarks have space."""
    here = Path.cwd()
    if not os.access(here, os.W_OK | os.X_OK):
        yield State.MISSING, f"{here} may not be written to. Run from a folder of your own"
        return
    yield _space(here, _ENVIRONMENTS if config.trackers else 0)


def _space(folder: Path, needed: float) -> tuple[State, str]:
    free = shutil.disk_usage(folder).free
    if free >= needed:
        return State.GOOD, f"{free / 1e9:.0f} GB free at {folder}"
    return State.NOTE, f"only {free / 1e9:.1f} GB free at {folder}. Free some space"


def pose_engines(config: Configuration) -> Found:
    """Find out whether the engines of `trackers` can be used, and whether they see a GPU."""
    for engine in config.trackers:
        label = TRACKERS[engine].label
        configured = config.environments[engine]
        python = environment.known_python(configured, Path(".environments", f"{engine}.json"))
        environment.quick_check(engine, python)
        if not python:
            yield State.GOOD, f"{label} will be installed by the first run"
            continue
        found = environment.check(Path(python).expanduser().absolute(), engine)
        versions = ", ".join(f"{name} {version}" for name, version in found["software"].items())
        device = "sees a GPU" if found["cuda"] else "sees no GPU"
        yield State.GOOD if found["cuda"] else State.NOTE, f"{versions}: {device} ({python})"
    if not config.trackers:
        yield State.GOOD, "none: `trackers` is empty"


def models(config: Configuration) -> Found:
    """Find out whether the models of all cascades are there."""
    for engine, camera, file in cascades.files(config):
        try:
            networks = cascades.load(file, engine).networks
            cascades.check_trusted(file, engine, config.trusted_models)
        except Blocked as reason:
            yield State.MISSING, f"{engine} {camera}: {reason}"
        else:
            yield State.GOOD, f"{engine} {camera}: {', '.join(networks)}"


def alyx(config: Configuration) -> Found:
    """Find out whether the server answers and takes the account."""
    url = config.registration.alyx
    if url:
        connection.check(url, config.registration.repository)
        yield State.GOOD, f"{url} takes the account"
