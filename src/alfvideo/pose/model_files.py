"""The files of a model folder that a network is made of, and the body parts that it finds."""

import importlib
from pathlib import Path
from typing import Protocol, cast

import yaml

from alfvideo.pose.engines.error import EngineError
from alfvideo.pose.engines.network import Files
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

    def body_parts(self, config: Path) -> list[str]:
        """List the body parts of a configuration; any error means that they are not known."""


def files(model: Path, tracker: str) -> Files:
    """Return the weights and the configuration that the engine of a tracker takes of a model.

    Raises
    ------
    EngineError
        If there are none.
    """
    return _finder(tracker).files(model)


def body_parts(config: Path | None, tracker: str) -> list[str] | None:
    """List the body parts that a network finds, by its configuration; None: not known."""
    try:
        return _finder(tracker).body_parts(config) if config else None
    except (EngineError, LookupError, TypeError, ValueError, OSError, yaml.YAMLError):
        return None


def _finder(tracker: str) -> Finder:
    module = importlib.import_module(f"alfvideo.pose.engines.{TRACKERS[tracker].models}")
    return cast(Finder, module)
