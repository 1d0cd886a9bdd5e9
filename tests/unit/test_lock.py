"""One run at a time: the lock ends with its process, however that ends."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from alfvideo.files import lock
from alfvideo.files.errors import DataError

HOLDER = """
import sys, time
from pathlib import Path
from alfvideo.files import lock
lock.acquire(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path, hold: Callable) -> subprocess.Popen:
    return hold(HOLDER, tmp_path)


def test_second_is_refused_with_a_sentence(tmp_path: Path, holder: subprocess.Popen):
    with pytest.raises(DataError, match=rf"Another run .* {tmp_path} .*process {holder.pid} on"):
        lock.acquire(tmp_path)


def test_killed_holder_leaves_nothing_to_unlock(tmp_path: Path, holder: subprocess.Popen):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    lock.acquire(tmp_path)
    assert f"process {os.getpid()} " in (tmp_path / lock.FILE_NAME).read_text() + " "


def test_other_folders_are_free(tmp_path: Path, holder: subprocess.Popen):
    other = tmp_path / "other"
    other.mkdir()
    lock.acquire(other)
    assert (other / lock.FILE_NAME).exists()


def test_missing_folder(tmp_path: Path):
    with pytest.raises(DataError, match="cannot be written to"):
        lock.acquire(tmp_path / "nowhere")


def test_lock_is_hidden_from_the_scan():
    assert lock.FILE_NAME.startswith(".")


def test_check_says_who_holds_it_and_takes_nothing(tmp_path: Path, holder: subprocess.Popen):
    with pytest.raises(DataError, match=rf"Another run .*process {holder.pid} on"):
        lock.check(tmp_path)
    holder.kill()
    holder.wait()
    lock.check(tmp_path)
    lock.acquire(tmp_path)


def test_check_of_a_folder_that_was_never_locked(tmp_path: Path):
    lock.check(tmp_path)
    assert not list(tmp_path.iterdir())


def test_two_users_share_the_lock(become: Callable[[int], None]):
    with tempfile.TemporaryDirectory() as name:
        shared = Path(name)
        shared.chmod(0o777)
        become(65534)
        lock.acquire(shared)
        become(65533)
        with pytest.raises(DataError, match="Another run is at work"):
            lock.acquire(shared)
        os.close(lock._held.pop())
        lock.acquire(shared)
        os.close(lock._held.pop())
        become(0)
