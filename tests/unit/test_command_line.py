"""The command `alfvideo`, run as people run it: what it prints where, and its exit status."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests import clone

from alfvideo.jobs import provenance
from alfvideo.planning import scan_cache
from alfvideo.views import settings
from rigsim import Rig

PROGRAM = Path(sys.executable).with_name("alfvideo")
BODY = Rig(kind="spikeglx", seconds=2, scale=0.05, cameras=("body",))
OTHER = Rig(kind="spikeglx", seconds=2, scale=0.05, cameras=("body",), subject="KB002")


@dataclass
class Lab:
    """A working folder with its configuration, and a data folder."""

    work: Path
    root: Path

    def ask(self, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run alfvideo in the working folder."""
        return subprocess.run(
            [PROGRAM, *map(str, words)],
            cwd=self.work,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=600,
        )

    def says(self, *words: object, **environment: str) -> str:
        """Return what it prints if it ends well."""
        done = self.ask(*words, **environment)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def refuses(self, *words: object, status: int = 1) -> str:
        """Return what it prints on standard error, in one line, if it does not."""
        done = self.ask(*words)
        assert (done.returncode, done.stdout) == (status, ""), done.stderr
        assert "Traceback" not in done.stderr
        *_, sentence = done.stderr.splitlines()
        assert status == 2 or done.stderr == f"{sentence}\n"
        return sentence


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """An empty data folder."""
    found = Lab(tmp_path / "work", tmp_path / "data")
    found.root.mkdir()
    (found.work / "config").mkdir(parents=True)
    (found.work / "config" / "config.yaml").write_text(f"root: {found.root}\n")
    return found


@pytest.fixture
def sessions(lab: Lab, rendered: Callable) -> list[Path]:
    return [rendered(lab.root, rig) for rig in (BODY, OTHER)]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_status_is_a_table_csv_or_json(lab: Lab, sessions: list[Path]):
    assert "2 sessions; 2 cameras: 0 done, 2 pending, 0 blocked" in lab.says("status")
    found = rows(lab.says("status", "--format", "csv"))
    assert {row["session"] for row in found} == set(map(str, sessions))
    assert {row["state"] for row in found} == {"pending"}
    content = json.loads(lab.says("status", "--format", "json"))
    assert content["root"] == str(lab.root)
    assert content["totals"]["pending"] == len(content["rows"]) == len(found)


def test_status_of_some_folders(lab: Lab, sessions: list[Path]):
    for folder in (sessions[0].parents[1], os.path.relpath(sessions[0], lab.work)):
        found = rows(lab.says("status", "--format", "csv", folder))
        assert {row["session"] for row in found} == {str(sessions[0])}
    assert len(rows(lab.says("status", "--format", "csv", *sessions))) == 2 * len(found)


def test_a_folder_elsewhere_is_refused(lab: Lab, sessions: list[Path], tmp_path: Path):
    for folder in (tmp_path / "elsewhere", lab.root / "nowhere"):
        for command in ("status", "verify", "methods"):
            assert f"{folder} has none of the selected" in lab.refuses(command, folder)


@pytest.mark.parametrize("configured", ["command line", "several at once", "file", "directory"])
def test_the_configuration_is_given_as_to_snakemake(
    lab: Lab, sessions: list[Path], tmp_path: Path, configured: str
):
    file = tmp_path / "own.yaml"
    file.write_text(f"root: {lab.root}\nsubjects: [KB002]\n")
    elsewhere = Lab(tmp_path, lab.root)
    shutil.copytree(lab.work / "config", tmp_path / "other" / "config")
    options = {
        "command line": ["--config", f"root={lab.root}", "--config", "subjects=[KB002]"],
        "several at once": ["--config", f"root={lab.root}", "subjects=[KB002]", "cameras=[body]"],
        "file": ["--configfile", "own.yaml", "--config", "compression={crf: 20}"],
        "directory": ["--directory", "other", "--config", "subjects=[KB002]"],
    }
    found = rows(elsewhere.says("status", "--format", "csv", *options[configured]))
    assert {row["session"] for row in found} == {str(sessions[1])}


