"""Planning a data folder with many sessions, beside Snakemake with every session in its DAG."""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml

from alfvideo import configuration
from alfvideo.configuration import Configuration
from alfvideo.planning import scan_cache
from alfvideo.registration import one_tables
from rigsim import tree
from tests.benchmarks.measure import Row

REPO = Path(__file__).parents[2]
PLAIN = Path(__file__).with_name("every_session.smk")
MAX_PLAIN = 1000
"""With more sessions the plain approach takes many minutes and GB."""

SCAN = """
import sys
from pathlib import Path
from alfvideo import configuration
from alfvideo.planning import pending, scan_cache
root, folder, file = map(Path, sys.argv[1:])
config = configuration.read(file)
pending.scan(root, config, scan_cache.load_memory(root, config, folder))
"""


COST = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[2:], stdout=open(sys.argv[1], "w"), stderr=subprocess.STDOUT)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss * 1024]))
sys.exit(done.returncode)
"""
"""In a process of its own: a new process is counted with the memory of the one that starts it."""


class Cost(NamedTuple):
    """CPU seconds of a process and those that it waited for, and the largest memory of one."""

    seconds: float
    memory: float


GOAL = Cost(10, 500e6)
"""Of a dry run with 10,000 sessions of which few or none are pending."""


@dataclass(frozen=True)
class Plain(Row):
    """A comparison of plain numbers, with one decimal."""

    def _value(self, measured: float) -> str:
        return f"{measured:.1f}"


def run(folder: Path, quick: bool) -> list[Row]:
    """Compare on 100 sessions of three cameras, in the full form on 1,000 and 10,000, too.

    Time is that of the CPU: planning is one process, and other load does not count.
    """
    folder.mkdir(parents=True)
    config = settings()
    copied = tree.template(folder / "template", config)
    rows: list[Row] = []
    for n in (100,) if quick else (100, 1000, 10_000):
        rows += size(folder / str(n), copied, n, config, plain=n <= MAX_PLAIN)
        shutil.rmtree(folder / str(n))
    return rows


def settings() -> Configuration:
    """The defaults of the configuration, with DeepLabCut by the networks of the demo."""
    demo = yaml.safe_load((REPO / "config" / "demo.yaml").read_text())
    cascades = {camera: str(REPO / file) for camera, file in demo["cascades"]["dlc"].items()}
    return configuration.parse(
        {"root": "/data", "trackers": ["dlc"], "cascades": {"dlc": cascades}}
    )


def size(
    folder: Path, copied: tree.Template, n: int, config: Configuration, plain: bool
) -> list[Row]:
    """Rows for one number of sessions: done, then with 1 % pending, and as many new ones."""
    root, work = folder / "data", folder / "work"
    work.mkdir(parents=True)
    sessions = tree.make(root, copied, n)
    one_tables.update(root, sessions)
    file = work / "config.json"
    file.write_text(config.changed(root=str(root)).model_dump_json())
    _settle()
    rows: list[Row] = []
    scan = _python("-c", SCAN, root, work / ".scan", file)
    if plain and shutil.which("strace"):
        first, again = (_calls(scan, root, work) / n for _ in range(2))
        rows.append(Plain(f"scan {n:,} done, per session", "calls", n, again, "first scan", first))
        shutil.rmtree(work / ".scan")
    first, again = (_cost(scan, work).seconds for _ in range(2))
    rows.append(Plain(f"scan {n:,} done", "CPU s", n, again, "first scan", first))
    rows += _planned(f"-n, {n:,} done", n, work, plain)
    for session in sessions[:: n // max(1, n // 100)]:
        tree.unfinish(session)
    _settle()
    rows += _planned(f"-n, {n:,} with 1 % pending", n, work, plain)
    if plain:
        root = folder / "new"
        tree.make(root, copied, n, new=n)
        file.write_text(config.changed(root=str(root)).model_dump_json())
        rows += _planned(f"-n, {n:,} new", n, work, plain)
    return rows


def _planned(what: str, n: int, work: Path, plain: bool) -> list[Row]:
    """Rows of a dry run; the plain approach only if wanted."""
    ours = _cost(_snakemake(work, REPO / "Snakefile"), work)
    other, theirs = "the goal", GOAL
    if plain:
        other = "every session in the DAG"
        theirs = _cost(_snakemake(work, _plain_workflow(work), "every_session"), work)
    print(f"measured: {what}", file=sys.stderr)
    return [
        Plain(what, "CPU s", n, ours.seconds, other, theirs.seconds),
        Row(what, "MB", n, ours.memory, other, theirs.memory),
    ]


def _plain_workflow(work: Path) -> Path:
    """The Snakefile of the plain approach, where it finds ours and all that this needs."""
    folder = work / "plain"
    if not folder.exists():
        folder.mkdir()
        for name in ("Snakefile", "rules", "scripts", "config", "envs"):
            (folder / name).symlink_to(REPO / name)
        shutil.copy(PLAIN, folder)
    return folder / PLAIN.name


def _settle() -> None:
    """Wait until the scan remembers what it sees."""
    time.sleep(scan_cache.SETTLED / 1e9)


def _python(*arguments: object) -> list[str]:
    return [sys.executable, *map(str, arguments)]


def _snakemake(work: Path, snakefile: Path, *targets: str) -> list[str]:
    return [
        *_python("-m", "snakemake", *targets, "-n", "--quiet", "all", "-s", snakefile),
        *("--directory", str(work), "--profile", str(REPO / "profiles" / "default")),
        *("--configfile", str(work / "config.json")),
    ]


def _cost(command: list[str], work: Path) -> Cost:
    """Run a command to its end."""
    said = work / "said.txt"
    done = subprocess.run(_python("-c", COST, said, *command), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(said.read_text())
    return Cost(*json.loads(done.stdout))


def _calls(command: list[str], root: Path, work: Path) -> int:
    """File system calls of a command on what is in a folder, by name or by open file."""
    trace = work / "trace.txt"
    traced = ["strace", "-f", "-qq", "-y", "-e", "trace=%file,%desc", "-o", str(trace)]
    _cost([*traced, *command], work)
    with trace.open() as lines:
        return sum(f"{root}/" in line for line in lines)
