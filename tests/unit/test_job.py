"""Duties of every job: log to file and screen, one message on failure, provenance on success."""

import errno
import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from alfvideo.files import checksums
from alfvideo.files.errors import DataError, MachineError
from alfvideo.files.regular import NotRegular
from alfvideo.jobs import job, provenance, running


@pytest.fixture
def described(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A job as Snakemake hands it to a script."""
    session = tmp_path / "Subjects" / "KB001" / "2026-01-01" / "001"
    session.mkdir(parents=True)
    source = session / "a.avi"
    source.write_bytes(b"12345")
    for name in ("a.mp4", "b.mp4"):
        (session / name).write_bytes(b"made by the job")
    yield SimpleNamespace(
        rule="video_compress",
        wildcards=SimpleNamespace(session=str(session), camera="left"),
        input=[str(source)],
        output=[str(session / "a.mp4"), str(session / "b.mp4")],
        params=SimpleNamespace(settings={"version": 3}),
        log=[str(tmp_path / "logs" / "deep" / "a.log")],
        resources={},
    )
    for handler in logging.getLogger("alfvideo").handlers:
        handler.close()
    logging.getLogger("alfvideo").handlers = []


def read_log(described: SimpleNamespace) -> str:
    return Path(described.log[0]).read_text(encoding="utf-8")


def test_the_log_is_kept_with_the_session(described: SimpleNamespace):
    """Once for all outputs, of jobs that end well and others, and not without bounds."""
    session = Path(described.wildcards.session)
    with job.run(described):
        job.logger.info("begins")
        job.logger.info("x" * 100_000)
        job.logger.info("ends")
    made = provenance.read(session)
    text = made["a.mp4"]["log_text"]
    assert "begins" in text[:200]
    assert text.endswith("ends\n")
    assert len(text) < 11_000
    assert "log_text" not in made["b.mp4"]
    with pytest.raises(SystemExit), job.run(described):
        raise DataError("no")
    assert provenance.read(session, provenance.FAILED)["a.mp4"]["log_text"].endswith("no\n")


def test_checksum_of_a_whole_raw_video(described: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    """Made beside the job that reads it anyway, and once for all jobs; not of other inputs."""
    monkeypatch.setattr(checksums, "MAX_WHOLE", 4)
    monkeypatch.setattr(checksums, "PIECE", 1)
    session = Path(described.wildcards.session)
    (session / "large.bin").write_bytes(b"12345")
    described.input += [str(session / "large.bin")]
    with job.run(described):
        pass
    inputs = provenance.read(session)["a.mp4"]["inputs"]
    assert inputs["a.avi"]["md5"] == hashlib.md5(b"12345").hexdigest()
    assert "md5" not in inputs["large.bin"]

    monkeypatch.setattr(checksums, "md5", lambda *_: pytest.fail("read again"))
    described.output = []
    with job.run(described):
        pass
    assert provenance.read(session)["a.mp4"]["inputs"]["a.avi"] == inputs["a.avi"]


def test_checksum_of_a_whole_raw_video_stops_with_the_job(
    described: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checksums, "MAX_WHOLE", 4)
    monkeypatch.setattr(checksums, "PIECE", 1)
    stopped = threading.Event()

    def md5(path: Path, go_on: Callable[[int], object]) -> str:
        while go_on(1):
            pass
        stopped.set()
        return ""

    monkeypatch.setattr(checksums, "md5", md5)
    with pytest.raises(SystemExit), job.run(described):
        raise DataError("It is cut.")
    assert stopped.wait(10)


def test_success_is_logged_and_recorded(
    described: SimpleNamespace, capsys: pytest.CaptureFixture[str]
):
    with job.run(described) as this:
        this.note("Two pulses were missing.", "One frame was late.")
    entries = provenance.read(Path(described.wildcards.session))
    assert set(entries) == {"a.mp4", "b.mp4"}
    assert entries["a.mp4"]["rule"] == "video_compress"
    assert entries["a.mp4"]["params"] == {"version": 3}
    assert entries["a.mp4"]["inputs"]["a.avi"]["size"] == 5
    assert entries["a.mp4"]["notes"] == ["Two pulses were missing.", "One frame was late."]
    screen = capsys.readouterr().err
    label = "[KB001/2026-01-01/001 left] video_compress: "
    for text in (read_log(described), screen):
        assert "Two pulses were missing." in text
        assert "done in" in text
    assert all(line.startswith(label) for line in screen.splitlines())


@pytest.mark.parametrize("subject", ["%", "50%/d", "%d", "%(message)s", "100%s"])
def test_a_percent_sign_in_a_name(
    described: SimpleNamespace, capsys: pytest.CaptureFixture[str], subject: str
):
    """Python's logging would print a traceback for each message."""
    session = Path(described.wildcards.session.replace("KB001", subject))
    session.mkdir(parents=True)
    described.wildcards.session = str(session)
    described.input, described.output = [], []
    with job.run(described) as this:
        this.note("One frame was late.")
    name = "/".join(session.parts[-3:])
    first, *_ = capsys.readouterr().err.splitlines()
    assert first == f"[{name} left] video_compress: One frame was late."


def test_routine_is_in_the_log_and_not_on_the_screen(
    described: SimpleNamespace, capsys: pytest.CaptureFixture[str]
):
    with job.run(described):
        logging.getLogger("alfvideo.pose").debug("8 frames at a time")
    assert "8 frames at a time" in read_log(described)
    (line,) = capsys.readouterr().err.splitlines()
    assert "done in" in line


def test_its_log_shows_that_it_is_running(described: SimpleNamespace):
    log = Path(described.log[0])
    with job.run(described):
        assert running.is_running(log)


def test_a_job_of_all_cameras_is_named_by_its_session(
    described: SimpleNamespace, capsys: pytest.CaptureFixture[str]
):
    del described.wildcards.camera
    with job.run(described) as this:
        assert this.camera == ""
    assert capsys.readouterr().err.startswith("[KB001/2026-01-01/001] video_compress: ")


def test_a_failure_is_remembered_with_what_it_was_made_from(described: SimpleNamespace):
    session = Path(described.wildcards.session)
    with pytest.raises(SystemExit), job.run(described):
        raise DataError("a.avi is cut.")
    failed = provenance.read(session, provenance.FAILED)
    assert set(failed) == {"a.mp4", "b.mp4"}
    assert failed["a.mp4"]["message"] == "a.avi is cut."
    assert failed["a.mp4"]["inputs"] == provenance.fingerprints([session / "a.avi"], session)
    with job.run(described):
        pass
    assert provenance.read(session, provenance.FAILED) == {}


def test_bad_data_are_not_tried_again(described: SimpleNamespace):
    fail(described, DataError("a.avi is cut."))
    described.resources["attempt"] = 2
    with pytest.raises(SystemExit) as ended, job.run(described):
        pytest.fail("the work was done again")
    assert ended.value.code == 1
    assert "a.avi is cut." in read_log(described)


@pytest.mark.parametrize("change", ["input", "params", "rule"])
def test_what_has_changed_is_tried_again(described: SimpleNamespace, change: str):
    fail(described, DataError("a.avi is cut."))
    described.resources["attempt"] = 2
    if change == "input":
        Path(described.input[0]).write_bytes(b"a whole video")
    elif change == "params":
        described.params.settings["version"] = 4
    else:
        described.rule = "video_convert"
    with job.run(described):
        pass
    assert "done in" in read_log(described)


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("a defect"), OSError(errno.EIO, "Disk"), MachineError("ffmpeg was killed.")],
)
def test_what_may_be_the_fault_of_the_machine_is_tried_again(
    described: SimpleNamespace, error: Exception
):
    fail(described, error)
    described.resources["attempt"] = 2
    with job.run(described):
        pass
    assert "done in" in read_log(described)


