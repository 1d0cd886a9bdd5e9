"""The QC page and Snakemake's own report: they show what is there and change nothing."""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from alfvideo.files import lock
from rigsim import Fault, Rig
from tests.workflow.runs import Workflow, small, tree

pytestmark = pytest.mark.slow

Render = Callable[[Path, Rig], Path]


@dataclass(frozen=True)
class Campaign:
    """A session that was processed, one that came later, and one that is blocked."""

    workflow: Workflow
    done: Path
    new: Path
    blocked: Path


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory, rendered: Render) -> Campaign:
    folder = tmp_path_factory.mktemp("report")
    workflow = Workflow(folder / "work", folder / "data")
    done = rendered(workflow.root, small(cameras=("left", "body"), lab="lab"))
    run = workflow.run()
    assert run.status == 0, run.text
    new = rendered(workflow.root, small(subject="KB002"))
    faults = {"body": (Fault.UNFINISHED_TRANSFER,)}
    blocked = rendered(workflow.root, small(subject="KB003", faults=faults))
    return Campaign(workflow, done, new, blocked)


def test_the_page_shows_everything_and_changes_nothing(campaign: Campaign):
    before = tree(campaign.workflow.root)
    run = campaign.workflow.look("qc")
    assert run.status == 0, run.text
    assert "report/index.html: 3 sessions, 3 of them new or changed." in run.text
    assert tree(campaign.workflow.root) == before
    report = campaign.workflow.workdir / "report"
    index = (report / "index.html").read_text()
    for words in ("KB001", "KB002", "KB003", "pending", "transfer unfinished", "NOT_SET"):
        assert words in index
    pictures = sorted(file.name for file in report.rglob("*.png"))
    assert pictures == ["bodyCamera_qc.png", "leftCamera_qc.png"]

    made = tree(report / "sessions")
    run = campaign.workflow.look("qc")
    assert "3 sessions, 0 of them new or changed." in run.text
    assert tree(report / "sessions") == made


def test_the_page_is_of_the_selection_alone(campaign: Campaign, tmp_path: Path):
    workflow = Workflow(tmp_path / "work", campaign.workflow.root)
    run = workflow.look("qc", subjects=["KB001"], cameras=["left"])
    assert "report/index.html: 1 sessions" in run.text
    report = workflow.workdir / "report"
    assert [file.name for file in report.rglob("*.png")] == ["leftCamera_qc.png"]
    (page,) = report.glob("sessions/*/index.html")
    text = page.read_text()
    # The times of one camera may be by the clock of the computer, which is with the frames of all.
    for other in ("<body>", "</body>", "tbody", "_iblrig_bodyCamera.frameData.bin"):
        text = text.replace(other, "")
    assert "body" not in text


def test_the_page_is_made_while_a_run_is_at_work(workflow: Workflow, rendered: Render):
    rendered(workflow.root, small())
    lock.acquire(workflow.root)
    assert "Another run is at work" in workflow.run().text
    run = workflow.look("qc")
    assert run.status == 0, run.text


def test_a_wrong_root_gives_one_sentence(tmp_path: Path):
    workflow = Workflow(tmp_path / "work", tmp_path / "nowhere")
    for run in (workflow.look("qc"), workflow.run("qc_pictures")):
        assert run.status != 0
        assert f"There is no data folder {tmp_path / 'nowhere'}." in run.text
        assert "Traceback" not in run.text


@pytest.fixture(scope="module")
def snakemakes_report(campaign: Campaign) -> Iterator[zipfile.ZipFile]:
    file = campaign.workflow.workdir / "report.zip"
    before = tree(campaign.workflow.root)
    run = campaign.workflow.run("qc_pictures", "--report", file)
    assert run.status == 0, run.text
    assert tree(campaign.workflow.root) == before
    with zipfile.ZipFile(file) as archive:
        yield archive


def test_snakemakes_report_has_all_pictures(snakemakes_report: zipfile.ZipFile):
    names = snakemakes_report.namelist()
    pictures = {Path(name).name for name in names if name.endswith(".png")}
    assert pictures == {"bodyCamera_qc.png", "leftCamera_qc.png"}


def test_snakemakes_report_names_session_and_camera(snakemakes_report: zipfile.ZipFile):
    page = snakemakes_report.read("report/report.html").decode()
    for words in (
        *("Camera QC", '"KB001"', "2026-01-01/001", '"camera": "left"', '"camera": "body"'),
        *("What the checks of the left camera saw", "What the checks of the body camera saw"),
    ):
        assert words in page, words
