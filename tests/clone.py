"""The workflow as in a fresh clone: tests run it whatever the user of this one has configured."""

import json
import tempfile
from functools import cache
from pathlib import Path

from alfvideo import configuration

REPO = Path(__file__).parents[1]
NOT_CONFIGURED = ("Snakefile", "rules", "scripts", "src", "envs", "profiles")

_folders: list[tempfile.TemporaryDirectory[str]] = []
"""They are removed when the tests end."""


def link(repository: Path, folder: Path) -> Path:
    """The Snakefile of a repository, linked into a folder with the default configuration."""
    for name in NOT_CONFIGURED:
        (folder / name).symlink_to(repository / name)
    (folder / "config").mkdir()
    for file in (repository / "config").iterdir():
        (folder / "config" / file.name).symlink_to(file)
    own = folder / "config" / "config.yaml"
    own.unlink()
    defaults = configuration.parse({"root": "/data/Subjects"}).model_dump(mode="json")
    own.write_text(json.dumps(defaults))
    return folder / "Snakefile"


@cache
def snakefile() -> Path:
    """The Snakefile of this repository with the default configuration."""
    _folders.append(tempfile.TemporaryDirectory(prefix="alfvideo-"))
    return link(REPO, Path(_folders[-1].name))
