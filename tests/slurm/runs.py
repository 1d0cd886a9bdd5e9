"""Runs the workflow on the test cluster, with the profile for SLURM."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.workflow.runs import MAX_SECONDS, REPO, Outcome, Workflow

PROFILE = REPO / "profiles" / "slurm" / "profile.v9+.yaml"
THREADS = ("--set-threads", "video_compress=2")
"""Encoding with another number of threads gives other videos."""
LIMITS = {"gpu": 2, "io_charge": 20, "runtime": 2880, "mem_mb": 128000}
"""More GPUs than the node has, so that SLURM itself has to wait for the one; little I/O."""
PATIENCE = (
    *("--slurm-init-seconds-before-status-checks", "1"),
    *("--seconds-between-status-checks", "1", "--latency-wait", "20"),
)


@dataclass
class OnCluster(Workflow):
    """The workflow with profiles/slurm, in which only what a lab edits is changed."""

    def command(self, *arguments: object, **config: object) -> list[str]:
        """The command line of a run."""
        command = super().command(*arguments, **config)
        command[command.index("--profile") + 1] = str(PROFILE.parent)
        limits = [f"{name}={most}" for name, most in LIMITS.items()]
        return [*command, *THREADS, "--resources", *limits, *PATIENCE]

    def start(self, *arguments: object, **config: object) -> "Running":
        """Start a run, and go on while it runs."""
        output = self.workdir / "output"
        command = self.command(*arguments, **config)
        with output.open("wb") as file:
            process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        return Running(process, output)


@dataclass(frozen=True)
class Running:
    """A run that was started, and the file that it writes what it says into."""

    process: subprocess.Popen
    output: Path

    def outcome(self) -> Outcome:
        """Wait until it has ended."""
        status = self.process.wait(timeout=MAX_SECONDS)
        return Outcome(status, self.output.read_text())

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that happens while it runs."""
        end = time.monotonic() + MAX_SECONDS
        while not condition():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < end, self.output.read_text()
            time.sleep(0.2)


def groups() -> list[str]:
    """The option that groups jobs as the comment in the profile has it."""
    (line,) = (line for line in PROFILE.read_text().splitlines() if line.startswith("# groups: "))
    groups = yaml.safe_load(line.removeprefix("# "))["groups"]
    return ["--groups", *(f"{rule}={group}" for rule, group in groups.items())]
