"""Examinations of the machine: processor, memory, GPU, ffmpeg, clock and locale, SLURM."""

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
import yaml

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
    done = _answer(program, query, "--format=csv,noheader")
    if done.returncode or not done.stdout.strip():
        reason = (done.stdout + done.stderr).strip().partition("\n")[0] or "no GPU"
        yield State.MISSING, f"nvidia-smi says: {reason}. Install the driver again, and restart"
        return
    for line in done.stdout.splitlines():
        name, driver, memory = (part.strip() for part in line.split(","))
        yield State.GOOD, f"{name}, {memory}, driver {driver}"


def ffmpeg(config: Configuration) -> Found:
    """The ffmpeg program that runs use, and its H.264 encoder."""
    program = config.ffmpeg or imageio_ffmpeg.get_ffmpeg_exe()
    try:
        done = _answer(program, "-hide_banner", "-encoders")
    except OSError as error:
        yield (
            State.MISSING,
            f"{program} cannot be run ({error.strerror}). Correct `ffmpeg` in the configuration, "
            "or leave it empty for the one that comes with alfvideo",
        )
        return
    if "libx264" in done.stdout:
        name = _answer(program, "-version").stdout.partition(" Copyright")[0]
        yield State.GOOD, f"{name} with libx264 ({program})"
    else:
        yield (
            State.MISSING,
            f"{program} has no libx264 encoder. Leave `ffmpeg` in the configuration empty for the "
            "one that comes with alfvideo",
        )


def clock(config: Configuration) -> Found:
    """Whether the clock is set: what is out of date is told by times of files."""
    newest = Path(__file__).stat().st_mtime
    now = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    if time.time() < newest:
        yield State.MISSING, f"{now}: the clock is behind. Set it (timedatectl set-ntp true)"
    else:
        yield State.GOOD, now


def encoding(config: Configuration) -> Found:
    """Whether file names with letters of all languages can be written."""
    found = {sys.getfilesystemencoding().lower(), locale.getencoding().lower()}
    if found <= {"utf-8"}:
        yield State.GOOD, "utf-8"
    else:
        yield State.MISSING, f"{', '.join(sorted(found))}: set LANG=C.UTF-8 in the environment"


def slurm(config: Configuration) -> Found:
    """Whether SLURM answers, and has the partitions of its profile."""
    if shutil.which("sbatch") is None:
        yield State.NOTE, "no SLURM programs here: profiles/slurm cannot be used"
        return
    done = _answer("sinfo", "--noheader", "--format=%R")
    if done.returncode:
        reason = done.stderr.strip().partition("\n")[0]
        yield State.MISSING, f"sinfo says: {reason}. Ask who keeps the cluster"
        return
    there = sorted(set(done.stdout.split()))
    yield State.GOOD, f"partitions {', '.join(there)}"
    unknown = sorted(_partitions() - set(there))
    if unknown:
        yield (
            State.MISSING,
            f"profiles/slurm names partitions that are not there: {', '.join(unknown)}. Put those "
            "of your cluster at the top of its file",
        )


def _partitions() -> set[str]:
    """The partitions that the profile for SLURM names."""
    named = set()
    for file in (Path(__file__).parents[4] / "profiles" / "slurm").glob("*.yaml"):
        profile = yaml.safe_load(file.read_text(encoding="utf-8"))
        of_rules = profile.get("set-resources", {}).values()
        resources = [profile.get("default-resources", {}), *of_rules]
        named |= {str(each["slurm_partition"]) for each in resources if "slurm_partition" in each}
        named |= set(profile.get("partitions", ()))
    return named


def _answer(*command: str | Path) -> subprocess.CompletedProcess[str]:
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
