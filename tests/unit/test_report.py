"""The QC page as text and files: what is gathered of a session, and what is written when."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alfvideo import configuration
from alfvideo.jobs import provenance
from alfvideo.planning.pending import State, Status
from alfvideo.views.report import checks, folder, page, pictures, sessions
from alfvideo.views.report.checks import UNREADABLE, Check, Quality

CONFIG = configuration.parse({"root": "/data", "cameras": ["left", "right", "body"]})
QC = {
    "outcome": "WARNING",
    "extended_qc": {
        "_videoLeft_brightness": "PASS",
        "_videoLeft_dropped_frames": ["WARNING", 3, None],
        "_videoLeft_position": "NOT_SET",
    },
    "reasons": {
        "_videoLeft_dropped_frames": "The camera dropped 3 frames.",
        "_videoLeft_position": "There is no reference frame.",
    },
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A session with a checked left camera, a picture of it, and a record of what made them."""
    path = tmp_path / "data" / "KB001" / "2026-01-05" / "001"
    for name in ("qc", "alf", "snapshot"):
        (path / name).mkdir(parents=True)
    write_qc(path, "left", QC)
    np.save(path / "alf" / "_ibl_leftCamera.times.npy", 0.5 + np.arange(121) / 60)
    (path / "snapshot" / "leftCamera_qc.png").write_bytes(b"picture")
    return path


def write_qc(path: Path, camera: str, content: object, kind: str = "video") -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (path / "qc" / f"_ibl_{camera}Camera.{kind}QC.json").write_text(text)


def report(path: Path, *statuses: Status) -> sessions.Report:
    statuses = statuses or (Status(path, "left", "qc", State.DONE),)
    (found,) = sessions.reports(statuses, path.parents[2], CONFIG)
    return found


def write(tmp_path: Path, *reports: sessions.Report) -> int:
    return folder.write(reports, tmp_path / "data", tmp_path / "report")


def test_checks_are_read_back(path: Path):
    found = checks.qualities(path)["left"]["video"]
    assert found == Quality(
        "video",
        "WARNING",
        (
            Check("brightness", "PASS"),
            Check("dropped_frames", "WARNING", (3, None), "The camera dropped 3 frames."),
            Check("position", "NOT_SET", (), "There is no reference frame."),
        ),
    )
    assert [check.name for check in found.wrong] == ["dropped_frames"]
    assert found.numbers("dropped_frames") == (3, None)
    assert found.numbers("framerate") == ()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{half",
        "[]",
        "{}",
        '{"outcome": "PASS"}',
        '{"outcome": "BAD", "extended_qc": {}}',
        '{"outcome": [], "extended_qc": {}}',
        '{"outcome": "PASS", "extended_qc": {"_videoLeft_focus": null}}',
        '{"outcome": "PASS", "extended_qc": {"_videoLeft_focus": []}}',
        '{"outcome": "PASS", "extended_qc": {"_videoLeft_focus": ["PASS", "x"]}}',
        '{"outcome": "PASS", "extended_qc": {"_videoLeft_focus": "PASS"}, "reasons": 3}',
    ],
)
def test_a_broken_qc_file_says_so_and_stops_nothing(path: Path, content: str):
    write_qc(path, "left", content)
    write_qc(path, "right", {**QC, "outcome": "PASS", "extended_qc": {}})
    left, right = report(path).cameras
    assert (left.outcome, right.outcome) == (UNREADABLE, "PASS")
    (check,) = left.qualities["video"].wrong
    assert check.sentence.startswith("_ibl_leftCamera.videoQC.json cannot be read (")


def test_a_check_that_ibllib_leaves_out_does_not_count(path: Path):
    content = {"outcome": "PASS", "extended_qc": {"_dlcLeft_pupil_diameter_snr": ["FAIL", 3.5]}}
    write_qc(path, "left", content, kind="dlc")
    found = checks.qualities(path)["left"]
    assert list(found) == ["video", "dlc"]
    assert [check.counts for check in found["dlc"].checks] == [False]
    assert [check.counts for check in found["video"].checks] == [True, True, True]


