"""Nothing vanishes without a word: cameras, videos and sessions that no task is for."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.unit.test_pending import small

from alfvideo.configuration import Configuration
from alfvideo.files.errors import DataError
from alfvideo.planning import left_out, pending
from alfvideo.planning.pending import State
from alfvideo.views.status import before_run, rows, table
from rigsim import Rig

Render = Callable[[Path, Rig], Path]
DESCRIPTION = "_ibl_experiment.description.yaml"
VIDEOS = "raw_video_data"


@pytest.fixture
def session(tmp_path: Path, rendered: Render) -> Path:
    return rendered(tmp_path, small())


def redescribe(session: Path, cameras: object) -> None:
    file = session / DESCRIPTION
    content = yaml.safe_load(file.read_text())
    content["devices"] = {"cameras": cameras}
    file.write_text(yaml.safe_dump(content))


def found(session: Path, config: Configuration) -> dict[str, tuple[str, State]]:
    """Reasons by camera of the rows without a stage."""
    statuses = pending.scan_session(session, config)
    return {s.camera: (s.reason, s.state) for s in statuses if not s.stage}


def test_nothing_is_left_out_of_a_usual_session(session: Path, config: Configuration):
    assert found(session, config) == {}


def test_videos_of_every_rig_are_known(tmp_path: Path, rendered: Render, config: Configuration):
    for kind in ("spikeglx", "timeline", "bpod", "camlog"):
        assert found(rendered(tmp_path, small(kind=kind, subject=kind)), config) == {}


def test_a_camera_that_is_not_selected(session: Path, config: Configuration):
    said = {"body": ("described, and not in `cameras` of the configuration", State.LEFT_OUT)}
    assert found(session, config.changed(cameras=["left"])) == said


def test_a_session_without_cameras_and_videos(session: Path, config: Configuration):
    redescribe(session, {})
    (session / VIDEOS / "_iblrig_bodyCamera.raw.avi").unlink()
    assert found(session, config) == {"": ("no cameras are described", State.LEFT_OUT)}


def test_a_video_whose_camera_is_not_described(session: Path, config: Configuration):
    redescribe(session, {})
    reason, state = found(session, config)["body"]
    assert state is State.BLOCKED
    assert reason == (
        "raw_video_data/_iblrig_bodyCamera.raw.avi is there, and the description has no such "
        "camera: add it"
    )
    config = config.changed(cameras=["left"])
    reason, state = found(session, config)["body"]
    assert state is State.LEFT_OUT
    assert reason == "has a raw video, and is neither described nor in `cameras`"


def test_a_camlog_rig_that_is_not_described_as_one(
    tmp_path: Path, rendered: Render, config: Configuration
):
    session = rendered(tmp_path, small(kind="camlog"))
    file = session / "_ibl_experiment.description.yaml"
    file.write_text(file.read_text().replace("compressed: true", "compressed: false"))
    reason, state = found(session, config)["body"]
    assert state is State.BLOCKED
    assert "body_cam_run000_00000000.camlog is the log of a rig that compresses" in reason
    assert "add `compressed: true`" in reason


@pytest.mark.parametrize(
    "name",
    [
        "_iblrig_bodyCamera.raw.AVI",
        "_iblrig_bodyCamera.raw_1.avi",
        "_iblrig_bodyCamera.raw.0a1b2c3d-0000-4000-8000-000000000000.avi",
        "_iblrig_bodyCamera.raw.00.avi",
        "_iblrig_body Camera.raw.avi",
        "bodyCamera.raw.avi",
        "body.avi",
        "body.MKV",
        "_iblrig_bodyCamera.raw.avi.gz",
        "_iblrig_bodyCamera.raw.AVI.tar.GZ",
        "_iblrig_bodyCamera.raw.avi.part",
    ],
)
def test_a_video_that_is_called_otherwise(session: Path, config: Configuration, name: str):
    (session / VIDEOS / name).touch()
    reason, state = found(session, config)[""]
    assert state is State.LEFT_OUT
    assert reason.startswith(f"raw_video_data/{name} may be a raw video, and is not called")


@pytest.mark.parametrize(
    "name",
    [
        *("._body.avi", ".body.avi", "body.jpg", "avi", "_iblrig_bodyCamera.raw.mp4"),
        *("_iblrig_bodyCamera.raw.mp4.~1~", "body.avi.txt", "code.gz"),
    ],
)
def test_what_is_no_stray_video(session: Path, config: Configuration, name: str):
    (session / VIDEOS / name).touch()
    assert found(session, config) == {}


@pytest.mark.parametrize("folder", ["raw_video_data_00", "Raw_Video_Data"])
def test_a_video_in_another_folder(session: Path, config: Configuration, folder: str):
    (session / VIDEOS).rename(session / folder)
    reason, state = found(session, config)["body"]
    assert state is State.BLOCKED
    assert reason == (
        f"{folder}/_iblrig_bodyCamera.raw.avi is not in raw_video_data, where the camera "
        "is described"
    )


@pytest.mark.parametrize("label", ["Body", "body2", "body_2", "BODY"])
def test_cameras_of_any_label_can_be_selected(session: Path, config: Configuration, label: str):
    for file in (session / VIDEOS).iterdir():
        file.rename(file.with_name(file.name.replace("body", label)))
    redescribe(session, {label: {}})
    assert found(session, config)[label][1] is State.LEFT_OUT
    statuses = pending.scan_session(session, config.changed(cameras=[label]))
    assert {(s.camera, s.state) for s in statuses} == {(label, State.PENDING)}


def shown(root: Path, config: Configuration) -> str:
    return table.plain(table.of_cameras(list(rows.rows(pending.scan(root, config))), root))


def test_each_reason_is_a_line(tmp_path: Path, rendered: Render, config: Configuration):
    for subject in ("KB001", "KB002"):
        rendered(tmp_path, small(subject=subject))
    rendered(tmp_path, small(subject="KB003", cameras=("left",)))
    (tmp_path / "KB001/2026-01-01/001" / VIDEOS / "top.avi").touch()
    text = shown(tmp_path, config.changed(cameras=["left"]))
    assert text.splitlines()[2:5] == [
        "left out: 2 sessions, camera body: described, and not in `cameras` of the configuration",
        "left out: KB001/2026-01-01/001: raw_video_data/top.avi may be a raw video, and is not "
        "called _iblrig_LABELCamera.raw.avi",
        "3 sessions; 1 cameras: 0 done, 1 pending, 0 blocked",
    ]


def test_at_most_twenty_lines(session: Path, tmp_path: Path, config: Configuration):
    for i in range(22):
        (session / VIDEOS / f"{i:02d}.avi").touch()
    lines = shown(tmp_path, config).splitlines()
    assert sum(line.startswith("left out: ") for line in lines) == 20
    assert "... and 2 more left out: alfvideo status --format csv" in lines


@pytest.mark.parametrize(
    ("changes", "given"),
    [
        ({"subjects": ["KB009"]}, "subjects: ['KB009']"),
        ({"sessions": ["lab/*"]}, "sessions: ['lab/*']"),
        ({"from_date": "2027-01-01"}, "from_date: 2027-01-01"),
        ({"subjects": ["KB001"], "to_date": "2025-01-01"}, "subjects: .*, to_date: 2025-01-01"),
    ],
)
def test_a_choice_of_nothing(tmp_path: Path, config: Configuration, changes: dict, given: str):
    for name in ("KB001/2026-01-01/001", "KB002/2026-02-03/001"):
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(DataError) as raised:
        pending.scan(tmp_path, config.changed(**changes))
    assert str(raised.value).startswith(f"None of the 2 sessions below {tmp_path} is chosen by ")
    assert str(raised.value).endswith(
        ". There are those of KB001, KB002, from 2026-01-01 to 2026-02-03."
    )


def test_many_subjects_are_not_all_named(tmp_path: Path, config: Configuration):
    for i in range(12):
        (tmp_path / f"KB{i:02d}" / "2026-01-01" / "001").mkdir(parents=True)
    with pytest.raises(DataError, match=r"those of KB00, KB01, .*, KB09 and 2 more, from"):
        pending.scan(tmp_path, config.changed(subjects=["x"]))


def test_a_subject_that_has_no_session(
    session: Path, tmp_path: Path, config: Configuration, caplog: pytest.LogCaptureFixture
):
    assert pending.scan(tmp_path, config.changed(subjects=["KB001", "KB009", "KB010"]))
    assert caplog.messages == [f"There are no sessions of KB009, KB010 below {tmp_path}."]


def test_a_data_folder_in_a_session(session: Path, tmp_path: Path, config: Configuration):
    with pytest.raises(DataError, match=f"{session} is a session: .* {tmp_path}\\.$"):
        pending.scan(session, config)
    with pytest.raises(DataError, match=f" is in a session: .* {tmp_path}\\.$"):
        pending.scan(session / VIDEOS, config)


NEARLY = [
    "A/2026-1-1/001",
    "B/20260101/001",
    "C/2026-01-01_bak/001",
    "D/2026-01-01/001_bak",
    "E/2026-01-01/1",
    "F/2026-01-01",
    "G",
]


@pytest.mark.parametrize("place", NEARLY)
@pytest.mark.parametrize("content", ["alf", "Raw_Ephys_Data", "_ibl_experiment.description.yml"])
def test_what_is_nearly_a_session_is_named(
    session: Path,
    tmp_path: Path,
    config: Configuration,
    caplog: pytest.LogCaptureFixture,
    place: str,
    content: str,
):
    (tmp_path / place / content).mkdir(parents=True)
    assert {status.session for status in pending.scan(tmp_path, config)} == {session}
    assert caplog.messages == [
        f"Left out below {tmp_path}, because sessions are called SUBJECT/YYYY-MM-DD/NNN: "
        f"{place!r}. Rename them."
    ]
    caplog.clear()
    pending.scan(tmp_path, config.changed(subjects=["KB001"]))
    pending.scan(tmp_path, config.changed(sessions=["KB*"]))
    assert caplog.messages == []


def test_folders_without_data_are_not_named(
    session: Path, tmp_path: Path, config: Configuration, caplog: pytest.LogCaptureFixture
):
    for name in ("notes", "KB001/2026-1-1/001", "KB001/2026-01-01/histology", "KB001/2026-01-01/7"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "KB001" / "notes.pdf").symlink_to(".git/annex/nothing.pdf")
    pending.scan(tmp_path, config)
    assert caplog.messages == []


@pytest.mark.parametrize("name", ["002.tar", "002.zip", "002.TAR.GZ", "002.7z.part"])
def test_packed_sessions_are_named(
    session: Path,
    tmp_path: Path,
    config: Configuration,
    caplog: pytest.LogCaptureFixture,
    name: str,
):
    (session.parent / name).write_bytes(b"x")
    for other in ("notes.txt", "2.tar", "0020.zip", ".002.tar.swp"):
        (session.parent / other).write_bytes(b"x")
    assert {status.session for status in pending.scan(tmp_path, config)} == {session}
    place = (session.parent / name).relative_to(tmp_path)
    assert caplog.messages == [
        f"Left out below {tmp_path}, as they are files, not folders of sessions: '{place}'. "
        "Unpack them, or move them elsewhere."
    ]


def test_a_file_in_the_place_of_a_session_blocks_nothing_else(
    session: Path, tmp_path: Path, config: Configuration
):
    (file := session.parent / "002").write_bytes(b"x")
    statuses = pending.scan(tmp_path, config)
    (row,) = [each for each in statuses if each.session == file]
    assert row.state is State.BLOCKED
    assert "is a file, not the folder of a session" in row.reason
    assert any(each.state is State.PENDING for each in statuses if each.session == session)


def test_links_to_nothing_are_named(
    session: Path, tmp_path: Path, config: Configuration, caplog: pytest.LogCaptureFixture
):
    for name in ("A", "KB001/2026-01-02", "KB001/2026-01-01/002_copy", "KB001/2026-01-01/002"):
        (tmp_path / name).symlink_to("/nowhere")
    (tmp_path / "loop").symlink_to("loop")
    statuses = pending.scan(tmp_path, config)
    assert caplog.messages == [
        f"Left out below {tmp_path}, as they are links to nothing: 'loop', 'A', "
        "'KB001/2026-01-02', 'KB001/2026-01-01/002_copy'."
    ]
    (row,) = [each for each in statuses if each.session != session]
    assert row.session == tmp_path / "KB001/2026-01-01/002"
    assert row.state is State.BLOCKED
    assert f"{row.session} is a link to nothing" in row.reason


def test_a_data_folder_without_sessions(tmp_path: Path, config: Configuration):
    said = f"No sessions found below {tmp_path}: their folders are called SUBJECT/YYYY-MM-DD/NNN."
    with pytest.raises(DataError) as raised:
        pending.scan(tmp_path, config)
    assert str(raised.value) == said
    (tmp_path / "alf").mkdir()
    with pytest.raises(DataError, match=rf"^{said} Left out below .*: '{tmp_path}'\. Rename them"):
        pending.scan(tmp_path, config)


def test_cameras_that_no_session_has(
    session: Path, tmp_path: Path, config: Configuration, caplog: pytest.LogCaptureFixture
):
    with pytest.raises(DataError) as raised:
        pending.scan(tmp_path, config.changed(cameras=["Body", "left"]))
    assert str(raised.value) == (
        f"No session below {tmp_path} has one of the `cameras` Body, left. There are body: name "
        "those to process."
    )
    assert caplog.messages == []
    assert pending.scan(tmp_path, config.changed(cameras=["top", "body", "left"]))
    assert caplog.messages == [f"No session below {tmp_path} has a camera top."]


def test_cameras_of_a_session_that_cannot_be_read_are_not_missed(
    session: Path, tmp_path: Path, config: Configuration, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "KB002" / "2026-01-01" / "001").mkdir(parents=True)
    assert len(pending.scan(tmp_path, config.changed(cameras=["top"]))) == 2
    assert caplog.messages == []


def test_a_folder_that_was_chosen_and_has_no_session(session: Path, tmp_path: Path):
    left_out.check_folders(tmp_path, [session], [tmp_path, session.parent, session])
    for folder in (session / "alf", tmp_path / "KB002", Path("/nowhere")):
        with pytest.raises(DataError, match=f"^{folder} has none of the selected sessions below"):
            left_out.check_folders(tmp_path, [session], [tmp_path, folder])


def test_a_data_folder_that_is_too_low_or_too_high_gets_one_cure(
    session: Path, tmp_path: Path, config: Configuration
):
    (moved := tmp_path / "lab" / "mice").mkdir(parents=True)
    (tmp_path / "KB001").rename(moved / "KB001")
    for root, n in ((tmp_path, 1), (tmp_path / "lab", 1), (moved, 0), (moved / "KB001", 1)):
        statuses = pending.scan(root, config)
        said = left_out.advice(root, {status.session for status in statuses})
        assert len([*said, *before_run.not_in_tables(statuses, root, config)]) == n


@pytest.mark.parametrize(
    ("subject", "n_tables", "n_rows"), [("mouse 1", 1, 0), ("{x}", 0, 1), ("KB002", 0, 0)]
)
def test_an_odd_name_gets_one_sentence(
    session: Path, tmp_path: Path, config: Configuration, subject: str, n_tables: int, n_rows: int
):
    (tmp_path / "KB001").rename(tmp_path / subject)
    (tmp_path / subject / "2026-01-01/001" / VIDEOS / "top.avi").touch()
    statuses = pending.scan(tmp_path, config)
    assert len(before_run.not_in_tables(statuses, tmp_path, config)) == n_tables
    assert sum("rename the folder" in status.reason for status in statuses) == n_rows


SESSIONS = ["KB001/2026-01-01/001", "KB002/2026-01-01/001"]


@pytest.mark.parametrize(
    ("root", "sessions", "better"),
    [
        ("/data", SESSIONS, None),
        ("/data", [f"lab/Subjects/{name}" for name in SESSIONS], None),
        ("/data", [f"lab/Subjects/{SESSIONS[0]}", SESSIONS[1]], None),
        ("/data/KB001", ["2026-01-01/001", "2026-01-02/001"], "/data"),
        ("/data/KB001/2026-01-01", ["001", "002"], "/data"),
        ("/data", [f"Subjects/{name}" for name in SESSIONS], "/data/Subjects"),
        ("/data", [f"a/{SESSIONS[0]}", f"b/{SESSIONS[1]}"], None),
        ("/", [f"data/lab/Subjects/{name}" for name in SESSIONS], "/data"),
        ("/", [f"a/b/lab/Subjects/{name}" for name in SESSIONS], "/a/b"),
        ("/data", [], None),
    ],
)
def test_a_data_folder_that_is_too_low_or_too_high(root: str, sessions: list, better: str | None):
    said = left_out.advice(Path(root), [Path(root, name) for name in sessions])
    assert [sentence.split("set it to ")[1].split(",")[0] for sentence in said] == (
        [better] if better else []
    )
