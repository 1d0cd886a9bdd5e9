"""The state of everything as it is shown: rows, tables, other programs, the last runs."""

import csv
import io
import json
import os
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from alfvideo.jobs import provenance, running, runs
from alfvideo.jobs.runs import Run
from alfvideo.planning.pending import State, Status
from alfvideo.timing import record
from alfvideo.timing.evidence import Evidence
from alfvideo.views import history
from alfvideo.views.history import Past
from alfvideo.views.status import certainty, export, table
from alfvideo.views.status.rows import Row, rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "KB001" / "2026-01-05" / "001"
    path.mkdir(parents=True)
    return path


def pending(path: Path, stage: str = "video") -> Status:
    return Status(path, "left", stage, State.PENDING, (path / f"{stage}.mp4",))


def only(*statuses: Status, **options: object) -> Row:
    (row,) = rows(statuses, **options)
    return row


def lines(*rows: Row, root: Path, **options: object) -> list[str]:
    return table.plain(table.of_cameras(rows, root, **options)).splitlines()


def test_what_the_scan_says_is_kept(path: Path):
    done = Status(path, "left", "raw", State.DONE)
    blocked = Status(path, "left", "times", State.BLOCKED, reason="sync missing")
    assert list(rows([done, pending(path), blocked])) == [
        Row(path, "left", "raw", State.DONE),
        Row(path, "left", "video", State.PENDING),
        Row(path, "left", "times", State.BLOCKED, "sync missing"),
    ]


def test_a_stage_that_failed_has_its_message_and_log(path: Path):
    entry = {"rule": "video_compress", "message": "the avi is cut.", "log": "logs/a.log"}
    (path / provenance.FAILED).write_text(json.dumps({"video.mp4": entry}))
    assert only(pending(path)) == Row(
        path, "left", "video", State.FAILED, "the avi is cut.", "logs/a.log"
    )
    assert only(pending(path, "times")).state is State.PENDING


def test_a_record_that_cannot_be_read_is_named(path: Path):
    for name in (provenance.FAILED, provenance.FILE_NAME):
        (path / name).write_text("{")
    found = only(pending(path), made=True)
    assert found.state is State.PENDING
    assert f"{path / provenance.FAILED} cannot be read" in found.message


def test_a_stage_whose_job_is_at_work_says_how_far_it_is(path: Path, tmp_path: Path):
    log = tmp_path / "left.log"
    with log.open("w") as held:
        held.write("2026-11-22 21:10:10,123 INFO tracked 5 of 9 frames, 1 frames/s, 4 s left\n")
        held.flush()
        running.hold(held.fileno())
        found = only(pending(path), logs_of=lambda status: [tmp_path / "other.log", log])
    assert found == Row(
        *(path, "left", "video", State.RUNNING, "tracked 5 of 9 frames, 1 frames/s, 4 s left"),
        log=str(log),
    )
    assert only(pending(path), logs_of=lambda status: [log]).state is State.PENDING


@pytest.mark.parametrize(
    "change",
    [
        *({key: value} for key in ("seconds", "log", "inputs", "rule") for value in (None, [], {})),
        {"rule": "a_rule_of_the_past"},
        {"camera": []},
        {"finished": None},
    ],
    ids=str,
)
def test_records_that_were_edited_stop_nothing(path: Path, change: dict):
    entry = {
        "rule": "video_compress",
        "camera": "left",
        "log": "logs/a.log",
        "inputs": {},
        "params": {},
        "finished": "2026-01-06T10:00:00Z",
        "seconds": 1,
    }
    (path / provenance.FILE_NAME).write_text(json.dumps({"a.mp4": entry | change}))
    done = Status(path, "left", "video", State.DONE)
    found = list(rows([done], made=True))
    table.plain([table.of_stages(found, history.read([path], Path()))])
    export.write_csv(found, io.StringIO())
    export.write_json(found, {}, io.StringIO())
    assert found[0].state is State.DONE


