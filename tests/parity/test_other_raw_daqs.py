"""Raw files of Timeline and TDMS: alfvideo and ibllib find the same fronts."""

import json
from pathlib import Path

import numpy as np
import pytest
from nptdms import ChannelObject, GroupObject, RootObject, TdmsWriter

from alfvideo.daq import tdms, timeline
from alfvideo.daq.fronts import Fronts
from rigsim.session import plan, sync_arrays
from tests.parity.client import Peer
from tests.parity.sessions import healthy

pytestmark = pytest.mark.parity

RIG = healthy("timeline")
RATE = 1000.0


def volts() -> tuple[np.ndarray, list[str]]:
    """Voltages of all lines of a rendered session, (n, lines), and their names."""
    planned = plan(RIG)
    fronts = sync_arrays(RIG, planned)
    changes = np.zeros((round(planned.duration * RATE), len(RIG.channels)))
    for column, channel in enumerate(RIG.channels.values()):
        here = fronts["channels"] == channel
        samples = np.rint(fronts["times"][here] * RATE).astype(int)
        np.add.at(changes[:, column], samples, fronts["polarities"][here])
    levels = np.cumsum(changes, axis=0)
    assert set(np.unique(levels)) == {0, 1}
    noise = np.random.default_rng(0).standard_normal(levels.shape)
    return 0.1 + 4.9 * levels + 0.01 * noise, list(RIG.channels)


def rows(fronts: dict[str, np.ndarray] | Fronts) -> list[tuple[float, int, int]]:
    columns = fronts if isinstance(fronts, dict) else vars(fronts)
    names = ("times", "channels", "polarities")
    return sorted(zip(*(columns[name].tolist() for name in names), strict=True))


def test_timeline(peer: Peer, tmp_path: Path) -> None:
    lines, names = volts()
    turned = np.cumsum(np.random.default_rng(1).integers(-1, 2, len(lines))) % 2**32
    frames = np.cumsum(np.random.default_rng(2).random(len(lines)) < 0.03)
    kinds = [*(["Voltage"] * len(names)), "Position", "EdgeCount"]
    inputs = [
        {"name": name, "arrayColumn": n + 1, "measurement": kind, "daqChannelID": f"ai{n}"}
        for n, (name, kind) in enumerate(
            zip((*names, "rotary_encoder", "neural_frames"), kinds, strict=True)
        )
    ]
    np.save(tmp_path / "_timeline_DAQdata.raw.npy", np.column_stack([lines, turned, frames]))
    np.save(tmp_path / "_timeline_DAQdata.timestamps.npy", 0.5 + np.arange(len(lines)) / RATE)
    meta = {"daqSampleRate": RATE, "inputs": inputs}
    (tmp_path / "_timeline_DAQdata.meta.json").write_text(json.dumps(meta))
    theirs = rows(peer.ask("timeline_sync", folder=tmp_path).arrays)
    assert len(theirs) > 5000
    assert rows(timeline.read(tmp_path / "_timeline_DAQdata.raw.npy")) == theirs


def by_both(peer: Peer, path: Path, lines: np.ndarray) -> tuple[list, list]:
    """Fronts of the analog lines of a TDMS file by alfvideo and by ibllib, times in ms."""
    group = GroupObject("Analog", properties={"ScanRate": RATE})
    waveform = {"wf_increment": 1 / RATE, "wf_samples": len(lines), "wf_start_offset": 0.0}
    channels = [
        ChannelObject("Analog", f"AI{n}", column, {"ChannelKey": n, **waveform})
        for n, column in enumerate(lines.T)
    ]
    with TdmsWriter(path) as writer:
        writer.write_segment([RootObject(), group, *channels])
    wired = {f"line {n}": f"ai{n}" for n in range(lines.shape[1])}
    theirs = peer.ask("tdms_sync", file=path, lines=wired).arrays
    theirs["times"] = np.rint(1000 * theirs["times"])
    ours = tdms.read(path)
    return (
        rows(Fronts(np.rint(1000 * ours.times), ours.channels - 16, ours.polarities)),
        rows(theirs),
    )


def test_tdms(peer: Peer, tmp_path: Path) -> None:
    lines, _ = volts()
    not_in_use = 0.01 * np.random.default_rng(3).standard_normal((len(lines), 8))
    ours, theirs = by_both(peer, tmp_path / "daq.tdms", np.column_stack([lines, not_in_use]))
    assert len(theirs) > 2000
    assert ours == theirs


def test_tdms_in_which_nearly_all_lines_are_high_at_a_time(peer: Peer, tmp_path: Path) -> None:
    """ibllib subtracts what is low among the lines at each sample, so that none is high there."""
    lines, _ = volts()
    ours, theirs = by_both(peer, tmp_path / "daq.tdms", lines)
    fronts = sync_arrays(RIG, plan(RIG))
    assert len(ours) == fronts["times"].size
    assert len(theirs) > len(ours)
