"""A rig and a pose engine are added to a copy of the repository by following docs/extending.md."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import numpy as np
import pandas as pd
import pytest
import yaml

from alfvideo.pose import uv
from rigsim import Rig, load_truth
from rigsim.session import plan, sync_arrays
from rigsim.video import write_avi
from tests import clone
from tests.workflow.runs import Outcome, error_in_frames, execute, hashes, small

pytestmark = pytest.mark.slow

MAX_TOUCHED = 6
GENERATED = ("__pycache__", ".snakemake", ".venv")


class Copy:
    """A copy of the repository that can be changed, and what was changed in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in (*clone.NOT_CONFIGURED, "config", "docs"):
            source = clone.REPO / name
            if source.is_file():
                shutil.copy(source, folder / name)
            else:
                ignore = shutil.ignore_patterns(*GENERATED)
                shutil.copytree(source, folder / name, symlinks=True, ignore=ignore)
        (folder / "config" / "config.yaml").write_text("root: /data/Subjects\n")
        self.environment = os.environ | {
            "PYTHONPATH": str(folder / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._before = hashes(folder)

    def write(self, name: str, text: str) -> None:
        """Write a new file."""
        file = self.folder / name
        assert not file.exists()
        file.parent.mkdir(exist_ok=True)
        file.write_text(dedent(text).lstrip())

    def change(self, name: str, before: str, after: str) -> None:
        """Replace a text that a file has once."""
        file = self.folder / name
        text = file.read_text()
        assert text.count(before) == 1, f"{before!r} in {name}"
        file.write_text(text.replace(before, after))

    def append(self, name: str, text: str) -> None:
        """Write something at the end of a file."""
        file = self.folder / name
        file.write_text(file.read_text().rstrip() + "\n\n\n" + dedent(text).lstrip())

    def touched(self) -> set[str]:
        """Files that are new or changed."""
        return {
            name for name, digest in hashes(self.folder).items() if self._before.get(name) != digest
        }

    def run(self, workdir: Path, config: dict[str, object]) -> Outcome:
        """Run all that is pending by the workflow of the copy."""
        workdir.mkdir()
        file = workdir / "config.json"
        file.write_text(json.dumps({"compression": {"preset": "ultrafast"}} | config))
        command = [
            *(sys.executable, "-m", "snakemake", "-s", str(self.folder / "Snakefile")),
            *("--profile", str(self.folder / "profiles" / "default"), "--configfile", str(file)),
            *("--directory", str(workdir)),
        ]
        return execute(command, env=self.environment)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    folder = tmp_path / "alfvideo"
    folder.mkdir()
    return Copy(folder)


def numbered_files(section: str, placeholder: str, name: str) -> set[str]:
    """The files that the numbered steps of a section of docs/extending.md begin with."""
    text = (clone.REPO / "docs" / "extending.md").read_text()
    steps = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\d+\. `([^`]+)`:", steps, re.M)
    assert len(found) == len(re.findall(r"^\d+\. ", steps, re.M))
    return {file.replace(placeholder, name) for file in found}


# A rig whose pulses lie in a table: time in seconds, line by name, state 1 or 0.


def add_rig(copy: Copy) -> None:
    copy.write(
        "src/alfvideo/timing/lines.py",
        '''
        """Lines that a DAQ wrote into a table of text, `lines.csv`: time, line, state."""

        import csv
        from collections.abc import Sequence
        from pathlib import Path

        import numpy as np

        from alfvideo.files.errors import DataError
        from alfvideo.timing.sync import Fronts


        def sync_line(files: Sequence[Path], namespace: str, label: str) -> Fronts:
            """Read the line of a name; times in seconds."""
            with files[0].open(encoding="utf-8", newline="") as file:
                rows = [row for row in csv.DictReader(file) if row["line"] == label]
            if not rows:
                raise DataError(f"{files[0]} has no line {label!r}: correct the description.")
            return Fronts(
                np.array([float(row["time"]) for row in rows]),
                np.array([1 if row["state"] == "1" else -1 for row in rows]),
            )
        ''',
    )
    copy.append(
        "src/alfvideo/session/pulse_files.py",
        '''
        def pulse_table(session: "Session", camera: "Camera") -> list[Path]:
            """Return the table of the pulses."""
            found = session.find(session.sync_collection, "lines.csv")
            if not found:
                raise Blocked(f"sync missing: {session.sync_collection}/lines.csv")
            return found
        ''',
    )
    copy.change(
        "src/alfvideo/session/rigs.py",
        "RIGS = {rig.name: rig for rig in (NIDQ, BPOD)}",
        dedent("""
            LINES = Rig(
                name="lines",
                rule="video_sync_qc_lines",
                files=(pulse_files.pulse_table,),
                sync_line=lines.sync_line,
                collection="raw_sync_data",
            )

            RIGS = {rig.name: rig for rig in (NIDQ, BPOD, LINES)}
            """).strip(),
    )
    copy.change(
        "src/alfvideo/session/rigs.py",
        "from alfvideo.timing import bpod, sync\n",
        "from alfvideo.timing import bpod, lines, sync\n",
    )
    copy.write(
        "scripts/video_sync_qc_lines.py",
        '''
        """Camera times from the pulses in a table, aligned to the frames by GPIO."""

        from pathlib import Path

        from alfvideo.jobs import job
        from alfvideo.timing import embedded, lines, record, timestamps
        from alfvideo.timing.daq_lines import DaqLines
        from alfvideo.video import probe

        with job.run(snakemake) as this:
            files = [Path(file) for file in snakemake.input.pulse_table]
            pulses = lines.sync_line(files, "", f"{this.camera}_camera").rises
            label = this.settings["sync_label"]
            line = lines.sync_line(files, "", label)
            frames = probe.probe_whole(Path(snakemake.input.mp4[0])).frames
            frame_data = embedded.load(map(Path, snakemake.input.embedded))
            found = timestamps.camera_times(pulses, frames, frame_data, DaqLines({label: line}))
            this.note(*found.notes)
            made = record.TimingRecord(found.method, tuple(this.notes), found.evidence)
            record.save(made, snakemake.output.timing, found.times, snakemake.output.times)
        ''',
    )
    rules = (copy.folder / "rules" / "sync.smk").read_text()
    bpod = rules[rules.index("rule video_sync_qc_bpod:") : rules.index("rule video_sync_qc_nidq:")]
    rule = bpod.replace("_qc_bpod", "_qc_lines").replace("from the Bpod", "from a table")
    copy.append("rules/sync.smk", rule)


def with_table(session: Path, rig: Rig) -> None:
    """Turn a session of a SpikeGLX rig into one whose pulses lie in a table."""
    shutil.rmtree(session / "raw_ephys_data")
    recorded = sync_arrays(rig, plan(rig))
    names = {number: name for name, number in rig.channels.items()}
    (session / "raw_sync_data").mkdir()
    pd.DataFrame(
        {
            "time": recorded["times"],
            "line": [names[number] for number in recorded["channels"]],
            "state": (recorded["polarities"] > 0).astype(int),
        }
    ).to_csv(session / "raw_sync_data" / "lines.csv", index=False)
    (description,) = session.glob("_ibl_experiment.description*.yaml")
    content = yaml.safe_load(description.read_text())
    content["sync"] = {"lines": {"collection": "raw_sync_data"}}
    description.write_text(yaml.safe_dump(content))


def test_a_rig(copy: Copy, tmp_path: Path, rendered: Callable[[Path, Rig], Path]):
    rig = small(seconds=10, wheel=False)
    session = rendered(tmp_path / "root", rig)
    with_table(session, rig)
    config = {"root": str(tmp_path / "root")}
    before = copy.run(tmp_path / "before", config)
    assert before.row("unknown sync 'lines': nidq and bpod can be read")

    add_rig(copy)
    assert copy.touched() == numbered_files("A rig", "RIG", "lines")
    assert len(copy.touched()) <= MAX_TOUCHED
    done = copy.run(tmp_path / "work", config)
    assert done.status == 0, done.text
    assert done.finished["video_sync_qc_lines"] == 1
    # A front is recorded at the next sample of the DAQ, so up to a sample late.
    assert error_in_frames(session, "body") < 0.01
    checks = json.loads((session / "qc" / "_ibl_bodyCamera.videoQC.json").read_text())
    assert checks["extended_qc"]["_videoBody_pin_state"][0] == "PASS"
    assert checks["extended_qc"]["_videoBody_timestamps"] == "PASS"


# A pose engine that finds the brightest pixel.


def add_engine(copy: Copy) -> None:
    copy.write(
        "envs/brightest/pyproject.toml",
        """
        [project]
        name = "alfvideo-brightest"
        version = "1"
        requires-python = ">=3.11,<3.13"
        dependencies = ["numpy"]

        [tool.uv]
        package = false
        """,
    )
    project = copy.folder / "envs" / "brightest"
    subprocess.run([uv.program(), "lock", "--quiet", "--project", project], check=True)
    copy.write(
        "src/alfvideo/pose/engines/brightest.py",
        '''
        """Finds the brightest pixel; a model is a JSON file with the name of the only body part."""

        import json
        from pathlib import Path

        import numpy as np

        from alfvideo.pose.engines.error import EngineError
        from alfvideo.pose.engines.network import Facts, Files


        def files(model: Path) -> Files:
            """The model is one file."""
            if model.suffix != ".json":
                raise EngineError(f"{model} is no model: name a .json file in the cascade.")
            return Files(model, model)


        def facts(model: Path) -> Facts:
            """The only body part, in pictures of any size."""
            return Facts(model, "brightest pixel", [json.loads(model.read_text())["part"]], None)


        def load(model: Path, device: None, trusted: object = ()) -> "Brightest":
            """Load a model."""
            return Brightest(facts(model).parts)


        class Brightest:
            """The brightest pixel of each picture."""

            context = 0

            def __init__(self, parts: list[str]) -> None:
                self.parts = parts

            def predict(self, frames: np.ndarray) -> np.ndarray:
                """See network.Network."""
                n, height, width, _ = frames.shape
                y, x = np.divmod(frames[..., 0].reshape(n, -1).argmax(axis=1), width)
                return np.column_stack([x, y, np.ones(n)])[:, None].astype(np.float64)
        ''',
    )
    copy.change(
        "src/alfvideo/trackers.py",
        "\n)\n\nTRACKERS = ",
        """
    Tracker(
        name="brightest",
        label="Brightest Pixel",
        rule="brightest",
        short="brightest",
        project="brightest",
        engine="brightest",
        models="brightest",
        imports=("numpy",),
        requires=("numpy>=2",),
    ),
)

TRACKERS = """,
    )
    rules = (copy.folder / "rules" / "pose.smk").read_text()
    theirs = rules[rules.index("use rule dlc_environment as lightning_pose_environment with:") :]
    for there, here in (
        (r"lightning_pose|lightningPose|litpose|lp(?=_qc_plot)", "brightest"),
        ("Lightning Pose", "Brightest Pixel"),
    ):
        theirs = re.sub(there, here, theirs)
    copy.append("rules/pose.smk", theirs)
    subprocess.run(
        [sys.executable, "-m", "alfvideo.pose.conda"],
        env=copy.environment,
        cwd=copy.folder,
        check=True,
    )


def spots(n_frames: int, width: int, height: int) -> np.ndarray:
    """Where a spot is in each frame, (n_frames, 2) whole pixels, away from the edges."""
    steps = np.arange(n_frames)
    return np.column_stack([20 + steps % (width - 40), 16 + steps // 3 % (height - 32)])


def with_spot(session: Path, size: tuple[int, int], fps: int) -> np.ndarray:
    """Replace the video of the body camera by that of a spot; returns where it is."""
    found = spots(len(load_truth(session, "body")["times"]), *size)
    y, x = np.mgrid[: size[1], : size[0]]
    frames = (
        np.uint8(30 + 200 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 18)) for cx, cy in found
    )
    avi = session / "raw_video_data" / "_iblrig_bodyCamera.raw.avi"
    write_avi(avi, frames, size=size, fps=fps, codec="mjpeg")
    return found


def test_a_pose_engine(copy: Copy, tmp_path: Path, rendered: Callable[[Path, Rig], Path]):
    rig = small(seconds=4, scale=0.2)
    session = rendered(tmp_path / "root", rig)
    found = with_spot(session, rig.frame_size("body"), fps=30)
    (tmp_path / "model.json").write_text('{"part": "spot"}')
    # Its points have to come back in pixels of the frame.
    crop = {"x": 10, "y": 8, "width": 108, "height": 86}
    network = {"models": ["model.json"], "parts": ["spot"], "crop": crop}
    (tmp_path / "body.yaml").write_text(json.dumps({"networks": {"inside": network}}))
    config = {
        "root": str(tmp_path / "root"),
        "trackers": ["brightest"],
        "features_from": "brightest",
        "cascades": {"brightest": {"body": str(tmp_path / "body.yaml")}},
        "environments": {"brightest": sys.executable},
    }
    before = copy.run(tmp_path / "before", config)
    assert "must be a tracker, dlc or lightningPose" in before.text

    add_engine(copy)
    assert copy.touched() == numbered_files("A pose engine", "ENGINE", "brightest")
    assert len(copy.touched()) <= MAX_TOUCHED
    done = copy.run(tmp_path / "work", config)
    assert done.status == 0, done.text
    assert done.finished["brightest"] == 1
    table = pd.read_parquet(session / "alf" / "_ibl_bodyCamera.brightest.pqt")
    assert len(table) == len(found)
    assert np.abs(table[["spot_x", "spot_y"]].to_numpy() - found).max() <= 1
    assert (table["spot_likelihood"] == 1).all()
    checks = json.loads((session / "qc" / "_ibl_bodyCamera.brightestQC.json").read_text())
    assert checks["extended_qc"]["_brightestBody_time_trace_length_match"] == "PASS"
    assert (session / "snapshot" / "brightest_qc_plot.png").exists()