def test_times_of_what_was_made(path: Path):
    entry = {
        "rule": "video_compress",
        "camera": "left",
        "log": "logs/a.log",
        "finished": "2026-01-06T10:00:00Z",
        "seconds": 12.5,
    }
    of_other = entry | {"camera": "right", "seconds": 3.0}
    content = {"a.mp4": entry, "b.mp4": of_other, "c": {"rule": "no longer there"}}
    (path / provenance.FILE_NAME).write_text(json.dumps(content))
    done = Status(path, "left", "video", State.DONE)
    assert only(done, made=True) == Row(
        *(path, "left", "video", State.DONE, "", "logs/a.log", "2026-01-06T10:00:00Z", 12.5)
    )
    assert only(done).seconds is None, "records are not read if nobody asks"


def row(path: Path, state: State, stage: str = "video", **extra: str) -> Row:
    return Row(path, extra.pop("camera", "left"), stage, state, **extra)


def test_a_camera_is_one_line_with_all_that_is_not_done(path: Path, tmp_path: Path):
    found = lines(
        row(path, State.DONE, "raw"),
        row(path, State.FAILED, "video", message="the avi\nis cut.", log="logs/a.log"),
        row(path, State.RUNNING, "dlc", message="tracked 5 of 10 frames"),
        row(path, State.PENDING, "energy"),
        row(path, State.PENDING, "qc"),
        row(path, State.BLOCKED, "times", message="sync missing"),
        root=tmp_path,
    )
    assert re.split(r" {2,}", found[0]) == ["session", "camera", "work", "why"]
    assert re.split(r" {2,}", found[1]) == [
        "KB001/2026-01-05/001",
        "left",
        "pending: energy qc; running: dlc; blocked: times; failed: video",
        "the avi is cut. Log: logs/a.log; dlc tracked 5 of 10 frames; sync missing",
    ]
    assert found[2:] == ["1 sessions; 1 cameras: 0 done, 0 pending, 1 failed, 0 blocked"]


def test_what_is_done_is_counted_and_not_shown(path: Path, tmp_path: Path):
    blocked = tmp_path / "KB002" / "2026-01-05" / "001"
    found = lines(
        row(path, State.DONE),
        row(path, State.PENDING, "licks", camera=""),
        row(path, State.DONE, "plot", camera=""),
        row(blocked, State.BLOCKED, stage="", camera="", message="no description file"),
        root=tmp_path,
    )
    assert [re.split(r" {2,}", line)[1:] for line in found[1:3]] == [
        ["(all)", "pending: licks"],
        ["(all)", "blocked: all", "no description file"],
    ]
    assert found[3] == (
        "2 sessions; 2 cameras: 1 done, 0 pending, 1 blocked; "
        "1 whole sessions: 0 done, 1 pending, 0 blocked"
    )


def test_a_long_table_shows_all_that_is_not_merely_pending(tmp_path: Path):
    states = [State.PENDING] * 45 + [State.BLOCKED] * 3 + [State.FAILED] * 2 + [State.RUNNING]
    found = lines(
        *(row(tmp_path / f"KB/2026-01-01/{n:03}", state) for n, state in enumerate(states)),
        root=tmp_path,
        longest=10,
    )
    shown = [re.search(r" (\w+): all", line)[1] for line in found[1:-2]]
    assert shown == ["pending"] * 10 + ["blocked"] * 3 + ["failed"] * 2 + ["running"]
    assert found[-2] == "... and 35 more with something pending"
    assert found[-1].endswith("45 pending, 1 running, 2 failed, 3 blocked")


def test_a_long_name_does_not_widen_the_table(tmp_path: Path):
    long = tmp_path / ("KB" + "x" * 200) / "2026-01-01" / "001"
    found = lines(
        row(long, State.BLOCKED, camera="y" * 100),
        row(tmp_path / "KB001" / "2026-01-01" / "001", State.BLOCKED),
        root=tmp_path,
    )
    names = [line.split()[:2] for line in found[1:3]]
    assert [list(map(len, each)) for each in names] == [[60, 60], [20, 4]]
    assert names[0][0].startswith("KBxxx")
    assert names[0][0].endswith("x/2026-01-01/001")


