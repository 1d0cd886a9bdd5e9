"""Settings of profiles/slurm, without a cluster."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests import clone
from tests.slurm.runs import PROFILE, groups

DEFAULT = PROFILE.parents[1] / "default" / PROFILE.name


@pytest.fixture
def profile() -> dict:
    return yaml.safe_load(PROFILE.read_text())


def test_what_a_job_may_ask_for_fits_into_a_partition(profile: dict):
    limits = profile["resources"]
    assert any(
        limits["runtime"] <= partition["max_runtime"]
        and limits["mem_mb"] <= partition["max_mem_mb"]
        for partition in profile["partitions"].values()
    )


def test_groups_and_settings_are_of_rules(profile: dict, workflow_rules: dict[str, list[str]]):
    grouped = {word.partition("=")[0] for word in groups()[1:]}
    assert grouped | set(profile["set-resources"]) | set(profile["set-threads"]) <= set(
        workflow_rules
    )


def test_the_default_profile_does_not_overrule_it(profile: dict):
    """Snakemake reads both, and takes what the default profile says."""
    default = yaml.safe_load(DEFAULT.read_text())
    assert default["keep-going"]
    assert not set(default) & set(profile)


ASK = """
include: {snakefile!r}

import json
limits = workflow.global_resources
print("LIMITS", json.dumps({{name: limits[name].value for name in limits}}))
"""


@pytest.fixture
def limits(tmp_path: Path) -> Callable[..., dict[str, int]]:
    """Return the limits that a dry run has, with these arguments and environment."""
    snakefile = tmp_path / "Snakefile"
    snakefile.write_text(ASK.format(snakefile=str(clone.snakefile())))
    shutil.copytree(DEFAULT.parent, tmp_path / "profiles" / "default")

    def ask(*arguments: object, **environment: str) -> dict[str, int]:
        config = ("--config", f"root={tmp_path}")
        command = [sys.executable, "-m", "snakemake", "-n", *map(str, arguments), *config]
        options = {"cwd": tmp_path, "env": os.environ | environment}
        done = subprocess.run(command, capture_output=True, text=True, **options)
        lines = [line for line in done.stdout.splitlines() if line.startswith("LIMITS ")]
        assert lines, done.stderr
        return json.loads(lines[0].removeprefix("LIMITS "))

    return ask


def test_a_copy_of_the_profile_gives_the_same_limits(
    limits: Callable[..., dict[str, int]], profile: dict, tmp_path: Path
):
    """By its path, or as the profile that a user's environment names."""
    copy = shutil.copytree(PROFILE.parent, tmp_path / "home" / "mycluster")
    expected = limits("--profile", PROFILE.parent)
    assert {name: expected[name] for name in profile["resources"]} == profile["resources"]
    assert (expected["_nodes"], expected["_cores"]) == (profile["jobs"], None)
    assert limits("--profile", copy) == expected
    assert limits(SNAKEMAKE_PROFILE=str(copy)) == expected


def test_a_workstation_has_its_limits(limits: Callable[..., dict[str, int]]):
    found = limits()
    assert (found["gpu"], found["io_charge"]) == (1, 100)
    assert found["mem_mb"] > 1000
    assert found["_nodes"] is None
