"""A recording session as its description file tells it: cameras, sync and where the data are."""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from alfvideo.files.errors import Blocked
from alfvideo.session.folders import Listing, Lookups
from alfvideo.session.rigs import NAMESPACE, RIGS

DESCRIPTION = "_ibl_experiment.description*.yaml"
LEGACY_COLLECTION = "raw_behavior_data"
VIDEO_COLLECTION = "raw_video_data"
MAX_CLOCKS_APART = 60
"""Seconds by which files may be newer than the clock of this machine."""

# libyaml reads a description five times as fast.
_YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Camera:
    """A camera of a session; `sync_label` names the DAQ channel wired to its GPIO.

    `described` holds what the description expects of its video: `width` and `height` in pixels and
    `fps` in Hz, as far as they are there.
    """

    label: str
    collection: str = VIDEO_COLLECTION
    sync_label: str | None = "audio"
    compressed: bool = False
    described: Mapping[str, float] = field(default_factory=dict)


ALL_CAMERAS = Camera(label="")
"""Stands for all cameras of a session together."""


@dataclass(frozen=True)
class Session:
    """The recordings of a session and their places. Paths inside it are relative to `path`.

    `sync` is the device that recorded the pulses, a key of `rigs.RIGS`, and `namespace` that of its
    sync arrays. `protocols` are the names of the tasks, in order;
    `projects` those of the projects that it belongs to.
    """

    path: Path
    cameras: Mapping[str, Camera]
    sync: str
    namespace: str
    sync_collection: str
    task_collection: str
    protocols: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    lookups: Lookups = field(default_factory=Lookups, compare=False, repr=False)
    _found: dict[tuple[str, ...], list[Path]] = field(
        default_factory=dict, compare=False, repr=False
    )
    _paths: dict[tuple[str, str], Path] = field(default_factory=dict, compare=False, repr=False)

    def listing(self, collection: str) -> Listing:
        """List entries of a collection by name, read from disk once; empty if it does not exist."""
        return self.lookups.listing(
            f"{self.path}/{collection}" if collection != "." else f"{self.path}"
        )

    def siblings(self, file: Path) -> Listing:
        """List entries of the folder of a file of the session, by name."""
        return self.lookups.listing(str(file).rpartition("/")[0])

    def check_date(self, file: Path) -> None:
        """See that a file is there and not from the future: results would be older than it.

        Raises
        ------
        Blocked
            If it is from the future, or a link to nothing.
        """
        try:
            modified = self.siblings(file)[file.name].stat().st_mtime
        except FileNotFoundError:
            self.lookups.cacheable = False
            raise Blocked(f"{file} is a link to a file that is not there: bring it here") from None
        if modified > time.time() + MAX_CLOCKS_APART:
            # Time goes by without a change to any file.
            self.lookups.cacheable = False
            day = time.strftime("%Y-%m-%d %H:%M", time.localtime(modified))
            raise Blocked(f"{file} is dated {day}, in the future: fix the clock and touch the file")

    def find(self, collection: str, *patterns: str) -> list[Path]:
        """Find files of a collection that match any of the glob patterns, sorted by name."""
        key = (collection, *patterns)
        if key not in self._found:
            matches = _any_of(patterns)
            names = sorted(name for name in self.listing(collection) if matches(name))
            self._found[key] = [self.path / collection / name for name in names]
        return list(self._found[key])

    def file(self, pattern: str, camera: Camera) -> Path:
        """Return a camera's path of a pattern such as '{session}/{collection}/{camera}.avi'."""
        key = (pattern, camera.label)
        if key not in self._paths:
            of_camera = {"camera": camera.label, "collection": camera.collection}
            self._paths[key] = Path(pattern.format(session=self.path, **of_camera))
        return self._paths[key]


@cache
def _any_of(patterns: tuple[str, ...]) -> Callable[[str], object]:
    """Compile a test whether a name matches one of the glob patterns."""
    return re.compile("|".join(map(translate, patterns))).match


