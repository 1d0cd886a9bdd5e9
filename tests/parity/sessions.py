"""The sessions that are compared: short, with tiny frames, and without a wheel.

Without a wheel ibllib does not try to align by its motion, which needs a database.
"""

from typing import Any

from rigsim import Fault, Rig


def healthy(kind: str, seconds: float = 6, **options: Any) -> Rig:
    """A session without faults, with all cameras of its kind unless told otherwise."""
    return Rig(kind=kind, seconds=seconds, scale=0.02, wheel=False, **options)


def faulty(
    kind: str, camera: str, *camera_faults: Fault | tuple[Fault, float], **options: Any
) -> Rig:
    """A session of one camera with faults of it; faults of the DAQ are given as `daq`."""
    faults = {camera: camera_faults, "daq": options.pop("daq", ())}
    return healthy(kind, cameras=(camera,), faults=faults, **options)
