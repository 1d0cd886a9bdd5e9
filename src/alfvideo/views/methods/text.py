"""The paragraph, the list of models, what to check, and the references."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from alfvideo.behaviour import pupil
from alfvideo.files.errors import DataError
from alfvideo.planning.tasks import BY_RULE
from alfvideo.pose import table
from alfvideo.pose.cascade import ENSEMBLE_SMOOTHING
from alfvideo.session.rigs import BPOD, CAMLOG, KINDS
from alfvideo.timing.reliability import in_words
from alfvideo.trackers import TRACKERS
from alfvideo.views.methods.results import Result, Results, tracker_of

REFERENCES = Path(__file__).with_name("references.bib")

_CITED = {"dlc": ("mathis2018", "lauer2022"), "lightningPose": ("biderman2024",)}
"""The references of each tracker, by their keys."""

_IN_TEXT = {
    "molder2021": "Mölder et al., 2021",
    "ibl2022": "International Brain Laboratory et al., 2022",
    "mathis2018": "Mathis et al., 2018",
    "lauer2022": "Lauer et al., 2022",
    "biderman2024": "Biderman et al., 2024",
}

_METHODS = {
    "gpio": "by the sync signal on the camera's GPIO pin",
    "clock": "by the irregularities that the pulses share with the camera's own clock",
    "computer": "by the clock of the computer, which another camera shares",
    "wheel": "by the movement of the wheel in the video",
    "pulses": "by taking the last pulse for that of the last frame",
    "camlog": "by the log of the camera, which has a row for each pulse",
    "decided": "as a person decided",
}
"""The way in which pulses and frames were matched, by the method of the camera's times."""

_DAQS = {"spikeglx": "SpikeGLX", "timeline": "Timeline", "openephys": "Open Ephys"}
"""Names of acquisition software, by the namespace of its files."""

_POSE_RULES = {tracker.rule: tracker for tracker in TRACKERS.values()}
_FEATURES_RULES = {tracker.features_rule: tracker for tracker in TRACKERS.values()}
_NOT_RECORDED = "not recorded"
_EXACT = "exact"
_CHECKSUM_LENGTH = 12


def text(found: Results) -> str:
    """Return the paragraph, the models, what to check before it is used, and BibTeX.

    Raises
    ------
    DataError
        If nothing is on record.
    """
    if not found.all:
        raise DataError(
            "No result of these sessions is on record (provenance.json), so there is nothing to "
            "say. Run the workflow first: uv run snakemake"
            + "".join(f"\n{sentence}" for sentence in found.left_out)
        )
    parts = [" ".join(_sentences(found))]
    if models := list(_models(found)):
        parts.append("\n".join(["Models", *(f"- {line}" for line in models)]))
    if notes := [*_notes(found), *found.left_out]:
        parts.append("\n".join(["Check before you use it", *(f"- {line}" for line in notes)]))
    parts.append(_bibliography(found))
    return "\n\n".join(parts)


def _sentences(found: Results) -> Iterator[str]:
    """Yield the sentences of the paragraph, as far as something was done."""
    yield _introduction(found)
    for sentences in (_compression, _pulses, _times, _checks, _poses, _behaviour):
        yield from sentences(found)


def _introduction(found: Results) -> str:
    videos = {(result.session, result.camera) for result in found.all if result.camera}
    sessions = {result.session for result in found.all}
    frames: dict[tuple[Path, str], int] = {}
    for result in found.of_rules(*_POSE_RULES, *(kind.rule for kind in KINDS)):
        n = result.n_frames()
        if n is not None:
            frames[result.session, result.camera] = n
    cameras = Counter(camera for _, camera in sorted(videos))
    listed = ", ".join(f"{n:,} {camera}" for camera, n in cameras.most_common())
    counted = f"{sum(frames.values()):,} frames" if frames else "their frames were not counted"
    if 0 < len(frames) < len(videos):
        counted += f" in the {len(frames):,} with times or poses"
    what = f"{_count(len(videos), 'video')} ({listed}; {counted})"
    return (
        f"{what} of {_count(len(sessions), 'session')} {_were(len(videos))} processed with "
        f"{_versions('alfvideo', found.all)}, a Snakemake workflow ({_IN_TEXT['molder2021']})."
    )