def test_stages_are_counted_in_the_order_of_the_work(path: Path):
    past = Past("video_compress", path, "left", 90.0, "rig")
    failed = [
        row(path, State.FAILED),
        row(path, State.DONE, camera="right"),
        row(path, State.DONE, "raw"),
    ]
    slower = [past, past._replace(seconds=4000.0), past._replace(seconds=120.0)]
    found = [line.split() for line in table.plain([table.of_stages(failed, slower)]).splitlines()]
    assert found[1:] == [
        ["raw", "1", "0", "0", "0", "0"],
        ["video", "1", "0", "0", "1", "0", "2", "min"],
    ]


def test_names_are_not_taken_for_commands(path: Path):
    parts = ["A run is at work: process 3 on rig[red] [/x] :smile:."]
    assert table.plain(parts) == parts[0]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_and_width_are_those_of_the_terminal(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "70")
    parts = table.of_cameras([row(path, State.FAILED, message="cut [/] " * 30)], tmp_path)
    screen, pipe = Terminal(), io.StringIO()
    table.show(parts, screen)
    table.show(parts, pipe)
    assert "\033[1;31mfailed\033[0m" in screen.getvalue()
    text = re.sub(r"\033\[[\d;]*m", "", screen.getvalue())
    assert max(map(len, text.splitlines())) <= 70
    assert text.count("cut") == 30
    assert "\033" not in pipe.getvalue()
    assert len(pipe.getvalue().splitlines()) == 3
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Terminal()
    table.show(parts, screen)
    assert "\033[1;31m" not in screen.getvalue()


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (Evidence(0.02, "", 0.0), "exact"),
        (Evidence(2.0, "By the wheel.", 0.0), "within 2 frames"),
        (Evidence(None, "Nothing shows it.", 0.0), "unknown"),
        (Evidence(None, "A person.", 0.0, by_person=True), "placed by a person"),
        (None, "not recorded"),
    ],
)
def test_how_well_times_are_known(path: Path, evidence: Evidence | None, words: str):
    (path / "qc").mkdir()
    (path / "alf").mkdir()
    files = (path / "qc/_ibl_leftCamera.timing.json", path / "alf/_ibl_leftCamera.times.npy")
    record.save(record.TimingRecord("gpio", (), evidence), files[0], np.arange(3.0), files[1])
    times = row(path, State.DONE, "times")
    others = [row(path, State.PENDING, "times"), row(path, State.DONE, "raw")]
    assert [each.message for each in certainty.told([times, *others])] == [words, "", ""]
    assert certainty.summary([times, *others]) == [f"1 cameras have times: 1 {words}"]
    files[0].write_text("{")
    assert certainty.summary([times]) == ["1 cameras have times: 1 not readable"]
    files[0].unlink()
    assert certainty.summary([times]) == ["1 cameras have times: 1 not recorded"]
    assert certainty.summary(others) == []


def test_csv_is_read_back(path: Path):
    file = io.StringIO()
    failed = Row(path, "left", "video", State.FAILED, 'a "cut", avi\nhere', "logs/a.log")
    export.write_csv([failed], file)
    (found,) = csv.DictReader(io.StringIO(file.getvalue()))
    assert found["message"] == failed.message
    assert found["session"] == str(path)
    assert found["state"] == "failed"


def test_json_is_read_back(path: Path):
    file = io.StringIO()
    export.write_json([row(path, State.DONE)], {"root": path, "last_runs": [asdict(RUN)]}, file)
    found = json.loads(file.getvalue())
    assert found["root"] == str(path)
    assert found["last_runs"][0]["seconds"] == 2040
    others = ("pending", "running", "failed", "blocked", "left out")
    assert found["totals"] == {"done": 1, **dict.fromkeys(others, 0)}
    assert found["rows"][0]["state"] == "done"
    assert found["rows"][0]["seconds"] is None


RUN = Run("2026-11-22T21:10:00+00:00", 2040, "/data", 120, 1, "rig")


def test_last_runs_are_those_of_the_folder_newest_first(tmp_path: Path):
    file = tmp_path / "logs" / "runs.jsonl"
    assert runs.last(Path("/data"), file=file) == []
    kept = [replace(RUN, done=n + 1) for n in range(7)]
    for each in (*kept, replace(RUN, root='/demo, of "mine"')):
        runs.record(each, file)
    assert runs.last(Path("/data"), 3, file) == kept[:3:-1]
    assert len(runs.last(Path('/demo, of "mine"'), file=file)) == 1