def test_the_worst_outcome_counts(path: Path):
    write_qc(path, "left", {**QC, "outcome": "FAIL"}, kind="lightningPose")
    (left,) = report(path).cameras
    assert left.outcome == "FAIL"


def test_a_session_that_is_blocked_is_shown_with_what_it_has(path: Path):
    found = report(path, Status(path, "", "", State.BLOCKED, reason="transfer unfinished"))
    left, whole = found.cameras
    assert (left.label, left.outcome) == ("left", "WARNING")
    assert whole.reasons == {("blocked", "transfer unfinished"): [""]}


def test_a_pending_stage_whose_job_failed_says_why(path: Path):
    output = path / "raw_video_data" / "_iblrig_leftCamera.raw.mp4"
    failed = {"raw_video_data/_iblrig_leftCamera.raw.mp4": {"message": "The avi is cut off."}}
    (path / provenance.FAILED).write_text(json.dumps(failed))
    (left,) = report(
        path,
        Status(path, "left", "raw", State.DONE),
        Status(path, "left", "video", State.PENDING, (output,)),
        Status(path, "left", "times", State.PENDING, (path / "alf" / "times.npy",)),
    ).cameras
    assert left.state == State.FAILED
    assert left.reasons == {("failed", "The avi is cut off."): ["video"]}
    assert [stage.state for stage in left.stages] == ["done", "failed", "pending"]


def test_work_on_all_cameras_has_a_row_until_it_is_done(path: Path):
    left = Status(path, "left", "qc", State.DONE)
    pending = report(path, left, Status(path, "", "licks", State.PENDING))
    assert [camera.label for camera in pending.cameras] == ["left", ""]
    done = report(path, left, Status(path, "", "licks", State.DONE))
    assert [camera.label for camera in done.cameras] == ["left"]


def test_times(path: Path):
    (left,) = report(path).cameras
    assert left.times == sessions.Times(121, 0.5, 2.5, pytest.approx(60), certainty="not recorded")


@pytest.mark.parametrize(
    "content", [np.empty(0), np.zeros((3, 2)), np.array(3.0), np.array(["a", "b"]), None]
)
def test_times_that_are_none_say_so(path: Path, content: np.ndarray | None):
    file = path / "alf" / "_ibl_leftCamera.times.npy"
    if content is None:
        file.write_bytes(b"\x93NUMPY")
    else:
        np.save(file, content)
    (left,) = report(path).cameras
    assert "_ibl_leftCamera.times.npy: expected one time for each frame" in left.times.problem


def test_times_that_stand_still_have_no_rate(path: Path):
    np.save(path / "alf" / "_ibl_leftCamera.times.npy", np.ones(5))
    (left,) = report(path).cameras
    assert left.times.rate is None


def test_outputs_of_a_job_stand_together_in_order_of_time():
    job = {"rule": "video_qc", "camera": "left", "finished": "2026-01-05T12:01:00Z"}
    early = {"rule": "dlc", "camera": "right", "finished": "2026-01-05T11:00:00Z"}
    found = sessions.jobs(
        {"qc/a.json": job, "snapshot/b.png": job, "alf/c.pqt": early}, ["left", "right"]
    )
    assert [each.outputs for each in found] == [("alf/c.pqt",), ("qc/a.json", "snapshot/b.png")]
    assert [each.outputs for each in sessions.jobs({"qc/a.json": job, "c": early}, ["left"])] == [
        ("qc/a.json",)
    ]


def test_provenance_that_cannot_be_read_is_said(path: Path):
    (path / provenance.FILE_NAME).write_text("{half")
    assert "provenance.json cannot be read" in report(path).problem


