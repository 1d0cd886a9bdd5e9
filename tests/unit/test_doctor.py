"""The doctor: what is there is good, and each thing that is missing is said, with what to do."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.alyx.server import PASSWORD

from alfvideo.configuration import Configuration
from alfvideo.files import lock
from alfvideo.files.errors import DataError
from alfvideo.views import doctor
from alfvideo.views.doctor import Finding, State, lab, machine, slurm

REPO = Path(__file__).parents[2]


def states(findings: Iterator[tuple[State, str]]) -> list[State]:
    return [state for state, _ in findings]


def missing(findings: Iterator[tuple[State, str]]) -> str:
    """The only sentence about something that is missing."""
    (sentence,) = [sentence for state, sentence in findings if state is State.MISSING]
    return sentence


@pytest.fixture
def config(config: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    monkeypatch.chdir(tmp_path)
    return config.changed(root=str(tmp_path))


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize("look", [machine.software, machine.processor, machine.ffmpeg])
def test_this_machine_is_good(config: Configuration, look: doctor.Examination):
    assert State.MISSING not in states(look(config))
    assert list(look(config))


def test_text_counts_what_must_be_fixed():
    findings = [Finding("a", State.GOOD, "yes"), Finding("long", State.MISSING, "fix it")]
    assert doctor.text(findings) == (
        "good     a     yes\nMISSING  long  fix it\n1 of 2 must be fixed."
    )
    assert doctor.text(findings[:1]).endswith("All that a run needs is there.")


def test_an_examination_that_fails_does_not_end_the_others(config: Configuration):
    def fails(config: Configuration) -> Iterator[tuple[State, str]]:
        yield State.GOOD, "so far"
        raise DataError("It is broken. Fix it.")

    findings = doctor.examine({"first": fails, "second": machine.software}, config)
    assert findings[0] == Finding("first", State.MISSING, "It is broken. Fix it.")
    assert findings[-1].what == "second"


def test_ffmpeg_that_is_not_there(config: Configuration):
    sentence = missing(machine.ffmpeg(config.changed(ffmpeg="/nowhere/ffmpeg")))
    assert sentence.startswith("/nowhere/ffmpeg cannot be run (No such file or directory)")


def test_ffmpeg_without_the_encoder(config: Configuration, tmp_path: Path):
    poor = program(tmp_path / "ffmpeg", "echo ' V..... mpeg4  MPEG-4 part 2'")
    assert "has no libx264 encoder" in missing(machine.ffmpeg(config.changed(ffmpeg=str(poor))))


def test_no_gpu_is_a_note(config: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert states(machine.gpu(config)) == [State.NOTE]


def test_a_driver_that_does_not_work(
    config: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program(tmp_path / "nvidia-smi", "echo 'Failed to initialize NVML: Driver mismatch'; exit 18")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = missing(machine.gpu(config.changed(trackers=["dlc"])))
    assert "nvidia-smi says: Failed to initialize NVML" in found
    assert states(machine.gpu(config)) == [State.NOTE], "only poses need it"


@pytest.fixture
def profile(tmp_path: Path) -> str:
    """A lab's copy of the profile for SLURM."""
    return str(shutil.copytree(REPO / "profiles" / "slurm", tmp_path / "mycluster"))