def test_later_files_and_words_count_more(lab: Lab, tmp_path: Path):
    for name, content in (("a", "{crf: 1, crf_bpod: 2}"), ("b", "{crf: 3}")):
        (tmp_path / name).write_text(f"root: {lab.root}\ncompression: {content}\nkeep_avi: false\n")
    found = settings.read(["keep_avi=true"], [tmp_path / "a", tmp_path / "b"])
    assert (found.config.compression.crf, found.config.compression.crf_bpod) == (3, 2)
    assert found.config.keep_avi is True


def test_the_demo_has_its_own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert settings.read(["root=demo"], []).config.trackers == ("dlc", "lightningPose")
    assert settings.read(["root=data"], []).config.trackers == ()


@pytest.mark.slow
def test_snakemake_and_alfvideo_share_what_they_remember(lab: Lab, sessions: list[Path]):
    """The key of the memory holds the whole configuration, so both read it the same way."""
    changes = ["--config", f"root={lab.root}", "compression={crf: 20}", "keep_avi=false"]
    time.sleep(scan_cache.SETTLED / 1e9 + 0.1)
    lab.says("status", *changes)
    (memory,) = (lab.work / ".scan").iterdir()
    key = json.loads(memory.read_text())["key"]
    defaults = lab.work / "config" / "config.yaml"
    shutil.copy(clone.snakefile().parent / "config" / "config.yaml", defaults)
    command = [sys.executable, "-m", "snakemake", "-n", "-s", clone.snakefile(), *changes]
    done = subprocess.run(command, cwd=lab.work, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert json.loads(memory.read_text())["key"] == key


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--config", "rot=1"], "unknown key `rot`"),
        (["--config", "root"], "'root' on the command line is not KEY=VALUE"),
        (["--config", "from_date=1 May"], "`from_date` is '1 May' but must be"),
        (["--config", "cameras=[left"], "`cameras` is '[left' but must be"),
        (["--config", "root=/nowhere"], "There is no data folder /nowhere."),
        (["--configfile", "nowhere.yaml"], "nowhere.yaml cannot be read (No such file"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(lab: Lab, words: list[str], sentence: str):
    assert sentence in lab.refuses("status", *words)


def test_why_names_reasons(lab: Lab, sessions: list[Path]):
    text = lab.says("why", "KB002/2026-01-01/001", "body")
    assert [line.split() for line in text.splitlines()[1:5]] == [
        ["body", stage, "pending", "missing"] for stage in ("raw", "video", "times", "qc")
    ]
    assert lab.says("why", sessions[1]).splitlines()[:5] == text.splitlines()[:5]
    assert "KB009 is no folder" in lab.refuses("why", "KB009")
    assert "has no left camera" in lab.refuses("why", sessions[0], "left")


def test_verify_ends_with_what_it_found(lab: Lab, sessions: list[Path]):
    file = sessions[0] / "raw_video_data" / "_iblrig_bodyCamera.frameData.bin"
    text = lab.says("verify")
    assert text.startswith("0 files checked, 0.0 GB read; 0 differ; ")
    known = provenance.fingerprint(file)
    made = {"inputs": {provenance.relative(file, sessions[0]): known}}
    (sessions[0] / provenance.FILE_NAME).write_text(json.dumps({"alf/a.npy": made}))
    assert lab.says("verify", sessions[0]).startswith("1 files checked")
    assert lab.says("verify", sessions[1]).startswith("0 files checked")
    file.write_bytes(b"cut")
    done = lab.ask("verify")
    assert (done.returncode, done.stderr) == (1, "")
    first, last = done.stdout.splitlines()
    assert first.startswith(f"{file} has 3 bytes, {known['size']:,} are on record")
    assert last.startswith("1 files checked, 0.0 GB read; 1 differ; ")
    assert "give a share of the files" in lab.refuses("verify", "--sample", "many")


def test_methods_of_what_is_on_record(lab: Lab, sessions: list[Path]):
    assert "No result of these sessions is on record" in lab.refuses("methods")
    for session in sessions:
        (session / "alf").mkdir(exist_ok=True)
        (session / "alf" / "licks.times.npy").write_bytes(b"licks")
        work = provenance.Work("licks", "", {}, [session / "alf" / "licks.times.npy"], {}, Path())
        provenance.record(session, work, started="2026-01-05T12:00:00Z", seconds=1)
    assert "Licks (2 sessions) are" in lab.says("methods")
    assert "Licks (1 session) are" in lab.says("methods", sessions[1])


@pytest.mark.parametrize("command", ["plan", "qc", "verify", "methods"])
def test_no_data_folder(lab: Lab, command: str):
    lab.root.rmdir()
    assert f"There is no data folder {lab.root}." in lab.refuses(command)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--nothing"], "No such option: --nothing"),
        (["nothing"], "No such command 'nothing'."),
        (["status", "--nothing"], "No such option: --nothing"),
        (["status", "--format", "xml"], "'xml' is not one of 'table', 'csv', 'json'"),
        (["status", "--directory", "nowhere"], "'nowhere' does not exist"),
        (["plan", "--cores", "0"], "greater than or equal to 1"),
        (["qc", "extra"], "Got unexpected extra argument"),
    ],
)
def test_usage(lab: Lab, words: list[str], sentence: str):
    assert sentence in lab.refuses(*words, status=2)


