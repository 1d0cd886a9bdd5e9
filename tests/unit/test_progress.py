"""Progress of a long job: often in its log, once a minute on the screen."""

import logging

import pytest

from alfvideo.jobs import progress
from alfvideo.jobs.progress import Progress, watched


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Clock:
    caplog.set_level(logging.DEBUG, "alfvideo")
    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", clock)
    return clock


def test_frames_rate_and_time_left(clock: Clock, caplog: pytest.LogCaptureFixture):
    report = Progress("tracked", 400_000)
    clock.now += 10
    report(1000)
    assert caplog.messages == ["tracked 1000 of 400000 frames (0 %), 100 frames/s, 1 h 6 min left"]


def test_more_than_a_day_is_said(clock: Clock, caplog: pytest.LogCaptureFixture):
    report = Progress("tracked", 810_000)
    clock.now += 10
    report(30)
    assert caplog.messages[0].endswith("3 frames/s, 3 d 3 h left")


def test_what_an_earlier_run_did_is_not_taken_for_speed(
    clock: Clock, caplog: pytest.LogCaptureFixture
):
    report = Progress("tracked", 3000, done=1000)
    clock.now += 20
    report(2000)
    assert caplog.messages == ["tracked 2000 of 3000 frames (66 %), 50 frames/s, 20 s left"]


def test_more_frames_than_were_promised(clock: Clock, caplog: pytest.LogCaptureFixture):
    clock.now, report = clock.now + 10, Progress("checked", 10)
    report(20)
    assert "0 s left" in caplog.messages[0]


def test_every_ten_seconds_in_the_log_once_a_minute_on_the_screen(
    clock: Clock, caplog: pytest.LogCaptureFixture
):
    for _ in watched(range(200), "measured", 200):
        clock.now += 1
    assert len(caplog.records) == 20
    on_screen = [n for n, record in enumerate(caplog.records) if record.levelno >= logging.INFO]
    assert on_screen == [0, 6, 12, 18]
