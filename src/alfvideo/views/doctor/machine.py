"""Examinations of the machine: processor, memory, GPU, ffmpeg, clock and locale."""

import locale
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import imageio_ffmpeg
import psutil

from alfvideo.configuration import Configuration
from alfvideo.views.doctor import State

Found = Iterator[tuple[State, str]]

_SECONDS = 30
"""A program that has not answered by then does not work."""
_ENOUGH_MEMORY = 8e9
"""Bytes; the pose engines take about half of it."""


def software(config: Configuration) -> Found:
    """Versions, for whoever is asked for help."""
    names = ("alfvideo", "snakemake", "ONE-api", "av", "numpy")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    yield State.GOOD, f"Python {platform.python_version()} in {sys.prefix}: {versions}"


def processor(config: Configuration) -> Found:
    """Cores and memory that this process may use."""
    cores, memory = len(os.sched_getaffinity(0)), psutil.virtual_memory().total
    state = State.GOOD if memory >= _ENOUGH_MEMORY else State.NOTE
    advice = "" if state is State.GOOD else "; pose needs 8 GB or more"
    yield state, f"{cores} cores, {memory / 1e9:.0f} GB{advice}"


def gpu(config: Configuration) -> Found:
    """GPUs of this machine that the driver knows."""
    slow = "poses are found by the processor, many times slower"
    program = shutil.which("nvidia-smi")
    if program is None:
        yield State.NOTE, f"no NVIDIA driver (nvidia-smi) here: {slow}"
        return
    query = "--query-gpu=name,driver_version,memory.total"
    done = answer(program, query, "--format=csv,noheader")
    if done.returncode or not done.stdout.strip():
        reason = (done.stdout + done.stderr).strip().partition("\n")[0] or "no GPU"
        bad = State.MISSING if config.trackers else State.NOTE
        yield bad, f"nvidia-smi says: {reason}. Install the driver again, and restart"
        return
    for line in done.stdout.splitlines():
        name, driver, memory = (part.strip() for part in line.split(","))
        yield State.GOOD, f"{name}, {memory}, driver {driver}"


def ffmpeg(config: Configuration) -> Found:
    """Examine the ffmpeg program that runs use, and its H.264 encoder."""
    program = config.ffmpeg or imageio_ffmpeg.get_ffmpeg_exe()
    try:
        done = answer(program, "-hide_banner", "-encoders")
    except OSError as error:
        yield (
            State.MISSING,
            f"{program} cannot be run ({error.strerror}). Correct `ffmpeg` in the configuration, "
            "or leave it empty for the one that comes with alfvideo",
        )
        return
    if "libx264" in done.stdout:
        name = answer(program, "-version").stdout.partition(" Copyright")[0]
        yield State.GOOD, f"{name} with libx264 ({program})"
    else:
        yield (
            State.MISSING,
            f"{program} has no libx264 encoder. Leave `ffmpeg` in the configuration empty for the "
            "one that comes with alfvideo",
        )


def clock(config: Configuration) -> Found:
    """Find out whether the clock is set: what is out of date is told by times of files."""
    newest = Path(__file__).stat().st_mtime
    now = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    if time.time() < newest:
        yield State.MISSING, f"{now}: the clock is behind. Set it (timedatectl set-ntp true)"
    else:
        yield State.GOOD, now


def encoding(config: Configuration) -> Found:
    """Find out whether file names with letters of all languages can be written."""
    found = {sys.getfilesystemencoding().lower(), locale.getencoding().lower()}
    if found <= {"utf-8"}:
        yield State.GOOD, "utf-8"
    else:
        yield State.MISSING, f"{', '.join(sorted(found))}: set LANG=C.UTF-8 in the environment"


def answer(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program and return what it says.

    Raises
    ------
    OSError
        If it cannot be started, or does not answer.
    """
    try:
        return subprocess.run(
            list(map(str, command)),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"{command[0]} does not answer within {_SECONDS} s") from error
