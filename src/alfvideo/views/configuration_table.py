"""The table of all keys of the configuration in `config/README.md`, from their model."""

import json
from collections.abc import Iterator
from typing import Any

from alfvideo.configuration import Configuration
from alfvideo.files import yaml_model


def table() -> str:
    """Keys, defaults and what they do, as a table in Markdown."""
    head = ["| key | default | what it does |", "|---|---|---|"]
    rows = (f"| `{name}` | {_default(key)} | {key['does']} |" for name, key in _keys())
    return "\n".join([*head, *rows])


def _keys(*place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each key that is described, with its JSON schema; of a group of keys those in it."""
    for name, key in yaml_model.schema_of(Configuration, *place)["properties"].items():
        if "does" in key:
            yield ".".join((*place, name)), key
        else:
            yield from _keys(*place, name)


def _default(key: dict[str, Any]) -> str:
    """Return the default; of a mapping only the keys that have a value."""
    if "default" not in key:
        return "–"
    value = key["default"]
    if isinstance(value, dict):
        return ", ".join(name for name, item in value.items() if item) or "none"
    text = value if isinstance(value, str) and value else json.dumps(value)
    return f"`{text}`"


if __name__ == "__main__":
    print(table())
