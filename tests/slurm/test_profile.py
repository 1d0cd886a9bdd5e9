"""Settings of profiles/slurm, without a cluster."""

import sys

import pytest
import yaml
import yte

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


def test_the_default_profile_does_not_overrule_it(profile: dict, monkeypatch: pytest.MonkeyPatch):
    """Snakemake reads both, and takes what the default profile says."""
    monkeypatch.setattr(sys, "argv", ["snakemake", "--profile", "profiles/slurm"])
    with DEFAULT.open() as file:
        default = yte.process_yaml(file, require_use_yte=True)
    assert default["keep-going"]
    assert not set(default) & set(profile)


def test_a_workstation_has_its_limits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["snakemake"])
    with DEFAULT.open() as file:
        default = yte.process_yaml(file, require_use_yte=True)
    assert default["resources"] == {"gpu": 1, "io_charge": 100}
    assert default["cores"] == "all"
