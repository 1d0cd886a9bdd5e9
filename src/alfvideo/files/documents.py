"""YAML and JSON that rigs and other programs wrote: regular files of bounded size and structure."""

import json
import os
from pathlib import Path
from typing import Any

import yaml

from alfvideo.files import regular

MAX_BYTES = 1_000_000
"""Bytes of a document that a person or a rig wrote."""
MAX_DEPTH = 50
"""Levels of mappings and lists in each other: parsers call themselves for each."""
MAX_NODES = 100_000
"""Values, those that aliases repeat counted each time."""


class UnreadableError(ValueError):
    """The end of a sentence that begins with the name of a document, and says what is wrong."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """libyaml's, which is five times as fast where it is there."""

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        """Say where a day is that is none."""
        try:
            return super().construct_yaml_timestamp(node)
        except (ValueError, ArithmeticError, AttributeError):
            raise yaml.constructor.ConstructorError(
                problem=f"{node.value} is no date or time", problem_mark=node.start_mark
            ) from None


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_timestamp)


def read(file: Path, max_bytes: int = MAX_BYTES) -> str:
    """Read a text. What is no regular file is never opened: a pipe would wait for ever.

    Raises
    ------
    UnreadableError
        If it is no regular file, larger than `max_bytes`, or not UTF-8.
    OSError
        If it is not there or may not be read.
    """
    try:
        descriptor = regular.open_for_reading(file, follow_links=True)
    except regular.NotRegular as error:
        raise UnreadableError(error.strerror) from None
    with os.fdopen(descriptor, "rb") as opened:
        content = opened.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise UnreadableError(f"it has more than {max_bytes:,} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"byte {error.start} is not UTF-8") from None


def parse_yaml(text: str) -> Any:
    """Parse YAML of bounded depth and size, however often aliases repeat a part of it.

    Raises
    ------
    UnreadableError
        If it is no YAML, holds a value that cannot be, or too many in each other.
    """
    try:
        _check_structure(text)
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UnreadableError(f"{where}{error.problem}") from None
    except UnreadableError:
        raise
    # Constructors of values raise whatever the types of Python raise.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UnreadableError(f"{type(error).__name__}: {reason}") from None


def _check_structure(text: str) -> None:
    """See that a document is bounded, from its events, which are read without recursion."""
    n_nodes = 0
    sizes: dict[str, int] = {}
    begun: list[tuple[str | None, int]] = []
    for event in yaml.parse(text, _Loader):
        match event:
            case yaml.ScalarEvent(anchor=anchor):
                n_nodes += 1
                if anchor:
                    sizes[anchor] = 1
            case yaml.CollectionStartEvent(anchor=anchor):
                begun.append((anchor, n_nodes))
                n_nodes += 1
            case yaml.CollectionEndEvent():
                anchor, before = begun.pop()
                if anchor:
                    sizes[anchor] = n_nodes - before
            case yaml.AliasEvent(anchor=anchor):
                if anchor not in sizes:
                    raise UnreadableError(f"the alias *{anchor} stands for nothing, or for itself")
                n_nodes += sizes[anchor]
        if len(begun) > MAX_DEPTH:
            raise UnreadableError(f"it has more than {MAX_DEPTH} levels")
        if n_nodes > MAX_NODES:
            raise UnreadableError(f"it holds more than {MAX_NODES:,} values")


def parse_json(text: str) -> Any:
    """Parse JSON.

    Raises
    ------
    UnreadableError
        If it is none, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise UnreadableError("it has too many levels") from None
    except ValueError as error:
        raise UnreadableError(str(error)) from None
