"""Examination of SLURM: whether it answers, and has the partitions of the profile of runs."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from alfvideo.configuration import Configuration
from alfvideo.views.doctor import Examination, State
from alfvideo.views.doctor.machine import Found, answer

OURS = "profiles/slurm"
PLACES = (Path(), Path("~/.config/snakemake"), Path("/etc/xdg/snakemake"))
"""Where snakemake looks for a profile, in this order."""


def examination(profile: str) -> Examination:
    """Return the examination for runs with a profile, as it is given to snakemake; empty for none.

    Without a profile for SLURM, what is wrong with it does not matter for runs.
    """

    def look(config: Configuration) -> Found:
        folders = [place.expanduser() / profile for place in PLACES]
        folder = next((folder for folder in folders if profile and folder.is_dir()), None)
        if profile and not folder:
            yield State.MISSING, f"there is no profile {profile}. Correct --profile"
            return
        contents = _contents(folder) if folder else []
        if any(content.get("executor") == "slurm" for content in contents):
            yield from _look(State.MISSING, profile, contents)
        else:
            ours = Path(__file__).parents[4] / OURS
            yield from _look(State.NOTE, OURS, _contents(ours))

    return look


def _look(bad: State, profile: str, contents: Iterable[Mapping[str, Any]]) -> Found:
    if shutil.which("sbatch") is None:
        yield bad, f"no SLURM programs here: {profile} cannot be used"
        return
    done = answer("sinfo", "--noheader", "--format=%R")
    if done.returncode:
        reason = done.stderr.strip().partition("\n")[0]
        yield bad, f"sinfo says: {reason}. Ask who keeps the cluster"
        return
    there = sorted(set(done.stdout.split()))
    yield State.GOOD, f"partitions {', '.join(there)}"
    if unknown := sorted(set(_partitions(contents)) - set(there)):
        yield (
            bad,
            f"{profile} names partitions that are not there: {', '.join(unknown)}. Put those of "
            "your cluster at the top of its file",
        )


def _contents(folder: Path) -> list[Mapping[str, Any]]:
    """Return what the files of a profile hold."""
    files = sorted(folder.glob("*.yaml"))
    contents = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    return [content for content in contents if isinstance(content, dict)]


def _partitions(contents: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Return the partitions that a profile names."""
    for content in contents:
        resources = [
            content.get("default-resources", {}),
            *content.get("set-resources", {}).values(),
        ]
        yield from (str(each["slurm_partition"]) for each in resources if "slurm_partition" in each)
        yield from content.get("partitions", ())
