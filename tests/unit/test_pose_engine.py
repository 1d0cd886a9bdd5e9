"""A pose engine that cannot start says why and what to do."""

import sys
from pathlib import Path

import pytest

from alfvideo.files.errors import DataError
from alfvideo.pose.engine import Engine


def test_python_without_the_engine():
    with pytest.raises(DataError) as caught:
        Engine(Path(sys.executable), "dlc", {}, threads=1, device="")
    sentence = str(caught.value)
    assert f"cannot start in {sys.executable}: ModuleNotFoundError: No module named" in sentence
    assert "Install the engine there: " in sentence


def test_program_that_is_no_python(tmp_path: Path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(DataError, match=r"it said nothing\. Install the engine there"):
        Engine(program, "dlc", {}, threads=1, device="")
