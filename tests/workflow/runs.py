"""Runs the real workflow on small rendered sessions, and looks at what it did."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rigsim import Rig, load_truth
from tests import clone

REPO = Path(__file__).parents[2]
MAX_SECONDS = 3000
NO_WORK = ("all", "demo", "one_tables")


@dataclass(frozen=True)
class Outcome:
    """Output and results of a run of snakemake, or the output of alfvideo."""

    status: int
    text: str

    @property
    def planned(self) -> Counter[str]:
        """Number of jobs of each rule that the run planned, targets and ONE tables left out."""
        table = re.search(r"^Job stats:\njob +count\n[- ]+\n(.*?)\ntotal ", self.text, re.M | re.S)
        rows = [line.split() for line in table[1].splitlines()] if table else []
        return Counter({rule: int(n) for rule, n in rows if rule not in NO_WORK})

    @property
    def finished(self) -> Counter[str]:
        """Number of jobs of each rule that finished, targets and ONE tables left out."""
        rules = re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", self.text, re.M)
        return Counter(rule for rule in rules if rule not in NO_WORK)

    @property
    def failed(self) -> Counter[str]:
        """Number of jobs of each rule that failed."""
        return Counter(re.findall(r"^Error in rule (\w+)", self.text, re.M))

    @property
    def nothing_to_do(self) -> bool:
        """True if Snakemake found everything up to date."""
        return "Nothing to be done" in self.text

    def row(self, *words: str) -> str:
        """The line of the table of pending work that holds all of these words."""
        rows = [line for line in self.text.splitlines() if all(word in line for word in words)]
        assert rows, f"no line with {words} in:\n{self.text}"
        return rows[0]


@dataclass
class Workflow:
    """The workflow in a working folder of its own, on a data folder.

    The configuration goes into a file, so that nothing depends on how a command line is read.
    """

    workdir: Path
    root: Path
    config: dict[str, Any] = field(default_factory=dict)

    def command(self, *arguments: object, **config: object) -> list[str]:
        """The command line of a run."""
        return [
            *(sys.executable, "-m", "snakemake", *map(str, arguments)),
            *("-s", str(clone.snakefile()), "--profile", str(REPO / "profiles" / "default")),
            *self._options(config),
        ]

    def alfvideo(self, *arguments: object, **config: object) -> list[str]:
        """The command line of a look at it."""
        program = Path(sys.executable).with_name("alfvideo")
        return [str(program), *map(str, arguments), *self._options(config)]

    def _options(self, config: Mapping[str, object]) -> list[str]:
        """The working folder and the configuration, as options of snakemake and alfvideo."""
        (self.workdir / "config").mkdir(parents=True, exist_ok=True)
        # alfvideo takes it for that of the clone, which somebody may have edited.
        shutil.copy(clone.snakefile().parent / "config" / "config.yaml", self.workdir / "config")
        file = self.workdir / "config.json"
        content = {"root": str(self.root), "compression": {"preset": "ultrafast"}}
        file.write_text(json.dumps(content | self.config | config))
        return ["--directory", str(self.workdir), "--configfile", str(file)]

    def run(self, *arguments: object, **config: object) -> Outcome:
        """Run it to its end: targets and options of snakemake, keys of the configuration."""
        return execute(self.command(*arguments, **config))

    def look(self, *arguments: object, **config: object) -> Outcome:
        """Look at it: a command of alfvideo and its options, keys of the configuration."""
        return execute(self.alfvideo(*arguments, **config))


def execute(command: list[str], **options: object) -> Outcome:
    """Run a command line of snakemake or alfvideo to its end."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=MAX_SECONDS,
        **options,
    )
    return Outcome(done.returncode, done.stdout)


def small(kind: str = "spikeglx", **options: object) -> Rig:
    """A session that takes seconds: one slow camera, small frames."""
    camera = {"bpod": "left", "timeline": "belly"}.get(kind, "body")
    return Rig(**{"kind": kind, "seconds": 3, "scale": 0.05, "cameras": (camera,), **options})


def hashes(root: Path) -> dict[str, str]:
    """Hash of each file below a folder, by its path there; hidden folders left out."""
    return {
        name: hashlib.file_digest(path.open("rb"), "sha256").hexdigest()
        for path in root.rglob("*")
        if path.is_file() and not (name := path.relative_to(root).as_posix()).startswith(".")
    }


def tree(root: Path) -> dict[str, tuple[int, int]]:
    """Size and modification time of everything below a folder."""
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(root.rglob("*"))}


def lost(before: Mapping[str, str], root: Path) -> list[str]:
    """Files that are gone or not what they were."""
    now = hashes(root)
    return [name for name, digest in before.items() if now.get(name) != digest]


def temporary_files(root: Path) -> list[Path]:
    """List the files that a killed or careless job leaves behind."""
    return [path for path in root.rglob(".*") if path.name not in (".truth", ".alfvideo.lock")]


def error_in_frames(session: Path, camera: str) -> float:
    """Largest distance of the camera times to the truth, in frame periods."""
    truth = load_truth(session, camera)["times"]
    times = np.load(session / "alf" / f"_ibl_{camera}Camera.times.npy")
    assert times.shape == truth.shape
    return float(np.abs(times - truth).max() / np.median(np.diff(truth)))