def test_slurm_that_does_not_answer(
    config: Configuration, tmp_path: Path, profile: str, monkeypatch: pytest.MonkeyPatch
):
    program(tmp_path / "sbatch", "exit 0")
    program(tmp_path / "sinfo", "echo 'Unable to contact slurm controller' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    look = slurm.examination(profile)
    assert "sinfo says: Unable to contact slurm controller" in missing(look(config))


def test_partitions_of_the_profile_that_are_not_there(
    config: Configuration, tmp_path: Path, profile: str, monkeypatch: pytest.MonkeyPatch
):
    program(tmp_path / "sbatch", "exit 0")
    program(tmp_path / "sinfo", "echo short")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    sentence = missing(slurm.examination(profile)(config))
    assert f"{profile} names partitions that are not there: gpu, long." in sentence


def test_no_slurm_for_a_profile_that_needs_it(
    config: Configuration, tmp_path: Path, profile: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert states(slurm.examination(profile)(config)) == [State.MISSING]


@pytest.mark.parametrize("profile", ["", str(REPO / "profiles" / "default")])
@pytest.mark.parametrize("sinfo", ["exit 1", "echo another", None])
def test_without_a_profile_for_slurm_it_is_a_note(
    config: Configuration,
    tmp_path: Path,
    profile: str,
    sinfo: str | None,
    monkeypatch: pytest.MonkeyPatch,
):
    if sinfo:
        program(tmp_path / "sbatch", "exit 0")
        program(tmp_path / "sinfo", sinfo)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert states(slurm.examination(profile)(config))[-1] is State.NOTE


def test_a_profile_that_is_not_there(config: Configuration):
    assert "there is no profile mine" in missing(slurm.examination("mine")(config))


def test_data_folder(config: Configuration, tmp_path: Path):
    assert State.MISSING not in states(lab.data_folder(config))
    assert not list(tmp_path.iterdir()), "nothing is left"


def test_data_folder_that_does_not_exist(config: Configuration, tmp_path: Path):
    sentence = missing(lab.data_folder(config.changed(root=str(tmp_path / "nowhere"))))
    assert sentence.startswith(f"{tmp_path / 'nowhere'} does not exist. Set `root`")


def test_data_folder_that_is_read_only(config: Configuration, become: Callable[[int], None]):
    become(65534)
    # Some system folder that everybody may read.
    sentence = missing(lab.data_folder(config.changed(root="/usr")))
    assert sentence.startswith("/usr may not be written to. Results are kept beside the raw data")


def test_data_folder_with_another_run(config: Configuration, tmp_path: Path):
    lock.acquire(tmp_path)
    try:
        found = {sentence: state for state, sentence in lab.data_folder(config)}
    finally:
        os.close(lock._held.popitem()[1])
    (sentence,) = [sentence for sentence in found if "a run is at work there (process " in sentence]
    assert found[sentence] is State.NOTE
    assert State.MISSING not in found.values()


def test_little_space_is_a_note(tmp_path: Path):
    assert lab._space(tmp_path, 0)[0] is State.GOOD
    state, sentence = lab._space(tmp_path, 1e18)
    assert state is State.NOTE
    assert f"free at {tmp_path}" in sentence


def test_python_without_the_engine(config: Configuration, tmp_path: Path):
    changes = {"trackers": ["dlc"], "environments": {"dlc": str(tmp_path / "python")}}
    findings = doctor.examine({"engines": lab.pose_engines}, config.changed(**changes))
    assert [finding.state for finding in findings] == [State.MISSING]
    assert "cannot be run" in findings[0].sentence
    assert "Name the Python" in findings[0].sentence


def test_engine_that_is_still_to_be_installed(config: Configuration):
    ((state, sentence),) = lab.pose_engines(config.changed(trackers=["dlc"]))
    assert (state, sentence) == (State.GOOD, "DeepLabCut will be installed by the first run")


def test_models_that_are_missing(config: Configuration, tmp_path: Path):
    file = tmp_path / "left.yaml"
    file.write_text("folder: nowhere\nnetworks: {all: {models: [model]}}\n")
    changes = {"trackers": ["dlc"], "cascades": {"dlc": {"left": str(file)}}}
    assert missing(lab.models(config.changed(**changes))).startswith("dlc left: ")


def test_models_that_may_run_a_program(config: Configuration, tmp_path: Path):
    (tmp_path / "exported.pt").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    (file := tmp_path / "left.yaml").write_text("networks: {all: {models: [exported.pt]}}\n")
    changes = {"trackers": ["dlc"], "cascades": {"dlc": {"left": str(file)}}}
    sentence = missing(lab.models(config.changed(**changes)))
    assert f"{tmp_path / 'exported.pt'} holds more than weights" in sentence


def test_alyx(config: Configuration, alyx, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALYX_LOGIN", "lab_manager")
    monkeypatch.setenv("ALYX_PASSWORD", PASSWORD)
    asked = config.changed(registration={"alyx": alyx.url})
    assert states(lab.alyx(asked)) == [State.GOOD]
    monkeypatch.setenv("ALYX_PASSWORD", "wrong")
    (finding,) = doctor.examine({"Alyx": lab.alyx}, asked)
    assert finding.state is State.MISSING
    assert "refused the login" in finding.sentence
