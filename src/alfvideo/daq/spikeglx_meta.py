"""The metadata that SpikeGLX writes beside each raw file: which of its channels are sync lines."""

import re
from dataclasses import dataclass
from pathlib import Path

from alfvideo.files import inputs
from alfvideo.files.errors import DataError

FIRST_ANALOG = 16
"""The number of the first analog line, as IBL counts: the digital ones are before it."""

THRESHOLD = 1.2
"""Volts above its floor from which an analog line is high, as in ibllib."""

_KINDS = {
    "nidq": ("niSampRate", "snsMnMaXaDw"),
    "obx": ("obSampRate", "snsXaDwSy"),
    "imec": ("imSampRate", "snsApLfSy"),
}
"""By `typeThis`: the keys of the sample rate and of the numbers of channels of each sort."""

_RANGE = {"nidq": "niAiRangeMax", "obx": "obAiRangeMax"}
_MAX_INT = {"nidq": ("niMaxInt", "imMaxInt"), "obx": ("obMaxInt",)}
_USUAL_MAX_INT = 32768
_MAX_RATE = 1e7
_MAX_CHANNELS = 2_000
_MAX_SECONDS_OFF = 0.5
"""By which the length of a recording that metadata say may be another than their size tells."""

_UUID = re.compile(r"\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=\.)")
"""A part of the names of files that come from ONE."""


@dataclass(frozen=True)
class Meta:
    """Metadata of a raw file: how its samples lie in it, and which values are sync lines."""

    rate: float
    """Samples per second."""
    n_channels: int
    """Values of 2 bytes in a sample."""
    analog: tuple[int, ...]
    """The channels that are analog sync lines."""
    words: tuple[int, ...]
    """The channels that are words of 16 digital lines."""
    step: float
    """Integer steps of an analog line in `THRESHOLD` volts."""
    size: int | None
    """Bytes of the raw file, if the metadata say so."""
    notes: tuple[str, ...] = ()


def beside(path: Path, suffix: str) -> Path:
    """Return the file that belongs to a raw file, by its ending, with or without UUIDs in names.

    It may not be there.
    """
    exact = path.with_suffix(suffix)
    if exact.exists():
        return exact
    name = _without_uuid(exact.name)
    found = (
        file
        for file in sorted(path.parent.glob(f"*{suffix}"))
        if file.name[0] != "." and _without_uuid(file.name) == name
    )
    return next(found, path.with_name(name))


def _without_uuid(name: str) -> str:
    """Return a name without the UUID that files from ONE have.

    >>> _without_uuid("a.nidq.01234567-89ab-cdef-0123-456789abcdef.meta")
    'a.nidq.meta'
    """
    return _UUID.sub("", name)


def read(path: Path) -> Meta:
    """Read the metadata of a raw file.

    Raises
    ------
    DataError
        If there are none, they contradict each other, or lack what is needed.
    """
    file = beside(path, ".meta")
    if not file.exists():
        raise DataError(
            f"{file} is missing. It says what is on the channels of {path.name}: copy it from the "
            "rig, where SpikeGLX wrote it beside the raw file."
        )
    with inputs.opened(file, inputs.MAX_JSON) as opened:
        # Notes of people may be in any encoding.
        text = opened.read().decode("utf-8-sig", "replace")
    return parse(text, file)


