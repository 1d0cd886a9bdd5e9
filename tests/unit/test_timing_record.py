"""The record beside the times: what is written is read again, and damage is said."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from alfvideo.files.errors import DataError
from alfvideo.timing import record
from alfvideo.timing.evidence import Evidence, Witness
from alfvideo.timing.record import TimingRecord, WheelShifts
from alfvideo.video.region import Region

SHIFTS = WheelShifts(
    used=True,
    region=Region(10, 20, 30, 40, (640, 512)),
    distinctness=3.25,
    window_times=np.array([1.5, 2.5, 3.5]),
    shifts=np.array([np.nan, 4.0, 6.0]),
    cleaned_shifts=np.array([4.0, 4.0, 6.0]),
    step_frames=np.array([0, 70]),
    step_times=np.array([1.25, 2.75]),
    step_shifts=np.array([4, 6]),
)


EVIDENCE = Evidence(
    None, "Nothing shows it.", 0.25, (Witness("gpio", 60, 2, (-1, 0, 7), (0.5, 40.0, 3.0)),)
)


def saved(folder: Path, made: TimingRecord) -> Path:
    file = folder / "qc" / "timing.json"
    record.save(made, file, np.arange(5) / 60, folder / "alf" / "times.npy")
    return file


@pytest.mark.parametrize("method", ["gpio", "pulses", "camlog"])
def test_a_record_without_the_wheel(tmp_path: Path, method: str):
    made = TimingRecord(method, ("One frame was dropped.", "µ"), EVIDENCE)
    file = saved(tmp_path, made)
    assert record.load(file) == made
    assert json.loads(file.read_text(encoding="utf-8"))["wheel"] is None
    np.testing.assert_array_equal(np.load(tmp_path / "alf" / "times.npy"), np.arange(5) / 60)


def test_a_record_with_the_wheel(tmp_path: Path):
    file = saved(tmp_path, TimingRecord("wheel", (), EVIDENCE, SHIFTS))
    assert "NaN" not in file.read_text(), "which is no JSON"
    found = record.load(file).wheel
    assert found is not None
    assert found.region == Region(10, 20, 30, 40)
    assert (found.used, found.distinctness) == (True, 3.25)
    for field in fields(WheelShifts):
        expected = getattr(SHIFTS, field.name)
        if isinstance(expected, np.ndarray):
            read = getattr(found, field.name)
            np.testing.assert_array_equal(read, expected)
            assert read.dtype == expected.dtype


@pytest.mark.parametrize(
    "change",
    [
        {"by_person": "yes"},
        {"by_person": True, "reason": ""},
        {"bound": float("nan")},
        {"bound": -1},
        {"bound": "a"},
        {"witnesses": [{"name": "gpio", "agreement": 1, "second": 0, "starts": [1]}]},
        {
            "witnesses": [
                {"name": "a", "agreement": 1, "second": 0, "starts": [1], "scores": [float("nan")]}
            ]
        },
        {"witnesses": [{"name": "gpio"}]},
        {"witnesses": 3},
    ],
)
def test_evidence_that_means_nothing_is_damage(tmp_path: Path, change: dict):
    file = saved(tmp_path, TimingRecord("gpio", (), EVIDENCE))
    content = json.loads(file.read_text(encoding="utf-8"))
    content["evidence"] |= change
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match="is no record of how times were found"):
        record.load(file)


def test_neither_file_appears_if_one_cannot_be_written(tmp_path: Path):
    (tmp_path / "qc").touch()
    with pytest.raises(OSError, match="qc"):
        saved(tmp_path, TimingRecord("gpio", ()))
    assert list((tmp_path / "alf").iterdir()) == []


def broken(**changes: object) -> str:
    content = {
        "used": True,
        "region": [1, 2, 3, 4],
        "distinctness": 2.5,
        "windows": {"times": [1.0], "shifts": [None], "cleaned": [2.0]},
        "steps": {"frames": [0], "times": [1.0], "shifts": [2]},
    }
    return json.dumps(
        {"method": "wheel", "notes": [], "evidence": None, "wheel": content | changes}
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"method": "gpio", "notes": 5, "evidence": null, "wheel": null}',
        '{"method": "gpio", "notes": [], "evidence": {}, "wheel": null}',
        '{"method": "gpio", "notes": [], "wheel": null}',
        broken(region=[1, 2]),
        broken(distinctness=None),
        broken(windows={"times": [1.0, 2.0], "shifts": [None], "cleaned": [2.0]}),
        broken(windows={"times": [], "shifts": [], "cleaned": []}),
        broken(windows={"times": [[1.0]], "shifts": [[1.0]], "cleaned": [[1.0]]}),
        broken(steps={"frames": [], "times": [], "shifts": []}),
        broken(steps={"frames": [0, 1], "times": [1.0], "shifts": [2]}),
        broken(steps={"frames": [10**30], "times": [1.0], "shifts": [2]}),
        broken(steps={"frames": ["a"], "times": [1.0], "shifts": [2]}),
    ],
)
def test_a_damaged_record_is_said(tmp_path: Path, text: str):
    file = tmp_path / "timing.json"
    file.write_text(text)
    with pytest.raises(DataError, match=r"timing\.json is no record of how times were found"):
        record.load(file)


def test_the_changed_is_the_only_thing_wrong(tmp_path: Path):
    file = tmp_path / "timing.json"
    file.write_text(broken())
    assert record.load(file).wheel is not None
