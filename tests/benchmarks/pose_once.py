"""One way to the poses of a camera, once, in a process with nothing else in its memory.

`python -m tests.benchmarks.pose_once JOB`, with a job as JSON, prints what it took as JSON. Our way
runs in the environment of alfvideo, the others in that of their engine; so each imports its own.
"""

import json
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def alfvideo(job: dict[str, Any], ready: Callable[[], None], done: Callable[[], None]) -> Any:
    """Do what the rule does."""
    from alfvideo.pose import cascade, devices, result, track
    from alfvideo.pose.engine import Engine
    from alfvideo.pose.parts import Parts
    from alfvideo.video import probe

    path, output = Path(job["videos"][0]), Path(job["output"])
    networks = cascade.from_settings(job["cascade"])
    models = track.models(networks)
    what = probe.probe_whole(path)
    with (
        devices.one() as device,
        Engine(Path(job["python"]), job["tracker"], models, job["threads"], device) as running,
        Parts(output, {}) as finished,
    ):
        ready()
        poses = track.track(path, what, "left", networks, running, finished)
        table = result.table(poses, networks, "left", what, running)
        table.to_parquet(output.with_suffix(".pqt"))
        done()
    return table


def dlc(job: dict[str, Any], ready: Callable[[], None], done: Callable[[], None]) -> Any:
    """DeepLabCut's own command, on one video after the other."""
    import deeplabcut
    import pandas as pd
    import torch

    torch.set_num_threads(job["threads"])
    results = _new_folder(job)
    ready()
    for path in job["videos"]:
        deeplabcut.analyze_videos(f"{job['model']}/config.yaml", [path], destfolder=results)
    done()
    return pd.read_hdf(next(Path(results).glob("*.h5")))


def litpose(job: dict[str, Any], ready: Callable[[], None], done: Callable[[], None]) -> Any:
    """The public interface of Lightning Pose, which needs no DALI."""
    import torch
    from lightning_pose.api import Model

    torch.set_num_threads(job["threads"])
    (path,) = job["videos"]
    model = Model.from_dir(job["model"])
    ready()
    result = model.predict_on_video_file(path, output_dir=_new_folder(job), compute_metrics=False)
    done()
    return result.predictions


def _new_folder(job: dict[str, Any]) -> str:
    """A folder for results: where there are some already, the commands do nothing."""
    return tempfile.mkdtemp(dir=Path(job["output"]).parent)


def _cpu_seconds() -> float:
    """CPU time of this process and of those that it has started and that still run."""
    try:
        import psutil
    except ImportError:  # an engine that starts none
        return time.process_time()
    children = psutil.Process().children(recursive=True)
    times = [child.cpu_times() for child in children]
    return time.process_time() + sum(t.user + t.system for t in times)


def main() -> None:
    """Run the job named on the command line."""
    job = json.loads(sys.argv[1])
    moments: list[tuple[float, float]] = []

    def note() -> None:
        moments.append((time.time(), _cpu_seconds()))

    way = {"alfvideo": alfvideo, "dlc": dlc, "litpose": litpose}[job["way"]]
    table = way(job, note, note)
    np.save(job["output"], table.to_numpy().reshape(len(table), -1, 3))
    # unlike getrusage, this does not start from the peak of the parent process
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    (ready, cpu_ready), (done, cpu_done) = moments
    answer = {
        "ready": ready,
        "done": done,
        "cpu_seconds": cpu_done - cpu_ready,
        "peak": 1024 * int(peak[1]),
        # only ours has an engine beside it; what others start are copies of themselves
        "engine_peak": 1024 * children.ru_maxrss if job["way"] == "alfvideo" else 0,
    }
    print("\n" + json.dumps(answer))


if __name__ == "__main__":
    main()
