"""Recordings of a session, read from descriptions of all versions or from the task settings."""

import json
import os
import re
from pathlib import Path

import pytest
import yaml

from alfvideo.files.errors import Blocked, Broken
from alfvideo.session import datasets, description, folders
from alfvideo.session.cameras import ALL_CAMERAS, Camera
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
    with pytest.raises(
        Blocked, match=r"cannot be read, line 4: did not find expected node content"
    ):
        description.read(folder)


def test_sessions_are_equal_whatever_was_looked_at(folder: Path):
    describe(folder, {"sync": {"nidq": None}, "devices": {"cameras": {"left": None}}})
    one, other = description.read(folder), description.read(folder)
    one.find("raw_video_data", "*.avi")
    one.file("{camera}", one.cameras["left"])
    other.lookups.cacheable = False
    assert one == other
    assert repr(one) == repr(other)
    assert Camera("", "raw_video_data", "audio", False, {}) == ALL_CAMERAS
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
        ({"sync": ["nidq"]}, r"'sync' is \['nidq'\], not a mapping"),
        ({"sync": {"nidq": {}}, "devices": "left"}, "'devices' is 'left', not a mapping"),
        (
            {"sync": {"nidq": {}}, "devices": {"cameras": ["left"]}},
            r"^broken: .*malformed: 'devices.cameras' is \['left'\], not a mapping$",
        ),
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


def with_camera(**left: object) -> dict:
    return {"sync": {"nidq": {}}, "devices": {"cameras": {"left": left}}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (with_camera(collection=["raw_video_data"]), "left.collection' is ['raw_video_data'], not"),
        (with_camera(collection=3), "left.collection' is 3, not a text"),
        (with_camera(collection="../../x"), "not the name of a folder in the session"),
        (with_camera(collection="raw/../../x"), "not the name of a folder in the session"),
        (with_camera(collection="/etc"), "not the name of a folder in the session"),
        (with_camera(collection="."), "not the name of a folder in the session"),
        (with_camera(collection="raw\nx"), "not the name of a folder in the session"),
        (with_camera(collection="raw{x}"), "not the name of a folder in the session"),
        (with_camera(sync_label=7), "left.sync_label' is 7, not a text"),
        (with_camera(compressed="perhaps"), "left.compressed' is 'perhaps', not true or false"),
        (with_camera(fps="fast"), "left.fps' is 'fast', not a number"),
        (with_camera(fps=[60]), "left.fps' is [60], not a number"),
        (with_camera(width=True), "left.width' is True, not a number"),
        (with_camera(height=-1), "left.height' is -1, not a number"),
        (with_camera(fps=float("nan")), "left.fps' is nan, not a number"),
        (with_camera(fps=float("inf")), "left.fps' is inf, not a number"),
        ({"sync": {"nidq": {"collection": {"a": 1}}}}, "sync.nidq.collection' is {'a': 1}, not"),
        ({"sync": {"nidq": {"collection": "../x"}}}, "sync.nidq.collection' is '../x', not"),
        ({"sync": {"nidq": {}}, "tasks": [{"a": {"collection": 1}}]}, "tasks.a.collection' is 1,"),
        ({"sync": {"nidq": {}}, "tasks": [{True: {}}]}, "'tasks' is True, not the name"),
        ({"sync": {"nidq": {}}, "projects": [["a"]]}, "'projects' is ['a'], not a list"),
        ({"sync": {"nidq": {}}, "devices": {"cameras": {"a b": {}}}}, "'a b' cannot be the label"),
        ({"sync": {"nidq": {}}, "devices": {"cameras": {"../a": {}}}}, "'../a' cannot be the lab"),
        ({"sync": {"nidq": {}}, "devices": {"cameras": {"_a": {}}}}, "'_a' cannot be the label"),
        ({"sync": {"nidq": {}}, "devices": {"cameras": {True: {}}}}, "True cannot be the label"),
        ("sync: {nidq: {}}\nstarted: 2026-02-30\n", "line 2: 2026-02-30 is no date or time"),
        ("[" * 100_000, "levels"),
        ("- " * 100_000, "levels"),
        ("#" * 1_000_001, "more than 1,000,000 bytes"),
        ("sync: !!bool x\n", "KeyError"),
    ],
)
def test_malformed_descriptions_say_where(folder: Path, content: object, said: str):
    describe(folder, content)
    with pytest.raises(Broken) as raised:
        description.read(folder)
    message = str(raised.value)
    assert message.startswith("broken: ")
    assert said in message
    assert len(message) < 220


