"""Try the times of rendered sessions, with videos and all files of a rig, against the truth.

uv run python -m tests.campaign.rendered [NUMBER [SEED]]
"""

import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from one.alf.spec import QC

from alfvideo.files.errors import DataError
from alfvideo.qc.recording import alignment
from alfvideo.session import datasets, description
from alfvideo.timing import record
from rigsim import Rig, render
from rigsim.truth import truth_folder
from tests.parity import rules

NUMBER, SEED = 60, 3
_KINDS = ("spikeglx", "spikeglx", "timeline", "bpod", "camlog")
_FAULTS = (
    *("dropped", "pulses_missing_at_end", "pulses_missing_at_start", "no_gpio", "extra_pulse"),
    *("missing_pulse", "unseen_sync_pulse", "silent_trial", "starts_with_fall", "fewer_frames"),
)
"""Those after which there is a whole video."""
_OF_DAQ = ("silent_trial", "unseen_sync_pulse")


@dataclass
class Counts:
    """Cameras by what became of them; lists hold those that should not be."""

    cameras: int = 0
    exact: int = 0
    refused: list[tuple[Rig, str, str]] = field(default_factory=list)
    bounded: int = 0
    outside_bound: list[tuple[Rig, str, float, float]] = field(default_factory=list)
    passed_and_off: list[tuple[Rig, str, float]] = field(default_factory=list)
    healthy: int = 0
    healthy_not_passed: list[tuple[Rig, str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.cameras} cameras of rendered sessions, {self.exact} exact, "
            f"{len(self.refused)} refused; truth inside the bound in "
            f"{self.bounded - len(self.outside_bound)} of {self.bounded}; off by more than a frame "
            f"and PASS: {len(self.passed_and_off)}; healthy and not PASS: "
            f"{len(self.healthy_not_passed)} of {self.healthy}"
        )


def run(number: int = NUMBER, seed: int = SEED) -> Counts:
    """Render sessions, find their times, and count what became of them."""
    counts = Counts()
    for i in range(number):
        rig = _drawn(np.random.default_rng((seed, i)))
        with tempfile.TemporaryDirectory() as folder:
            path = render(Path(folder), rig)
            rules.make_mp4s(path)
            for label in rig.labels:
                _try(rig, label, Path(folder), path, counts)
    return counts


def _drawn(rng: np.random.Generator) -> Rig:
    kind = str(rng.choice(_KINDS))
    is_3a = kind == "spikeglx" and rng.random() < 0.2
    rig = Rig(
        kind=kind,
        seconds=float(rng.uniform(8, 30)),
        scale=0.05,
        frame_data=str(rng.choice(("bin", "ssv"))),
        wiring=str(rng.choice(("none", "partial", "full")))
        if kind == "spikeglx" and not is_3a
        else None,
        neuropixel="3A" if is_3a else "3B",
        seed=int(rng.integers(2**31)),
    )
    if rng.random() < 0.3:
        return rig
    faults: dict[str, tuple[str, ...]] = {}
    for target in (*rig.labels, "daq"):
        usable = _OF_DAQ if target == "daq" else tuple(set(_FAULTS) - set(_OF_DAQ))
        faults[target] = tuple(
            fault for fault in sorted(usable) if rng.random() < 1.5 / len(_FAULTS)
        )
    return Rig(**{**vars(rig), "faults": {target: each for target, each in faults.items() if each}})


def _try(rig: Rig, label: str, root: Path, path: Path, counts: Counts) -> None:
    counts.cameras += 1
    try:
        times = rules.camera_times(path, label).times
    except DataError as error:
        counts.refused.append((rig, label, str(error)[-300:]))
        return
    session = description.read(path)
    evidence = record.load(datasets.path(datasets.TIMING, session, session.cameras[label])).evidence
    assert evidence is not None
    with np.load(truth_folder(root, rig) / f"{label}.npz") as truth:
        off = float(np.abs(times - truth["times"][: times.size]).max() / np.diff(times).mean())
    outcome = alignment(evidence).outcome
    counts.exact += off < 0.5
    if evidence.bound is not None:
        counts.bounded += 1
        if off > evidence.bound + 0.5:
            counts.outside_bound.append((rig, label, off, evidence.bound))
    if outcome == QC.PASS and off > 1:
        counts.passed_and_off.append((rig, label, off))
    if not rig.faults:
        counts.healthy += 1
        if outcome != QC.PASS:
            counts.healthy_not_passed.append((rig, label, evidence.reason))


def _main(number: int = NUMBER, seed: int = SEED) -> None:
    counts = run(number, seed)
    print(counts)
    lists = (counts.refused, counts.outside_bound, counts.passed_and_off, counts.healthy_not_passed)
    for wrong in (each for found in lists for each in found):
        print(wrong)


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:]))
