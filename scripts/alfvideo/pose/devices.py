"""Gives each pose job of a workstation a GPU of its own."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "CUDA_VISIBLE_DEVICES"


def visible() -> list[str]:
    """The GPUs that this process may use, by what CUDA_VISIBLE_DEVICES may hold; none: empty.

    On a cluster the variable names those of the job; else they are asked of the driver.
    """
    named = os.environ.get(VARIABLE)
    if named is not None:
        return [device.strip() for device in named.split(",") if device.strip()]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    asked = subprocess.run(
        [program, "--query-gpu=uuid", "--format=csv,noheader"], capture_output=True, text=True
    )
    return asked.stdout.split() if asked.returncode == 0 else []


@contextmanager
def one() -> Iterator[str]:
    """Name of a GPU that no other pose job of this machine uses, while the block runs.

    If there are fewer GPUs than jobs the first one is shared. Empty without a GPU.
    """
    devices = visible()
    for device in devices:
        descriptor = _lock(device)
        if descriptor is not None:
            try:
                yield device
            finally:
                os.close(descriptor)
            return
    yield devices[0] if devices else ""


def _lock(device: str) -> int | None:
    """A descriptor that holds the lock of a GPU; None if another process has it."""
    path = Path(tempfile.gettempdir()) / f"alfvideo-gpu-{device}.lock"
    # Other users of the machine lock the same file.
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