def test_numbers_may_be_in_quotes(folder: Path):
    describe(folder, with_camera(fps="60", width="1280", height="0", compressed="false"))
    left = description.read(folder).cameras["left"]
    assert left.described == {"fps": 60, "width": 1280}
    assert left.compressed is False
    describe(folder, with_camera(fps="59.94", compressed="yes"))
    left = description.read(folder).cameras["left"]
    assert left.described == {"fps": 59.94}
    assert left.compressed is True


@pytest.mark.parametrize("label", ["Left", "left2", "left_2", "LEFT", "2"])
def test_labels_of_cameras(folder: Path, label: str):
    describe(folder, {"sync": {"nidq": {}}, "devices": {"cameras": {label: {}}}})
    read = description.read(folder)
    video = datasets.path(datasets.RAW_MP4, read, read.cameras[label])
    assert video.name == f"_iblrig_{label}Camera.raw.mp4"
    for pattern in (datasets.RAW_MP4, datasets.TIMES, datasets.MOTION_ENERGY):
        assert datasets.camera_of(datasets.path(pattern, read, read.cameras[label])) == label


def test_a_protocol_may_look_like_a_number(folder: Path):
    describe(folder, "sync: {nidq: {}}\ntasks:\n- 123: {collection: a}\n- 2026-01-01: {}\n")
    read = description.read(folder)
    assert (read.protocols, read.task_collection) == (("123", "2026-01-01"), "a")


def test_collections_at_any_depth(folder: Path):
    describe(folder, with_camera(collection="./raw_video_data//a/b/"))
    assert description.read(folder).cameras["left"].collection == "raw_video_data/a/b"


def test_a_description_that_is_no_file_is_not_opened(folder: Path):
    file = folder / "_ibl_experiment.description.yaml"
    os.mkfifo(file)
    with pytest.raises(Broken, match="it is a named pipe, expected a file"):
        description.read(folder)
    file.unlink()
    file.mkdir()
    with pytest.raises(Broken, match="it is a folder, expected a file"):
        description.read(folder)
    file.rmdir()
    file.symlink_to("/dev/zero")
    with pytest.raises(Broken, match="it is a device, expected a file"):
        description.read(folder)


def transfer(folder: Path, *names: str) -> None:
    (folder / "_devices").mkdir(exist_ok=True)
    for name in names:
        (folder / "_devices" / name).touch()


def test_a_finished_transfer_of_iblrig_is_read(folder: Path):
    """Its copy program leaves the stubs where they were."""
    write_description(folder, Rig())
    for device in ("behavior", "video", "ephys"):
        transfer(folder, f"2026-01-01_1_KB@{device}.yaml", f"2026-01-01_1_KB@{device}.status_final")
    transfer(folder, ".DS_Store", "Thumbs.db", "._2026-01-01_1_KB@new.yaml", "notes.txt")
    assert description.read(folder).cameras


@pytest.mark.parametrize("status", ["status_pending", "status_complete", "status_Final", None])
def test_a_stub_waits_until_its_status_is_final(folder: Path, status: str | None):
    write_description(folder, Rig())
    transfer(folder, "1_KB@ephys.yaml", "1_KB@ephys.status_final", "1_KB@video.yaml")
    if status:
        transfer(folder, f"1_KB@video.{status}")
    with pytest.raises(Blocked, match=r"still waiting for video$"):
        description.read(folder)
    transfer(folder, "1_KB@video.status_final")
    assert description.read(folder).cameras


def test_a_status_without_its_stub_waits(folder: Path):
    write_description(folder, Rig())
    transfer(folder, "1_KB@video.status_pending")
    with pytest.raises(Blocked, match=r"still waiting for video$"):
        description.read(folder)


def test_the_flag_of_a_finished_transfer(folder: Path):
    write_description(folder, Rig())
    transfer(folder, "1_KB@video.yaml", "1_KB@video.status_pending")
    (folder / "raw_session.flag").touch()
    assert description.read(folder).cameras