def test_pictures_are_those_of_the_selected_cameras_and_of_all(path: Path):
    for name in (
        *("rightCamera_qc.png", "bellyCamera_qc.png", "dlc_qc_plot.png", "rightCamera.pose.mp4"),
        *("of the lab.png", ".rightCamera_qc.png.partial", "notes.txt"),
    ):
        (path / "snapshot" / name).touch()
    found = pictures.pictures(path, ["left", "right"])
    assert [picture.file.name for picture in found] == [
        *("leftCamera_qc.png", "rightCamera_qc.png", "dlc_qc_plot.png", "of the lab.png"),
        "rightCamera.pose.mp4",
    ]
    assert found[1].title == "Camera QC, right camera"
    assert "checks of the right camera" in found[1].caption
    assert [picture.caption == "" for picture in found] == [False, False, False, True, False]


def test_names_of_pages_differ_where_sessions_do():
    root = Path("/data")
    paths = [
        root / name / "2026-01-05" / "001"
        for name in ("KB 1", "KB-1", "lab/KB 1", "KB#1", "KB\udce9", "..%2F")
    ]
    names = {sessions.page_name(path, root) for path in paths}
    assert len(names) == len(paths)
    assert all(name.isascii() and "/" not in name and "%" not in name for name in names)


def test_what_comes_from_data_is_escaped(tmp_path: Path, path: Path):
    evil = "<img src=x onerror=alert(1)>\"'&"
    moved = path.parents[2] / evil / "2026-01-05" / "001"
    moved.parent.mkdir(parents=True)
    shutil.move(path, moved)
    write_qc(moved, "left", {**QC, "reasons": {"_videoLeft_dropped_frames": evil}})
    (moved / provenance.FILE_NAME).write_text(json.dumps({evil: {"rule": evil, "notes": [evil]}}))
    write(tmp_path, report(moved, Status(moved, "left", evil, State.BLOCKED, reason=evil)))
    pages = list((tmp_path / "report").rglob("*.html"))
    assert len(pages) == 2
    for file in pages:
        text = file.read_text()
        assert "<img src=x" not in text
        assert "&lt;img src=x onerror=alert(1)&gt;&#34;&#39;&amp;" in text


def test_a_name_that_is_no_text_is_shown(tmp_path: Path, path: Path):
    moved = path.parents[2] / "KB\udce9" / "2026-01-05" / "001"
    moved.parent.mkdir(parents=True)
    shutil.move(path, moved)
    write(tmp_path, report(moved))
    assert "KB?" in (tmp_path / "report" / "index.html").read_text()


def test_only_what_changed_is_written(tmp_path: Path, path: Path):
    other = path.with_name("002")
    shutil.copytree(path, other)
    assert write(tmp_path, report(path), report(other)) == 2
    made = {file: file.stat().st_mtime_ns for file in (tmp_path / "report").rglob("*.*")}
    assert write(tmp_path, report(path), report(other)) == 0
    (path / "snapshot" / "leftCamera_qc.png").write_bytes(b"another")
    write_qc(other, "left", {**QC, "outcome": "CRITICAL"})
    assert write(tmp_path, report(path), report(other)) == 2
    changed = {
        file.relative_to(tmp_path / "report").as_posix()
        for file, modified in made.items()
        if file.stat().st_mtime_ns != modified and file.name != "index.html"
    }
    names = [report(each).page for each in (path, other)]
    assert changed == {f"sessions/{names[0]}/leftCamera_qc.png"}
    copy = tmp_path / "report" / "sessions" / names[0] / "leftCamera_qc.png"
    assert copy.read_bytes() == b"another"
    assert "CRITICAL" in copy.parents[1].joinpath(names[1], "index.html").read_text()


def test_what_is_gone_leaves_the_page(tmp_path: Path, path: Path):
    other = path.with_name("002")
    shutil.copytree(path, other)
    write(tmp_path, report(path), report(other))
    (path / "snapshot" / "leftCamera_qc.png").unlink()
    foreign = tmp_path / "report" / "sessions" / "of the lab"
    foreign.mkdir()
    assert write(tmp_path, report(path)) == 1
    left = {file.name for file in (tmp_path / "report" / "sessions").iterdir()}
    assert left == {report(path).page, "of the lab"}
    assert not list((tmp_path / "report").rglob("*.png"))
    assert not list((tmp_path / "report").rglob(".*"))


