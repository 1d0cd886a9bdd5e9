"""Why results are pending, for people: of one session, and before a run."""

import re
from pathlib import Path

import pytest
from tests.unit.test_pending import small
from tests.unit.test_up_to_date import FRAME_DATA, QC, TIMES, Render, copied, made, replaced

from alfvideo.configuration import Configuration
from alfvideo.files.errors import DataError
from alfvideo.planning.pending import State, Status
from alfvideo.views import why
from alfvideo.views.status import before_run, table
from alfvideo.views.status.rows import Row
from rigsim import Fault

__all__ = ["made"]


def lines(path: Path, config: Configuration, camera: str = "") -> list[list[str]]:
    text = table.plain(why.explain(path, camera, config))
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines()]


def test_nothing_pending(made: Path, config: Configuration):
    copied(made, "-r")
    assert lines(made, config) == [["Everything is done."]]


def test_reasons_and_the_files_compared(made: Path, config: Configuration):
    size = (made / FRAME_DATA).stat().st_size
    replaced(FRAME_DATA)(made)
    found = lines(made, config, "body")
    assert found[1:4] == [
        ["body", "raw", "pending", "frameData.bin changed"],
        ["body", "times", "pending", "frameData.bin changed"],
        ["body", "qc", "pending", "input times pending"],
    ]
    assert ["body times: frameData.bin changed"] in found
    (of_file,) = {tuple(line) for line in found if line[0] == FRAME_DATA}
    assert re.fullmatch(rf"{size:,} bytes, \d{{4}}-\d\d-\d\d [\d:]{{8}}", of_file[1])
    assert of_file[2].startswith(f"{size // 2:,} bytes, ")
    assert of_file[3] == "changed"


def test_what_came_and_what_is_missing(made: Path, config: Configuration):
    (made / QC).unlink()
    new = "raw_ephys_data/_spikeglx_ephysData_g0_t0.nidq.wiring.json"
    (made / new).write_text("{}")
    found = lines(made, config)
    assert [QC, *found[found.index(["body qc: videoQC.json missing"]) + 2][1:]][-1] == "missing"
    assert any(line[0] == new and line[-1] == "not on record" for line in found)


def test_edited_result(made: Path, config: Configuration):
    replaced(TIMES, 1e6)(made)
    found = lines(made, config)
    assert ["body", "times", "done", "times.npy changed since it was made"] in found
    assert ["body", "qc", "pending", "times.npy changed"] in found


def test_blocked_session(tmp_path: Path, config: Configuration, rendered: Render):
    path = rendered(tmp_path, small(faults={"body": (Fault.UNFINISHED_TRANSFER,)}))
    ((*_, reason),) = lines(path, config, "left")[1:]
    assert "transfer unfinished" in reason


def test_names(made: Path, config: Configuration):
    root = made.parents[2]
    assert why.find(made.relative_to(root), root) == why.find(made, root) == made
    with pytest.raises(DataError, match="KB009 is no folder"):
        why.find(Path("KB009"), root)
    with pytest.raises(DataError, match="no top camera that is selected: there are body"):
        why.explain(made, "top", config)


def status(number: int, reason: str) -> Status:
    path = Path(f"/data/KB001/2026-01-01/{number:03}")
    return Status(path, "body", "video", State.PENDING, (path / "a.mp4",), reason)


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        (["crf 17 → 20"] * 3, []),
        (["missing"] * 9, []),
        (["raw.avi changed"] * 9, []),
        (
            ["crf 17 → 20"] * 4,
            [
                "4 videos are to be encoded again because of changed settings (crf 17 → 20). To "
                "keep them, set `compression` back in the configuration."
            ],
        ),
        (
            ["crf 17 → 20"] * 2 + ["version 1 → 2"] * 2,
            [
                "4 videos are to be encoded again because of changed settings (crf 17 → 20; "
                "version 1 → 2). To keep them, set `compression` back in the configuration, and "
                "use the earlier version of alfvideo."
            ],
        ),
    ],
)
def test_many_videos_to_encode_again_are_announced(reasons: list[str], said: list[str]):
    found = before_run.encoded_again(status(*each) for each in enumerate(reasons))
    assert list(found) == said


def test_sums_by_reason():
    path = Path("/data/KB001/2026-01-01/001")
    rows = [
        *(Row(path, "left", "times", State.PENDING, "version 1 → 2") for _ in range(1200)),
        *(Row(path, "left", stage, State.PENDING, "missing") for stage in ("raw", "video", "raw")),
        Row(path, "left", "qc", State.PENDING, "input times pending"),
        Row(path, "left", "qc", State.BLOCKED, "sync missing"),
    ]
    assert table.by_reason(rows) == [
        "pending, version 1 → 2: 1,200 times",
        "pending, missing: 2 raw, 1 video",
    ]
    many = [Row(path, "left", "qc", State.PENDING, f"{n}.npy changed") for n in range(13)]
    assert table.by_reason(many)[-1] == "... and 3 other reasons"
    assert len(table.by_reason(many)) == 11
