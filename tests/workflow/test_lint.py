"""Snakemake's own linter."""

import re
import subprocess
import sys

from snakemake.io import strip_wildcard_constraints
from snakemake.rules import Rule

from alfvideo.planning import resources, tasks
from tests import clone
from tests.workflow.runs import REPO

BY_DESIGN = {"Specify a conda environment or container for each rule."}
"""Rules run in the environment of uv.lock; only pose engines have environments of their own."""


def test_the_linter_finds_nothing_else():
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--lint", "-s", clone.snakefile()],
        cwd=REPO,
        capture_output=True,
        text=True,
    )
    assert set(re.findall(r"^ {4}\* (.*):$", run.stderr, re.M)) == BY_DESIGN


def test_rules_write_the_logs_that_status_looks_for(parsed_rules: dict[str, Rule]):
    """A job is seen running by its log."""
    logs = {
        rule: strip_wildcard_constraints(str(parsed_rules[rule].log[0])) for rule in tasks.BY_RULE
    }
    assert logs == {task.rule: task.log for task in tasks.TASKS}


def test_rules_declare_what_the_plan_counts_with(parsed_rules: dict[str, Rule]):
    for name in tasks.BY_RULE:
        declared = parsed_rules[name].resources
        assert declared["gpu"].value == resources.RESOURCES[name].gpu
        assert declared["io_charge"].value == resources.RESOURCES[name].io_charge
