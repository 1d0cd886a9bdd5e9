"""The workflow as a module of another one, from another folder."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from alfvideo.jobs import provenance, runs
from rigsim import Rig
from tests.workflow.runs import REPO, Outcome, error_in_frames, execute, small, temporary_files

Render = Callable[[Path, Rig], Path]

SNAKEFILE = """
configfile: "lab.yaml"

wildcard_constraints:
    camera="never"

module alfvideo:
    snakefile: {snakefile!r}
    config: config["alfvideo"]

use rule * from alfvideo as alfvideo_*

rule summary:
    default_target: True
    input: rules.alfvideo_all.input
    output: "summary.txt"
    shell: "ls {{input}} > {{output}}"

rule one:
    input: {times!r}
    output: "one.txt"
    shell: "cp {{input}} {{output}}"
"""
TIMES = "alf/_ibl_bodyCamera.times.npy"


class Outer:
    """A lab's own workflow, which uses alfvideo as a module."""

    def __init__(self, folder: Path, session: Path, **config: object) -> None:
        self.folder = folder
        self.root = session.parents[2]
        folder.mkdir()
        text = SNAKEFILE.format(snakefile=str(REPO / "Snakefile"), times=str(session / TIMES))
        (folder / "Snakefile").write_text(text)
        content = {"root": str(self.root), "compression": {"preset": "ultrafast"}, **config}
        (folder / "lab.yaml").write_text(yaml.safe_dump({"alfvideo": content}))

    def run(self, *arguments: object) -> Outcome:
        """Run it to its end, with nothing of alfvideo's profiles."""
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--keep-going"]
        return execute([*command, *map(str, arguments)], cwd=self.folder)


@pytest.mark.slow
def test_whole_path(tmp_path: Path, rendered: Render):
    session = rendered(tmp_path / "data", small())
    outer = Outer(tmp_path / "lab", session, cameras=["body"])
    run = outer.run()
    assert run.status == 0, run.text
    assert error_in_frames(session, "body") < 0.5
    rules = {entry["rule"] for entry in provenance.read(session).values()}
    assert {"video_compress", "video_sync_qc_nidq"} <= rules, "as alfvideo calls them"
    assert (outer.root / "datasets.pqt").exists()
    (remembered,) = runs.last(outer.root, file=outer.folder / runs.FILE)
    assert (remembered.done, remembered.failed) == (4, 0)
    assert "pending" in run.row("body", "all"), "the table of what is to be done"
    assert temporary_files(outer.root) == []
    assert "1 done, 0 pending" in outer.run("-n", "alfvideo_all").text


@pytest.mark.slow
def test_what_failed_is_remembered_and_the_rest_is_in_the_tables(tmp_path: Path, rendered: Render):
    session = rendered(tmp_path / "data", small())
    (session / "raw_video_data" / "_iblrig_bodyCamera.raw.avi").write_bytes(b"RIFF")
    outer = Outer(tmp_path / "lab", session)
    run = outer.run()
    assert run.status != 0
    (remembered,) = runs.last(outer.root, file=outer.folder / runs.FILE)
    assert (remembered.done, remembered.failed) == (1, 1)
    assert "1 jobs done, 1 failed" in run.text


@pytest.mark.parametrize("target", ["summary.txt", "one.txt"])
def test_it_refuses_beside_another_run(tmp_path: Path, rendered: Render, target: str):
    """Whatever is asked for: all that is pending, or one file of a session."""
    session = rendered(tmp_path / "data", small())
    outer = Outer(tmp_path / "lab", session)
    program = (
        "import sys; from pathlib import Path; from alfvideo.files import lock;"
        f"lock.acquire(Path({json.dumps(str(outer.root))})); print('held', flush=True);"
        "sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", program], **pipes) as holder:
        assert holder.stdout.readline() == "held\n"
        run = outer.run(target)
        holder.stdin.close()
    assert run.status == 1
    assert "Another run is at work below" in run.text
    assert "Traceback" not in run.text
    assert not (session / TIMES).exists()
