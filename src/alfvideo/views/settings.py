"""The configuration and the data folder of a command, as Snakemake gets them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from alfvideo import configuration
from alfvideo.configuration import Configuration, ConfigurationError
from alfvideo.files import yaml_model
from alfvideo.planning import left_out, pending
from alfvideo.pose import cascades

FILE = Path("config/config.yaml")
CLONE = Path(__file__).parents[3]
"""Where the workflow is, if the library is used from a clone."""
DEMO = Path("demo")


class Settings(NamedTuple):
    """A data folder and the configuration that is valid below it."""

    root: Path
    config: Configuration

    def statuses(self) -> list[pending.Status]:
        """Scan the data folder.

        Raises
        ------
        DataError
            If there is no such folder.
        """
        return pending.scan_changed(self.root, self.config)

    def sessions(self, chosen: Sequence[Path]) -> list[Path]:
        """List the selected sessions, or those of them in `chosen` folders.

        Raises
        ------
        DataError
            If there is no such data folder, or a folder that was chosen has no session.
        """
        pending.check_root(self.root)
        sessions = pending.selected(self.root, self.config)
        left_out.check_folders(self.root, sessions, chosen)
        if not chosen:
            return sessions
        return [path for path in sessions if any(map(path.is_relative_to, chosen))]


def read(words: Iterable[str], files: Iterable[Path]) -> Settings:
    """Read the configuration of the working folder, or else of the clone, and change it.

    Parameters
    ----------
    words
        KEY=VALUE, with values in YAML.
    files
        Configuration files; of several that have a key the last counts.

    Raises
    ------
    ConfigurationError
        One sentence that names the file or key, says what is wrong and what to change.
    """
    changes: dict[str, Any] = {}
    for file in files:
        changes = configuration.merged(changes, yaml_model.load(file, f"Configuration: {file}"))
    for word in words:
        changes = configuration.merged(changes, _value(word))
    base = next((file for file in (FILE, CLONE / FILE) if file.exists()), None)
    config = configuration.read(base, changes) if base else configuration.parse(changes)
    root = config.data_folder
    if root.is_relative_to(DEMO.absolute()):
        config = config.for_demo(CLONE)
    cascades.check(config)
    return Settings(root, config)


def _value(word: str) -> dict[str, Any]:
    name, equals, text = word.partition("=")
    if not equals or not name.isidentifier():
        raise ConfigurationError(
            f"Configuration: {word!r} on the command line is not KEY=VALUE, for example "
            "--config root=/data/Subjects 'cameras=[left]'."
        )
    try:
        # As Snakemake reads it: what is not a list or mapping stays text, and gets its type later.
        return {name: yaml.load(text, Loader=yaml.BaseLoader)}
    except yaml.YAMLError:
        return {name: text}