def test_runs_that_only_failed_do_not_hide_the_others(tmp_path: Path):
    file = tmp_path / "runs.jsonl"
    in_vain = replace(RUN, done=0)
    for each in (RUN, in_vain, in_vain, in_vain):
        runs.record(each, file)
    assert runs.last(Path("/data"), file=file) == [in_vain, RUN]


@pytest.mark.parametrize(
    "rest", [b"{", b'{"started": "2026-11', b"\xff\xfe", b"[]", b"3", b'{"started": 3}']
)
def test_a_line_that_was_cut_hides_no_other(tmp_path: Path, rest: bytes):
    file = tmp_path / "runs.jsonl"
    file.write_bytes(rest)
    runs.record(RUN, file)
    with file.open("ab") as lines:
        lines.write(b"\n" + rest)
    runs.record(RUN, file)
    assert runs.last(Path("/data"), file=file) == [RUN, RUN]


def test_a_run_that_cannot_be_recorded_goes_on(tmp_path: Path):
    (tmp_path / "logs").write_text("a file where the folder should be")
    runs.record(RUN, tmp_path / "logs" / "runs.jsonl")
    assert runs.last(Path("/data"), file=tmp_path / "logs" / "runs.jsonl") == []


@pytest.mark.parametrize("what", ["link", "hard link", "fifo"])
def test_runs_are_not_written_where_a_link_leads(tmp_path: Path, what: str):
    victim, file = tmp_path / "victim", tmp_path / "runs.jsonl"
    victim.write_text("the thesis")
    match what:
        case "link":
            file.symlink_to(victim)
        case "hard link":
            file.hardlink_to(victim)
        case "fifo":
            os.mkfifo(file)
    runs.record(RUN, file)
    assert victim.read_text() == "the thesis"
    assert runs.last(Path("/data"), file=file) == []


@pytest.mark.parametrize("line", ["[" * 100_000, "3", '{"seconds": 1e400}', '{"seconds": [1]}'])
def test_a_line_of_another_shape_leaves_the_other_runs(tmp_path: Path, line: str):
    file = tmp_path / "runs.jsonl"
    runs.record(RUN, file)
    fields = asdict(RUN) | (json.loads(line) if line.startswith("{") else {})
    line = json.dumps(fields) if line.startswith("{") else line
    with file.open("a") as lines:
        lines.write(f"\n{line}\n")
    assert runs.last(Path("/data"), file=file) == [RUN]


def test_no_cell_of_the_csv_is_a_formula(path: Path):
    formulas = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")']
    found = [Row(path, "left", "dlc", State.FAILED, text, seconds=-1.5) for text in formulas]
    file = io.StringIO()
    export.write_csv([*found, Row(path, "left", "dlc", State.DONE, "-1.5", seconds=2.5)], file)
    read = list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))
    assert [row["message"] for row in read] == [
        *(f"'{text}".replace("\r", "\n") for text in formulas),
        "-1.5",
    ]
    assert [float(row["seconds"]) for row in read] == [-1.5] * len(formulas) + [2.5]
    assert {row["session"] for row in read} == {str(path)}


@pytest.mark.parametrize(
    "content", ["[" * 100_000, "3", '{"a": 3}', '{"video.mp4": {"log": [], "message": {}}}']
)
@pytest.mark.parametrize("name", [provenance.FAILED, provenance.FILE_NAME])
def test_an_odd_record_hides_no_other_session(path: Path, name: str, content: str):
    (path / name).write_text(content)
    other = path.with_name("002")
    found = list(rows([pending(path), Status(other, "left", "qc", State.DONE)], made=True))
    assert [row.session for row in found] == [path, other]


def test_what_nobody_foresaw_is_one_row_with_its_traceback(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)

    def logs_of(status: Status) -> list[Path]:
        assert status.session != path, "not foreseen"
        return []

    other = path.with_name("002")
    odd, good = rows([pending(path), pending(other)], logs_of)
    assert (odd.state, good.state) == (State.BLOCKED, State.PENDING)
    assert odd.message.startswith("broken: AssertionError: not foreseen")
    assert "not foreseen" in next((tmp_path / "logs" / "broken").iterdir()).read_text()
