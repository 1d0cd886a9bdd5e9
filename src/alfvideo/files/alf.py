"""Datasets by the parts of their names."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from one.alf import spec
from one.alf.path import ALFPath


def matching(files: Iterable[Path], **wanted: str) -> dict[Path, dict[str, str | None]]:
    """Choose datasets by parts of their names, and return all parts of each.

    As `one.alf.io.filter_by`, which loads pandas; a job that reads no table does without.

    Parameters
    ----------
    files
        Those that are no datasets are left out.
    **wanted
        Patterns by name of the part: `object`, `attribute`, `namespace`, `extension`.
    """
    found = {}
    for file in files:
        if not spec.is_valid(file.name):
            continue
        parts = ALFPath(file.name).parse_alf_name()
        if all(fnmatchcase(parts[name] or "", pattern) for name, pattern in wanted.items()):
            found[file] = parts
    return found