def _compression(found: Results) -> Iterator[str]:
    encoded, copied = found.of_rules("video_compress"), found.of_rules("video_convert")
    if encoded:
        settings = _counts(encoded, _encoder)
        yield (
            f"{_count(len(encoded), 'raw video')} {_were(len(encoded))} compressed with H.264 "
            f"(libx264{_ffmpeg(encoded)}; {settings}), and each was decoded completely and "
            "compared with the raw one."
        )
    if copied:
        yield (
            f"The frames of {_count(len(copied), 'video')}, compressed by the rig, were put in an "
            f"mp4 as they were{_ffmpeg(copied)}."
        )


def _encoder(result: Result) -> str:
    crf, preset = (result.params.get(name, _NOT_RECORDED) for name in ("crf", "preset"))
    return f"constant rate factor {crf}, preset {preset}"


def _ffmpeg(results: Sequence[Result]) -> str:
    known = [result for result in results if "ffmpeg" in result.software]
    return f", {_versions('ffmpeg', known)}" if known else ""


def _pulses(found: Results) -> Iterator[str]:
    if made := found.of_rules("sync_pulses"):
        formats = _counts(made, lambda result: str(result.params.get("format", _NOT_RECORDED)))
        yield (
            f"Sync pulses of {_count(len(made), 'session')} were extracted from the raw files of "
            f"the acquisition system ({formats})."
        )


def _times(found: Results) -> Iterator[str]:
    timed = found.of_rules(*(kind.rule for kind in KINDS))
    if not timed:
        return
    records = {result.file: result.timing() for result in timed}

    def method(result: Result) -> str:
        known = records[result.file]
        return _METHODS.get(known.method, known.method) if known else "in a way that is not known"

    def certainty(result: Result) -> str:
        known = records[result.file]
        return in_words(known.evidence if known else None)

    yield (
        f"Each frame of {_count(len(timed), 'video')} was assigned the time of the camera's pulse "
        f"on {_counts(timed, _device)}; pulses and frames were matched {_counts(timed, method)}."
    )
    known_to = _counts(timed, certainty)
    explained = " (exact: off by less than half a frame)" if _EXACT in known_to else ""
    yield f"How well the times are known: {known_to}{explained}."
    shares = [known.evidence.extrapolated for known in records.values() if known and known.evidence]
    if beyond := [share for share in shares if share]:
        yield (
            f"In {_count(len(beyond), 'video')} frames before the first or after the last recorded "
            f"pulse, up to {max(beyond):.1%} of them, had their times extrapolated."
        )


def _device(result: Result) -> str:
    """Return the device that recorded the pulses, as the rule and its settings tell it."""
    if result.rule == BPOD.rule:
        return "Bpod"
    namespace = str(result.params.get("namespace", ""))
    name = f"the {_DAQS[namespace]} DAQ" if namespace in _DAQS else "the DAQ"
    return f"{name}, with a log of the camera" if result.rule == CAMLOG.rule else name


def _checks(found: Results) -> Iterator[str]:
    if made := found.of_rules("video_qc"):
        yield (
            f"The quality of {_count(len(made), 'video')} was checked with the criteria of the "
            f"International Brain Laboratory ({_IN_TEXT['ibl2022']})."
        )