BEHAVIOR = {
    "version": "1.0.0",
    "devices": {"microphone": {"collection": "raw_task_data_00"}},
    "sync": {"nidq": {"collection": "raw_ephys_data"}},
    "tasks": [{"choice": {"collection": "raw_task_data_00"}}],
    "projects": ["one", "two"],
}
VIDEO = {
    "devices": {"cameras": {"left": {"fps": 60}}},
    "sync": {"nidq": {"acquisition_software": "timeline"}},
    "projects": ["two", "three"],
}
MORE_VIDEO = {"devices": {"cameras": {"right": {"fps": 150}}}}


def test_stubs_that_were_not_merged_are(folder: Path):
    for device, content in {"behavior": BEHAVIOR, "video": VIDEO, "video2": MORE_VIDEO}.items():
        file = folder / f"_ibl_experiment.description_{device}.yaml"
        file.write_text(yaml.safe_dump(content))
    read = description.read(folder)
    assert {name: dict(each.described) for name, each in read.cameras.items()} == {
        "left": {"fps": 60},
        "right": {"fps": 150},
    }
    assert (read.namespace, read.sync_collection) == ("timeline", "raw_ephys_data")
    assert read.projects == ("one", "two", "three")
    assert read.protocols == ("choice",)
    assert len(read.lookups.files) == 3
    describe(folder, {"sync": {"bpod": {}}})
    assert description.read(folder).sync == "bpod", "the merged one counts"


def test_stubs_with_different_syncs(folder: Path):
    for device, sync in {"behavior": "bpod", "ephys": "nidq"}.items():
        file = folder / f"_ibl_experiment.description_{device}.yaml"
        file.write_text(yaml.safe_dump({"sync": {sync: {}}}))
    with pytest.raises(Broken, match="several syncs, 'bpod' and 'nidq': keep the one"):
        description.read(folder)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (60, 30, "is 60 and 30: keep one"),
        (60, {"x": 1}, r"is 60 and \{'x': 1\}: keep one"),
        ([60], 60, r"is \[60\] and 60: keep one"),
        ({"x": 1}, {"x": 2}, r"\.x' is 1 and 2: keep one"),
        (False, True, "is False and True: keep one"),
    ],
)
def test_stubs_that_say_different_things(folder: Path, one: object, other: object, said: str):
    for device, fps in {"behavior": one, "video": other}.items():
        cameras = {"left": {"fps": fps}}
        content = {"version": device, "sync": {"bpod": {}}, "devices": {"cameras": cameras}}
        file = folder / f"_ibl_experiment.description_{device}.yaml"
        file.write_text(yaml.safe_dump(content))
    with pytest.raises(Broken, match=rf"_behavior\.yaml and .*_video\.yaml differ: .*left.*{said}"):
        description.read(folder)


@pytest.mark.parametrize(("one", "other"), [(60, 60.0), (None, 60), ("", 60), (60, None)])
def test_stubs_that_say_the_same(folder: Path, one: object, other: object):
    for device, fps in {"behavior": one, "video": other}.items():
        content = {"sync": {"bpod": {}}, "devices": {"cameras": {"left": {"fps": fps}}}}
        file = folder / f"_ibl_experiment.description_{device}.yaml"
        file.write_text(yaml.safe_dump(content))
    assert description.read(folder).cameras["left"].described == {"fps": 60}


def test_a_key_that_is_there_twice(folder: Path):
    describe(folder, "sync: {bpod: {}}\ndevices:\n  cameras:\n    left: {fps: 60}\n    left: {}\n")
    with pytest.raises(Broken, match=r"cannot be read, line 5: 'left' is there twice: keep one"):
        description.read(folder)


def test_description_that_names_two_syncs(folder: Path):
    with pytest.raises(Broken, match="several syncs, 'bpod' and 'nidq': keep the one"):
        description.parse(folder, {"sync": {"bpod": {}, "nidq": {}}})


