"""Messages of failed jobs from their logs."""

import logging
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from alfvideo.jobs import failures

LOG = """2026-11-22 21:36:57,871 INFO /data/KB009/2026-01-01/001
2026-11-22 21:36:57,873 ERROR a.avi is cut.
Transfer it again.
2026-11-22 21:36:57,874 INFO after it
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "left.log"
    file.write_text(LOG)
    return file


def test_the_message_and_its_further_lines(log: Path):
    assert failures.errors(log, 0) == ["a.avi is cut.\nTransfer it again."]


def test_a_message_at_the_end(log: Path):
    log.write_text("2026-11-22 21:36:57,873 ERROR a.avi is cut.\n")
    assert failures.errors(log, 0) == ["a.avi is cut."]


def test_a_log_of_an_earlier_run(log: Path):
    assert failures.errors(log, time.time() + 10) == []


def test_a_log_that_is_not_there(tmp_path: Path):
    assert failures.errors(tmp_path / "none.log", 0) == []


def test_failed_jobs_are_shown_and_nothing_else(log: Path, capsys: pytest.CaptureFixture[str]):
    handler = failures.Messages()
    handler._created = 0
    record = SimpleNamespace(log=[str(log)], rule_name="video_compress")
    for _ in range(2):
        handler.emit(record)
    assert capsys.readouterr().err == "video_compress: a.avi is cut.\nTransfer it again.\n"
    handler.emit(logging.makeLogRecord({"msg": "something else"}))
    assert capsys.readouterr().err == ""
