"""One damaged session after the other: what was damaged, what jobs made of it, and whether well."""

import hashlib
import importlib
import os
import pkgutil
import re
import resource
import shutil
import signal
import stat
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

import alfvideo
from alfvideo.files.errors import Blocked
from alfvideo.planning import pending
from tests.fuzz import damage, sessions
from tests.fuzz.sessions import Base, Work

_SECONDS = 10
"""Of CPU time that a job may take; without damage it takes a tenth."""
_WAITING = 90
"""Seconds after which a job that waits for something is killed, on a machine that is busy."""
_MEMORY = 2 * 2**30
"""Bytes that a job may take more than a process that has loaded everything."""
_FRAMES = 1.0
"""Times may be so many frames off without a note."""

_COST = {"video_qc": 3, "dlc_qc_plot": 10}
"""Jobs that take so many times as long as the others are run less often."""

_SENTENCE = re.compile(r"ERROR (?P<sentence>.+)")


class Outcome(StrEnum):
    """The end of a job; all but the first four are defects."""

    DONE = "done"
    REFUSED = "refused in a sentence"
    BLOCKED = "blocked in a sentence"
    UNTRUE = "wrong times of well-formed values"
    TRACEBACK = "traceback"
    UNEXPECTED = "unexpected error"
    UNCLEAR = "failed without one sentence"
    HANG = "hang"
    CRASH = "ended by a signal"
    SCAN = "the scan ended in a traceback"
    CHANGED = "raw data changed"
    WRONG = "wrong times without a note"


GOOD = (Outcome.DONE, Outcome.REFUSED, Outcome.BLOCKED, Outcome.UNTRUE)

UNTRUE = {
    "array_of_another_shape": "values in another order, or those of other samples, are well formed"
}
"""Damage to sync arrays that reading cannot tell: whether times are true is judged by evidence."""


@dataclass(frozen=True)
class Result:
    """A damaged session, and what became of a job of it."""

    seed: int
    number: int
    kind: str
    file: str
    damage: str
    work: Work
    outcome: Outcome
    detail: str = ""

    def __str__(self) -> str:
        """Say what was found, and how to see it again."""
        return (
            f"{self.outcome}: {self.damage} {self.file} of {self.kind}, then {self.work.rule} "
            f"{self.work.camera}: {self.detail.strip()[-1500:]}\n"
            f"    uv run python -m tests.fuzz --seed {self.seed} --only {self.number}"
        )


def load_all() -> None:
    """Import everything that scripts need, so that processes that are forked have it."""
    for module in pkgutil.walk_packages(alfvideo.__path__, "alfvideo."):
        if ".engines" not in module.name and "__main__" not in module.name:
            importlib.import_module(module.name)
    for name in ("pandas", "scipy.signal", "scipy.ndimage", "scipy.interpolate"):
        importlib.import_module(name)


def examine_all(
    folder: Path, bases: dict[str, Base], seed: int, numbers: Sequence[int]
) -> Iterator[Result]:
    """Damage sessions and run jobs, two at a time; yield what became of each, in order."""
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(lambda number: examine(folder, bases, seed, number), numbers)


def examine(folder: Path, bases: dict[str, Base], seed: int, number: int) -> Result:
    """Damage a copy of a session and run a job that reads what was damaged."""
    rng = np.random.default_rng([seed, number])
    kind = list(bases)[rng.integers(len(bases))]
    base = bases[kind]
    root = folder / f"{seed}_{number}"
    path = root / base.path.relative_to(base.root)
    shutil.copytree(base.path, path)
    try:
        names = sorted(base.readers)
        name = names[rng.integers(len(names))]
        works = base.readers[name]
        weights = np.array([1 / _COST.get(work.rule, 1) for work in works])
        work = works[rng.choice(len(works), p=weights / weights.sum())]
        chosen = damage.of_file(rng, path / name)
        chosen(rng, path / name)
        before = _raw(path)
        outcome, detail = _run(root, path, base, work)
        if _raw(path) != before:
            outcome = Outcome.CHANGED
        if outcome is Outcome.WRONG and "_sync." in name and chosen.__name__ in UNTRUE:
            outcome = Outcome.UNTRUE
        return Result(seed, number, kind, name, chosen.__name__, work, outcome, detail)
    finally:
        shutil.rmtree(root)


