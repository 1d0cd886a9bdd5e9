"""Lines of a DAQ beside that of one camera, by which labels can be checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from alfvideo.array_types import Floats
from alfvideo.files.errors import DataError
from alfvideo.timing.decision import FILE, UNDECIDED, Decision
from alfvideo.timing.sync import Fronts, Sync

_MAX_FRONTS = 0.5
"""Fronts for each pulse of the camera, beyond which a line is none that a pin can follow: that of
another camera, or of an encoder."""


@dataclass(frozen=True)
class DaqLines:
    """Lines of a DAQ, without that of the camera itself."""

    lines: Mapping[str, Fronts] = field(default_factory=dict)
    """Those that may be wired to a pin of the camera, by name; first the one that is said to be."""
    is_labelled: bool = False
    """True if the first line is said to be wired to the camera."""
    pulses: Mapping[str, Floats] = field(default_factory=dict)
    """Rises of those that may carry the pulses of a camera, by name, seconds."""
    period: tuple[float, float] | None = None
    """When the DAQ began and ended to record, as far as its lines tell, seconds; None if not."""


NO_LINES = DaqLines()


def beside(
    recorded: Sync,
    channels: Mapping[str, int],
    own: int,
    sync_label: str | None,
    decision: Decision = UNDECIDED,
) -> DaqLines:
    """List what was recorded beside the pulses of a camera.

    Parameters
    ----------
    recorded
        All fronts.
    channels
        Names of channels, as far as they have one.
    own
        The channel of the camera.
    sync_label
        Name of the channel that is said to be wired to its GPIO; None if none is.
    decision
        What a person decided: if it names the line, no other is taken.

    Raises
    ------
    DataError
        If the line that a person named was not recorded.
    """
    names = {number: name for name, number in channels.items()}
    numbers, sizes = recorded.sizes()
    own_size = max(sizes[numbers == own].sum(), 1)
    named = {
        names.get(number, f"channel {number}"): (number, size)
        for number, size in zip(numbers.tolist(), sizes.tolist(), strict=True)
        if number != own
    }
    if decision.line is not None:
        sync_label = _decided_line(
            decision.line, {name: number for name, (number, _) in named.items()}
        )
    order = sorted(named, key=lambda name: name != sync_label)
    lines = {
        name: recorded.fronts(named[name][0])
        for name in order
        if name == sync_label or (decision.line is None and named[name][1] < _MAX_FRONTS * own_size)
    }
    pulses = {
        name: recorded.fronts(named[name][0]).rises
        for name in order
        if name.endswith("_camera") or named[name][1] >= _MAX_FRONTS * own_size
    }
    ends = (float(recorded.times[0]), float(recorded.times[-1])) if recorded.times.size else None
    return DaqLines(lines, sync_label in lines, pulses, ends)


def _decided_line(line: int | str, recorded: Mapping[str, int]) -> str:
    """Return the name of a line that was given by name or number."""
    found = [name for name, number in recorded.items() if line in (name, number)]
    if not found:
        known = ", ".join(f"{name} ({number})" for name, number in sorted(recorded.items()))
        raise DataError(
            f"{FILE}: the DAQ recorded no line {line!r} beside the camera's own. Use one of: "
            f"{known or 'none'}."
        )
    return found[0]
