"""The trials of a session: when the stimulus came on, what the animal chose, and the feedback."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.files import arrays, tables
from alfvideo.files.errors import DataError

COLUMNS = {
    "stimulus_onsets": "stimOn_times",
    "feedbacks": "feedback_times",
    "choices": "choice",
    "feedback_types": "feedbackType",
}
"""IBL's name of each field."""

_MAX_RESPONSE_SECONDS = 10.0
"""Seconds from the stimulus to the feedback beyond which figures leave a trial out, as in
ibllib."""


class Trials(NamedTuple):
    """Each (n_trials,) float64; times in seconds, NaN where something did not happen."""

    stimulus_onsets: Floats
    feedbacks: Floats
    choices: Floats
    """1: the wheel was turned counter-clockwise, -1: clockwise, 0: not enough."""
    feedback_types: Floats
    """1: correct, -1: incorrect."""

    def complete(self) -> Self:
        """Select the trials in which everything is known and feedback came within 10 s."""
        fields = np.stack(self)
        kept = np.isfinite(fields).all(axis=0) & (
            self.feedbacks - self.stimulus_onsets <= _MAX_RESPONSE_SECONDS
        )
        return type(self)(*fields[:, kept])


def load(files: Sequence[Path]) -> Trials:
    """Load the trials of all tasks of a session, from its tables or else from single arrays.

    Raises
    ------
    DataError
        If a file cannot be read or has not all that is needed.
    """
    whole = [file for file in files if file.suffix == ".pqt"]
    if whole:
        return Trials(*np.concatenate([_table(file) for file in whole], axis=1))
    by_name = {file.name.split(".")[1]: file for file in files}
    missing = [name for name in COLUMNS.values() if name not in by_name]
    if missing:
        raise DataError(
            f"{files[0].parent} has no trials.{missing[0]}.npy beside {files[0].name}. Extract the "
            "trials again."
        )
    found = [arrays.vector(by_name[name]) for name in COLUMNS.values()]
    if len({array.shape for array in found}) > 1:
        raise DataError(
            f"The trials arrays in {files[0].parent} differ in length. Extract the trials again."
        )
    return Trials(*found)


def _table(file: Path) -> Floats:
    """Load the fields of a table, (4, n_trials) float64."""
    what = f"a trials table with the columns {', '.join(COLUMNS.values())}"
    found = tables.Table(file, what, "Extract the trials again.")
    return np.stack([found.column(name) for name in COLUMNS.values()])
