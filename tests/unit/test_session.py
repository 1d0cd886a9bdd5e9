"""Recordings of a session, read from descriptions of all versions or from the task settings."""

import json
from pathlib import Path

import pytest
import yaml

from alfvideo.files.errors import Blocked
from alfvideo.session import description, folders
from alfvideo.session.description import Camera
from rigsim import CAMERAS, Rig
from rigsim.layout import write_description

DESCRIPTIONS = Path(__file__).parents[1] / "data" / "ibl" / "description"
SESSION = Path("/data/KB001/2026-01-01/001")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "KB001" / "2026-01-01" / "001"
    path.mkdir(parents=True)
    return path


def describe(folder: Path, content: object) -> None:
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    (folder / "_ibl_experiment.description.yaml").write_text(text)


@pytest.mark.parametrize(
    ("name", "cameras", "sync", "namespace", "sync_collection", "task_collection"),
    [
        ("_ibl_experiment", [], "nidq", "spikeglx", "raw_ephys_data", "raw_passive_data"),
        ("bpod_training", ["left"], "bpod", "spikeglx", "raw_task_data_00", "raw_task_data_00"),
        (
            "ephys_nidq_3cam",
            ["left", "right", "body"],
            *("nidq", "spikeglx", "raw_ephys_data", "raw_behavior_data"),
        ),
        (
            "mesoscope_timeline",
            ["left", "right", "belly"],
            *("nidq", "timeline", "raw_sync_data", "raw_task_data_00"),
        ),
        (
            "ucla_widefield_camlog",
            ["left", "right", "body"],
            *("nidq", "spikeglx", "raw_sync_data", "raw_task_data_00"),
        ),
    ],
)
def test_ibl_descriptions(
    name: str,
    cameras: list[str],
    sync: str,
    namespace: str,
    sync_collection: str,
    task_collection: str,
):
    described = yaml.safe_load((DESCRIPTIONS / f"{name}.description.yaml").read_text())
    parsed = description.parse(SESSION, described)
    assert list(parsed.cameras) == cameras
    assert (parsed.sync, parsed.namespace) == (sync, namespace)
    assert (parsed.sync_collection, parsed.task_collection) == (sync_collection, task_collection)
    camlog = name == "ucla_widefield_camlog"
    for camera in parsed.cameras.values():
        assert camera.compressed is camlog
        assert camera.sync_label == (None if camlog else "audio")


def test_every_ibl_description_is_read_or_blocked(folder: Path):
    files = sorted(DESCRIPTIONS.glob("*.yaml"))
    assert files
    blocked = {}
    for file in files:
        describe(folder, file.read_text())
        try:
            description.read(folder)
        except Blocked as reason:
            blocked[file.name] = str(reason)
    assert list(blocked) == ["tdms_variant.description.yaml"]
    assert "unknown sync 'tdms'" in blocked["tdms_variant.description.yaml"]


@pytest.mark.parametrize("kind", CAMERAS)
@pytest.mark.parametrize("version", ["1.0.0", "0.1.0"])
def test_rendered_descriptions(folder: Path, kind: str, version: str):
    """Version 0 has its tasks as a mapping, version 1 as a list."""
    write_description(folder, Rig(kind=kind, description=version))
    parsed = description.read(folder)
    assert list(parsed.cameras) == list(CAMERAS[kind])
    assert parsed.sync == ("bpod" if kind == "bpod" else "nidq")
    if kind != "bpod":
        assert parsed.namespace == ("timeline" if kind == "timeline" else "spikeglx")
    modern = version.startswith("1")
    assert parsed.task_collection == ("raw_task_data_00" if modern else "raw_behavior_data")
    assert {camera.compressed for camera in parsed.cameras.values()} == {kind == "camlog"}


def test_camera_settings_are_kept(folder: Path):
    camera = {"collection": "raw_video_data/a", "sync_label": "ttl", "compressed": True}
    describe(folder, {"sync": {"nidq": None}, "devices": {"cameras": {"left": camera}}})
    assert description.read(folder).cameras["left"] == Camera(
        "left", "raw_video_data/a", "ttl", True
    )


