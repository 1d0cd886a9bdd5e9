"""The files of a session that are new or changed on Alyx, and the requests that say so."""

import string
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from one.alf.path import ALFPath

from alfvideo.registration.alyx.records import Dataset, Policy


@dataclass(frozen=True)
class Known:
    """A dataset as Alyx has it; `hash` is empty and `file_size` None if Alyx was not told them."""

    id: str
    collection: str
    revision: str
    name: str
    hash: str
    file_size: int | None
    qc: str
    default: bool
    protected: bool = False

    @property
    def path(self) -> str:
        """Its path in the session."""
        revision = f"#{self.revision}#" if self.revision else ""
        return "/".join(filter(None, (self.collection, revision, self.name)))


@dataclass(frozen=True)
class Registration:
    """A file to register.

    `target` is its path in the session as Alyx is to have it: that of the file, or one in a new
    revision. `qc` and `default` are those that Alyx has: a registration without them would reset
    the QC and make this revision the default one. `guarded` files are registered only if no
    revision of them is protected.
    """

    dataset: Dataset
    target: str
    qc: str
    default: bool
    guarded: bool


@dataclass(frozen=True)
class Plan:
    """Actions on the files of a session.

    `complete` are ids of datasets that lack a hash on Alyx, with their file; `refused` are changed
    files that are protected, `unchanged` those that are registered as they are.
    """

    register: tuple[Registration, ...] = ()
    complete: tuple[tuple[str, Dataset], ...] = ()
    refused: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    """Paths of files of which it was written whether they are in the repository."""
    protected: tuple[str, ...] = ()
    """Paths of all files of the session that are protected."""


Protection = Mapping[str, Mapping[str, bool]]
"""By path of a file: its revisions on Alyx ('' for none) and whether each is protected."""


def known(records: Iterable[Mapping[str, Any]]) -> list[Known]:
    """Return datasets from Alyx's answer."""
    return [
        Known(
            id=record["url"].rstrip("/").rpartition("/")[2],
            collection=record["collection"] or "",
            revision=record["revision"] or "",
            name=record["name"],
            hash=(record["hash"] or "").lower(),
            file_size=record["file_size"],
            qc=record["qc"],
            default=bool(record["default_dataset"]),
            protected=bool(record.get("protected")),
        )
        for record in records
    ]


def to_check(datasets: Sequence[Dataset], session: Path, on_alyx: Sequence[Known]) -> list[str]:
    """List files that Alyx has with other contents: they may be protected."""
    changed = []
    for dataset in datasets:
        revisions = _revisions(dataset, session, on_alyx)
        if revisions and not _same(revisions.get(_revision(dataset, session)), dataset):
            changed.append(dataset.path)
    return changed


def plan(
    datasets: Sequence[Dataset],
    session: Path,
    on_alyx: Sequence[Known],
    protection: Protection,
    protected: str,
    today: str,
) -> Plan:
    """Decide for each file; `today` (YYYY-MM-DD) names new revisions of protected files."""
    register, complete, refused, unchanged = [], [], [], []
    for dataset in datasets:
        path = ALFPath(session / dataset.path)
        revision = _revision(dataset, session)
        revisions = _revisions(dataset, session, on_alyx)
        protects = protection.get(dataset.path, {})
        own = revisions.get(revision)
        is_protected = protects.get(revision, False)
        if _same(own, dataset):
            unchanged.append(dataset.path)
        elif is_protected and any(_same(each, dataset) for each in revisions.values()):
            # Registered as a revision by an earlier run.
            unchanged.append(dataset.path)
        elif not is_protected and own and _lacks_hash(own, dataset):
            complete.append((own.id, dataset))
        elif not is_protected:
            newest = revision >= max(revisions, default="")
            register.append(
                Registration(
                    dataset=dataset,
                    target=dataset.path,
                    qc=own.qc if own else "NOT_SET",
                    default=own.default if own else newest,
                    guarded=not any(protects.values()),
                )
            )
        elif protected == "revision":
            folder = path.parent.parent if revision else path.parent
            folder = folder / f"#{new_revision(today, revisions)}#"
            target = (folder / path.name).relative_to(session).as_posix()
            register.append(Registration(dataset, target, "NOT_SET", default=True, guarded=False))
        else:
            refused.append(dataset.path)
    kept = sorted(each.path for each in on_alyx if each.protected)
    return Plan(
        tuple(register), tuple(complete), tuple(refused), tuple(unchanged), protected=tuple(kept)
    )