def test_a_reader_may_leave_early(lab: Lab):
    # More than a pipe holds.
    for number in range(900):
        (lab.root / "KB001" / "2026-01-01" / f"{number:03}").mkdir(parents=True)
    command = [PROGRAM, "status", "--format", "csv"]
    with subprocess.Popen(
        command, cwd=lab.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as asking:
        assert asking.stdout.readline().startswith("session,camera,")
        asking.stdout.close()
        errors = asking.stderr.read()
    assert (asking.returncode, errors) == (0, "")


def test_doctor_ends_with_what_it_found(lab: Lab):
    text = lab.says("doctor", SNAKEMAKE_PROFILE="")
    assert text.endswith("All that a run needs is there.\n")
    done = lab.ask("doctor", "--config", "root=/nowhere")
    assert done.returncode == 1
    assert "MISSING  data folder     /nowhere does not exist." in done.stdout
    done = lab.ask("doctor", SNAKEMAKE_PROFILE="no_such_profile")
    assert done.returncode == 1
    assert "MISSING  SLURM           there is no profile no_such_profile." in done.stdout


def test_plan_of_this_machine_another_one_and_a_cluster(lab: Lab, sessions: list[Path]):
    entry = {"rule": "video_qc", "seconds": 60, "log": "logs/a.log", "host": "ws1"}
    (sessions[0] / "provenance.json").write_text(json.dumps({"a": entry}))
    cores = len(os.sched_getaffinity(0))
    assert f"With {cores} core" in lab.says("plan")
    assert "With 16 cores, 4 GPUs: more than " in lab.says("plan", "--cores", 16, "--gpus", 4)
    assert "With 200 jobs at a time, 1 GPU: more than 1 min" in lab.says("plan", "--jobs", 200)


def test_qc_writes_the_page(lab: Lab, sessions: list[Path]):
    said = lab.says("qc")
    assert said == "report/index.html: 2 sessions, 2 of them new or changed.\n"
    assert "KB002" in (lab.work / "report" / "index.html").read_text()
    assert "0 of them" in lab.says("qc")
    assert lab.says("qc", "--folder", "mine").startswith("mine/index.html: 2 sessions, 2 of")


def test_a_page_that_cannot_be_written(lab: Lab, sessions: list[Path]):
    (lab.work / "report").write_text("a file")
    assert "report" in lab.refuses("qc")


def test_help_is_there_at_once(lab: Lab):
    before = time.monotonic()
    children = os.times().children_user + os.times().children_system
    text = lab.says("--help")
    used = os.times().children_user + os.times().children_system - children
    assert used < 0.5, f"{time.monotonic() - before:.1f} s on the clock"
    for command in ("status", "doctor", "plan", "qc"):
        assert command in text
        assert "--config" in lab.says(command, "--help")
