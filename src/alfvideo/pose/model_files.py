"""The files of a model, and the facts that they hold, read without its engine."""

import importlib
from pathlib import Path
from typing import Protocol, cast

from alfvideo.pose.engines.network import Facts, Files
from alfvideo.trackers import TRACKERS


class Finder(Protocol):
    """The module that a row of `trackers` names for its models."""

    def files(self, model: Path) -> Files:
        """Return the weights and the configuration of a model.

        Raises
        ------
        EngineError
            If there are none.
        """

    def facts(self, model: Path) -> Facts:
        """Return what the files of a model say of it.

        Raises
        ------
        EngineError
            If it cannot be run, as far as that is seen without the engine.
        """


def files(model: Path, tracker: str) -> Files:
    """Return the weights and the configuration that the engine of a tracker takes of a model.

    Raises
    ------
    EngineError
        If there are none.
    """
    return _finder(tracker).files(model)


def facts(model: Path, tracker: str) -> Facts:
    """Return what the files of a model of a tracker say of it.

    Raises
    ------
    EngineError
        If it cannot be run, as far as that is seen without the engine.
    """
    return _finder(tracker).facts(model)


def _finder(tracker: str) -> Finder:
    module = importlib.import_module(f"alfvideo.pose.engines.{TRACKERS[tracker].models}")
    return cast(Finder, module)
