"""Files that are set aside under another name in their folder, and stay there for people."""

import os
from pathlib import Path


def set_aside(path: Path) -> Path:
    """Rename a file to the first free name of the form `NAME.~1~`, and return that.

    No tool takes a file of such a name for a dataset or a video.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.~{number}~")):
        number += 1
    path.rename(aside)
    return aside
