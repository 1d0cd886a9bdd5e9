"""The Python environment of each pose engine: made by uv, made by conda, or the lab's own."""

import hashlib
import json
import os
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

from alfvideo.files import atomic
from alfvideo.files.errors import DataError
from alfvideo.pose import uv
from alfvideo.trackers import TRACKERS

LOCKS = Path(__file__).parents[1].joinpath("envs").resolve()
"""The locked uv projects, a folder for each engine: `pyproject.toml`, `uv.lock`, and `conda.yaml`,
which is exported from the lock. In the repository it is a link to `envs`, in a wheel a copy."""

NOT_LOCKED = "not used: a Python of the lab's own"
"""In place of the digest of the lock."""


def project_of(engine: str, locks: Path = LOCKS) -> Path:
    """Return the folder of an engine's locked project."""
    return locks / TRACKERS[engine].project


def pins(engine: str, locks: Path = LOCKS) -> list[str]:
    """List requirements of the engine's project: what the lock with all packages is made for.

    Raises
    ------
    DataError
        If `pyproject.toml` is missing or has no dependencies.
    """
    path = project_of(engine, locks) / "pyproject.toml"
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))["project"]["dependencies"]
        if not found:
            raise ValueError("the list is empty")
        return [str(Requirement(item)) for item in found]
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} should be a project with a list of `dependencies` "
            f"({uv.last_line(str(error))}). Take it from the repository again."
        ) from error


def lock_digest(engine: str, locks: Path = LOCKS) -> str:
    """Return the first 16 digits of the SHA-256 of the engine's `uv.lock`.

    Raises
    ------
    DataError
        If there is none.
    """
    path = project_of(engine, locks) / uv.LOCK
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}). Take it from the repository again."
        ) from error


def python_of(engine: str, configured: str, folder: Path, locks: Path = LOCKS) -> Path:
    """Return the Python of an engine: the configured one, else that of an environment made by uv.

    The environment is made in `folder` if it is not there yet. Its name holds a digest of the
    lock, so another lock is another environment. The progress of uv goes to standard error.

    Raises
    ------
    DataError
        If the environment cannot be made: no uv, no network, no space.
    """
    if configured:
        return _absolute(configured)
    # The full path: the engine may be started from another folder.
    home = folder.absolute() / f"{TRACKERS[engine].project}-{lock_digest(engine, locks)[:8]}"
    return uv.make(home, TRACKERS[engine].label, project_of(engine, locks))


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
torch = sys.modules.get("torch")  # not every engine has it
answer.write(json.dumps(torch is not None and torch.cuda.is_available()))
"""


def versions(python: Path, engine: str) -> dict[str, str]:
    """Return versions of Python, engine and torch in that Python; takes a fraction of a second.

    Raises
    ------
    DataError
        If it is not a Python, or something is missing or of a version that is not supported.
    """
    needed = [Requirement(text) for text in TRACKERS[engine].requires]
    clash = [Requirement(text) for text in TRACKERS[engine].clash]
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
    advice = advice_on(python, engine)
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
    """Return whether a distribution is there in a version that the requirement allows."""
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
    done = _run(python, _IMPORT, *TRACKERS[engine].imports)
    if done.returncode:
        why = uv.last_line(done.stderr) or f"it ended with status {done.returncode}"
        raise DataError(
            f"{TRACKERS[engine].label} cannot be imported in {python} ({why}). "
            f"{advice_on(python, engine)}"
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


def new_record(engine: str, found: Mapping[str, Any], configured: bool) -> dict[str, Any]:
    """Compose the record of an environment: the result of `check` and the lock it is made from.

    `configured` tells the Python that a lab names, which is not made from a lock.
    """
    lock = "" if configured else lock_digest(engine)
    return {**found, "engine": engine, "configured": configured, "lock": lock}


def write_record(record: dict[str, Any], path: Path) -> None:
    """Write a record as JSON."""
    with atomic.output(path) as partial:
        partial.write_text(json.dumps(record, indent=1), encoding="utf-8")


def read_record(path: Path) -> dict[str, Any]:
    """Read what `check` found when the environment was made.

    Raises
    ------
    DataError
        If the file cannot be read, the environment was made from another lock, or the Python that
        it names is no longer there.
    """
    record = _parsed(path)
    if _is_of_another_lock(record):
        raise DataError(
            f"The environment in {path} was made from another lock of packages than "
            f"{project_of(record['engine']) / uv.LOCK}. Remove {path} and run again."
        )
    if not Path(record["python"]).exists():
        raise DataError(f"{record['python']} is gone. Remove {path} and run again.")
    return record


def _parsed(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        record = {"engine": path.stem, "configured": False, "lock": "", **found}
        project_of(record["engine"])
        return {**record, "python": str(found["python"])}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error}). Remove it and run again.") from error


def _is_of_another_lock(record: Mapping[str, Any]) -> bool:
    return not record["configured"] and record["lock"] != lock_digest(record["engine"])


def lock_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the lock of an environment, as it stands among software versions in provenance."""
    return {uv.LOCK: record["lock"] or NOT_LOCKED}


def known_python(configured: str, record: Path) -> str:
    """Return the Python that a run will use, as far as it is known: empty if it has to be made.

    It is the configured one, else that of the record, unless the record is of one that was
    configured before or was made from another lock.

    Raises
    ------
    DataError
        As `read_record`.
    """
    if configured or not record.exists():
        return configured
    found = _parsed(record)
    if found["configured"] or _is_of_another_lock(found):
        return ""
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


def advice_on(python: Path, engine: str) -> str:
    """Advise on an environment in which the engine does not work."""
    home = python.parent.parent
    if (home / uv.FINISHED).exists():
        return f"Remove the folder {home} and run again."
    quoted = " ".join(f"'{text}'" for text in pins(engine))
    return f"Install the engine there: {python} -m pip install {quoted}"


def _absolute(configured: str) -> Path:
    """Return the full path of a configured Python; links are kept, they are how a venv is found."""
    return Path(configured).expanduser().absolute()
