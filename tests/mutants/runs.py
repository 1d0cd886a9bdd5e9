"""Runs tests on a copy of the repository, each time in a process of its own that is forked.

What the tests import from other packages is loaded once, before the forks: that makes a run four
times as fast.
"""

import importlib
import json
import os
import pkgutil
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage
import pytest

import alfvideo
from tests.mutants.operators import Mutant

REPO = Path(__file__).parents[2]
LIBRARY = Path("src") / "alfvideo"
_OWN = ("alfvideo", "rigsim", "tests")
_MEMORY = 8 * 2**30
_MIN_SECONDS = 15
_AS_LONG_AS = 5
"""A run may take so many times as much CPU time as the tests take without a change."""
_WAITING = 20
"""On a busy machine a second of CPU time may take so many seconds."""


@dataclass(frozen=True)
class Baseline:
    """Run the tests without a change."""

    seconds: dict[str, float]
    """CPU time by test."""
    by_line: dict[str, dict[int, set[str]]]
    """The tests that run each line of each file of the library; none ran at the import."""

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that may notice a change, the fastest first.

        Those that run its lines. If these run at the import only, all: first those that run the
        file, then the others, which may import its constants.
        """
        by_line = self.by_line.get(mutant.file, {})
        lines = range(mutant.line, mutant.last_line + 1)
        chosen = set().union(*(by_line.get(line, ()) for line in lines))
        near = set().union(*by_line.values())
        if not chosen and any(line in by_line for line in lines):
            chosen = set(self.seconds)
        return sorted(chosen, key=lambda test: (test not in near, self.seconds[test]))


def preload() -> None:
    """Import everything that the library imports, and forget the library again."""
    for module in pkgutil.walk_packages(alfvideo.__path__, "alfvideo."):
        if ".engines" not in module.name and "__main__" not in module.name:
            importlib.import_module(module.name)
    importlib.import_module("tests.conftest")
    for name in list(sys.modules):
        if name.split(".")[0] in _OWN and not name.startswith("tests.mutants"):
            del sys.modules[name]


def copy_repository(folder: Path) -> None:
    """Copy all files that Git knows or would add; other users may read them, as some tests need."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=REPO, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (REPO / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPO / name, folder / name)
    folder.chmod(0o755)


class _Recorder:
    """Notes which lines of the library each test runs, and how long it takes."""

    def __init__(self, source: Path) -> None:
        self.coverage = coverage.Coverage(data_file=None, source=[str(source)], config_file=False)
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        # what an earlier test left in a cache is run again by this one, so that it shows
        for name, module in list(sys.modules.items()):
            if name.startswith("alfvideo"):
                for value in list(vars(module).values()):
                    if callable(clear := getattr(value, "cache_clear", None)):
                        clear()
        self.coverage.switch_context(item.nodeid)
        start = time.process_time()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.process_time() - start

    def result(self) -> dict[str, Any]:
        data = self.coverage.get_data()
        lines = {file: data.contexts_by_lineno(file) for file in data.measured_files()}
        return {"seconds": self.seconds, "lines": lines}


class _InOrder:
    """Runs some tests only, in a given order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.rank = {test: i for i, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.rank),
            key=lambda item: self.rank[item.nodeid],
        )


def baseline(repository: Path, tests: Collection[str]) -> Baseline:
    """Run tests without a change.

    Raises
    ------
    SystemExit
        If one fails: the log is printed.
    """
    result = repository / "baseline.json"
    source = repository / LIBRARY

    def run() -> int:
        recorder = _Recorder(source)
        recorder.coverage.start()
        code = _pytest([*tests], recorder)
        recorder.coverage.stop()
        result.write_text(json.dumps(recorder.result()))
        return code

    if _forked(repository, run, 1800) != 0:
        sys.exit(f"The tests fail without any change:\n{(repository / 'log').read_text()}")
    content = json.loads(result.read_text())
    by_line = {
        Path(file).relative_to(source).as_posix(): {
            int(line): {test for test in found if test} for line, found in lines.items()
        }
        for file, lines in content["lines"].items()
    }
    return Baseline(content["seconds"], by_line)


def is_noticed(repository: Path, mutant: Mutant, tests: Sequence[str], seconds: float) -> bool:
    """Return whether a test fails or does not end with a change, which is undone afterwards."""
    if not tests:
        return False
    path = repository / LIBRARY / mutant.file
    source, dated = path.read_bytes(), path.stat().st_mtime
    path.write_bytes(mutant.applied(source))
    # another date, so that Python compiles it
    os.utime(path, (dated + 10, dated + 10))
    files = sorted({test.partition("::")[0] for test in tests})

    def run() -> int:
        sys.dont_write_bytecode = True
        return _pytest([*files, "-x", "--hypothesis-profile=mutants"], _InOrder(tests))

    try:
        return _forked(repository, run, _MIN_SECONDS + _AS_LONG_AS * seconds) != 0
    finally:
        path.write_bytes(source)
        os.utime(path, (dated, dated))


def _pytest(arguments: Sequence[str], plugin: object) -> int:
    options = ["-q", "-p", "no:cacheprovider", "--rootdir=.", "-c", "pyproject.toml"]
    return int(pytest.main([*options, *arguments], [plugin]))


def _forked(repository: Path, run: Any, seconds: float) -> int:
    """The exit status of a function in a process of its own; negative if it takes too long."""
    temporary = repository.parent / "temporary"
    temporary.mkdir(mode=0o755, exist_ok=True)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _run_in_child(repository, temporary, run, round(seconds))
    end = time.monotonic() + _WAITING * seconds
    try:
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return -1
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _run_in_child(repository: Path, temporary: Path, run: Any, seconds: int) -> None:
    code = 99
    try:
        os.setsid()
        log = os.open(repository / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        os.chdir(repository)
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(temporary)
        source = str(repository / "src")
        os.environ["PYTHONPATH"] = os.pathsep.join((source, str(repository)))
        elsewhere = {"", str(REPO), str(REPO / "src")}
        sys.path[:] = [source, str(repository), *(p for p in sys.path if p not in elsewhere)]
        for name in list(sys.modules):
            if name.split(".")[0] in _OWN:
                del sys.modules[name]
        code = run()
        used = sys.modules.get("alfvideo")
        if used is not None and not str(used.__file__).startswith(source):
            code = 98
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException as error:
        os.write(2, repr(error).encode())
    finally:
        os._exit(code)
