"""A recording session as its description file tells it: cameras, sync and where the data are."""

import os
import re
import reprlib
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from alfvideo.files import documents, labels
from alfvideo.files.errors import Blocked, Broken
from alfvideo.session import folders
from alfvideo.session.cameras import VIDEO_COLLECTION, Camera, Session, any_of
from alfvideo.session.folders import Lookups
from alfvideo.session.rigs import NAMESPACE, RIGS

NAME = "_ibl_experiment.description.yaml"
DESCRIPTION = "_ibl_experiment.description*.yaml"
"""With parts in its name as data from ONE have; copies and backups look the same."""
STUB = "_ibl_experiment.description_*.yaml"
"""Written by one device of a rig, before iblrig's copy program merged it into the description."""
_NEARLY = re.compile(r".*experiment.?description.*\.ya?ml.*", re.IGNORECASE)
"""Names of files that may have been meant as a description."""
LEGACY_COLLECTION = "raw_behavior_data"

STUBS = "_devices"
"""Folder in which each device leaves `{session}@{device}.yaml`, with a status beside it."""
TRANSFERRED = "raw_session.flag"
"""The file by which iblrig says that all has been copied."""
_FINAL = ".status_final"

_NOTHING: tuple[object, ...] = (None, "", [], {})

MAX_SETTINGS_BYTES = 20_000_000
"""Bytes of task settings, which hold tables of the stimuli on some rigs."""


def read(path: Path, lookups: Lookups | None = None) -> Session:
    """Read what a session recorded from its description, or from its task settings if it has none.

    `lookups` records what is looked at, by the session that is returned, too.

    Raises
    ------
    Blocked
        If the session is still being transferred, is not described, or its sync is not known.
    Broken
        If the description cannot be read or is malformed.
    """
    lookups = lookups or Lookups()
    entries = lookups.listing(str(path))
    if not entries and path.is_file():
        lookups.cacheable = False
        raise Broken(
            f"{path.name} is a file, not the folder of a session: unpack it, or move it elsewhere"
        )
    if STUBS in entries and not _is_there(entries.get(TRANSFERRED), lookups):
        if not folders.is_folder(entries[STUBS]):
            lookups.cacheable = False
            raise Blocked(f"transfer unfinished: {STUBS} is no folder, or a link to nothing")
        named = [
            name
            for name, entry in lookups.listing(f"{path}/{STUBS}").items()
            if not name.endswith(_FINAL) or _is_there(entry, lookups)
        ]
        if waiting := _not_transferred(named):
            raise Blocked(f"transfer unfinished: still waiting for {', '.join(waiting)}")
    files = _description_files(entries)
    if files:
        lookups.files.update(f"{path}/{name}" for name in files)
        description = _merged({name: _load_description(path / name) for name in files})
    elif nearly := sorted(filter(_NEARLY.fullmatch, entries)):
        raise Broken(f"{nearly[0]!r} may be the description: call it {NAME}")
    else:
        description = _legacy_description(path, lookups)
    return parse(path, description, lookups)


def _is_there(entry: os.DirEntry[str] | None, lookups: Lookups) -> bool:
    """Return whether an entry is a file; what a link leads to changes without a change here."""
    if entry is not None and entry.is_symlink():
        lookups.cacheable = False
    return entry is not None and folders.is_file(entry)


def _not_transferred(stubs: Sequence[str]) -> list[str]:
    """List the devices whose files are not all there, from the names in the folder of the stubs.

    >>> _not_transferred(["1_KB001@video.yaml", "1_KB001@video.status_final", "1_KB001@ephys.yaml"])
    ['ephys']
    """
    of_devices = [
        name for name in stubs if name.endswith(".yaml") or Path(name).suffix.startswith(".status_")
    ]
    done = {Path(name).stem for name in of_devices if name.endswith(_FINAL)}
    waiting = {Path(name).stem for name in of_devices} - done
    return sorted({stem.rpartition("@")[2] for stem in waiting})


def _description_files(names: Sequence[str] | Mapping[str, object]) -> list[str]:
    """Return the name of the description, or the names of stubs that were not merged into one.

    Raises
    ------
    Broken
        If several files could be the description, and none has exactly its name.

    >>> stub, whole = "_ibl_experiment.description_video.yaml", "_ibl_experiment.description.yaml"
    >>> _description_files([stub, whole]), _description_files([stub])
    (['_ibl_experiment.description.yaml'], ['_ibl_experiment.description_video.yaml'])
    """
    found = sorted(filter(any_of((DESCRIPTION,)), names))
    is_stub = any_of((STUB,))
    whole = [name for name in found if not is_stub(name)]
    if NAME in whole:
        return [NAME]
    if len(whole) > 1:
        raise Broken(f"{' and '.join(whole)} could be the description: call the right one {NAME}")
    return whole or found


