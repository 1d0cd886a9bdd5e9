"""The table of all keys of the configuration in `config/README.md`, from their schema."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml


def table(schema: Mapping[str, Any]) -> str:
    """Keys, defaults and what they do (`$comment` in the schema), as a table in Markdown."""
    head = ["| key | default | what it does |", "|---|---|---|"]
    rows = (f"| `{key}` | {_default(of)} | {of['$comment']} |" for key, of in _keys(schema))
    return "\n".join([*head, *rows])


def _keys(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, of in schema["properties"].items():
        if "$comment" in of:
            yield prefix + name, of
        else:
            yield from _keys(of, f"{prefix}{name}.")


def _default(of: Mapping[str, Any]) -> str:
    """The default; of a mapping only the keys that have a value."""
    if "default" not in of:
        return "–"
    value = of["default"]
    if isinstance(value, dict):
        return ", ".join(key for key, item in value.items() if item) or "none"
    text = value if isinstance(value, str) and value else json.dumps(value)
    return f"`{text}`"


if __name__ == "__main__":
    print(table(yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8"))))