def new_revision(today: str, taken: Container[str]) -> str:
    """Return today, or the first of today with a letter that is not taken.

    >>> new_revision('2026-01-02', ['', '2026-01-01'])
    '2026-01-02'
    >>> new_revision('2026-01-02', ['2026-01-02', '2026-01-02a'])
    '2026-01-02b'
    """
    names = (today + letter for letter in ("", *string.ascii_lowercase))
    revision: str = next(name for name in names if name not in taken)
    return revision


def requests(
    registrations: Sequence[Registration], session_name: str, owner: str | None, policy: Policy
) -> list[tuple[list[Registration], dict[str, Any]]]:
    """Return the bodies of `POST /register-file`, each with the files it is for.

    `owner` is a user of the session: Alyx adds whoever registers a file to the session's users,
    unless it is one of them.
    """
    groups: dict[tuple[bool, bool], list[Registration]] = {}
    for each in registrations:
        groups.setdefault((each.default, each.guarded), []).append(each)
    return [
        (
            group,
            {
                "path": session_name,
                "filenames": [each.target for each in group],
                "hashes": [each.dataset.md5 for each in group],
                "filesizes": [each.dataset.file_size for each in group],
                "versions": [each.dataset.version for each in group],
                "qc": [each.qc for each in group],
                "default": default,
                "check_protected": guarded,
                "exists": policy.repository is not None,
                "server_only": False,
                **({"name": policy.repository} if policy.repository else {}),
                **({"created_by": owner} if owner else {}),
            },
        )
        for (default, guarded), group in groups.items()
    ]


def unknown_kinds(
    registrations: Sequence[Registration],
    types: Sequence[Mapping[str, Any]],
    formats: Sequence[Mapping[str, Any]],
) -> dict[str, str]:
    """Explain, by path, why Alyx would not take files whose type or extension it lacks."""
    # Loads pandas, and most sessions that are registered again have no new files.
    from one.registration import get_dataset_type

    types = [{**each, "filename_pattern": each["filename_pattern"] or ""} for each in types]
    extensions = [each["file_extension"] for each in formats]
    reasons = {}
    for each in registrations:
        name = Path(each.target).name
        extension = Path(name).suffix
        if extensions.count(extension) != 1:
            reasons[each.dataset.path] = (
                f"there are {extensions.count(extension)} data formats with the extension "
                f"'{extension}' (have exactly one)"
            )
        try:
            get_dataset_type(name, types)
        except ValueError as error:
            several = "Multiple" in str(error)
            reasons[each.dataset.path] = (
                "it fits more than one dataset type (have exactly one fit its name)"
                if several
                else "there is no dataset type for it (create one whose file name pattern fits)"
            )
    return reasons


def _revisions(dataset: Dataset, session: Path, on_alyx: Sequence[Known]) -> dict[str, Known]:
    """Return what Alyx has of a file, by revision."""
    path = ALFPath(session / dataset.path)
    collection = path.collection or ""
    return {
        each.revision: each
        for each in on_alyx
        if (each.collection, each.name) == (collection, path.name)
    }


def _revision(dataset: Dataset, session: Path) -> str:
    return ALFPath(session / dataset.path).revision or ""


def _same(on_alyx: Known | None, dataset: Dataset) -> bool:
    return on_alyx is not None and on_alyx.hash == dataset.md5.lower()


def _lacks_hash(on_alyx: Known, dataset: Dataset) -> bool:
    return not on_alyx.hash and on_alyx.file_size in (None, dataset.file_size)
