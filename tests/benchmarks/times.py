"""Reading frame data, raw DAQ files and Bpod trials, and aligning frames with their pulses."""

from pathlib import Path
from typing import Any

import numpy as np

from alfvideo.daq import spikeglx
from alfvideo.timing import bpod, daq_lines, embedded, sync, timestamps
from rigsim import Rig, clock, layout, session
from tests.benchmarks.measure import Row, Timed, compare, timed
from tests.parity.client import Peer

CAMERA = "left"


def run(peer: Peer, folder: Path, quick: bool) -> list[Row]:
    """Compare on sessions of 90 minutes (nidq) and 1,000 trials (Bpod); a tenth of it if quick."""
    part, repeats = (0.1, 3) if quick else (1.0, 7)
    nidq = _written(folder, Rig(cameras=(CAMERA,), seconds=5400 * part))
    # trials are 2.6 s long on average
    training = _written(folder, Rig(kind="bpod", subject="KB002", seconds=2600 * part))
    return [
        *_frame_data(peer, nidq, "frameData.bin", repeats),
        *_frame_data(peer, _old_format(nidq, folder / "ssv"), "timestamps.ssv", repeats),
        *_alignment(peer, nidq, repeats),
        *_bpod(peer, training, repeats),
        *_raw_daq(peer, folder, "bin", 300 * part, repeats),
        *_raw_daq(peer, folder, "cbin", 300 * part, repeats),
    ]


def _frame_data(peer: Peer, path: Path, name: str, repeats: int) -> list[Row]:
    question = {"call": "frame_data", "session": path, "camera": CAMERA}
    count = embedded.load((path / layout.VIDEO).iterdir()).count
    assert np.array_equal(count, peer.ask(**question).arrays["count"])
    return compare(
        f"read {count.size:,} frames, {name}",
        "ms",
        count.size,
        timed(lambda: embedded.load((path / layout.VIDEO).iterdir())),
        {"ibllib": _asked(peer, **question)},
        repeats,
    )


def _alignment(peer: Peer, path: Path, repeats: int) -> list[Row]:
    files = sorted((path / "raw_ephys_data").iterdir())
    data = embedded.load((path / layout.VIDEO).iterdir())
    recorded, channels = sync.load(files), sync.channel_map(files, "spikeglx")
    own = channels[f"{CAMERA}_camera"]
    pulses, ttl = recorded.fronts(own).rises, recorded.fronts(channels["audio"])

    def ours() -> np.ndarray:
        daq = daq_lines.beside(recorded, channels, own, "audio")
        return timestamps.camera_times(pulses, data.count.size, data, daq=daq).times

    peer.ask("load_nidq", load=False, session=path, camera=CAMERA)
    theirs = peer.ask("align_nidq").arrays["times"]
    np.testing.assert_allclose(ours(), theirs, rtol=0, atol=1e-6)
    return compare(
        f"align {data.count.size:,} frames with {ttl.times.size:,} TTLs, all lines and pins",
        "ms",
        data.count.size,
        timed(ours),
        {"ibllib": _asked(peer, call="align_nidq")},
        repeats,
    )


def _bpod(peer: Peer, path: Path, repeats: int) -> list[Row]:
    collection = path / "raw_task_data_00"
    file = bpod.task_data(collection.iterdir())
    question = {"call": "bpod_events", "session": path, "collection": collection.name}

    def ours() -> np.ndarray:
        trials = bpod.load(file).events
        bpod.sync_fronts(trials)
        return bpod.camera_pulses(trials)[0]

    np.testing.assert_allclose(ours(), peer.ask(**question).arrays["pulses"], rtol=0, atol=1e-6)
    n_trials = len(bpod.load(file).events)
    return compare(
        f"pulses and TTLs of {n_trials:,} Bpod trials",
        "ms",
        n_trials,
        timed(ours),
        {"ibllib": _asked(peer, **question)},
        repeats,
    )


def _raw_daq(peer: Peer, root: Path, daq: str, seconds: float, repeats: int) -> list[Row]:
    path = _written(root, Rig(cameras=(CAMERA,), seconds=seconds, subject=f"KB_{daq}", daq=daq))
    (file,) = path.rglob(f"*.nidq.{daq}")
    found = spikeglx.read(file)
    assert np.array_equal(found.times, peer.ask("raw_sync", session=path).arrays["times"])
    return compare(
        f"{found.times.size:,} fronts of {seconds:.0f} s of nidq.{daq}",
        "ms",
        found.times.size,
        timed(lambda: spikeglx.read(file)),
        {"ibllib": _asked(peer, call="raw_sync", session=path)},
        repeats,
    )


def _asked(peer: Peer, call: str, **arguments: Any) -> Timed:
    """Time a call of ibllib, without passing its arrays on."""
    return lambda: peer.ask(call, load=False, **arguments).seconds


def _written(root: Path, rig: Rig) -> Path:
    """A session without videos: what the DAQ or Bpod recorded, and the frame data."""
    path = root / rig.session
    (path / layout.VIDEO).mkdir(parents=True)
    planned = session.plan(rig)
    layout.write_description(path, rig)
    layout.write_sync(path, rig, planned)
    layout.write_task(path, rig, planned)
    (recording,) = planned.recordings.values()
    # as on real rigs, cameras do not see every sound
    seen = np.delete(planned.sync, slice(10, None, 20), axis=0)
    table = clock.frame_table(recording, seen, rig.date, rig.random("computer"))
    layout.write_frame_data(path, rig, CAMERA, table)
    return path


def _old_format(path: Path, root: Path) -> Path:
    """A folder with the frame data of a session in the three files of old rigs."""
    (file,) = (path / layout.VIDEO).glob("*.frameData.bin")
    (root / layout.VIDEO).mkdir(parents=True)
    table = np.fromfile(file).reshape(-1, 4)
    layout.write_frame_data(root, Rig(frame_data="ssv"), CAMERA, table)
    return root