def test_missing_settings_have_their_usual_values(folder: Path):
    describe(folder, {"sync": {"nidq": None}, "devices": {"cameras": {"left": None}}})
    read = description.read(folder)
    assert read.cameras["left"] == Camera("left", "raw_video_data", "audio", False)
    assert (read.namespace, read.sync_collection) == ("spikeglx", "raw_ephys_data")
    assert read.task_collection == "raw_behavior_data"


def test_what_the_description_expects_of_a_video(folder: Path):
    left = {"width": 1280, "height": 0, "fps": 60, "serial": 3}
    describe(folder, {"sync": {"nidq": None}, "devices": {"cameras": {"left": left}}})
    read = description.read(folder)
    assert read.cameras["left"].described == {"width": 1280, "fps": 60}
    assert read.cameras["left"].sync_label == "audio"


@pytest.mark.parametrize(
    ("tasks", "protocols", "collection"),
    [
        (None, (), "raw_behavior_data"),
        ({"a": {"collection": "x"}, "b": None}, ("a", "b"), "x"),
        ([{"a": None}, {"b": {"collection": "y"}}, {"c": {"collection": "z"}}], tuple("abc"), "y"),
        ([{"a": {}, "b": {}}], ("a", "b"), "raw_behavior_data"),
    ],
)
def test_tasks_and_where_the_first_of_them_is(
    folder: Path, tasks: object, protocols: tuple[str, ...], collection: str
):
    describe(folder, {"sync": {"nidq": {}}, "tasks": tasks})
    read = description.read(folder)
    assert (read.protocols, read.task_collection) == (protocols, collection)
    assert read.sync_collection == "raw_ephys_data"


@pytest.mark.parametrize(
    ("settings", "tasks", "expected"),
    [
        ({}, None, "raw_behavior_data"),
        ({}, [{"a": {"collection": "x"}}], "x"),
        ({"collection": "y"}, [{"a": {"collection": "x"}}], "y"),
    ],
)
def test_pulses_of_a_bpod_are_in_its_task_data(
    folder: Path, settings: dict, tasks: object, expected: str
):
    describe(folder, {"sync": {"bpod": settings}, "tasks": tasks})
    read = description.read(folder)
    assert (read.sync_collection, read.task_collection) == (expected, expected)


def test_software_of_a_bpod_does_not_matter(folder: Path):
    describe(folder, {"sync": {"bpod": {"acquisition_software": "pybpod"}}})
    assert description.read(folder).sync == "bpod"
    describe(folder, {"sync": {"nidq": {"acquisition_software": "timeline"}}})
    assert description.read(folder).namespace == "timeline"


@pytest.mark.parametrize(
    ("projects", "expected"), [(None, ()), ("one", ("one",)), (["a", 2], ("a", "2")), ([], ())]
)
def test_projects(folder: Path, projects: object, expected: tuple[str, ...]):
    describe(folder, {"sync": {"nidq": {}}, "projects": projects})
    assert description.read(folder).projects == expected


def test_the_first_of_two_descriptions_is_read(folder: Path):
    describe(folder, {"sync": {"nidq": {}}})
    other = folder / "_ibl_experiment.description_copy.yaml"
    other.write_text("sync: {bpod: {}}")
    read = description.read(folder)
    assert read.sync == "nidq"
    assert read.lookups.files == {str(folder / "_ibl_experiment.description.yaml")}


def test_first_wrong_line_is_named(folder: Path):
    describe(folder, "sync:\n  nidq: {}\ndevices: [\n")
    with pytest.raises(Blocked, match=r"cannot be read, line 4: ParserError"):
        description.read(folder)


def test_sessions_are_equal_whatever_was_looked_at(folder: Path):
    describe(folder, {"sync": {"nidq": None}, "devices": {"cameras": {"left": None}}})
    one, other = description.read(folder), description.read(folder)
    one.find("raw_video_data", "*.avi")
    one.file("{camera}", one.cameras["left"])
    other.lookups.cacheable = False
    assert one == other
    assert repr(one) == repr(other)
    assert Camera("", "raw_video_data", "audio", False, {}) == description.ALL_CAMERAS
    with pytest.raises(AttributeError):
        one.sync = "bpod"