def _raw(path: Path) -> dict[str, str]:
    """Return kind, size and checksum of each raw file."""
    found = {}
    for file in sorted(path.rglob("*")):
        name = str(file.relative_to(path))
        if sessions.is_raw(name) and not name.endswith((".json", "json.lock")):
            kind = file.lstat()
            small = stat.S_ISREG(kind.st_mode) and kind.st_size < 2**30
            content = hashlib.md5(file.read_bytes()).hexdigest() if small else ""
            found[name] = f"{stat.S_IFMT(kind.st_mode)} {kind.st_size} {content}"
    return found


def _run(root: Path, path: Path, base: Base, work: Work) -> tuple[Outcome, str]:
    """Run a job in a process of its own, with limits, and judge it."""
    said = root / "said.txt"
    process = os.fork()
    if process == 0:
        _in_a_process(root, path, base, work, said)
    status = _wait(process)
    text = said.read_text(errors="replace") if said.exists() else ""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        hangs = number in (signal.SIGXCPU, signal.SIGKILL)
        return (Outcome.HANG if hangs else Outcome.CRASH), f"signal {number} {text}"
    first, _, rest = text.rpartition("\0")[2].partition("\n")
    return Outcome(first), rest


def _wait(process: int) -> int:
    end = time.monotonic() + _WAITING
    while time.monotonic() < end:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return status
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1]


def _in_a_process(root: Path, path: Path, base: Base, work: Work, said: Path) -> None:
    """Run a job and write what became of it, then end the process."""
    try:
        descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.chdir(root)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + _MEMORY,) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        outcome, detail = _judge(path, base, work, root)
        sys.stdout.flush()
        os.write(1, f"\0{outcome}\n{detail}".encode())
    except BaseException:
        os.write(1, f"\0{Outcome.TRACEBACK}\n{traceback.format_exc()}".encode())
    os._exit(0)


def _judge(path: Path, base: Base, work: Work, root: Path) -> tuple[Outcome, str]:
    try:
        pending.scan_session(path, sessions.settings(root))
    except Exception:
        return Outcome.SCAN, traceback.format_exc()
    times_before = _modified(path, work.camera)
    try:
        notes = sessions.run_work(path, work, root)
    except Blocked as reason:
        return Outcome.BLOCKED, str(reason)
    except SystemExit:
        return _refused(sessions.log_of(path, work).read_text())
    off = 0.0
    if _modified(path, work.camera) != times_before:
        off = sessions.frames_off(path, base, work.camera)
    if off > _FRAMES and not set(notes) - set(base.notes[work]):
        return Outcome.WRONG, f"{off:.1f} frames off, {notes}"
    return Outcome.DONE, f"{off:.1f} frames off, {notes}"


def _refused(log: str) -> tuple[Outcome, str]:
    if "unexpected error" in log:
        return Outcome.UNEXPECTED, log
    if "Traceback" in log:
        return Outcome.TRACEBACK, log
    lines = log.splitlines()
    sentences = [found["sentence"] for line in lines if (found := _SENTENCE.search(line))]
    if len(sentences) != 1 or not lines[-1].endswith(sentences[0]):
        return Outcome.UNCLEAR, log
    return Outcome.REFUSED, sentences[0]


def _modified(path: Path, camera: str) -> int:
    file = path / "alf" / f"_ibl_{camera}Camera.times.npy"
    try:
        return file.stat().st_mtime_ns if file.is_file() else 0
    except OSError:
        return 0