def _merged(descriptions: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Merge the stubs of a session, by the names of their files: lists joined, mappings by key.

    Raises
    ------
    Broken
        If they say different things of the same.
    """
    merged: Mapping[str, Any] = {}
    for description in descriptions.values():
        try:
            merged = _joined(merged, description)
        except ValueError as different:
            raise Broken(f"{' and '.join(descriptions)} differ: {different}") from None
    return merged


def _joined(one: Mapping[str, Any], other: Mapping[str, Any], *place: object) -> Mapping[str, Any]:
    joined = dict(one)
    for key, value in other.items():
        match joined.get(key), value:
            case (Mapping() as ours, Mapping() as theirs):
                joined[key] = _joined(ours, theirs, *place, key)
            case (list() as ours, list() as theirs):
                joined[key] = [*ours, *(each for each in theirs if each not in ours)]
            case (ours, theirs) if ours in _NOTHING:
                joined[key] = theirs
            # Each device has the version of its own software.
            case (ours, theirs) if theirs not in _NOTHING and ours != theirs and key != "version":
                where = ".".join(map(str, (*place, key)))
                raise ValueError(f"'{where}' is {_short(ours)} and {_short(theirs)}: keep one")
    return joined


def parse(path: Path, description: Mapping[str, Any], lookups: Lookups | None = None) -> Session:
    """Turn a description of any version into a Session.

    Raises
    ------
    Blocked
        If the sync is missing or of a kind that cannot be read.
    Broken
        If the description is malformed.
    """
    cameras = _mapping(_mapping(description, "devices"), "cameras", "devices.")
    syncs = _mapping(description, "sync")
    if not syncs:
        raise Blocked("the description names no sync: without pulses there are no camera times")
    if len(syncs) > 1:
        raise Broken(
            f"the description names several syncs, {' and '.join(map(_short, syncs))}: keep the "
            "one whose pulses count"
        )
    sync = next(iter(syncs))
    settings = _mapping(syncs, sync, "sync.")
    rig = RIGS.get(sync)
    if rig is None:
        raise Blocked(f"unknown sync {_short(sync)}: {' and '.join(RIGS)} can be read")
    namespace = settings.get("acquisition_software") or NAMESPACE
    if rig.software and namespace not in rig.software:
        raise Blocked(
            f"unknown acquisition software {_short(namespace)}: {', '.join(rig.software)} can "
            "be read"
        )
    tasks = _tasks(description)
    task_collections = [
        found for name, task in tasks if (found := _collection(task, f"tasks.{name}."))
    ]
    sync_collection = _collection(settings, f"sync.{sync}.")
    if not rig.collection:
        sync_collection = sync_collection or next(iter(task_collections), LEGACY_COLLECTION)
        task_collections = [sync_collection]
    described = [_camera(label, _mapping(cameras, label, "devices.cameras.")) for label in cameras]
    return Session(
        path=path,
        cameras={camera.label: camera for camera in described},
        sync=sync,
        namespace=str(namespace),
        sync_collection=sync_collection or rig.collection,
        task_collection=next(iter(task_collections), LEGACY_COLLECTION),
        protocols=tuple(protocol for protocol, _ in tasks),
        projects=_projects(description),
        lookups=lookups or Lookups(),
    )


def _camera(label: Any, device: Mapping[str, Any]) -> Camera:
    if isinstance(label, int) and not isinstance(label, bool):
        label = str(label)
    if not isinstance(label, str) or not re.fullmatch(labels.PATTERN, label):
        raise Broken(
            f"the description is malformed: {_short(label)} cannot be the label of a camera, which "
            "has letters, digits and underscores and is a part of file names"
        )
    where = f"devices.cameras.{label}."
    expected = {key: _number(device, key, where) for key in ("width", "height", "fps")}
    return Camera(
        label=label,
        collection=_collection(device, where) or VIDEO_COLLECTION,
        sync_label=_text(device, "sync_label", where) if "sync_label" in device else "audio",
        compressed=_truth(device, "compressed", where),
        described={key: number for key, number in expected.items() if number},
    )


def _malformed(where: str, value: Any, expected: str) -> Broken:
    return Broken(f"the description is malformed: '{where}' is {_short(value)}, not {expected}")


def _short(value: Any) -> str:
    """Show a value, at most some 60 characters of it."""
    return reprlib.repr(value)


def _mapping(mapping: Mapping[str, Any], key: Any, where: str = "") -> Mapping[str, Any]:
    """Return the mapping under a key; empty if the key is missing or has no value."""
    value = mapping.get(key) or {}
    if not isinstance(value, Mapping):
        raise _malformed(f"{where}{key}", value, "a mapping")
    return value


def _text(mapping: Mapping[str, Any], key: str, where: str) -> str | None:
    value = mapping.get(key)
    if value is not None and not isinstance(value, str):
        raise _malformed(f"{where}{key}", value, "a text (in quotes, if it looks like a number)")
    return value


def _truth(mapping: Mapping[str, Any], key: str, where: str) -> bool:
    value = mapping.get(key) or False
    if isinstance(value, str):
        value = {"true": True, "yes": True, "false": False, "no": False}.get(value.lower(), value)
    if value not in (True, False):
        raise _malformed(f"{where}{key}", value, "true or false")
    return bool(value)


def _number(mapping: Mapping[str, Any], key: str, where: str) -> float:
    """Return a number from 0, in quotes or not; 0 if the key is missing or has no value."""
    value = mapping.get(key) or 0
    try:
        number = float(value) if isinstance(value, str) else value
        if isinstance(number, bool) or not 0 <= float(number) < float("inf"):
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        raise _malformed(f"{where}{key}", value, "a number") from None
    found: float = int(number) if float(number).is_integer() else number
    return found


def _collection(mapping: Mapping[str, Any], where: str) -> str | None:
    """Return a folder in the session, at any depth."""
    value = _text(mapping, "collection", where)
    if not value:
        return None
    place = PurePosixPath(value)
    if (
        place.is_absolute()
        or not place.parts
        or ".." in place.parts
        or not value.isprintable()
        or re.search(r"[{}<>*?\\]", value)
    ):
        raise _malformed(f"{where}collection", value, "the name of a folder in the session")
    return str(place)


def _projects(description: Mapping[str, Any]) -> tuple[str, ...]:
    projects = description.get("projects")
    for project in projects if isinstance(projects, list) else [projects]:
        if isinstance(project, list | Mapping):
            raise _malformed("projects", project, "a list of names")
    return names(projects)


def names(value: Any) -> tuple[str, ...]:
    """Return a list of names; old descriptions have a single one."""
    return tuple(map(str, value if isinstance(value, list) else filter(None, [value])))


def _tasks(description: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return protocol and settings of each task, in order.

    Version 0 of the description has a mapping of tasks, version 1 a list of them.
    """
    tasks = description.get("tasks") or []
    tasks = [tasks] if isinstance(tasks, Mapping) else tasks
    if not isinstance(tasks, list) or not all(isinstance(task, Mapping) for task in tasks):
        raise _malformed("tasks", tasks, "a list of mappings")
    protocols = list(chain.from_iterable(tasks))
    for protocol in protocols:
        if isinstance(protocol, bool) or not isinstance(protocol, str | int | float | date):
            raise _malformed("tasks", protocol, "the name of a task protocol")
    return [
        (str(protocol), _mapping(task, protocol, "tasks.")) for task in tasks for protocol in task
    ]


def _load_description(path: Path) -> Mapping[str, Any]:
    try:
        description = documents.parse_yaml(documents.read(path))
    except documents.UnreadableError as error:
        raise Broken(f"{path.name} cannot be read, {error}") from None
    if not isinstance(description, Mapping):
        raise Broken(f"{path.name} is empty, or no mapping: transfer it again from the rig")
    return description


def _legacy_description(path: Path, lookups: Lookups) -> Mapping[str, Any]:
    """Make the description of a session older than description files from its task protocol.

    Ephys rigs had three cameras on an NI-DAQ, training rigs one camera on the Bpod (ibllib's rule
    for such sessions).
    """
    names = lookups.listing(f"{path}/{LEGACY_COLLECTION}")
    settings_files = sorted(filter(any_of(("_iblrig_taskSettings.raw*.json",)), names))
    if not settings_files:
        raise Blocked(
            "no description file (_ibl_experiment.description.yaml) and no task settings in "
            f"{LEGACY_COLLECTION}"
        )
    settings_path = path / LEGACY_COLLECTION / settings_files[0]
    lookups.files.add(str(settings_path))
    try:
        settings = documents.parse_json(documents.read(settings_path, MAX_SETTINGS_BYTES))
        if not isinstance(settings, Mapping):
            raise documents.UnreadableError("it holds no mapping")
    except documents.UnreadableError as error:
        raise Broken(
            f"no description file, and {settings_files[0]} cannot be read: {error}"
        ) from None
    protocol = str(settings.get("PYBPOD_PROTOCOL") or "")
    if "ephys" in protocol:
        sync = {"nidq": {"collection": "raw_ephys_data", "acquisition_software": "spikeglx"}}
        labels = ["left", "right", "body"]
    elif any(name in protocol for name in ("biased", "training", "habituation")):
        sync = {"bpod": {"collection": LEGACY_COLLECTION}}
        labels = ["left"]
    else:
        raise Blocked(f"no description file, and the task protocol {protocol!r} is not known")
    return {
        "devices": {"cameras": {label: {} for label in labels}},
        "sync": sync,
        "tasks": [{protocol: {"collection": LEGACY_COLLECTION}}],
    }
