"""No damaged input ends a job in anything but a right result or a sentence."""

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0])
def test_damaged_inputs(seed):
    """In a process of its own: it forks, which does not go with the threads of other tests."""
    command = [sys.executable, "-m", "tests.fuzz", "--n", "250", "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "done: " in done.stdout
    assert "refused in a sentence: " in done.stdout
