"""Decides whether outputs are those of their inputs and settings, and says why not.

What counts is the record of the job that made them: the settings, which inputs there were, and what
was in them. A file is the recorded one if it has the size and date of the record, or else the size
and the quick checksum: to copy, move, restore or touch it changes nothing. Dates decide only where
there is no record (another program made it), or one without checksums (of version 0.1).
"""

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alfvideo.files import checksums
from alfvideo.jobs import provenance
from alfvideo.jobs.provenance import Entry, Fingerprint
from alfvideo.pose import cascades
from alfvideo.session.cameras import Session

TOUCHED = 600 * 10**9
"""Nanoseconds after a result was recorded in which Snakemake may touch it; on clusters it waits."""

MAX_NAMED = 3
"""So many settings or files are named in a reason."""

MAX_TEXT = 30
"""Longer values of settings are left out."""

_NAMESPACE_AND_CAMERA = re.compile(r"^(_[^\W_]+_)?([a-z]+Camera\.)?")

PLACES = {"reference_frame", "reference_frame_modified"}
"""Settings that say where a file lies, or its date (in records of version 0.1)."""

CHANGED = "changed since it was made"
ARROW = " → "


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a session that are there: size and dates, and the checksum, if it is asked for.

    Names are as records have them.
    """

    stat: Callable[[str], os.stat_result]
    checksum: Callable[[str, os.stat_result], str]

    def are_as(self, name: str, known: Fingerprint) -> bool | None:
        """Return whether a file is the recorded one; None if the record does not say enough."""
        found = self.stat(name)
        if "size" not in known:
            return None
        if known["size"] != found.st_size:
            return False
        if known.get("mtime_ns") == found.st_mtime_ns:
            return True
        checksum = known.get(checksums.kind(found.st_size))
        return None if checksum is None else checksum == self.checksum(name, found)


def files_of(session: Session) -> Files:
    """Return the files of a session, to be compared with its records."""
    path, lookups = f"{session.path}/", session.lookups
    return Files(
        stat=lambda name: session.stat(name if name.startswith("/") else path + name),
        checksum=lambda name, found: lookups.checksum(session.path / name, found),
    )


def why_not(
    outputs: Sequence[str],
    inputs: Collection[str],
    params: Mapping[str, Any],
    records: Mapping[str, Entry],
    files: Files,
) -> str:
    """Say why outputs that are there are to be regenerated; empty if they are up to date.

    A record that lacks something does not make anything out of date.
    """
    known = [records[output] for output in outputs if output in records]
    found = (
        *(setting_changes(entry["params"], params) for entry in known if "params" in entry),
        *(_names(entry["inputs"], inputs) for entry in known if "inputs" in entry),
    )
    if reason := next(filter(None, found), ""):
        return reason
    unknown = set() if any("inputs" in entry for entry in known) else set(inputs)
    changed: dict[str, None] = {}
    for entry in known:
        for name in entry.get("inputs", ()):
            verdict = files.are_as(name, recorded_input(entry, name, records))
            if verdict is False:
                changed[short(name)] = None
            elif verdict is None:
                unknown.add(name)
    if changed:
        return f"{_listed(list(changed))} changed"
    return _newer(sorted(unknown), outputs, records, files) if unknown else ""


def same_inputs(entry: Entry, inputs: Collection[str], files: Files) -> bool:
    """Return whether a record is of a job with exactly these inputs."""
    known = entry["inputs"]
    return set(known) == set(inputs) and all(files.are_as(name, known[name]) for name in inputs)


def recorded_input(entry: Entry, name: str, records: Mapping[str, Entry]) -> Fingerprint:
    """Return what a record says of an input; of a result, with the checksum in its own record."""
    known = entry["inputs"][name]
    made = records.get(name, {}).get("output")
    if made and provenance.same_stamp(made, known):
        return {**made, **known}
    return known


def changed(outputs: Sequence[str], records: Mapping[str, Entry], files: Files) -> str:
    """Say which outputs are not what was made: cut, edited, or replaced; empty if none is.

    Snakemake touches results after they were recorded: for that they are not read.
    """
    found = []
    for output in outputs:
        made = records.get(output, {}).get("output")
        if made and not is_as_made(files.stat(output), made):
            found += [short(output)] if files.are_as(output, made) is False else []
    return f"{_listed(found)} {CHANGED}" if found else ""


def is_as_made(found: os.stat_result, made: Fingerprint) -> bool:
    """Return whether a result has the size of its record, and was at most touched right after."""
    same_size = made.get("size") == found.st_size
    return same_size and 0 <= found.st_mtime_ns - made.get("mtime_ns", 0) < TOUCHED


def after(stage: str) -> str:
    """Return the reason of what has a pending input.

    >>> after("video")
    'input video pending'
    """
    return f"input {stage} pending"


def follows(reason: str) -> bool:
    """Return whether a reason is only that an input is pending.

    >>> follows(after("video")), follows("missing")
    (True, False)
    """
    return reason.startswith("input ") and reason.partition(";")[0].endswith(" pending")


def is_of_settings(reason: str) -> bool:
    """Return whether a reason is that a setting or version has changed.

    >>> is_of_settings("crf 17 → 20"), is_of_settings("frameData.bin changed")
    (True, False)
    """
    return ARROW in reason


def short(name: str) -> str:
    """Return the name of a file as reasons have it: the same for all cameras.

    >>> short("raw_video_data/_iblrig_leftCamera.frameData.bin")
    'frameData.bin'
    >>> short("alf/_ibl_wheel.position.npy")
    'wheel.position.npy'
    """
    file = name.rpartition("/")[2]
    return _NAMESPACE_AND_CAMERA.sub("", file) or file


def differences(old: object, new: object, name: str = "") -> Iterator[tuple[str, object, object]]:
    """Yield settings that differ, by name, as they were and as they are.

    >>> list(differences({"crf": 17, "a": {"b": 1}}, {"crf": 20, "a": {"b": 1, "c": 2}}))
    [('a.c', None, 2), ('crf', 17, 20)]
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}, key=str):
            yield from differences(old.get(key), new.get(key), f"{name}.{key}" if name else key)
    elif old != new:
        yield name, old, new


