"""Makes a data folder with many small sessions: finished ones, some to do, and some blocked."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from alfvideo import configuration
from alfvideo.configuration import Configuration
from alfvideo.jobs import provenance
from alfvideo.planning import tasks
from alfvideo.pose import table
from alfvideo.session import datasets, description
from rigsim import Rig, layout, render, truth

REPOSITORY = Path(__file__).parents[2]

RIG = Rig(lab="lab", seconds=1, scale=0.05)
"""Three cameras; small enough that ten thousand of them take minutes and a few GB."""

DAYS = 50
"""Sessions of each subject, one a day."""

FIRST_DAY = date(2024, 1, 1)


class Template(NamedTuple):
    """A session before and after the workflow, to be copied; each of the same name in a folder."""

    new: Path
    done: Path


def template(folder: Path, config: Configuration, rig: Rig = RIG) -> Template:
    """Render a session below `folder` and run the workflow on a copy of it.

    Poses are not tracked but written where things were drawn, with the records of their jobs.

    Raises
    ------
    subprocess.CalledProcessError
        If the workflow fails.
    """
    new = render(folder / "new", rig)
    shutil.copytree(folder / "new", folder / "done")
    done = folder / "done" / rig.session
    settings = config.changed(root=str(folder / "done"), registration={"tables": False})
    _run_workflow(settings.changed(trackers=[]))
    if config.trackers:
        write_poses(done, config)
        _run_workflow(settings)
    return Template(new, done)


def make(
    root: Path, copied: Template, n: int, *, pending: int = 0, blocked: int = 0, new: int = 0
) -> list[Path]:
    """Make `n` sessions below `root` and return their paths, oldest first.

    They are done but for some, spread among them: of `pending` sessions the times are missing,
    `new` ones have raw files only, and so do `blocked` ones, spoilt by `block`. Modification times
    are those of the template. What alfvideo made is linked and not copied where that can be: it
    takes no space, and is never written to in place.

    Raises
    ------
    ValueError
        If there are more exceptions than sessions.
    """
    special = [*["pending"] * pending, *["blocked"] * blocked, *["new"] * new]
    if len(special) > n:
        raise ValueError(f"{len(special)} of {n} sessions cannot be pending, blocked or new")
    places = np.linspace(0, n - 1, len(special)).astype(int)
    kinds = dict(zip(np.random.default_rng(0).permutation(places).tolist(), special, strict=True))
    paths = [root / "lab" / "Subjects" / _place(i) for i in range(n)]
    made = {copied.done / name for name in provenance.read(copied.done)}

    def copy(source: str, target: str) -> None:
        with suppress(OSError):
            if Path(source) in made:
                os.link(source, target)
                return
        shutil.copy2(source, target)

    def copy_session(i: int) -> None:
        source = copied.new if kinds.get(i) in ("new", "blocked") else copied.done
        shutil.copytree(source, paths[i], copy_function=copy)

    with ThreadPoolExecutor() as pool:
        list(pool.map(copy_session, range(n)))
    for i in kinds:
        if kinds[i] == "pending":
            unfinish(paths[i])
    for which, i in enumerate(i for i in kinds if kinds[i] == "blocked"):
        block(paths[i], which)
    return paths


def _place(i: int) -> str:
    """Return subject, date and number of a copy."""
    subject, day = divmod(i, DAYS)
    return f"KB{subject:04}/{FIRST_DAY + timedelta(days=day)}/001"


def _run_workflow(config: Configuration) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.json")
        file.write_text(config.model_dump_json())
        subprocess.run(
            [
                *(sys.executable, "-m", "snakemake", "--directory", folder),
                *("-s", str(REPOSITORY / "Snakefile"), "--configfile", str(file)),
                *("--profile", str(REPOSITORY / "profiles" / "default")),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def write_poses(path: Path, config: Configuration) -> None:
    """Write the table of each tracked camera as its rule would, and its record."""
    recorded = description.read(path)
    for camera, task in tasks.selected(recorded, config):
        if task.stage not in datasets.POSE or not task.applies(recorded, camera, config):
            continue
        output = datasets.path(datasets.POSE[task.stage], recorded, camera)
        _pose(path, camera.label).to_parquet(output)
        work = provenance.Work(
            rule=task.rule,
            camera=camera.label,
            inputs={mp4: provenance.fingerprint(mp4) for mp4 in datasets.mp4(recorded, camera)},
            outputs=[output],
            params=task.params(recorded, camera, config),
            log=Path("none"),
        )
        provenance.record(path, work, started=provenance.now(), seconds=0)


def _pose(path: Path, camera: str) -> pd.DataFrame:
    """Make the pose table of a rendered camera; hidden parts are unlikely points at (0, 0)."""
    drawn = truth.load_truth(path, camera)
    columns = {}
    for part, points in zip(drawn["parts"], np.moveaxis(drawn["keypoints"], 1, 0), strict=True):
        seen = ~np.isnan(points[:, 0])
        values = [*np.nan_to_num(points).T, seen.astype(float)]
        columns |= {f"{part}_{n}": v for n, v in zip(table.COORDINATES, values, strict=True)}
    return pd.DataFrame(columns)


def unfinish(path: Path) -> None:
    """Remove the camera times of a session, which makes all that follows from them pending."""
    for file in path.glob("alf/_ibl_*Camera.times.npy"):
        file.unlink()


def block(path: Path, which: int) -> None:
    """Make a new session one of which nothing can be processed, in one of three ways.

    It has no description, it is still on its way from the rig, or it has no raw files.
    """
    match which % 3:
        case 0:
            (path / "_ibl_experiment.description.yaml").unlink()
        case 1:
            layout.write_device_stub(path, RIG, RIG.labels[0])
        case 2:
            for folder in (layout.VIDEO, layout.sync_collection(RIG)):
                shutil.rmtree(path / folder)


def main() -> None:
    """Make the tree that the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m rigsim.tree",
        description="Make a data folder with many small sessions; most have been processed.",
    )
    add = parser.add_argument
    add("out", type=Path, metavar="OUT", help="root folder of the sessions")
    add("sessions", type=int, help="how many in all")
    for kind in ("pending", "blocked", "new"):
        add(f"--{kind}", type=int, default=0, help=f"how many of them are {kind} (%(default)s)")
    add("--configfile", type=Path, help="settings that they were processed with")
    options = parser.parse_args()
    changes = {"root": str(options.out)}
    settings = (
        configuration.read(options.configfile, changes)
        if options.configfile
        else configuration.parse(changes)
    )
    with tempfile.TemporaryDirectory() as folder:
        copied = template(Path(folder), settings)
        kinds = {kind: getattr(options, kind) for kind in ("pending", "blocked", "new")}
        make(options.out, copied, options.sessions, **kinds)


if __name__ == "__main__":
    main()
