"""File records on Alyx: the presence of datasets in the repository of the configuration."""

from collections.abc import Iterable, Mapping
from typing import Any

from alfvideo.registration.alyx import dataset_plan
from alfvideo.registration.alyx.connection import Client
from alfvideo.registration.alyx.records import SessionRecord


def register(
    record: SessionRecord, listed: Iterable[Mapping[str, Any]], repository: str, client: Client
) -> list[str]:
    """Say of datasets that Alyx has already whether they are in a repository.

    `listed` are they as Alyx has them. What was registered for another repository, or for none, is
    there if it is on disk, with the same hash; what is gone from the disk is not. Datasets of
    others are left alone, and so are QC, revisions and protection. Returns the paths of those whose
    record was written.
    """
    there = {each.path: each.md5.lower() for each in record.datasets}
    written = []
    for dataset in listed:
        known = dataset_plan.known([dataset])[0]
        if known.path in record.gone:
            exists = False
        elif known.path in there and known.hash in ("", there[known.path]):
            exists = True
        else:
            continue
        doing = f"say that {known.path} of session {record.name} is {'' if exists else 'not '}there"
        files = dataset.get("file_records") or ()
        own = next((each for each in files if each["data_repository"] == repository), None)
        if own is not None and own["exists"] != exists:
            client.patch(f"/files/{own['id']}", doing, {"exists": exists})
        elif own is None and exists:
            _add(f"{record.name}/{known.path}", dataset["url"], repository, doing, client)
        else:
            continue
        written.append(known.path)
    return written


def _add(path: str, dataset: str, repository: str, doing: str, client: Client) -> None:
    """Add a file record, once."""

    def existing() -> dict[str, Any] | None:
        id_ = dataset.rstrip("/").rpartition("/")[2]
        found = client.find_all("/files", doing, dataset=id_)
        return next((each for each in found if each["data_repository"] == repository), None)

    client.post(
        "/files",
        doing,
        {
            "dataset": dataset,
            "data_repository": repository,
            "relative_path": path,
            "exists": True,
        },
        existing=existing,
    )
