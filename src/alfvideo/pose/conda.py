"""The conda file of each pose engine, exported from its lock: `python -m alfvideo.pose.conda`."""

import subprocess
from pathlib import Path

from packaging.requirements import Requirement

from alfvideo.files import atomic
from alfvideo.pose import environment, uv
from alfvideo.trackers import TRACKERS

FILE = "conda.yaml"

_EXPORT = (
    *("export", "--frozen", "--quiet", "--format", "requirements.txt", "--no-hashes"),
    *("--no-header", "--no-annotate", "--no-emit-project"),
)


def exported(engine: str, locks: Path = environment.LOCKS) -> str:
    """Compose the conda file of an engine: Python, and each package of the lock, by pip.

    Raises
    ------
    DataError
        If there is no uv.
    CalledProcessError
        If uv cannot read the lock.
    """
    project = environment.project_of(engine, locks)
    done = subprocess.run(
        [uv.program(), *_EXPORT, "--project", str(project)],
        check=True,
        capture_output=True,
        text=True,
    )
    packages = [str(Requirement(line)) for line in done.stdout.splitlines()]
    return "\n".join(
        [
            f"# The environment of {TRACKERS[engine].label} for conda. Exported from",
            "# uv.lock by `uv run python -m alfvideo.pose.conda`: change pyproject.toml instead.",
            "channels:",
            "  - conda-forge",
            "dependencies:",
            f"  - python={uv.PYTHON_OTHERWISE}",
            "  - pip",
            "  - pip:",
            *(f"      - {package}" for package in packages),
            "",
        ]
    )


if __name__ == "__main__":
    for name in TRACKERS:
        with atomic.output(environment.project_of(name) / FILE) as partial:
            partial.write_text(exported(name), encoding="utf-8")
