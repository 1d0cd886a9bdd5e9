"""Reading trials: tables and single arrays, of one task and of several."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alfvideo.files.errors import DataError
from alfvideo.session import trials

TABLE = pd.DataFrame(
    {
        "stimOn_times": [1.0, np.nan, 20.0, 40.0, 60.0],
        "feedback_times": [1.5, 6.0, 30.5, 50.0, np.nan],
        "choice": [1.0, -1.0, 1.0, -1.0, 0.0],
        "feedbackType": [1.0, -1.0, 1.0, -1.0, -1.0],
        "rewardVolume": [1.5, 0.0, 1.5, 0.0, 0.0],
    }
)


def write(path: Path, table: pd.DataFrame = TABLE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path)
    return path


def test_table(tmp_path: Path):
    found = trials.load([write(tmp_path / "_ibl_trials.table.pqt")])
    np.testing.assert_array_equal(found.stimulus_onsets, TABLE.stimOn_times)
    np.testing.assert_array_equal(found.feedbacks, TABLE.feedback_times)
    np.testing.assert_array_equal(found.choices, TABLE.choice)
    np.testing.assert_array_equal(found.feedback_types, TABLE.feedbackType)


def test_whole_numbers_become_floats(tmp_path: Path):
    table = TABLE.astype({"choice": "int8", "feedbackType": "int64"})
    found = trials.load([write(tmp_path / "_ibl_trials.table.pqt", table)])
    assert all(array.dtype == np.float64 for array in found)


def test_several_tasks_follow_each_other(tmp_path: Path):
    files = [write(tmp_path / task / "_ibl_trials.table.pqt") for task in ("task_00", "task_01")]
    assert trials.load(files).choices.size == 10


def test_single_arrays(tmp_path: Path):
    files = []
    for name in TABLE:
        files.append(tmp_path / f"_ibl_trials.{name}.npy")
        np.save(files[-1], TABLE[[name]] if name == "choice" else TABLE[name])
    np.testing.assert_array_equal(trials.load(files).feedbacks, TABLE.feedback_times)
    with pytest.raises(DataError, match=r"has no trials.choice.npy beside .* Extract the trials"):
        trials.load([file for file in files if "choice" not in file.name])
    np.save(files[0], [1.0])
    with pytest.raises(DataError, match="differ in length"):
        trials.load(files)


def test_complete_trials(tmp_path: Path):
    """Without those in which something is not known, or the animal took more than 10 s."""
    complete = trials.load([write(tmp_path / "_ibl_trials.table.pqt")]).complete()
    assert isinstance(complete, trials.Trials)
    np.testing.assert_array_equal(complete.stimulus_onsets, [1.0, 40.0])


def test_broken_tables(tmp_path: Path):
    file = write(tmp_path / "_ibl_trials.table.pqt", TABLE.drop(columns=["choice"]))
    with pytest.raises(DataError, match=rf"^{file}: expected a trials table with the columns"):
        trials.load([file])
    write(file, TABLE.assign(choice="left"))
    with pytest.raises(DataError, match=rf"^{file}: expected a trials table"):
        trials.load([file])
    file.write_bytes(write(tmp_path / "whole.pqt").read_bytes()[:500])
    with pytest.raises(DataError, match=rf"^{file}: expected a trials table"):
        trials.load([file])
