"""Gives each pose job of a workstation a GPU of its own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alfvideo.files import flock

VARIABLE = "CUDA_VISIBLE_DEVICES"


def visible() -> list[str] | None:
    """List the GPUs that this process may use, by what CUDA_VISIBLE_DEVICES may hold.

    On a cluster the variable names those of the job; else they are asked of the driver. None if
    that cannot be asked.
    """
    named = os.environ.get(VARIABLE)
    if named is not None:
        return [device.strip() for device in named.split(",") if device.strip()]
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    asked = subprocess.run(
        [program, "--query-gpu=uuid", "--format=csv,noheader"], capture_output=True, text=True
    )
    return asked.stdout.split() if asked.returncode == 0 else None


@contextmanager
def one() -> Iterator[str | None]:
    """Yield the name of a GPU that no other pose job of this machine uses, while the block runs.

    If there are fewer GPUs than jobs the first one is shared. Empty if there are none, None if it
    is not known which there are.
    """
    devices = visible()
    for device in devices or ():
        descriptor = _lock(device)
        if descriptor is not None:
            try:
                yield device
            finally:
                os.close(descriptor)
            return
    yield None if devices is None else ",".join(devices[:1])


def _lock(device: str) -> int | None:
    """Lock a GPU and return the descriptor that holds the lock; None if another process has it."""
    path = Path(tempfile.gettempdir()) / f"alfvideo-gpu-{device}.lock"
    try:
        # Other users of the machine lock the same file.
        if not path.exists():
            path.touch()
            path.chmod(0o666)
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:
        return None
    if not flock.exclusive(descriptor, attempts=1):
        os.close(descriptor)
        return None
    return descriptor
