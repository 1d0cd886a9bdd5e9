"""The datasets in a folder, by the parts of their names."""

from fnmatch import fnmatchcase
from pathlib import Path

from one.alf.path import ALFPath


def matching(folder: Path, **wanted: str) -> dict[Path, dict[str, str | None]]:
    """Find datasets by parts of their names, and return all parts of each.

    As `one.alf.io.filter_by`, which loads pandas; a job that reads no table does without.

    Parameters
    ----------
    folder
        Where to look; nothing is found in a folder that is not there.
    **wanted
        Patterns by name of the part: `object`, `attribute`, `namespace`, `extension`.
    """
    if not folder.is_dir():
        return {}
    found = {}
    for file in ALFPath(folder).iter_datasets():
        parts = file.parse_alf_name()
        if all(fnmatchcase(parts[name] or "", pattern) for name, pattern in wanted.items()):
            found[folder / file.name] = parts
    return found
