"""Answers of the planner to the rules, without Snakemake."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from tests.unit.test_pending import finish
from tests.workflow.runs import small

from alfvideo.files.errors import DataError
from alfvideo.planning import resources, snakemake_internals, tasks
from alfvideo.planning.pending import Status
from alfvideo.planning.targets import Planner
from rigsim import Rig

Render = Callable[[Path, Rig], Path]


@dataclass
class Started:
    """The start of Snakemake as a planner sees it, set by a test."""

    dry_run: bool = True
    runs_jobs: bool = False
    plans_jobs: bool = True
    regenerates: bool = False
    uses_conda: bool = False
    on_cluster: bool = False
    threads: int = 2
    regenerated: list[str] = field(default_factory=list)
    killed: set[Path] = field(default_factory=set)

    def ignore_dates(self) -> None:
        """There is no Snakemake to look at dates."""

    def was_killed(self, files: Sequence[Path]) -> bool:
        return not self.killed.isdisjoint(files)

    def regenerate(self, files: Sequence[str]) -> None:
        self.regenerated += files


@pytest.fixture
def session(tmp_path: Path, rendered: Render) -> Path:
    return rendered(tmp_path / "data", small())


class Shown:
    """Keeps what a planner shows before a run."""

    def __init__(self) -> None:
        self.statuses: list[Status] = []

    def __call__(self, statuses: Sequence[Status], root: Path, config: object) -> None:
        self.statuses += statuses


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def planner(config, root: Path, started: Started | None = None, shown: Shown | None = None):
    return Planner({root: config}, started or Started(), shown or Shown())


def test_inputs_and_settings_are_those_of_the_task(session: Path, config):
    made = planner(config, session.parents[2])
    (avi,) = made.inputs("video_compress", session, "body")["avi"]
    assert avi == str(session / "raw_video_data" / "_iblrig_bodyCamera.raw.avi")
    assert made.settings("video_compress", session, "body") == {
        "version": tasks.BY_RULE["video_compress"].version,
        "preset": "slow",
        "crf": 17,
    }


@pytest.mark.parametrize(
    ("rule", "camera", "reason"),
    [
        ("video_compress", "left", "the session has no left camera"),
        ("video_convert", "body", "video_convert is not for this kind of session"),
        ("video_sync_qc_bpod", "body", "video_sync_qc_bpod is not for this kind of session"),
    ],
)
def test_a_blocked_job_names_the_reason(session: Path, config, rule, camera, reason):
    found = planner(config, session.parents[2]).inputs(rule, session, camera)
    assert found == {"blocked": f"{session}: {reason}"}


def test_pending_files_are_the_targets(session: Path, config):
    shown, started = Shown(), Started()
    made = planner(config, session.parents[2], started, shown)
    *wanted, tables = made.pending(session.parents[2])
    assert str(session / "alf" / "_ibl_bodyCamera.times.npy") in wanted
    assert made.tables_inputs(tables) == wanted
    assert made.tables_root(tables) == str(session.parents[2])
    assert {status.stage for status in shown.statuses} == {"raw", "video", "times", "qc"}


def test_it_is_scanned_and_shown_once(session: Path, config):
    shown = Shown()
    made = planner(config, session.parents[2], shown=shown)
    assert made.pending(session.parents[2]) == made.pending(session.parents[2])
    assert len(shown.statuses) == 4


def test_nothing_pending_is_the_folder(tmp_path: Path, config):
    (tmp_path / "KB001" / "2026-01-01" / "001").mkdir(parents=True)
    assert planner(config, tmp_path).pending(tmp_path) == str(tmp_path)


@pytest.mark.parametrize("runs_jobs", [False, True])
def test_no_such_folder_is_a_sentence(tmp_path: Path, config, runs_jobs: bool):
    planned = planner(config, tmp_path / "gone", Started(runs_jobs=runs_jobs))
    with pytest.raises(DataError, match="There is no data folder"):
        planned.pending(tmp_path / "gone")


def test_outputs_of_cameras_that_are_not_selected_are_left_alone(session: Path, config):
    others = config.changed(cameras=["left"])
    times = session / "alf" / "_ibl_bodyCamera.times.npy"
    times.parent.mkdir(exist_ok=True)
    made = planner(others, session.parents[2])
    assert "blocked" not in made.inputs("video_sync_qc_nidq", session, "body")
    np.save(times, np.arange(3))
    made = planner(others, session.parents[2])
    assert made.inputs("video_sync_qc_nidq", session, "body")["blocked"].endswith("it is done")
    again = planner(others, session.parents[2], Started(regenerates=True))
    assert "blocked" not in again.inputs("video_sync_qc_nidq", session, "body")


def test_what_is_done_is_left_alone_and_what_is_pending_made(session: Path, config):
    """Whatever the dates: Snakemake would go by them."""
    finish(session, config)
    rules = ("video_register_raw", "video_compress", "video_sync_qc_nidq", "video_qc")
    started = Started()
    made = planner(config, session.parents[2], started)
    assert all("blocked" in made.inputs(rule, session, "body") for rule in rules)
    assert started.regenerated == []

    killed = Started(killed={session / "alf" / "_ibl_bodyCamera.times.npy"})
    made = planner(config, session.parents[2], killed)
    found = {rule: made.inputs(rule, session, "body") for rule in rules}
    assert [rule for rule in rules if "blocked" not in found[rule]] == ["video_sync_qc_nidq"]

    with (session / "raw_video_data" / "_iblrig_videoCodeFiles.raw.zip").open("ab") as file:
        file.write(b"more")
    made = planner(config, session.parents[2], started)
    found = {rule: made.inputs(rule, session, "body") for rule in rules}
    assert [rule for rule in rules if "blocked" not in found[rule]] == ["video_register_raw"]
    assert started.regenerated == [str(session / "registration" / "bodyCamera_raw.json")]

    job = planner(config, session.parents[2], Started(plans_jobs=False, dry_run=False))
    assert not any("blocked" in job.inputs(rule, session, "body") for rule in rules)


def test_sessions_below_another_folder_have_its_configuration(session: Path, config, tmp_path):
    special = config.changed(keep_avi=False)
    made = Planner({tmp_path / "demo": special, session.parents[2]: config}, Started(), Shown())
    assert made.configuration(tmp_path / "demo" / "KB001").keep_avi is False
    assert made.configuration(session).keep_avi is True
    assert made.configuration(Path("/elsewhere")).keep_avi is True


def test_pose_tables_and_their_videos(session: Path, config):
    assert planner(config, session.parents[2]).pose_tables(session.parents[2]) == {
        "tables": [],
        "videos": [],
    }


def test_threads(session: Path, config):
    made = planner(config, session.parents[2])
    assert made.threads("video_compress") == 2
    assert made.threads("dlc") == 4
    assert (
        planner(config, session.parents[2], Started(on_cluster=True)).threads("video_compress")
        == resources.MAX_THREADS
    )


@pytest.mark.parametrize("folder", ["my lab", "lab (1)", "a;b", "a&b", "$HOME", "a'b", "{a,b}"])
def test_a_python_that_snakemake_cannot_start_is_a_sentence(folder: str):
    with pytest.raises(DataError, match=r"is in a folder with .* cannot start scripts"):
        snakemake_internals.check_python(f"/home/{folder}/.venv/bin/python")


@pytest.mark.parametrize("folder", ["lab", "lab-1.0_x", "é鼠", "a=b", "a,b", "~a", "a#b"])
def test_a_python_that_snakemake_can_start(folder: str):
    snakemake_internals.check_python(f"/home/{folder}/.venv/bin/python")


def test_every_task_says_what_it_needs():
    assert set(tasks.BY_RULE) <= set(resources.RESOURCES)


def test_memory_and_time_grow_with_each_attempt():
    declared = resources.declared("video_qc")
    assert declared["mem_mb"](None, attempt=3) == 3 * declared["mem_mb"](None, attempt=1)


def test_the_timing_record_is_an_input_if_this_run_makes_it(session: Path, config):
    """Nothing waits for what is written beside times that are done."""
    record = session / "qc" / "_ibl_bodyCamera.timing.json"
    root = session.parents[2]
    assert planner(config, root).inputs("video_qc", session, "body")["timing"] == [str(record)]
    of_a_job = planner(config, root, Started(plans_jobs=False))
    assert of_a_job.inputs("video_qc", session, "body")["timing"] == []
    finish(session, config)
    record.unlink()
    (session / "qc" / "_ibl_bodyCamera.videoQC.json").unlink()
    assert planner(config, root).inputs("video_qc", session, "body")["timing"] == []
    assert (
        "it is done"
        in planner(config, root).inputs("video_sync_qc_nidq", session, "body")["blocked"]
    )
