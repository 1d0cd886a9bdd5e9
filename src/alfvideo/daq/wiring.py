"""The wiring file beside a DAQ file that does not describe itself: names of lines, rate, units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alfvideo.files import inputs
from alfvideo.files.errors import DataError
from alfvideo.timing import sync

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Seconds of each unit of time; `samples` are those of the sample rate."""


@dataclass(frozen=True)
class Wiring:
    """Content of a wiring file, as far as it is there."""

    path: Path
    """Of the file, or of the one to write if there is none."""
    channels: Mapping[str, int] = field(default_factory=dict)
    """Channels by the names of what is wired to them."""
    sample_rate: float | None = None
    """Hz."""
    threshold: float | None = None
    """The voltage, or other number, above which a line is high."""
    time_unit: str | None = None
    """A key of `UNITS`, or `samples`."""


def beside(path: Path) -> Wiring:
    """Read the `*.wiring*.json` in the folder of a DAQ file.

    Beside the pins (`SYNC_WIRING_DIGITAL`, `SYNC_WIRING_ANALOG`) it may have `SAMPLE_RATE`,
    `THRESHOLD` and `TIME_UNIT`.

    Raises
    ------
    DataError
        If it cannot be understood, or there are several.
    """
    found = sorted(file for file in path.parent.glob("*.wiring*.json") if file.name[0] != ".")
    if not found:
        return Wiring(path.with_name(f"{path.name.split('.')[0]}.wiring.json"))
    if len(found) > 1:
        raise DataError(f"{found[1]}: {found[0].name} could be meant too. Keep one of the two.")
    content = inputs.mapping(found[0])
    unit = content.get("TIME_UNIT")
    if unit is not None and unit not in (*UNITS, "samples"):
        raise DataError(
            f"{found[0]}: TIME_UNIT is {unit!r}, expected {', '.join(UNITS)} or samples. Correct "
            "it."
        )
    return Wiring(
        found[0],
        sync.wired_channels(found),
        _number(content, "SAMPLE_RATE", found[0], above=0.0),
        _number(content, "THRESHOLD", found[0]),
        unit,
    )


def _number(content: Mapping[str, Any], key: str, path: Path, above: float = -1e12) -> float | None:
    value = content.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not above < value < 1e12:
        raise DataError(f"{path}: {key} is {value!r}, expected a number. Correct it.")
    return float(value)
