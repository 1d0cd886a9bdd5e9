"""Raw files of SpikeGLX: the digital words and analog lines of a NI-DAQ, OneBox or 3A probe."""

from pathlib import Path

from alfvideo.daq.fronts import Fronts


def read(path: Path) -> Fronts:
    """Read the fronts of all sync lines of a file, as IBL numbers them."""
    raise NotImplementedError
