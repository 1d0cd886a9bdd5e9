"""Snakemake's own linter."""

import re
import subprocess
import sys

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