@pytest.mark.parametrize("devices", [None, {}, {"cameras": None}, {"cameras": {}}])
def test_session_without_cameras_is_not_blocked(folder: Path, devices: object):
    describe(folder, {"sync": {"nidq": {}}, "devices": devices})
    assert description.read(folder).cameras == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("just words", "is empty|malformed"),
        ("- a\n- b\n", "is empty|malformed"),
        ("sync: {nidq: [\ndevices", r"cannot be read, line \d+"),
        ("sync: \t{nidq", r"cannot be read, line \d+"),
        ({"devices": {"cameras": {"left": {}}}}, "names no sync"),
        ({"sync": {}}, "names no sync"),
        ({"sync": {"tdms": {}}}, "unknown sync 'tdms'"),
        ({"sync": {"nidq": {"acquisition_software": "labview"}}}, "software 'labview'"),
        ({"sync": ["nidq"]}, "'sync' is not a mapping"),
        ({"sync": {"nidq": {}}, "devices": "left"}, "'devices' is not a mapping"),
        ({"sync": {"nidq": {}}, "devices": {"cameras": ["left"]}}, "'cameras' is not a mapping"),
        ({"sync": {"nidq": "raw_ephys_data"}}, "malformed"),
        ({"sync": {"nidq": {}}, "devices": {"cameras": {"left": "a"}}}, "malformed"),
        ({"sync": {"nidq": {}}, "tasks": ["a"]}, "malformed"),
        ({"sync": {"nidq": {}}, "tasks": [{"a": "b"}]}, "malformed"),
        ({"sync": {"nidq": {}}, "tasks": 3}, "malformed"),
    ],
)
def test_descriptions_that_block(folder: Path, content: object, reason: str):
    describe(folder, content)
    with pytest.raises(Blocked, match=reason):
        description.read(folder)


def test_description_in_another_encoding_blocks(folder: Path):
    (folder / "_ibl_experiment.description.yaml").write_bytes(b"projects: [\xff\xfe]")
    with pytest.raises(Blocked, match="cannot be read"):
        description.read(folder)


def test_what_was_looked_at_is_told(folder: Path):
    write_settings(folder, json.dumps({"PYBPOD_PROTOCOL": "ephysChoiceWorld"}))
    seen = folders.Lookups()
    read = description.read(folder, seen)
    assert read.lookups is seen
    assert seen.files == {str(folder / "raw_behavior_data/_iblrig_taskSettings.raw.json")}
    assert set(seen.folders) == {str(folder), str(folder / "raw_behavior_data")}
    assert seen.cacheable is True
    assert read.protocols == ("ephysChoiceWorld",)


def test_folders_are_listed_once(folder: Path):
    seen = folders.Lookups()
    assert seen.listing(str(folder)) == {}
    (folder / "new").touch()
    assert seen.listing(str(folder)) == {}
    assert set(folders.Lookups().listing(str(folder))) == {"new"}
    assert folders.listing(folder / "new") == {}


def test_several_devices_are_waited_for_in_order(folder: Path):
    (folder / "_devices").mkdir()
    for device in ("video-right", "ephys", "video-left"):
        (folder / "_devices" / f"2026-01-01_1_KB001@{device}.yaml").touch()
    with pytest.raises(Blocked, match=r"still waiting for ephys, video-left, video-right$"):
        description.read(folder)


def test_unfinished_transfer_blocks(folder: Path):
    write_description(folder, Rig())
    (folder / "_devices").mkdir()
    assert description.read(folder).cameras, "an empty _devices folder means that all has arrived"
    (folder / "_devices" / "2026-01-01_1_KB001@video-left.yaml").touch()
    with pytest.raises(Blocked, match=r"transfer unfinished.*video-left"):
        description.read(folder)


def write_settings(folder: Path, text: str) -> None:
    (folder / "raw_behavior_data").mkdir()
    (folder / "raw_behavior_data" / "_iblrig_taskSettings.raw.json").write_text(text)


