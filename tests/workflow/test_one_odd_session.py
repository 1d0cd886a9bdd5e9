"""Odd sessions beside a good one: each has its row, and the good one gets done."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from alfvideo.views.status.table import printable
from rigsim import Rig
from tests.unit.test_quarantine import AVI, DESCRIPTION, WHOLE, fifo, linked, written
from tests.workflow.runs import Workflow, error_in_frames, hashes, lost, small

Render = Callable[[Path, Rig], Path]
GOOD, OTHER = "GOOD", "50%d M(1)"
LABEL, DEEP = "Body_2", "raw_video_data/a/b"
"""Of the camera of the other good session, and the folder of its files."""

HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = WHOLE | {
    "day that is none": (written(DESCRIPTION, "started: 2026-02-30\n"), "no date or time"),
    "collection outside": (
        written(DESCRIPTION, "sync: {nidq: {collection: ../../x}}\n"),
        "not the name of a folder in the session",
    ),
    "description is a pipe": (fifo(DESCRIPTION), "it is a named pipe"),
    "settings are a pipe": (
        lambda session: (
            (session / DESCRIPTION).unlink(),
            fifo("raw_behavior_data/_iblrig_taskSettings.raw.json")(session),
        ),
        "it is a named pipe",
    ),
    "video is a pipe": (fifo(AVI), "is a named pipe, expected a file"),
    "pulses are a pipe": (fifo("raw_ephys_data/_spikeglx_sync.times.npy"), "is a named pipe"),
    "wheel is a link to nothing": (
        linked("alf/_ibl_wheel.position.npy", "/nowhere"),
        "is a link to a file that is not there",
    ),
    "times are a pipe": (fifo("alf/_ibl_bodyCamera.times.npy"), "is a named pipe"),
    "new\nline": (lambda session: None, r"'\n' in a path is no printable character"),
    "byte \udcff": (lambda session: None, r"'\udcff' in a path is no printable character"),
    "brace {x}": (lambda session: None, "{ in a path means something to Snakemake"),
    "wildcard <x>": (lambda session: None, "<x> in a path means something to Snakemake"),
}
"""By subject: what is done to its session, and what its row says."""


def relabel(session: Path) -> None:
    """Give the camera another label, and its files a folder several levels down."""
    description = session / DESCRIPTION
    text = description.read_text().replace("    body:", f"    {LABEL}:")
    description.write_text(text.replace("collection: raw_video_data", f"collection: {DEEP}"))
    (session / DEEP).mkdir(parents=True)
    for file in list((session / "raw_video_data").glob("*bodyCamera*")):
        file.rename(session / DEEP / file.name.replace("body", LABEL))
    (wiring,) = session.rglob("*.wiring.json")
    wiring.write_text(wiring.read_text().replace("body_camera", f"{LABEL}_camera"))


@pytest.mark.slow
def test_each_has_its_row_and_the_good_one_gets_done(
    workflow: Workflow, rendered: Render, tmp_path: Path
):
    good = rendered(workflow.root, small(subject=GOOD))
    source = rendered(tmp_path / "source", small())
    for subject, (spoil, _) in HOSTILE.items():
        odd = workflow.root / subject / "2026-01-01" / "001"
        shutil.copytree(source, odd)
        spoil(odd)
    other = workflow.root / OTHER / "2026-01-01" / "001"
    shutil.copytree(rendered(tmp_path / "wired", small(wiring="full")), other)
    relabel(other)
    (workflow.root / "up").symlink_to("..")
    (workflow.root / GOOD / "again").symlink_to(".")
    raw = hashes(workflow.root)

    workflow.config["cameras"] = ["body", LABEL]
    preview = workflow.run("-n")
    assert preview.status == 0, preview.text
    for subject, (_, said) in HOSTILE.items():
        assert preview.row(f"{printable(subject)}/2026-01-01/001", said)

    run = workflow.run()
    assert run.status == 0, run.text
    assert "Traceback" not in preview.text + run.text
    assert run.finished["video_qc"] == 2
    assert (other / "alf" / f"_ibl_{LABEL}Camera.times.npy").exists()
    assert error_in_frames(good, "body") < 0.5
    assert lost(raw, workflow.root) == []
    seen = workflow.look("status")
    assert seen.status == 0
    assert seen.row("broken: ", "leads back to itself")
    assert workflow.run("-n").nothing_to_do
