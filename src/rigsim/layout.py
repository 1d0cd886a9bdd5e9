"""Writes the files of a planned session where each kind of rig leaves them."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from one.alf.spec import to_alf

from rigsim import behaviour, bpod, clock, raw_daq, session
from rigsim.specification import CAMERAS, DAQ_RATE, WIRED_3B, Fault, Rig

VIDEO = "raw_video_data"
NIDQ_META = {
    "appVersion": "20190327",
    "niAiRangeMax": "5",
    "niAiRangeMin": "-5",
    "niSampRate": "30003.0003",
    "niXDBytes1": "1",
    "niXDChans1": "0:7",
    "nSavedChans": "2",
    "snsMnMaXaDw": "0,0,1,1",
    "typeThis": "nidq",
}
AP_META = {"appVersion": "20170724", "imProbeOpt": "3", "imSampRate": "30000", "typeThis": "imec"}


def sync_collection(rig: Rig) -> str:
    """Return the collection of the sync arrays."""
    if rig.kind == "bpod":
        return task_collection(rig)
    if rig.kind == "spikeglx":
        return "raw_ephys_data"
    return "raw_sync_data"


def task_collection(rig: Rig) -> str:
    """Return the collection of the task data: a numbered one in sessions with a 1.x description."""
    modern = rig.description is not None and not rig.description.startswith("0")
    return "raw_task_data_00" if modern else "raw_behavior_data"


def task_protocol(rig: Rig) -> str:
    """Return the protocol of the task, as the settings and the description name it."""
    names = {"spikeglx": "ephys", "bpod": "training", "timeline": "biased", "camlog": "biased"}
    return f"_iblrig_tasks_{names[rig.kind]}ChoiceWorld"


def write_description(path: Path, rig: Rig) -> None:
    """Write `_ibl_experiment.description.yaml`, if the rig has a version of it."""
    if rig.description is None:
        return
    cameras = {}
    for camera in rig.labels:
        width, height = rig.frame_size(camera)
        cameras[camera] = {
            "collection": VIDEO,
            "sync_label": None if rig.kind == "camlog" else "audio",
            "width": width,
            "height": height,
            "fps": CAMERAS[rig.kind][camera].fps,
        }
        if rig.kind == "camlog":
            cameras[camera]["compressed"] = True
    if rig.kind == "bpod":
        sync = {"bpod": {"collection": task_collection(rig)}}
    else:
        sync = {
            "nidq": {
                "collection": sync_collection(rig),
                "extension": "npy" if rig.kind == "timeline" else "bin",
                "acquisition_software": "timeline" if rig.kind == "timeline" else "spikeglx",
            }
        }
    task = {task_protocol(rig): {"collection": task_collection(rig), "sync_label": "bpod"}}
    description = {
        "version": rig.description,
        "sync": sync,
        "devices": {"cameras": cameras},
        "tasks": task if rig.description.startswith("0") else [task],
        "procedures": ["Behavior training/tasks"],
        "projects": ["rendered"],
    }
    file = path / to_alf("experiment", "description", "yaml", namespace="ibl")
    file.write_text(yaml.safe_dump(description, sort_keys=False))


def write_device_stub(path: Path, rig: Rig, camera: str) -> None:
    """Leave the stub of a computer whose transfer has not finished."""
    name = f"{rig.date}_{int(rig.number)}_{rig.subject}@video-{camera}.yaml"
    stub = {"version": rig.description or "1.0.0", "devices": {"cameras": {camera: {}}}}
    folder = path / "_devices"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(yaml.safe_dump(stub))


def write_sync(path: Path, rig: Rig, planned: session.Session) -> None:
    """Write the sync arrays and the meta and wiring files beside them; nothing for Bpod rigs."""
    if rig.kind == "bpod":
        return
    folder = path / sync_collection(rig)
    if rig.neuropixel == "3A":
        folder = folder / "probe00"
    folder.mkdir(parents=True, exist_ok=True)
    namespace = "timeline" if rig.kind == "timeline" else "spikeglx"
    fronts = session.sync_arrays(rig, planned)
    for attribute, values in fronts.items() if rig.daq == "arrays" else ():
        np.save(folder / to_alf("sync", attribute, "npy", namespace=namespace), values)
    if rig.kind == "timeline":
        # to_alf would make this dAQdata.
        file = folder / "_timeline_DAQdata.meta.json"
        file.write_text(json.dumps(_timeline_meta(rig), indent=1))
        return
    if rig.neuropixel == "3A":
        for band in ("ap", "lf"):
            raw_daq.write_meta(folder / f"_spikeglx_ephysData_g0_t0.imec.{band}.meta", AP_META)
        if rig.daq != "arrays":
            file = folder / "_spikeglx_ephysData_g0_t0.imec.ap.bin"
            raw_daq.write(file, rig, fronts, planned.duration, raw_daq.PROBE | AP_META)
    else:
        label = "ephysData_g0_t0" if rig.kind == "spikeglx" else "DAQdata_g0_t0"
        seconds = {"fileTimeSecs": f"{planned.duration:.6f}"}
        raw_daq.write_meta(folder / f"_spikeglx_{label}.nidq.meta", NIDQ_META | seconds)
        if rig.daq != "arrays":
            file = folder / f"_spikeglx_{label}.nidq.bin"
            raw_daq.write(file, rig, fronts, planned.duration, raw_daq.NIDQ | NIDQ_META)
    if rig.wiring_file != "none":
        name = "ephysData_g0_t0.nidq" if rig.kind == "spikeglx" else "DAQdata"
        file = folder / f"_spikeglx_{name}.wiring.json"
        file.write_text(json.dumps(_wiring(rig.wiring_file), indent=1))


def _wiring(extent: str) -> dict:
    names = {n: c for n, c in WIRED_3B.items() if extent == "full" or n.endswith("_camera")}
    digital = {f"P0.{c}": n for n, c in names.items() if c < 16}
    analog = {f"AI{c - 16}": n for n, c in names.items() if c >= 16}
    return {"SYSTEM": "3B", "SYNC_WIRING_DIGITAL": digital, "SYNC_WIRING_ANALOG": analog}


def _timeline_meta(rig: Rig) -> dict:
    inputs = [
        {
            "name": name,
            "arrayColumn": column,
            "daqChannelID": f"ai{column - 1}",
            "measurement": "Voltage",
            "terminalConfig": "SingleEnded",
        }
        for name, column in rig.channels.items()
    ]
    rate = DAQ_RATE[rig.kind]
    return {"daqSampleRate": rate, "samplingInterval": 1 / rate, "inputs": inputs}


def write_frame_data(path: Path, rig: Rig, camera: str, table: np.ndarray) -> None:
    """Write the embedded frame data of a camera, (n_frames, 4), in the form the rig has."""
    folder = path / VIDEO
    name = f"{camera}Camera"
    seen = not rig.has(camera, Fault.NO_GPIO)
    if rig.frame_data == "bin":
        if not seen:
            table = table.copy()
            table[:, 3] = 0
        table.tofile(folder / to_alf(name, "frameData", "bin", namespace="iblrig"))
        return
    computer = _iso_times(table[:, 0])
    stamps = table[:, 1].astype(np.int64).astype(str)
    columns = (computer, stamps) if rig.frame_data == "ssv" else (stamps, computer)
    lines = [f"{a} {b} \n" for a, b in zip(*columns, strict=True)]
    # to_alf would change the case of frame_counter and GPIO.
    (folder / f"_iblrig_{name}.timestamps.ssv").write_text("".join(lines))
    table[:, 2].tofile(folder / f"_iblrig_{name}.frame_counter.bin")
    if seen:
        table[:, 3].tofile(folder / f"_iblrig_{name}.GPIO.bin")


def _iso_times(ticks: np.ndarray) -> list[str]:
    """Format times in ISO 8601 with 7 decimals and the zone, as Bonsai writes them."""
    days = clock.TICKS_EPOCH.replace(tzinfo=None)
    whole, rest = np.divmod(ticks.astype(np.int64), clock.TICKS_PER_SECOND)
    seconds = np.datetime64(days, "s") + whole.astype("timedelta64[s]")
    return [f"{s}.{r:07d}+00:00" for s, r in zip(seconds.astype(str), rest, strict=True)]


def avi_path(path: Path, rig: Rig, camera: str) -> Path:
    """Return the path of the camera's avi."""
    if rig.kind == "camlog":
        return path / VIDEO / f"{camera}_cam_run000_00000000.avi"
    return path / VIDEO / to_alf(f"{camera}Camera", "raw", "avi", namespace="iblrig")