def _poses(found: Results) -> Iterator[str]:
    for rule, tracker in _POSE_RULES.items():
        poses = found.of_rules(rule)
        if not poses:
            continue
        versions = ", ".join(_versions(name, poses) for name in tracker.distributions)
        cited = "; ".join(_IN_TEXT[key] for key in _CITED[tracker.name])
        yield (
            f"Body parts in {_count(len(poses), 'video')} were tracked by {tracker.label} "
            f"({versions}; {cited}) with {_counts(poses, _networks)}."
        )
        smoothed = Counter(kind for pose in poses for kind in sorted(set(_smoothings(pose))))
        if smoothed:
            listed = [f"{kind} ({_count(n, 'video')})" for kind, n in smoothed.most_common()]
            yield f"Their positions were smoothed by {_listed(listed)}."


def _networks(pose: Result) -> str:
    """Return how many networks, and of how many models, poses were made with."""
    networks = _cascade(pose)
    if not networks:
        return f"networks that are {_NOT_RECORDED}"
    sizes = [len(_mapping(network.get("models"))) for network in networks.values()]
    ensemble = f" (ensembles of up to {max(sizes)} models)" if max(sizes) > 1 else ""
    if len(networks) == 1:
        return f"one network{ensemble}"
    return f"a cascade of {len(networks)} networks{ensemble}"


def _smoothings(pose: Result) -> Iterator[str]:
    for network in _cascade(pose).values():
        for kind, value in _mapping(network.get("smoothing")).items():
            if kind == "median":
                yield f"a running median over {value} frames"
            elif kind in ENSEMBLE_SMOOTHING:
                yield f"the Ensemble Kalman Smoother for {kind}"


def _behaviour(found: Results) -> Iterator[str]:
    if energies := found.of_rules("motion_energy"):
        yield (
            f"Motion energy ({_count(len(energies), 'video')}) is the mean absolute difference of "
            "gray levels between consecutive frames in a region placed by the pose."
        )
    features = found.of_rules(*_FEATURES_RULES)
    if features:
        labels = sorted({result.camera for result in features} & pupil.WINDOWS.keys())
        windows = _listed([f"{pupil.WINDOWS[label]} frames ({label})" for label in labels])
        yield (
            f"The pupil's diameter ({_count(len(features), 'video')}) is the median of the "
            "diameters that its four edge points give, two by two, of points with a likelihood of "
            f"at least {table.LIKELY}."
        )
        ensembles = _with_ensembles(found)
        is_smoothed = [(r.session, r.camera, tracker_of(r.rule)) in ensembles for r in features]
        if not all(is_smoothed):
            yield f"It was smoothed with a Savitzky-Golay filter of order 3 over {windows}."
        if any(is_smoothed):
            yield (
                f"Of the ensembles ({_count(sum(is_smoothed), 'video')}) it is that of the "
                "smoothed points."
            )
    if licks := found.of_rules("licks"):
        yield (
            f"Licks ({_count(len(licks), 'session')}) are the frames after which a tip of the "
            "tongue moves by more than a quarter of the standard deviation of its steps."
        )


def _with_ensembles(found: Results) -> set[tuple[Path, str, str]]:
    """Return session, camera and tracker of poses in which an ensemble found the pupil."""
    return {
        (pose.session, pose.camera, tracker_of(pose.rule))
        for pose in found.of_rules(*_POSE_RULES)
        for network in _cascade(pose).values()
        if "pupil" in _mapping(network.get("smoothing"))
    }


def _models(found: Results) -> Iterator[str]:
    """Yield a line for each model: network, snapshot, checksum, and for how many videos."""
    used: Counter[tuple[str, str, str, str]] = Counter()
    for pose in found.of_rules(*_POSE_RULES):
        label = _POSE_RULES[pose.rule].label
        for name, network in _cascade(pose).items():
            for number, (path, checksum) in enumerate(_mapping(network.get("models")).items(), 1):
                snapshot = pose.software.get(f"model of {name} {number}", "")
                inside = f", {snapshot}" if snapshot and snapshot != Path(path).name else ""
                file = f"{Path(path).name}{inside}"
                used[label, name, file, str(checksum)[:_CHECKSUM_LENGTH]] += 1
    for (label, name, file, checksum), n in sorted(used.items()):
        yield f"{label}, network {name}: {file}, SHA-256 {checksum}… ({_count(n, 'video')})"


