"""Outputs are whole or absent, whatever happens to the process that writes them."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from alfvideo.files import arrays, atomic

SLOW_WRITER = """
import sys, time
from pathlib import Path
from alfvideo.files import arrays, atomic

target, text, pause = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
with atomic.output(target) as partial:
    with partial.open("w") as file:
        for letter in text:
            file.write(letter)
            file.flush()
            print(letter, flush=True)
            time.sleep(pause)
"""


def writer(target: Path, text: str, pause: float) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", SLOW_WRITER, str(target), text, str(pause)],
        stdout=subprocess.PIPE,
        text=True,
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_output_appears_whole(tmp_path: Path):
    target = tmp_path / "new folder" / "a.txt"
    with atomic.output(target) as partial:
        partial.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert names(target.parent) == ["a.txt"]


def test_temporary_name_is_hidden_and_on_the_same_file_system(tmp_path: Path):
    partial = atomic.partial_path(tmp_path / "_ibl_leftCamera.times.npy")
    assert partial.parent == tmp_path
    assert partial.name.startswith(".")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_failed_block_leaves_the_old_output(tmp_path: Path, error: type[BaseException]):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(error), atomic.output(target) as partial:  # noqa: PT012
        partial.write_text("half of the ne")
        raise error
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_left_over_partial_is_overwritten(tmp_path: Path):
    target = tmp_path / "a.txt"
    atomic.partial_path(target).write_text("a long text that a killed process left behind")
    with atomic.output(target) as partial:
        assert partial.read_text() == ""
        partial.write_text("new")
    assert target.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_partial_may_be_replaced_by_the_block(tmp_path: Path):
    """Some programs write to a file of their own and rename it."""
    target = tmp_path / "a.txt"
    with atomic.output(target) as partial:
        other = tmp_path / "other"
        other.write_text("new")
        other.replace(partial)
    assert target.read_text() == "new"


def test_killed_writer_leaves_the_old_output(tmp_path: Path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    process = writer(target, "new text", 30)
    assert process.stdout.readline() == "n\n"
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert target.read_text() == "old"
    assert atomic.partial_path(target).read_text() == "n"

    with atomic.output(target) as partial:
        partial.write_text("next")
    assert target.read_text() == "next"
    assert names(tmp_path) == ["a.txt"]


def test_second_writer_waits_for_the_first(tmp_path: Path):
    target = tmp_path / "a.txt"
    first = writer(target, "first " * 5, 0.1)
    assert first.stdout.readline() == "f\n"
    second = writer(target, "second", 0)
    for process in (second, first):
        process.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert target.read_text() == "second"
    assert names(tmp_path) == ["a.txt"]


def test_many_writers_leave_one_whole_output(tmp_path: Path):
    target = tmp_path / "a.txt"
    texts = [letter * 200 for letter in "abcd"]
    processes = [writer(target, text, 0.001) for text in texts]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0] * 4
    assert target.read_text() in texts
    assert names(tmp_path) == ["a.txt"]


def test_array(tmp_path: Path):
    array = np.arange(5) / 3
    arrays.save(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), array)
    assert names(tmp_path) == ["a.npy"]


def test_output_has_the_permissions_of_a_new_file(tmp_path: Path):
    plain = tmp_path / "plain"
    plain.touch()
    with atomic.output(tmp_path / "a.txt") as partial:
        partial.write_text("x")
    assert (tmp_path / "a.txt").stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("what", ["link", "link to nothing", "hard link", "fifo"])
def test_what_is_planted_under_the_temporary_name_is_not_followed(tmp_path: Path, what: str):
    victim, target = tmp_path / "victim", tmp_path / "session" / "a.npy"
    victim.write_text("the thesis")
    target.parent.mkdir()
    partial = atomic.partial_path(target)
    match what:
        case "link":
            partial.symlink_to(victim)
        case "link to nothing":
            partial.symlink_to(tmp_path / "to be made")
        case "hard link":
            partial.hardlink_to(victim)
        case "fifo":
            os.mkfifo(partial)
    arrays.save(target, np.arange(3))
    assert victim.read_text() == "the thesis"
    assert not (tmp_path / "to be made").exists()
    assert target.stat().st_nlink == 1
    assert not target.is_symlink()
    np.testing.assert_array_equal(np.load(target), np.arange(3))
    assert names(target.parent) == ["a.npy"]


def test_a_folder_under_the_temporary_name_is_one_sentence(tmp_path: Path):
    target = tmp_path / "a.npy"
    atomic.partial_path(target).mkdir()
    with pytest.raises(OSError, match="a folder has the name of a temporary file") as error:
        arrays.save(target, np.arange(3))
    assert error.value.filename == str(atomic.partial_path(target))
    assert names(tmp_path) == [".a.npy.partial"]


@pytest.fixture
def shared(become: Callable[[int], None]) -> Iterator[Path]:
    """A folder that all may write to, as one of two users."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        become(65534)
        yield Path(name)
        become(0)


@pytest.mark.parametrize("mode", [0o644, 0o666])
def test_a_file_of_another_user_is_not_written_into(
    shared: Path, become: Callable[[int], None], mode: int
):
    """They could change the output later."""
    target = shared / "a.txt"
    atomic.partial_path(target).write_text("theirs")
    atomic.partial_path(target).chmod(mode)
    become(65533)
    with atomic.output(target) as partial:
        partial.write_text("ours")
    assert (target.read_text(), target.stat().st_uid) == ("ours", 65533)
    assert names(shared) == ["a.txt"]


@pytest.mark.parametrize("mode", [0o644, 0o666])
def test_another_user_who_never_lets_go_is_not_waited_for(
    shared: Path, become: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, mode: int
):
    monkeypatch.setattr(atomic, "MAX_WAIT", 0.2)
    target = shared / "a.txt"
    with atomic.partial_path(target).open("w") as theirs:
        atomic.partial_path(target).chmod(mode)
        fcntl.flock(theirs, fcntl.LOCK_EX)
        become(65533)
        with (
            pytest.raises(OSError, match="another user has been writing it all the while"),
            atomic.output(target),
        ):
            pass
    assert names(shared) == [".a.txt.partial"]