def test_the_next_run_tries_bad_data_again(described: SimpleNamespace):
    fail(described, DataError("a.avi is cut."))
    described.resources["attempt"] = 1
    with job.run(described):
        pass
    assert "done in" in read_log(described)


def fail(described: SimpleNamespace, error: Exception) -> None:
    with pytest.raises(SystemExit), job.run(described):
        raise error


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space"), MachineError("Killed.")])
def test_a_full_disk_is_no_reason_to_go_on_without(described: SimpleNamespace, error: Exception):
    with pytest.raises(SystemExit), job.run(described):
        raise error
    assert provenance.read(Path(described.wildcards.session), provenance.FAILED) == {}


def test_an_input_that_the_job_removes_is_recorded(described: SimpleNamespace):
    with job.run(described) as this:
        this.inputs[0].unlink()
    entry = provenance.read(Path(described.wildcards.session))["a.mp4"]
    assert entry["inputs"]["a.avi"]["size"] == 5


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (DataError("a.avi is cut. Copy it again."), "a.avi is cut. Copy it again."),
        (OSError(errno.ENOSPC, "No space", "/d/a.mp4"), "The disk is full while writing /d/a.mp4"),
        (
            OSError(errno.EDQUOT, "Quota", "/d/a.mp4"),
            "The disk quota of this user is used up while",
        ),
        (OSError(errno.EFBIG, "Too large", "/d/a.mp4"), "/d/a.mp4 would be larger than this user"),
        (PermissionError(errno.EACCES, "Denied", "/d/a"), "No permission for /d/a. Give the user"),
        (
            OSError(errno.EIO, "Input/output error", "/d/a"),
            "The disk of /d/a gives an input/output",
        ),
        (NotRegular(errno.EFBIG, "it has more than 5 bytes", "/d/a"), "/d/a: it has more than 5"),
        (OSError(errno.ENOTEMPTY, "Not empty", "/d/a"), "/d/a: Not empty."),
        (OSError(errno.ENOSPC, "No space"), "disk is full while writing the session's folder"),
    ],
)
def test_failure_gives_one_message(
    described: SimpleNamespace,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    message: str,
):
    with pytest.raises(SystemExit) as ended, job.run(described):
        raise error
    assert ended.value.code == 1
    assert provenance.read(Path(described.wildcards.session)) == {}
    for text in (read_log(described), capsys.readouterr().err):
        assert text.count(message) == 1
        assert "Traceback" not in text
        assert "done in" not in text


