"""A workflow in folders of its own, and one large run that many tests look at."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rigsim import Fault, Rig, render
from tests.workflow.runs import Outcome, Workflow, hashes, small, tree


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    return Workflow(tmp_path / "work", tmp_path / "data")


HEALTHY = {
    "spikeglx": small(lab="lab", cameras=("left", "right", "body"), description="0.1.0"),
    "timeline": small("timeline", subject="KB002", frame_data="ssv"),
    "bpod": small("bpod", subject="KB003", seconds=6, lab="lab"),
    "camlog": small("camlog", subject="KB004", cameras=("left", "body"), daq="bin"),
    "old ephys": small(
        subject="KB005", description=None, neuropixel="3A", frame_data="ssv_reversed"
    ),
    "old training": small("bpod", subject="KB006", seconds=6, description=None),
}
"""One session of each kind, between them with all forms of frame data and descriptions."""

CUT = small(subject="KB009", faults={"body": (Fault.TRUNCATED_AVI,)})


def _remove(pattern: str) -> Callable[[Path], None]:
    def remove(session: Path) -> None:
        files = list(session.glob(pattern))
        assert files
        for file in files:
            file.unlink()

    return remove


def _write(name: str, text: str) -> Callable[[Path], None]:
    return lambda session: (session / name).write_text(text) and None


DESCRIPTION = "_ibl_experiment.description.yaml"
BLOCKED: dict[str, tuple[Rig, Callable[[Path], None], str]] = {
    "KB101": (small(faults={"body": (Fault.UNFINISHED_TRANSFER,)}), lambda path: None, "transfer"),
    "KB102": (small(), _remove("_ibl_experiment*"), "no description file"),
    "KB103": (small(), _write(DESCRIPTION, "sync: {nidq: [\n"), "cannot be read, line"),
    "KB104": (small(), _write(DESCRIPTION, "sync: {tdms: {}}"), "unknown sync 'tdms'"),
    "KB105": (small(), _write(DESCRIPTION, "tasks: []"), "names no sync"),
    "KB106": (
        small(),
        _write(DESCRIPTION, "sync: {nidq: {acquisition_software: labview}}"),
        "unknown acquisition software 'labview'",
    ),
    "KB107": (small(faults={"body": (Fault.MISSING_CAMERA,)}), lambda path: None, "raw video"),
    "KB108": (small(), _remove("raw_video_data/*.bin"), "no timestamps"),
    "KB109": (small(), _remove("raw_ephys_data/*.npy"), "sync missing"),
    "KB110": (small("bpod"), _remove("raw_task_data_00/*taskData*"), "sync missing"),
    "KB111": (
        small("camlog"),
        lambda path: (
            shutil.copy(
                path / "raw_video_data" / "body_cam_run000_00000000.avi",
                path / "raw_video_data" / "body_cam_run001_00000000.avi",
            )
            and None
        ),
        "several files could be the raw video",
    ),
    "KB112": (small("camlog"), _remove("raw_video_data/*.camlog"), "camera log missing"),
    "KB113": (small(), _write("provenance.json", "{half"), "provenance.json cannot be read"),
}
"""By subject: a session, what was done to it, and the reason that the table must name."""


@dataclass(frozen=True)
class Campaign:
    """Runs on a folder with sessions of each kind, blocked ones and one cut avi.

    `first`, `again`, `fixed` and `last` are runs; before the run `fixed` the cut avi was
    replaced by a whole one. `raw` are hashes of the raw files before the first run and `preview`
    a dry run before it, with the files before and after that.
    """

    workflow: Workflow
    sessions: dict[str, Path]
    cut: Path
    raw: dict[str, str]
    preview: Outcome
    files_before_preview: dict[str, tuple[int, int]]
    files_after_preview: dict[str, tuple[int, int]]
    first: Outcome
    log_of_the_cut: str
    raw_after_first: dict[str, str]
    again: Outcome
    fixed: Outcome
    last: Outcome


@pytest.fixture(scope="session")
def campaign(
    tmp_path_factory: pytest.TempPathFactory, rendered: Callable[[Path, Rig], Path]
) -> Campaign:
    folder = tmp_path_factory.mktemp("campaign")
    workflow = Workflow(folder / "work", folder / "data")
    root = workflow.root
    sessions = {kind: rendered(root, rig) for kind, rig in HEALTHY.items()}
    cut = rendered(root, CUT)
    for subject, (rig, spoil, _) in BLOCKED.items():
        rendering = rendered(folder / "blocked" / subject, rig)
        path = root / subject / rig.date / rig.number
        shutil.copytree(rendering, path)
        spoil(path)
    raw = hashes(root)
    before = tree(root)
    preview = workflow.run("-n")
    after = tree(root)
    first = workflow.run()
    (log,) = workflow.workdir.glob("logs/video_compress/**/KB009/**/body.log")
    log_of_the_cut = log.read_text()
    raw_after_first = hashes(root)
    again = workflow.run()
    whole = render(folder / "whole", small(subject=CUT.subject))
    name = "raw_video_data/_iblrig_bodyCamera.raw.avi"
    shutil.copyfile(whole / name, cut / name)
    fixed = workflow.run()
    return Campaign(
        workflow=workflow,
        sessions=sessions,
        cut=cut,
        raw=raw,
        preview=preview,
        files_before_preview=before,
        files_after_preview=after,
        first=first,
        log_of_the_cut=log_of_the_cut,
        raw_after_first=raw_after_first,
        again=again,
        fixed=fixed,
        last=workflow.run(),
    )