@pytest.mark.parametrize(
    ("protocol", "cameras", "sync", "sync_collection"),
    [
        (
            "_iblrig_tasks_ephysChoiceWorld6.4.2",
            ["left", "right", "body"],
            "nidq",
            "raw_ephys_data",
        ),
        ("_iblrig_tasks_trainingChoiceWorld6.6.1", ["left"], "bpod", "raw_behavior_data"),
        ("_iblrig_tasks_biasedChoiceWorld6.6.1", ["left"], "bpod", "raw_behavior_data"),
        ("_iblrig_tasks_habituationChoiceWorld", ["left"], "bpod", "raw_behavior_data"),
    ],
)
def test_legacy_sessions(
    folder: Path, protocol: str, cameras: list[str], sync: str, sync_collection: str
):
    write_settings(folder, json.dumps({"PYBPOD_PROTOCOL": protocol}))
    read = description.read(folder)
    assert list(read.cameras) == cameras
    assert (read.sync, read.sync_collection) == (sync, sync_collection)
    assert (read.namespace, read.task_collection) == ("spikeglx", "raw_behavior_data")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("", "cannot be read"),
        ("[]", "cannot be read"),
        ("{}", "protocol '' is not known"),
        ('{"PYBPOD_PROTOCOL": null}', "protocol '' is not known"),
        ('{"PYBPOD_PROTOCOL": "myTask"}', "protocol 'myTask' is not known"),
        ('{"PYBPOD_PROTOCOL": 3}', "cannot be read|not known"),
    ],
)
def test_task_settings_that_block(folder: Path, settings: str, reason: str):
    write_settings(folder, settings)
    with pytest.raises(Blocked, match=f"no description file, and .*({reason})"):
        description.read(folder)


def test_nothing_that_describes_the_session(folder: Path):
    with pytest.raises(Blocked, match=r"no description file .*no task settings"):
        description.read(folder)


def test_discovery_at_any_depth(tmp_path: Path):
    sessions = [
        "KB001/2026-01-01/001",
        "KB001/2026-01-01/002",
        "lab/Subjects/KB002/2026-01-02/001",
        "a/b/c/d/KB003/2026-01-03/010",
    ]
    others = [
        ".truth/KB001/2026-01-01/001",
        "lab/.trash/KB001/2026-01-01/001",
        "KB001/2026-01-01/.hidden",
        "KB001/2026-01-01/1",
        "KB001/2026-1-1/001",
        "KB001/2026-01-01/notes",
        "KB001/2026-01-01/001/alf/2026-01-01/001",
    ]
    for name in [*sessions, *others]:
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "KB001" / "2026-01-01" / "003").touch()
    found = [path.relative_to(tmp_path).as_posix() for path in folders.discover(tmp_path)]
    assert sorted(found) == sorted(sessions)


def test_root_may_be_a_subject_or_a_date(tmp_path: Path):
    path = tmp_path / "KB001" / "2026-01-01" / "001"
    path.mkdir(parents=True)
    for root in (path.parent, path.parent.parent):
        assert list(folders.discover(root)) == [path]


def test_discovery_may_remember_the_sessions_of_a_day(tmp_path: Path):
    path = tmp_path / "KB001" / "2026-01-01" / "001"
    path.mkdir(parents=True)
    (path.parent / "0011").mkdir()
    (path.parent / "file").touch()
    assert folders.numbers(str(path.parent)) == ["001"]
    known = {str(path.parent): ["007"]}
    assert list(folders.discover(tmp_path, known.__getitem__)) == [path.with_name("007")]
    (tmp_path / "KB001" / "2026-01-02x").mkdir()
    (tmp_path / "KB001" / "notes.txt").touch()
    assert list(folders.discover(tmp_path)) == [path]
    assert list(folders.discover(tmp_path / "nowhere")) == []


def test_discovery_does_not_look_into_sessions(tmp_path: Path):
    (tmp_path / "KB001" / "2026-01-01" / "001" / "raw_video_data").mkdir(parents=True)
    for path in folders.discover(tmp_path):
        assert path.name == "001"