def test_defect_of_the_program_shows_its_traceback(described: SimpleNamespace):
    with pytest.raises(SystemExit) as ended, job.run(described):
        raise ZeroDivisionError("a defect")
    assert ended.value.code == 1
    assert "Traceback" in read_log(described)
    assert "a defect" in read_log(described)
    assert "please report it" in read_log(described)


def test_the_log_is_of_the_last_run(described: SimpleNamespace):
    with pytest.raises(SystemExit), job.run(described):
        raise DataError("first")
    with job.run(described):
        pass
    assert "first" not in read_log(described)


LOGS = {
    "a full disk": lambda path: path.symlink_to("/dev/full"),
    "a folder": lambda path: path.mkdir(),
    "a file for a folder": lambda path: (path.parent.rmdir(), path.parent.write_text("")),
}


@pytest.mark.parametrize("kind", LOGS)
def test_a_log_that_cannot_be_written_ends_no_job(
    described: SimpleNamespace, capfd: pytest.CaptureFixture[str], kind: str
):
    log = Path(described.log[0])
    log.parent.mkdir(parents=True)
    LOGS[kind](log)
    with job.run(described) as this:
        this.note("Two pulses were missing.")
    for handler in logging.getLogger("alfvideo").handlers:
        handler.close()
    screen = capfd.readouterr().err
    assert screen.count("The log is not complete, the job goes on.") == 1
    assert "Two pulses were missing." in screen
    assert "Traceback" not in screen
    assert "a.mp4" in provenance.read(Path(described.wildcards.session))