@pytest.mark.parametrize(
    "copy", ["description.bak.yaml", "description-old.yaml", "description (1).yaml"]
)
def test_copies_of_the_description_are_not_taken_for_it(folder: Path, copy: str):
    (folder / "_ibl_experiment.description.yaml").write_text(yaml.safe_dump({"sync": {"bpod": {}}}))
    (folder / f"_ibl_experiment.{copy}").write_text(yaml.safe_dump({"sync": {"nidq": {}}}))
    assert description.read(folder).sync == "bpod"
    (folder / "_ibl_experiment.description.yaml").rename(
        folder / "_ibl_experiment.description.x.yaml"
    )
    with pytest.raises(Broken, match=r"call the right one _ibl_experiment\.description\.yaml"):
        description.read(folder)


@pytest.mark.parametrize(
    "name",
    [
        "_ibl_experiment.description.yml",
        "_IBL_experiment.Description.YAML",
        "_ibl_experiment_description.yaml",
        "_ibl_experiment.description.yaml.bak",
        "experiment description.yaml",
    ],
)
def test_what_is_nearly_called_as_the_description(folder: Path, name: str):
    write_settings(folder, json.dumps({"PYBPOD_PROTOCOL": "ephysChoiceWorld"}))
    (folder / name).write_text(yaml.safe_dump({"sync": {"bpod": {}}}))
    with pytest.raises(Broken, match=rf"'{re.escape(name)}' may be the description: call it _ibl"):
        description.read(folder)
    describe(folder, {"sync": {"nidq": {}}})
    assert description.read(folder).sync == "nidq"


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


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("name", ["_devices", "raw_session.flag", "_devices/a@video.status_final"])
def test_a_link_to_nothing_is_no_end_of_a_transfer(
    folder: Path, tmp_path: Path, name: str, there: bool
):
    write_description(folder, Rig())
    target = tmp_path / "target"
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).symlink_to(target)
    if name != "_devices":
        (folder / "_devices").mkdir(exist_ok=True)
        (folder / "_devices" / "a@video.yaml").touch()
    if there:
        target.mkdir() if name == "_devices" else target.touch()
        assert description.read(folder).cameras
        return
    seen = folders.Lookups()
    with pytest.raises(Blocked, match=r"^transfer unfinished: "):
        description.read(folder, seen)
    assert not seen.cacheable, "the link may lead somewhere tomorrow"
    (folder / name).unlink()
    (folder / name).symlink_to(name)
    with pytest.raises(Blocked, match=r"^transfer unfinished: "):
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


def test_links_are_followed_once(tmp_path: Path):
    """Not round and round, nor to folders that are found anyway."""
    root, other = tmp_path / "data", tmp_path / "other"
    path = root / "KB001" / "2026-01-01" / "001"
    path.mkdir(parents=True)
    (other / "KB002" / "2026-01-01" / "001").mkdir(parents=True)
    (root / ".hidden" / "KB003" / "2026-01-01" / "001").mkdir(parents=True)
    (root / "elsewhere").symlink_to(other)
    (root / "KB003").symlink_to(".hidden/KB003")
    (root / "KB001" / "up").symlink_to("..")
    (root / "KB001" / "here").symlink_to(".")
    (root / "KB001" / "self").symlink_to("self")
    (root / "KB001" / "nothing").symlink_to("/nowhere")
    (root / "KB001" / "above").symlink_to(tmp_path)
    (root / "AA001").symlink_to("KB001")
    (other / "back").symlink_to(root)
    (other / "again").symlink_to(other)
    found = [each.relative_to(root).as_posix() for each in folders.discover(root)]
    assert sorted(found) == [
        "KB001/2026-01-01/001",
        "KB003/2026-01-01/001",
        "elsewhere/KB002/2026-01-01/001",
    ]


def test_a_root_that_is_a_link(tmp_path: Path):
    path = tmp_path / "data" / "KB001" / "2026-01-01" / "001"
    path.mkdir(parents=True)
    (tmp_path / "link").symlink_to("data")
    (found,) = folders.discover(tmp_path / "link")
    assert found == tmp_path / "link" / "KB001" / "2026-01-01" / "001"


def test_names_that_begin_with_a_dot_are_no_data(tmp_path: Path):
    for name in ("a.npy", "._a.npy", ".DS_Store"):
        (tmp_path / name).touch()
    assert set(folders.listing(tmp_path)) == {"a.npy"}
    assert folders.matching(tmp_path, "*") == [tmp_path / "a.npy"]
