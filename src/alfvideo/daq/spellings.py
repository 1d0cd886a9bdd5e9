"""The names that programs give to columns of times, lines and states, and the words for states."""

import re

_TIMES = ("time", "times", "timestamp", "timestamps", "t", "ts", "seconds", "clock", "elapsed")
_SAMPLES = ("sample", "samples", "samplenumber", "samplenumbers", "sampleindex", "sampleidx")
_UNITS = {
    "s": "s",
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "ms": "ms",
    "msec": "ms",
    "millis": "ms",
    "milliseconds": "ms",
    "us": "us",
    "µs": "us",
    "μs": "us",
    "usec": "us",
    "micros": "us",
    "microseconds": "us",
    "ns": "ns",
    "nsec": "ns",
    "nanoseconds": "ns",
    "samples": "samples",
    "sample": "samples",
}
_LINES = (
    "line",
    "lines",
    "channel",
    "channels",
    "chan",
    "ch",
    "pin",
    "port",
    "bit",
    "input",
    "name",
    "label",
    "signal",
    "source",
    "device",
)
_STATES = (
    "state",
    "states",
    "level",
    "value",
    "polarity",
    "polarities",
    "edge",
    "direction",
    "status",
    "transition",
    "type",
    "event",
    "high",
    "rising",
)

_RISES = ("1", "true", "high", "on", "up", "rise", "rising", "r", "h", "+", "+1", "start", "yes")
_FALLS = ("0", "-1", "false", "low", "off", "down", "fall", "falling", "f", "l", "-", "end", "no")
POLARITIES = dict.fromkeys(_RISES, 1) | dict.fromkeys(_FALLS, -1)
"""+1 or -1 by what is written for a state, in small letters, without '.0', ' edge' and the like."""


def plain(name: str) -> str:
    """Return a name in small letters without what separates its words.

    >>> plain("Sample_Rate (Hz)"), plain("TTL line")
    ('samplerate', 'ttlline')
    """
    return re.sub(r"\(.*?\)|\[.*?\]|[^a-zµμ0-9]", "", name.lower())


def time_unit(name: str) -> str | None:
    """Return the unit of a column of times by its name; None if it is none.

    It is "unknown" if the name does not say it.

    >>> [time_unit(name) for name in ("Time", "time (ms)", "timestamp_us", "sample", "state")]
    ['unknown', 'ms', 'us', 'samples', None]
    >>> [time_unit(name) for name in ("t[s]", "Timestamps", "seconds", "time.ns", "Stimulus")]
    ['s', 'unknown', 's', 'ns', None]
    """
    if plain(name) in _SAMPLES:
        return "samples"
    words = [word for word in re.split(r"[^a-zµμ0-9]+", name.lower().strip()) if word]
    if not words or words[0] not in _TIMES:
        return None
    if len(words) == 1:
        return _UNITS.get(words[0], "unknown")
    return _UNITS.get(words[-1], "unknown" if words[-1] in (*_TIMES, "stamp", "stamps") else None)


def is_line(name: str) -> bool:
    """Return whether a column is that of the lines.

    >>> is_line("TTL line"), is_line("Channel"), is_line("time")
    (True, True, False)
    """
    return plain(name).removeprefix("ttl").removeprefix("digital") in _LINES or (
        plain(name).removesuffix("number").removesuffix("id") in _LINES
    )


def is_state(name: str) -> bool:
    """Return whether a column is that of the states.

    >>> is_state("TTL state"), is_state("Edge"), is_state("time")
    (True, True, False)
    """
    return plain(name).removeprefix("ttl").removeprefix("line") in _STATES


def line_number(text: str) -> int | None:
    """Return the number at the end of the name of a line; None if there is none.

    >>> [line_number(text) for text in ("3", "3.0", "DI3", "port0/line12", "left_camera", "-1")]
    [3, 3, 3, 12, None, None]
    """
    if text.strip().startswith("-"):
        return None
    found = re.search(r"(\d{1,6})(\.0*)?$", text.strip())
    return int(found[1]) if found else None