def read(path: Path, lookups: Lookups | None = None) -> Session:
    """Read what a session recorded from its description, or from its task settings if it has none.

    `lookups` records what is looked at, by the session that is returned, too.

    Raises
    ------
    Blocked
        If the session is still being transferred, is not described, or its sync is not known.
    """
    lookups = lookups or Lookups()
    entries = lookups.listing(str(path))
    if stubs := lookups.listing(f"{path}/_devices") if "_devices" in entries else {}:
        # Each device leaves `{session}@{device}.yaml` there until its files are copied.
        devices = sorted(Path(name).stem.rpartition("@")[2] for name in stubs)
        raise Blocked(f"transfer unfinished: still waiting for {', '.join(devices)}")
    description_files = sorted(filter(_any_of((DESCRIPTION,)), entries))
    if description_files:
        lookups.files.add(f"{path}/{description_files[0]}")
        description = _load_description(path / description_files[0])
    else:
        description = _legacy_description(path, lookups)
    return parse(path, description, lookups)


def parse(path: Path, description: Mapping[str, Any], lookups: Lookups | None = None) -> Session:
    """Turn a description of any version into a Session.

    Raises
    ------
    Blocked
        If the description is malformed, or the sync missing or of a kind that cannot be read.
    """
    cameras = _mapping(_mapping(description, "devices"), "cameras")
    syncs = _mapping(description, "sync")
    if not syncs:
        raise Blocked("the description names no sync: without pulses there are no camera times")
    sync = next(iter(syncs))
    settings = _mapping(syncs, sync)
    rig = RIGS.get(sync)
    if rig is None:
        raise Blocked(f"unknown sync {sync!r}: {' and '.join(RIGS)} can be read")
    namespace = settings.get("acquisition_software") or NAMESPACE
    if rig.software and namespace not in rig.software:
        raise Blocked(
            f"unknown acquisition software {namespace!r}: {' and '.join(rig.software)} can be read"
        )
    tasks = _tasks(description)
    task_collections = [task["collection"] for _, task in tasks if task.get("collection")]
    sync_collection = settings.get("collection")
    if not rig.collection:
        sync_collection = sync_collection or next(iter(task_collections), LEGACY_COLLECTION)
        task_collections = [sync_collection]
    return Session(
        path=path,
        cameras={label: _camera(label, _mapping(cameras, label)) for label in cameras},
        sync=sync,
        namespace=namespace,
        sync_collection=sync_collection or rig.collection,
        task_collection=next(iter(task_collections), LEGACY_COLLECTION),
        protocols=tuple(protocol for protocol, _ in tasks),
        projects=names(description.get("projects")),
        lookups=lookups or Lookups(),
    )


def _camera(label: str, device: Mapping[str, Any]) -> Camera:
    return Camera(
        label=label,
        collection=device.get("collection") or VIDEO_COLLECTION,
        sync_label=device.get("sync_label", "audio"),
        compressed=bool(device.get("compressed", False)),
        described={key: device[key] for key in ("width", "height", "fps") if device.get(key)},
    )


def _mapping(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the mapping under a key; empty if the key is missing or has no value."""
    value = mapping.get(key) or {}
    if not isinstance(value, Mapping):
        raise Blocked(f"the description is malformed: '{key}' is not a mapping")
    return value


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
        raise Blocked("the description is malformed: 'tasks' is not a list of mappings")
    return [(protocol, _mapping(task, protocol)) for task in tasks for protocol in task]


def _load_description(path: Path) -> Mapping[str, Any]:
    try:
        description = yaml.load(path.read_text(encoding="utf-8"), _YamlLoader)
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise Blocked(f"{path.name} cannot be read{line}: {type(error).__name__}") from None
    if not isinstance(description, Mapping):
        raise Blocked(f"{path.name} is empty")
    return description


def _legacy_description(path: Path, lookups: Lookups) -> Mapping[str, Any]:
    """Make the description of a session older than description files from its task protocol.

    Ephys rigs had three cameras on an NI-DAQ, training rigs one camera on the Bpod (ibllib's rule
    for such sessions).
    """
    names = lookups.listing(f"{path}/{LEGACY_COLLECTION}")
    settings_files = sorted(filter(_any_of(("_iblrig_taskSettings.raw*.json",)), names))
    if not settings_files:
        raise Blocked(
            "no description file (_ibl_experiment.description.yaml) and no task settings in "
            f"{LEGACY_COLLECTION}"
        )
    settings_path = path / LEGACY_COLLECTION / settings_files[0]
    lookups.files.add(str(settings_path))
    try:
        settings = json.loads(settings_path.read_text(encoding="utf-8"))
        protocol = str(settings.get("PYBPOD_PROTOCOL") or "")
    except (ValueError, OSError, AttributeError):
        raise Blocked(f"no description file, and {settings_files[0]} cannot be read") from None
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
