"""A pose engine that cannot start says why and what to do."""

import sys
from pathlib import Path

import pytest

from alfvideo.files.errors import DataError, MachineError
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


@pytest.mark.parametrize(("name", "words"), [("KILL", "memory"), ("XFSZ", "size of a file")])
def test_engine_that_a_signal_ends(tmp_path: Path, name: str, words: str):
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\nulimit -c 0\nkill -{name} $$\n")
    program.chmod(0o755)
    with pytest.raises(MachineError, match=f"The pose engine was ended by signal .*{words}"):
        Engine(program, "dlc", {}, threads=1, device="")
