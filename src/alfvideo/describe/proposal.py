"""The files that make recordings a session that can be processed, as far as they are known."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from alfvideo.describe.look import Camera, Seen
from alfvideo.describe.wiring import Wired
from alfvideo.files import inputs
from alfvideo.files.errors import DataError
from alfvideo.session.rigs import BPOD, NIDQ
from alfvideo.timing.sync import FIRST_ANALOG

WIRING = "cameras.wiring.json"
_SAME = 0.01
"""Part by which a rate may differ from a whole number to be called so."""


def description(seen: Seen, collections: Mapping[str, str], sync: str, task: str = "") -> str:
    """Return an experiment description, with what is known and what is not in comments.

    Parameters
    ----------
    seen
        The recordings.
    collections
        Folder of the videos, by label of the camera.
    sync
        Folder of the DAQ, or of what the Bpod recorded.
    task
        Folder of what the Bpod recorded; empty if it recorded nothing.
    """
    by_label = {each.camera: each for each in seen.wired}
    names = sync_names(seen)
    cameras = {
        camera.label: _camera(camera, collections[camera.label], by_label.get(camera.label), names)
        for camera in seen.cameras
    }
    content: dict[str, Any] = {
        "version": "1.0.0",
        "sync": _sync(seen, sync),
        "devices": {"cameras": cameras},
    }
    if task and (protocol := _protocol(seen.files.bpod)):
        content["tasks"] = [{protocol: {"collection": task}}]
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    comments = ("Proposed by `alfvideo describe`: confirm it.", *certainties(seen))
    return "".join(f"# {_one_line(comment)}\n" for comment in comments) + text


def _camera(
    camera: Camera, collection: str, wired: Wired | None, names: Mapping[int, str]
) -> dict[str, Any]:
    line = wired.sync_line if wired else None
    rate = camera.true_rate
    fps = round(rate) if abs(rate - round(rate)) <= _SAME * rate else round(rate, 3)
    described: dict[str, Any] = {
        "collection": collection,
        "sync_label": None if line is None else names[line],
        "width": camera.width,
        "height": camera.height,
        "fps": fps,
    }
    return described | ({"compressed": True} if camera.camlog else {})


def _sync(seen: Seen, collection: str) -> dict[str, Any]:
    if seen.daq is None:
        return {BPOD.name: {"collection": collection}}
    return {NIDQ.name: {"collection": collection, "acquisition_software": seen.daq.software}}


def _protocol(bpod: Iterable[Path]) -> str:
    """Return the name of the task; empty if its settings do not say it."""
    for path in bpod:
        if "taskSettings" in path.name:
            try:
                return str(inputs.mapping(path).get("PYBPOD_PROTOCOL") or "")
            except DataError:
                return ""
    return ""


def certainties(seen: Seen) -> Iterator[str]:
    """Yield how sure each proposal is and by what, a sentence for each camera and its files."""
    by_label = {each.camera: each for each in seen.wired}
    for camera in seen.cameras:
        if camera.log:
            files = ", ".join(path.name for path in camera.log.files)
            yield f"{camera.label}: log of frames {files} ({camera.log.sure}): by {camera.log.why}."
        elif not camera.camlog:
            yield (
                f"{camera.label}: no log of frames is known: dropped frames cannot be seen, and "
                "nothing but the number of pulses places the video."
            )
        wired = by_label.get(camera.label)
        if wired is None:
            continue
        if wired.line is None:
            yield f"{camera.label}: its line is unknown: {wired.why}."
        else:
            yield f"{camera.label}: line {wired.line} ({wired.sure}): {wired.why}."
        if wired.line is not None and wired.sync_line is None and not camera.camlog:
            yield f"{camera.label}: no line that goes to an input of the camera is known."


def corrections(seen: Seen) -> Iterator[str]:
    """Yield what the recordings say otherwise than the names of the lines that there are."""
    is_timeline = seen.daq is not None and seen.daq.software == "timeline"
    usual = "Timeline's metadata" if is_timeline else "The usual wiring of such a rig"
    source = seen.wiring.name if seen.wiring else usual
    for wired in seen.wired:
        name = f"{wired.camera}_camera"
        named = seen.named.get(name)
        if wired.line is None or wired.line == named:
            continue
        if is_timeline:
            yield (
                f"{source} does not have {name} on line {wired.line}, the recordings do: give "
                f"{wired.camera} `channel: {wired.line}` in camera_timing.yaml."
            )
        elif named is not None:
            cure = f"Correct {source}." if seen.wiring else "The proposed wiring file says so."
            yield f"{source} has {name} on line {named}, the recordings on {wired.line}. {cure}"
        elif seen.wiring:
            yield f"{source} has no {name}: add it, on line {wired.line}."


def sync_names(seen: Seen) -> dict[int, str]:
    """Name the lines that inputs of cameras show: as they are called, or else `sync`."""
    known = {channel: name for name, channel in seen.named.items()}
    result: dict[int, str] = {}
    for line in sorted({each.sync_line for each in seen.wired if each.sync_line is not None}):
        free = "sync" if "sync" not in (*result.values(), *seen.named) else f"sync_{line}"
        result[line] = known.get(line, free)
    return result


def wiring(seen: Seen) -> str:
    """Return a wiring file; empty if there is one, or no line is known."""
    if seen.daq is None or seen.wiring or seen.daq.software == "timeline":
        return ""
    names = sync_names(seen)
    names |= {each.line: f"{each.camera}_camera" for each in seen.wired if each.line is not None}
    digital, analog = {}, {}
    for line, name in sorted(names.items()):
        if seen.daq.has_analog and line >= FIRST_ANALOG:
            analog[f"AI{line - FIRST_ANALOG}"] = name
        else:
            digital[f"P0.{line}"] = name
    content = {"SYNC_WIRING_DIGITAL": digital} | ({"SYNC_WIRING_ANALOG": analog} if analog else {})
    return json.dumps(content, indent=2) + "\n" if names else ""


def configuration(seen: Seen, root: Path) -> str:
    """Return the keys of the configuration that the recordings need."""
    content: dict[str, Any] = {
        "root": str(root),
        "cameras": [camera.label for camera in seen.cameras],
    }
    logs = {
        camera.label: dict(camera.log.columns)
        for camera in seen.cameras
        if camera.log and camera.log.columns
    }
    if logs:
        content["frame_logs"] = logs
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return text


def missing(seen: Seen) -> Iterator[str]:
    """Yield what a session needs and is not there."""
    if not seen.cameras:
        yield "No video is there that can be read."
    if seen.daq is None and seen.files.bpod:
        yield (
            "No recording of a DAQ is there that can be read, and a Bpod, which records the pulses "
            "of one camera on Port 1."
        )
    elif seen.daq is None:
        yield (
            "No recording of a DAQ is there that can be read: without pulses there are no times. "
            "docs/your_data.md lists the formats; a table of events must have 'daq', 'ttl' or "
            "'events' in its name."
        )


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
