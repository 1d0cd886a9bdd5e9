"""YAML and JSON that rigs and other programs wrote: regular files of bounded size and structure."""

import json
import os
import re
from dataclasses import dataclass, field
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


class SyntaxMistakeError(UnreadableError):
    """The same of a text that is no YAML at all."""


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

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int | str:
        """Refuse a number that some take for an octal one: they read 108 for 0154.

        What YAML 1.1 takes for a number to the base 60, as `12:30`, is a text, as in YAML 1.2.
        """
        if ":" in node.value:
            return str(node.value)
        if re.match(r"[-+]?0[0-9_]", node.value):
            raise yaml.constructor.ConstructorError(
                problem=f"{node.value} may be an octal number: write it without the zero before "
                "it, or in quotes if it is none",
                problem_mark=node.start_mark,
            )
        number: int = super().construct_yaml_int(node)
        return number

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float | str:
        """Read a number to the base 60, as `12:30.5`, as the text that it is."""
        if ":" in node.value:
            return str(node.value)
        number: float = super().construct_yaml_float(node)
        return number


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_timestamp)


def read(file: Path, max_bytes: int = MAX_BYTES) -> str:
    """Read a text, with or without a byte order mark.

    What is no regular file is never opened: a pipe would wait for ever.

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
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"byte {error.start} is not UTF-8") from None


def parse_yaml(text: str) -> Any:
    """Parse YAML of bounded depth and size, however often aliases repeat a part of it.

    Raises
    ------
    UnreadableError
        If it is no YAML (`SyntaxMistakeError`), holds a value that cannot be, a key twice, or too
        much in each other.
    """
    try:
        _check_structure(text)
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        where = _line(error.problem_mark)
        is_syntax = isinstance(error, yaml.scanner.ScannerError | yaml.parser.ParserError)
        kind = SyntaxMistakeError if is_syntax else UnreadableError
        raise kind(f"{where}{error.problem}") from None
    except UnreadableError:
        raise
    # Constructors of values raise whatever the types of Python raise.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UnreadableError(f"{type(error).__name__}: {reason}") from None


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}: " if mark else ""


@dataclass
class _Begun:
    """A mapping or list that has begun, after `before` values; a list has no keys."""

    anchor: str | None
    before: int
    keys: set[str] | None
    is_at_key: bool = field(default=True, init=False)

    def add(self, event: yaml.Event) -> None:
        """Add a key, a value or an item."""
        if self.keys is None:
            return
        if self.is_at_key and isinstance(event, yaml.ScalarEvent) and event.value != "<<":
            if event.value in self.keys:
                where = _line(event.start_mark)
                raise UnreadableError(f"{where}{event.value[:40]!r} is there twice: keep one")
            self.keys.add(event.value)
        self.is_at_key = not self.is_at_key


def _check_structure(text: str) -> None:
    """See that a document is bounded and has each key once.

    That is seen from its events, which are read without recursion.
    """
    n_nodes = 0
    sizes: dict[str, int] = {}
    begun: list[_Begun] = []
    for event in yaml.parse(text, _Loader):
        if begun and isinstance(event, yaml.NodeEvent):
            begun[-1].add(event)
        match event:
            case yaml.ScalarEvent(anchor=anchor):
                n_nodes += 1
                if anchor:
                    sizes[anchor] = 1
            case yaml.CollectionStartEvent(anchor=anchor):
                keys: set[str] | None = set() if isinstance(event, yaml.MappingStartEvent) else None
                begun.append(_Begun(anchor, n_nodes, keys))
                n_nodes += 1
            case yaml.CollectionEndEvent():
                ended = begun.pop()
                if ended.anchor:
                    sizes[ended.anchor] = n_nodes - ended.before
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
