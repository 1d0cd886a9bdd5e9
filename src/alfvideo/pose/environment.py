"""The Python environment of each pose engine: made by uv, made by conda, or the lab's own."""

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from alfvideo.files import atomic
from alfvideo.files.errors import DataError
from alfvideo.pose import uv

PINS = Path(__file__).parents[3] / "envs"
"""The folder of the conda environment files, whose `pip:` lists are the pins for uv too."""


@dataclass(frozen=True)
class Engine:
    """What an engine is called, and what has to be in its environment."""

    label: str
    file: str
    """Name of the files of pins, and beginning of the name of the environment's folder."""
    modules: tuple[str, ...]
    requires: tuple[str, ...]
    """Distributions and their supported versions, the engine itself first."""
    clash: tuple[str, ...] = ()
    """Requirements that must not all be met together."""


ENGINES = {
    "dlc": Engine(
        label="DeepLabCut",
        file="dlc",
        modules=("deeplabcut.pose_estimation_pytorch",),
        requires=("deeplabcut>=3,<4", "torch>=2"),
    ),
    "lightningPose": Engine(
        label="Lightning Pose",
        file="litpose",
        modules=("lightning_pose.models", "eks.core"),
        requires=("lightning-pose>=2", "ensemble-kalman-smoother>=4", "torch>=2"),
        # The heatmaps are then flat, without an error.
        clash=("lightning-pose<2.4.3", "kornia>=0.9"),
    ),
}


def pins(engine: str, folder: Path = PINS) -> list[str]:
    """Requirements that uv installs: the `pip:` list of the engine's conda environment file.

    Raises
    ------
    DataError
        If the file is missing or has no list of requirements below `pip:`.
    """
    path = folder / f"{ENGINES[engine].file}.yaml"
    try:
        dependencies = yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"]
        (found,) = [item["pip"] for item in dependencies if isinstance(item, dict)]
        if not found:
            raise ValueError("the list is empty")
        return [str(Requirement(item)) for item in found]
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} should be a conda environment file with a list of requirements below `pip:` "
            f"({uv.last_line(str(error))}). Take it from the repository again."
        ) from error


def overrides(engine: str, folder: Path = PINS) -> Path | None:
    """The file of dependencies that uv leaves out, for engines that have one."""
    path = folder / f"{ENGINES[engine].file}.overrides.txt"
    return path if path.exists() else None


def python_of(engine: str, configured: str, folder: Path, pins_folder: Path = PINS) -> Path:
    """The Python of an engine: the configured one, else that of an environment made by uv.

    The environment is made in `folder` if it is not there yet. Its name holds a digest of the
    pins, so other pins are another environment. The progress of uv goes to standard error.

    Raises
    ------
    DataError
        If the environment cannot be made: no uv, no network, no space.
    """
    if configured:
        return _absolute(configured)
    needs = pins(engine, pins_folder)
    without = overrides(engine, pins_folder)
    text = "\n".join(needs) + (without.read_text(encoding="utf-8") if without else "")
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    # The full path: the engine may be started from another folder.
    home = folder.absolute() / f"{ENGINES[engine].file}-{digest}"
    return uv.make(home, ENGINES[engine].label, needs, without)


_VERSIONS = """
import json, platform, sys
from importlib.metadata import PackageNotFoundError, version
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""

_IMPORT = """
import importlib, json, os, sys
answer = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print
for name in sys.argv[1:]:
    importlib.import_module(name)