def test_sessions_lead_to_those_beside_them(tmp_path: Path, path: Path):
    paths = [path, path.with_name("002"), path.with_name("003")]
    for other in paths[1:]:
        shutil.copytree(path, other)
    found = [report(each) for each in paths]
    write(tmp_path, *found)
    texts = [
        (tmp_path / "report" / "sessions" / each.page / "index.html").read_text() for each in found
    ]
    assert [f'href="../{found[0].page}/index.html"' in text for text in texts] == [
        *(False, True, False)
    ]
    assert [f'href="../{found[2].page}/index.html"' in text for text in texts] == [
        *(False, True, False)
    ]


def test_there_may_be_no_session(tmp_path: Path):
    assert write(tmp_path) == 0
    assert "0 sessions with 0 cameras" in (tmp_path / "report" / "index.html").read_text()


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (Check("dropped_frames", "FAIL", (3, -1)), "3 dropped, -1 counts"),
        (Check("dropped_frames", "CRITICAL", (2, 0)), "2, 0"),
        (Check("framerate", "PASS", (59.998,)), "59.998 Hz"),
        (Check("framerate", "PASS", ()), ""),
        (Check("brightness", "PASS"), ""),
    ],
)
def test_numbers_in_words(check: Check, words: str):
    assert page.numbers(check) == words


ODD_CHECKS = {
    "a deep list": "[" * 100_000,
    "NaN": '{"outcome": "PASS", "extended_qc": {"_videoLeft_dropped_frames": ["FAIL", NaN, null]}}',
    "no number": '{"outcome": "PASS", "extended_qc": {"_videoLeft_pin_state": [0, null]}}',
    "null": '{"outcome": "PASS", "extended_qc": {"_videoLeft_dropped_frames": ["FAIL", null]}}',
    "a large number": '{"outcome": "PASS", "extended_qc": {"a": ["FAIL", 1' + "0" * 400 + "]}}",
    "a mapping": '{"outcome": "PASS", "extended_qc": {"a": {"b": {}}}}',
    "a list": '{"outcome": "PASS", "extended_qc": ["a"]}',
    "a long file": '{"outcome": "PASS", "a": "' + "x" * 2_000_000 + '"}',
    "no text": b"\xff\xfe\x00",
    "fifo": os.mkfifo,
    "folder": Path.mkdir,
    "loop": lambda file: file.symlink_to(file.name),
    "link to nothing": lambda file: file.symlink_to("nothing"),
    "device": lambda file: file.symlink_to("/dev/zero"),
}


def put(file: Path, what: object) -> None:
    """Put a text, bytes, or what is none, in place of a file."""
    file.unlink(missing_ok=True)
    if callable(what):
        what(file)
    elif isinstance(what, bytes):
        file.write_bytes(what)
    else:
        file.write_text(what)


@pytest.fixture
def whole(path: Path) -> Path:
    """Another session, in which nothing is odd."""
    other = path.with_name("002")
    shutil.copytree(path, other)
    return other


def both(tmp_path: Path, path: Path, whole: Path) -> str:
    """Write the pages of an odd session and a whole one; return that of the odd one."""
    odd, good = (report(each) for each in (path, whole))
    write(tmp_path, odd, good)
    pages = tmp_path / "report" / "sessions"
    text = (pages / good.page / "index.html").read_text()
    assert "The camera dropped 3 frames." in text
    assert (pages / good.page / "leftCamera_qc.png").read_bytes() == b"picture"
    return (pages / odd.page / "index.html").read_text()