def write_camlog(path: Path, rig: Rig, camera: str, recording: clock.Recording) -> None:
    """Write the log of labcams: frame number from 0 and the camera's time in seconds."""
    avi = avi_path(path, rig, camera)
    seconds = recording.times * (1 + recording.clock_ppm * 1e-6) + recording.clock_start
    frames = recording.saved - recording.saved[0]
    rows = [f"{n},{t:.6f}\n" for n, t in zip(frames, seconds, strict=True)]
    head = [
        f"# Camera: {camera}_cam log file\n",
        f"# Date: {rig.date}\n",
        "# labcams version: 0.7.2\n",
        "# Log header:frame_id,timestamp\n",
        f"# [{rig.date} 12:00:00] - {avi.name}\n",
    ]
    tail = f"# [{rig.date} 13:00:00] - Wrote {len(rows)} frames on {camera}_cam (1 files).\n"
    avi.with_suffix(".camlog").write_text("".join([*head, *rows, tail]))


def write_video_code(path: Path) -> None:
    """Write the archive of the workflow that recorded the videos."""
    file = path / VIDEO / to_alf("videoCodeFiles", "raw", "zip", namespace="iblrig")
    with zipfile.ZipFile(file, "w") as archive:
        entry = zipfile.ZipInfo("record.bonsai", (2026, 1, 1, 0, 0, 0))
        archive.writestr(entry, "<WorkflowBuilder/>\n")