def parse(text: str, file: Path) -> Meta:
    """Understand the text of metadata; `file` is for messages. Raises as `read`."""
    values = {
        key.strip().lstrip("~"): value.strip()
        for key, found, value in (line.partition("=") for line in text.splitlines())
        if found
    }
    kind = values.get("typeThis", "")
    if kind not in _KINDS:
        raise _wrong(file, f"'typeThis' is {_shown(kind)}, expected {', '.join(_KINDS)}")
    rate_key, counts_key = _KINDS[kind]
    rate = _number(values, rate_key, file)
    if not 1 <= rate <= _MAX_RATE:
        raise _wrong(file, f"'{rate_key}' is {_shown(values[rate_key])}, no sample rate")
    n_channels = _count(values, "nSavedChans", file)
    counts = _counts(values, counts_key, file)
    expected = {"nidq": 4, "obx": 3, "imec": 3}[kind]
    if len(counts) != expected or sum(counts) != n_channels:
        raise _wrong(
            file,
            f"'{counts_key}' is {_shown(values[counts_key])}, which are not the {n_channels} "
            "channels of 'nSavedChans'",
        )
    # multiplexed channels or those of the probe come first, and last the sync word of a OneBox
    first, n_analog, n_words = (0, *counts[:2])
    if kind != "obx":
        first = sum(counts[:2])
        n_analog, n_words = counts[2:] if kind == "nidq" else (0, counts[2])
    if kind == "imec" and "typeEnabled" not in values:
        raise DataError(
            f"{file}: it is of a probe that has no lines for cameras, only those of Neuropixels 3A "
            "have. Copy the raw file of the NI-DAQ (.nidq) or OneBox (.obx) from the rig."
        )
    if not n_analog + n_words:
        raise _wrong(file, f"'{counts_key}' names no digital or analog sync line")
    words = range(first + n_analog, first + n_analog + n_words)
    size = _size(values)
    notes = _other_length(values, rate_key, size, n_channels, file)
    if n_analog and n_words > 1:
        notes.append(
            f"{file.name}: digital lines from {FIRST_ANALOG} on are left out, because analog lines "
            "have their numbers."
        )
        words = words[:1]
    return Meta(
        rate=rate,
        n_channels=n_channels,
        analog=tuple(range(first, first + n_analog)),
        words=tuple(words),
        step=_step(values, kind, file) if n_analog else 0.0,
        size=size,
        notes=tuple(notes),
    )


def _step(values: dict[str, str], kind: str, file: Path) -> float:
    """Return the threshold in integer steps. Sync lines have no gain besides the range."""
    volts = _number(values, _RANGE[kind], file)
    given = next((key for key in _MAX_INT[kind] if key in values), None)
    largest = _number(values, given, file) if given else _USUAL_MAX_INT
    if not (volts > THRESHOLD and largest >= 1):
        raise _wrong(
            file,
            f"'{_RANGE[kind]}' is {_shown(values[_RANGE[kind]])}, expected the range of the analog "
            f"lines in V, above {THRESHOLD}",
        )
    return THRESHOLD / (volts / largest)


def _other_length(
    values: dict[str, str], rate_key: str, size: int | None, n_channels: int, file: Path
) -> list[str]:
    """Return a note if size and rate in metadata do not tell the length that these say."""
    if size is None or "fileTimeSecs" not in values:
        return []
    said = _number(values, "fileTimeSecs", file)
    found = size / (2 * n_channels) / _number(values, rate_key, file)
    if not said or abs(found - said) <= _MAX_SECONDS_OFF:
        return []
    return [
        f"{file.name}: by 'fileSizeBytes' and '{rate_key}' it is of {found:.1f} s, by "
        f"'fileTimeSecs' of {said:.1f} s: one of the three is wrong. The rate is believed; if "
        "it is not that of the DAQ, correct it."
    ]


def _size(values: dict[str, str]) -> int | None:
    """Return the bytes of the raw file; None if the metadata do not say, as of a killed run."""
    said = values.get("fileSizeBytes", "")
    return (int(said) or None) if said.isascii() and said.isdigit() and len(said) < 19 else None


def _number(values: dict[str, str], key: str, file: Path) -> float:
    if key not in values:
        raise _wrong(file, f"'{key}' is missing")
    try:
        number = float(values[key])
        if not abs(number) < float("inf"):
            raise ValueError
    except ValueError:
        raise _wrong(file, f"'{key}' is {_shown(values[key])}, expected a number") from None
    return number


def _count(values: dict[str, str], key: str, file: Path) -> int:
    number = _number(values, key, file)
    if not (number.is_integer() and 1 <= number <= _MAX_CHANNELS):
        raise _wrong(file, f"'{key}' is {_shown(values[key])}, expected a number of channels")
    return int(number)


def _counts(values: dict[str, str], key: str, file: Path) -> list[int]:
    said = values.get(key)
    if said is None:
        raise _wrong(file, f"'{key}' is missing")
    parts = said.split(",")
    if not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
        raise _wrong(file, f"'{key}' is {_shown(said)}, expected numbers of channels")
    return [int(part) for part in parts]


def _shown(value: str) -> str:
    return repr(value[:60])


def _wrong(file: Path, what: str) -> DataError:
    return DataError(f"{file}: {what}. Copy the file that SpikeGLX wrote from the rig again.")