@pytest.mark.parametrize("what", ODD_CHECKS.values(), ids=ODD_CHECKS)
def test_an_odd_file_of_checks_hides_nothing_else(
    tmp_path: Path, path: Path, whole: Path, what: object
):
    put(path / "qc" / "_ibl_leftCamera.videoQC.json", what)
    text = both(tmp_path, path, whole)
    assert "121</td>" in text, "the number of frames"
    assert "leftCamera_qc.png" in text


@pytest.mark.parametrize("what", ["fifo", "folder", "loop", "device", "link to nothing"])
@pytest.mark.parametrize("name", ["alf/_ibl_leftCamera.times.npy", "alf/licks.times.npy"])
def test_odd_times_hide_nothing_else(tmp_path: Path, path: Path, whole: Path, name: str, what: str):
    put(path / name, ODD_CHECKS[what])
    assert "The camera dropped 3 frames." in both(tmp_path, path, whole)


@pytest.mark.parametrize(
    "entry",
    [
        {"seconds": "long", "software": {"a": [1]}, "notes": [3, {}], "inputs": {"a": {}}},
        {"rule": ["a"], "camera": {}, "finished": 3, "host": None, "seconds": True},
    ],
)
def test_an_odd_record_hides_nothing_else(tmp_path: Path, path: Path, whole: Path, entry: dict):
    (path / provenance.FILE_NAME).write_text(json.dumps({"alf/a.b.npy": entry}))
    (path / provenance.FAILED).write_text(json.dumps({"alf/a.b.npy": entry}))
    assert "The camera dropped 3 frames." in both(tmp_path, path, whole)


def test_only_files_of_the_session_are_copied(tmp_path: Path, path: Path, whole: Path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"the thesis")
    places = {
        "out.png": lambda file: file.symlink_to(secret),
        "out.mp4": lambda file: file.symlink_to("../../../../../secret.png"),
        "pipe.png": os.mkfifo,
        "folder.png": Path.mkdir,
        "zero.png": lambda file: file.symlink_to("/dev/zero"),
        "loop.png": lambda file: file.symlink_to(file.name),
        "large.png": lambda file: file.open("wb").truncate(10**12),
        "again.png": lambda file: file.symlink_to("leftCamera_qc.png"),
    }
    for name, what in places.items():
        what(path / "snapshot" / name)
    text = both(tmp_path, path, whole)
    copied = {file.name for file in (tmp_path / "report").rglob("*") if file.suffix != ".html"}
    assert copied >= {"again.png", "leftCamera_qc.png"}
    assert copied.isdisjoint(places.keys() - {"again.png"})
    assert not any("thesis" in file.read_text() for file in (tmp_path / "report").rglob("*.???"))
    for name in places.keys() - {"again.png"}:
        assert f"{name} is not shown:" in text


def test_a_link_that_comes_after_the_look_is_not_followed(tmp_path: Path, path: Path):
    found = report(path)
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"the thesis")
    put(path / "snapshot" / "leftCamera_qc.png", lambda file: file.symlink_to(secret))
    write(tmp_path, found)
    assert not list((tmp_path / "report").rglob("*.png"))


@pytest.mark.parametrize("name", ["qc", "snapshot", "alf"])
def test_a_folder_that_is_a_loop_hides_no_other_session(
    tmp_path: Path, path: Path, whole: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(path / name)
    (path / name).symlink_to(name)
    both(tmp_path, path, whole)


def test_a_page_that_cannot_be_rendered_leaves_the_others(
    tmp_path: Path, path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    odd = replace(report(path), n_licks="many")
    write(tmp_path, odd, report(whole))
    pages = tmp_path / "report" / "sessions"
    assert "broken: ValueError" in (pages / odd.page / "index.html").read_text()
    assert (tmp_path / "report" / "index.html").read_text().count("broken: ValueError") == 1
    assert "Traceback" in next((tmp_path / "logs" / "broken").iterdir()).read_text()
    assert "dropped 3 frames" in (pages / report(whole).page / "index.html").read_text()