def write_task(path: Path, rig: Rig, planned: session.Session) -> None:
    """Write the task data and settings; with camera pulses and sounds on Bpod rigs."""
    folder = path / task_collection(rig)
    folder.mkdir(exist_ok=True)
    settings = bpod.settings(rig, task_protocol(rig))
    file = folder / to_alf("taskSettings", "raw", "json", namespace="iblrig")
    file.write_text(json.dumps(settings, indent=1))
    lines = bpod.trial_lines(rig, planned)
    file = folder / to_alf("taskData", "raw", "jsonable", namespace="iblrig")
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_wheel(path: Path, planned: session.Session) -> None:
    """Write the wheel as ALF: position in radians at each count of the encoder."""
    times, counts = behaviour.encoder_counts(planned.wheel)
    folder = path / "alf"
    folder.mkdir(exist_ok=True)
    position = counts[1:] * 2 * np.pi / behaviour.TICKS
    np.save(folder / to_alf("wheel", "timestamps", "npy", namespace="ibl"), times)
    np.save(folder / to_alf("wheel", "position", "npy", namespace="ibl"), position)


def write_trials(path: Path, planned: session.Session) -> None:
    """Write IBL's table of trials, with the columns that the rendered session has values for.

    The side of the stimulus follows from choice and feedback: a correct turn to the left is for
    a stimulus on the left. Trials without response have it on the left, as the task data say.
    """
    trials = planned.trials
    choice = behaviour.choices(trials, planned.wheel)
    feedback_type = np.where(trials.correct, 1.0, -1.0)
    right = choice * feedback_type < 0
    table = {
        "intervals_0": trials.starts,
        "intervals_1": trials.ends,
        "stimOn_times": trials.stimulus_onsets,
        "goCue_times": trials.go_cues,
        "firstMovement_times": behaviour.first_movements(trials, planned.wheel),
        "response_times": trials.feedbacks,
        "feedback_times": trials.feedbacks,
        "feedbackType": feedback_type,
        "choice": choice,
        "contrastLeft": np.where(right, np.nan, 1.0),
        "contrastRight": np.where(right, 1.0, np.nan),
    }
    folder = path / "alf"
    folder.mkdir(exist_ok=True)
    pd.DataFrame(table).to_parquet(folder / to_alf("trials", "table", "pqt", namespace="ibl"))
