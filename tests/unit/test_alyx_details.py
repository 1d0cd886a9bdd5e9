"""Details of a session from its own files, for Alyx."""

import json
from pathlib import Path

import pytest

from alfvideo.files.errors import DataError
from alfvideo.registration.alyx import details

IBL = Path(__file__).parents[1] / "data" / "ibl"


def write_settings(session, collection="raw_behavior_data", **settings):
    folder = session / collection
    folder.mkdir(parents=True)
    (folder / "_iblrig_taskSettings.raw.json").write_text(json.dumps(settings))


def test_all_there_is(tmp_path):
    (tmp_path / "_ibl_experiment.description.yaml").write_text(
        "projects: [brainwide]\nprocedures:\n- Imaging\n- Behavior training/tasks\n"
    )
    write_settings(
        tmp_path,
        "raw_task_data_00",
        PYBPOD_CREATOR=["me", ""],
        PYBPOD_PROTOCOL="biased",
        IBLRIG_VERSION="8.1",
        SESSION_START_TIME="2026-01-01T10:20:30.5+02:00",
    )
    write_settings(
        tmp_path,
        "raw_task_data_01",
        ALYX_USER="me",
        PYBPOD_PROTOCOL="passive",
        IBLRIG_VERSION="8.1",
        SESSION_START_TIME="2026-01-01T11:00:00",
    )
    found = details.read(tmp_path)
    assert found.users == ("me",)
    assert found.projects == ("brainwide",)
    assert found.procedures == ("Imaging", "Behavior training/tasks")
    assert found.task_protocol == "biased8.1/passive8.1"
    assert found.start_time == "2026-01-01T10:20:30.500000"


def test_nothing(tmp_path):
    assert details.read(tmp_path) == details.Details()


def test_odd_values_are_left_out(tmp_path):
    write_settings(tmp_path, PYBPOD_CREATOR=[], SESSION_DATETIME="yesterday", PYBPOD_PROTOCOL=None)
    assert details.read(tmp_path) == details.Details()


def test_a_file_that_cannot_be_read(tmp_path):
    write_settings(tmp_path)
    file = tmp_path / "raw_behavior_data" / "_iblrig_taskSettings.raw.json"
    file.write_text('{"PYBPOD_PROT')
    with pytest.raises(DataError, match=f"{file} cannot be read"):
        details.read(tmp_path)


def test_a_real_session():
    found = details.read(IBL / "session_ephys")
    assert found.users == ("_iblrig_fake_user",)
    assert found.start_time == "2020-01-08T12:48:26.795526"
    assert found.task_protocol.startswith("_iblrig_tasks_ephysChoiceWorld")