import torch
answer.write(json.dumps(torch.cuda.is_available()))
"""


def versions(python: Path, engine: str) -> dict[str, str]:
    """Versions of Python, engine and torch in that Python; takes a fraction of a second.

    Raises
    ------
    DataError
        If it is not a Python, or something is missing or of a version that is not supported.
    """
    needed = [Requirement(text) for text in ENGINES[engine].requires]
    clash = [Requirement(text) for text in ENGINES[engine].clash]
    oldest, newest = (".".join(map(str, version)) for version in uv.PYTHONS)
    name_another = (
        "Name the Python of an environment in config/config.yaml, for example "
        f"`environments: {{{engine}: /envs/{engine}/bin/python}}`, or leave it empty and one is "
        "made."
    )
    try:
        done = _run(python, _VERSIONS, *dict.fromkeys(item.name for item in (*needed, *clash)))
    except OSError as error:
        raise DataError(f"{python} cannot be run ({error.strerror}). {name_another}") from error
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = {"python": "0"}
    if not uv.PYTHONS[0] <= Version(found["python"]).release[:2] <= uv.PYTHONS[1]:
        what = f"Python {found['python']}" if found["python"] != "0" else uv.last_line(done.stderr)
        raise DataError(
            f"{python} should be a Python {oldest} to {newest} but is not "
            f"({what or 'it answers nothing'}). {name_another}"
        )
    advice = mend(python, engine)
    for item in needed:
        if item.name not in found:
            raise DataError(f"{python} has no {item.name}. {advice}")
        if not _met(item, found):
            raise DataError(
                f"{python} has {item.name} {found[item.name]} but {item.specifier} is needed. "
                f"{advice}"
            )
    if clash and all(_met(item, found) for item in clash):
        pair = " with ".join(f"{item.name} {found[item.name]}" for item in clash)
        raise DataError(f"{python} has {pair}, which gives wrong poses without an error. {advice}")
    return {name: found[name] for name in ("python", *(item.name for item in needed))}


def _met(requirement: Requirement, found: Mapping[str, str]) -> bool:
    """Whether a distribution is there in a version that the requirement allows."""
    version = found.get(requirement.name)
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def check(python: Path, engine: str) -> dict[str, Any]:
    """Import the engine in that Python, as a job will, which also caches its bytecode.

    Returns
    -------
    dict
        `python`, its path; `software`, versions of Python, engine and torch; `cuda`, whether torch
        can use a GPU of this machine.

    Raises
    ------
    DataError
        If the engine cannot be used with it, and what to do.
    """
    software = versions(python, engine)
    done = _run(python, _IMPORT, *ENGINES[engine].modules)
    if done.returncode:
        why = uv.last_line(done.stderr) or f"it ended with status {done.returncode}"
        raise DataError(
            f"{ENGINES[engine].label} cannot be imported in {python} ({why}). "
            f"{mend(python, engine)}"
        )
    return {"python": str(python), "software": software, "cuda": json.loads(done.stdout)}


def quick_check(engine: str, configured: str) -> None:
    """Find out before a run, below a second, whether there can be an environment of an engine.

    Raises
    ------
    DataError
        If the configured Python does not have the engine; if none is configured and there is no uv.
    """
    if configured:
        versions(_absolute(configured), engine)
    else:
        uv.program()


def write_record(record: dict[str, Any], path: Path) -> None:
    """Write what `check` found, as JSON."""
    with atomic.output(path) as partial:
        partial.write_text(json.dumps(record, indent=1), encoding="utf-8")


def read_record(path: Path) -> dict[str, Any]:
    """What `check` found when the environment was made.

    Raises
    ------
    DataError
        If the file cannot be read, or the Python that it names is no longer there.
    """
    record = _parsed(path)
    if not Path(record["python"]).exists():
        raise DataError(f"{record['python']} is gone. Remove {path} and run again.")
    return record


def _parsed(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {"configured": False, **record, "python": str(record["python"])}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error}). Remove it and run again.") from error


def known_python(configured: str, record: Path) -> str:
    """The Python that a run will use, as far as it is known before: empty if it has to be made.

    It is the configured one, else that of the record, unless the record is of one that was
    configured before.

    Raises
    ------
    DataError
        As `read_record`.
    """
    if configured or not record.exists() or _parsed(record)["configured"]:
        return configured
    return str(read_record(record)["python"])


def _run(python: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a short program in a Python, without the modules of alfvideo's own environment."""
    environment = dict(os.environ)
    environment.pop("PYTHONPATH", None)
    # With it each start of the engine would compile all of it again.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(
        [str(python), "-c", program, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )


def mend(python: Path, engine: str) -> str:
    """What to do about an environment in which the engine does not work."""
    home = python.parent.parent
    if (home / uv.FINISHED).exists():
        return f"Remove the folder {home} and run again."
    quoted = " ".join(f"'{text}'" for text in pins(engine))
    return f"Install the engine there: {python} -m pip install {quoted}"


def _absolute(configured: str) -> Path:
    """The full path of a configured Python; links are kept, they are how a venv is found."""
    return Path(configured).expanduser().absolute()
