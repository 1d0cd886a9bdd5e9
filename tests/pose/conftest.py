"""Environments of the pose engines, made on first use as the workflow makes them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from alfvideo.pose import environment

REPO = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def engine_python() -> Callable[[str], Path]:
    """The Python of an engine, "dlc" or "lightningPose", from the folder that the demo uses too."""

    @cache
    def prepare(engine: str) -> Path:
        return environment.python_of(engine, "", REPO / ".environments")

    return prepare