def setting_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Say which settings of a record are others; empty if none is. Where things lie is none."""
    if old == new:
        return ""
    return _listed([_change(*each) for each in differences(_contents(old), _contents(new))])


def _contents(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without where models and reference frames lie."""
    found = cascades.without_places(params)
    return {name: value for name, value in found.items() if name not in PLACES}


def _change(name: str, old: object, new: object) -> str:
    texts = [str(value) for value in (old, new)]
    if max(map(len, texts)) > MAX_TEXT:
        return f"{name}{ARROW}other"
    return f"{name} {ARROW.join(texts)}"


def _names(old: Collection[str], new: Collection[str]) -> str:
    gone = [f"{short(name)} is gone" for name in sorted(set(old) - set(new))]
    return _listed([f"{short(name)} is new" for name in sorted(set(new) - set(old))] + gone)


def _newer(
    inputs: Sequence[str], outputs: Sequence[str], records: Mapping[str, Entry], files: Files
) -> str:
    """Judge inputs of unknown content by date, if the dates of all outputs are those of the jobs.

    Outputs with other dates were copied, and so were their inputs: their dates mean nothing.
    """
    dates = [files.stat(output).st_mtime_ns for output in outputs]
    for output, date in zip(outputs, dates, strict=True):
        made = records.get(output, {}).get("output")
        if made and "mtime_ns" in made and not 0 <= date - made["mtime_ns"] < TOUCHED:
            return ""
    newer = [short(name) for name in inputs if files.stat(name).st_mtime_ns > min(dates)]
    return f"{_listed(newer)} {'is' if len(newer) == 1 else 'are'} newer" if newer else ""


def _listed(texts: Sequence[str]) -> str:
    more = [f"{len(texts) - MAX_NAMED} more"] if len(texts) > MAX_NAMED else []
    return ", ".join([*texts[:MAX_NAMED], *more])