def _notes(found: Results) -> Iterator[str]:
    """Yield what the records do not say, or say of another version than the text is of."""
    encoded = found.of_rules("video_compress", "video_convert")
    if n := sum("ffmpeg" not in result.software for result in encoded):
        yield f"The version of ffmpeg is not on record for {_count(n, 'video')}."
    for rule in found.by_rule:
        current, results = BY_RULE[rule].version, found.of_rules(rule)
        others = Counter(
            str(result.params.get("version", "unknown"))
            for result in results
            if result.params.get("version") != current
        )
        for version, n in sorted(others.items()):
            yield (
                f"{n} of {len(results)} results of {rule} are of version {version} of its "
                f"algorithm, the text is of version {current}: see CHANGELOG.md."
            )
    if found.of_rules(*_POSE_RULES):
        yield "How the networks were trained is not on record: say it, and on which frames."


def _bibliography(found: Results) -> str:
    """Return the references of what was used, in BibTeX."""
    keys = {"alfvideo", "molder2021"}
    if found.of_rules("video_qc"):
        keys.add("ibl2022")
    for rule, tracker in _POSE_RULES.items():
        if found.of_rules(rule):
            keys.update(_CITED[tracker.name])
    entries = re.split(r"\n\n(?=@)", REFERENCES.read_text(encoding="utf-8").strip())
    used = [entry for entry in entries if _key(entry) in keys]
    versions = _listed(sorted(_found_versions("alfvideo", found.all)))
    return "\n\n".join(used).replace("VERSION", versions)


def _key(entry: str) -> str:
    """Return the key of an entry.

    >>> _key("@misc{a2020,")
    'a2020'
    """
    return entry.partition("{")[2].partition(",")[0]


def _versions(name: str, results: Iterable[Result]) -> str:
    """Return a program with the versions that made results."""
    return f"{name} {_listed(sorted(_found_versions(name, results)))}"


def _found_versions(name: str, results: Iterable[Result]) -> set[str]:
    return {str(result.software.get(name, f"(version {_NOT_RECORDED})")) for result in results}


def _counts(results: Sequence[Result], kind: Callable[[Result], str]) -> str:
    """Return what the results are by kind, most of them first; numbers only if there are several.

    >>> from alfvideo.views.methods.results import Result
    >>> results = [Result(Path(), Path(), {"camera": c}) for c in ("left", "right", "right")]
    >>> _counts(results, lambda result: result.camera), _counts(results[:1], lambda result: "left")
    ('right (2) and left (1)', 'left')
    """
    counted: Counter[Hashable] = Counter(map(kind, results))
    if len(counted) == 1:
        return str(next(iter(counted)))
    return _listed([f"{each} ({n})" for each, n in counted.most_common()])


def _count(n: int, noun: str) -> str:
    """Return a number of things.

    >>> _count(1, "video"), _count(1200, "video")
    ('1 video', '1,200 videos')
    """
    return f"{n:,} {noun}{'s' * (n != 1)}"


def _were(n: int) -> str:
    return "was" if n == 1 else "were"


def _listed(texts: Sequence[str]) -> str:
    """Return texts as a sentence lists them.

    >>> _listed(["a"]), _listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    *others, last = texts
    return f"{', '.join(others)} and {last}" if others else last


def _cascade(pose: Result) -> Mapping[str, Mapping[str, Any]]:
    """Return the networks that poses were made with; none if that is not on record."""
    networks = _mapping(_mapping(pose.params.get("cascade")).get("networks"))
    return {name: _mapping(network) for name, network in networks.items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    """Return a mapping as it is, and an empty one for what an edited record may have instead."""
    return value if isinstance(value, Mapping) else {}
