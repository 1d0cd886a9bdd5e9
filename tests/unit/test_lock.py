"""One run at a time: the lock ends with its process, however that ends."""

import getpass
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from alfvideo.files import lock
from alfvideo.files.errors import DataError

FOREIGNER = """
import fcntl, os, sys, time
from alfvideo.files import lock
descriptor = os.open(os.path.join(sys.argv[1], lock.FILE_NAME), os.O_RDWR | os.O_CREAT)
fcntl.flock(descriptor, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""
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


def test_other_folders_are_free(tmp_path: Path, hold: Callable):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    hold(HOLDER, one)
    lock.acquire(other)
    assert (other / lock.FILE_NAME).exists()


def test_missing_folder(tmp_path: Path):
    with pytest.raises(DataError, match="cannot be written to"):
        lock.acquire(tmp_path / "nowhere")


def test_lock_is_hidden_from_the_scan():
    assert lock.FILE_NAME.startswith(".")


def test_asking_takes_nothing(tmp_path: Path, holder: subprocess.Popen):
    assert lock.held_by(tmp_path).startswith(f"process {holder.pid} on")
    holder.kill()
    holder.wait()
    assert lock.held_by(tmp_path) == ""
    lock.acquire(tmp_path)


def test_asking_where_nobody_was(tmp_path: Path):
    assert lock.held_by(tmp_path) == ""
    assert not list(tmp_path.iterdir())


def held_once(folder: Path, hold: Callable) -> None:
    process = hold(HOLDER, folder)
    process.kill()
    process.wait()


@pytest.fixture
def subject(tmp_path: Path) -> Path:
    (folder := tmp_path / "lab" / "KB001").mkdir(parents=True)
    return folder


def test_a_run_in_a_folder_above_is_seen(tmp_path: Path, subject: Path, holder: subprocess.Popen):
    assert lock.held_by(subject).startswith(f"process {holder.pid} on")
    with pytest.raises(DataError, match=rf" below {tmp_path} \(process {holder.pid} on"):
        lock.acquire(subject)
    (tmp_path / "link").symlink_to(subject)
    with pytest.raises(DataError, match=rf" below {tmp_path} \(process {holder.pid} on"):
        lock.acquire(tmp_path / "link")
    holder.kill()
    holder.wait()
    lock.acquire(subject)


@pytest.mark.parametrize("was_there", [True, False], ids=["known folder", "new folder"])
def test_a_run_in_a_folder_below_is_seen(
    tmp_path: Path, subject: Path, hold: Callable, was_there: bool
):
    if was_there:
        held_once(tmp_path, hold)
    other = hold(HOLDER, subject)
    for _ in range(2):
        with pytest.raises(DataError, match=rf"Another run is at work .*process {other.pid} on"):
            lock.acquire(tmp_path)
    assert lock.held_by(tmp_path) == ""
    (second := subject.with_name("KB002")).mkdir()
    hold(HOLDER, second)
    other.kill()
    other.wait()
    with pytest.raises(DataError, match="Another run is at work"):
        lock.acquire(tmp_path)


@pytest.mark.parametrize("where", ["at the place", "above it"])
def test_a_run_where_a_link_leads_is_seen(tmp_path: Path, hold: Callable, where: str):
    (elsewhere := tmp_path / "disk2" / "Subjects" / "KB001").mkdir(parents=True)
    (root := tmp_path / "data").mkdir()
    (root / "KB001").symlink_to(elsewhere)
    (root / "loop").symlink_to(root)
    other = hold(HOLDER, elsewhere if where == "at the place" else elsewhere.parent)
    with pytest.raises(DataError, match=rf"Another run is at work .*process {other.pid} on"):
        lock.acquire(root)
    other.kill()
    other.wait()
    lock.acquire(root)


def test_a_folder_below_that_was_locked_once(tmp_path: Path, subject: Path, hold: Callable):
    held_once(subject, hold)
    lock.acquire(tmp_path)


@pytest.mark.parametrize("first", ["above", "below"])
def test_a_run_has_folders_in_each_other(tmp_path: Path, subject: Path, hold: Callable, first: str):
    """As the planner, whose demo may be in the data folder."""
    held_once(tmp_path, hold)
    both = [tmp_path, subject] if first == "above" else [subject, tmp_path]
    for folder in both:
        lock.acquire(folder)
    assert {tmp_path, subject} <= lock._held.keys()


def test_two_users_share_the_lock(become: Callable[[int], None]):
    with tempfile.TemporaryDirectory() as name:
        shared = Path(name)
        shared.chmod(0o777)
        become(65534)
        lock.acquire(shared)
        become(65533)
        with pytest.raises(DataError, match="Another run is at work"):
            lock.acquire(shared)
        os.close(lock._held.popitem()[1])
        lock.acquire(shared)
        os.close(lock._held.popitem()[1])
        become(0)


def test_the_holder_says_who_it_is_and_since_when(tmp_path: Path, holder: subprocess.Popen):
    said = lock.held_by(tmp_path)
    assert re.fullmatch(
        rf"process {holder.pid} on \S+, user {getpass.getuser()}, since 20\d\d-\d\d-\d\d .*UTC",
        said,
    )


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this machine does not say who")
@pytest.mark.parametrize("line", ["", "process 1 on here, user somebody, since never"])
def test_whoever_holds_it_without_saying_so_is_seen(tmp_path: Path, hold: Callable, line: str):
    """A run long ago left its line in the file, or somebody wrote a line that is not true."""
    (tmp_path / lock.FILE_NAME).write_text(line)
    foreigner = hold(FOREIGNER, tmp_path)
    with pytest.raises(DataError, match=rf"\(process {foreigner.pid} on .*, user .*, since 20\d\d"):
        lock.acquire(tmp_path)


def test_what_a_holder_wrote_cannot_change_the_screen(tmp_path: Path, hold: Callable):
    hold(HOLDER, tmp_path)
    lines = (tmp_path / lock.FILE_NAME).read_text()
    (tmp_path / lock.FILE_NAME).write_text(f"{lines}\x1b[2J\nSessions: none")
    assert lock.held_by(tmp_path).isprintable()


def plant(victim: Path, place: Path, what: str) -> None:
    """Put something in place of a file that alfvideo is going to write."""
    match what:
        case "link":
            place.symlink_to(victim)
        case "link to nothing":
            place.symlink_to(victim.with_name("to be made"))
        case "hard link":
            place.hardlink_to(victim)
        case "fifo":
            os.mkfifo(place)
        case "folder":
            place.mkdir()


@pytest.mark.parametrize("what", ["link", "link to nothing", "hard link", "fifo", "folder"])
def test_what_is_planted_in_its_place_is_neither_followed_nor_changed(tmp_path: Path, what: str):
    victim, root = tmp_path / "victim", tmp_path / "root"
    victim.write_text("the thesis")
    victim.chmod(0o600)
    root.mkdir()
    plant(victim, root / lock.FILE_NAME, what)
    with pytest.raises(DataError, match=r"lock cannot be used as a lock: .*\. Remove it"):
        lock.acquire(root)
    assert victim.read_text() == "the thesis"
    assert victim.stat().st_mode & 0o777 == 0o600
    assert not victim.with_name("to be made").exists()
    assert lock.held_by(root) == ""


def test_the_permissions_of_a_file_that_is_there_stay(tmp_path: Path):
    file = tmp_path / lock.FILE_NAME
    file.touch()
    file.chmod(0o640)
    lock.acquire(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_lock_that_may_not_be_opened_is_named(become: Callable[[int], None]):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o777)
        become(65534)
        (root / lock.FILE_NAME).touch(0o600)
        become(65533)
        with pytest.raises(DataError, match=r"lock cannot be opened \(Permission denied\)"):
            lock.acquire(root)
        become(0)
