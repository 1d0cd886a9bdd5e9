"""A pose job that was killed goes on after its last part."""

import io
from pathlib import Path

import numpy as np
import pytest

from alfvideo.pose.parts import Parts

POSES = np.arange(60.0).reshape(10, 2, 3)


def started(output: Path, **made_from: object) -> Parts:
    return Parts(output, {"video": 1, **made_from})


def test_parts_are_taken_up_and_removed_at_the_end(tmp_path: Path):
    output = tmp_path / "alf" / "_ibl_leftCamera.dlc.pqt"
    first = started(output)
    assert (first.frames, first.load()) == (0, {})
    first.add(0, 4, {"eye 1": POSES[:4], "paws 1": POSES[:4, :1]})
    first.add(4, 7, {"eye 1": POSES[4:7], "paws 1": POSES[4:7, :1]})
    with started(output) as second:
        assert second.frames == 7
        second.add(7, 10, {"eye 1": POSES[7:], "paws 1": POSES[7:, :1]})
        np.testing.assert_array_equal(second.load()["eye 1"], POSES)
        np.testing.assert_array_equal(second.load()["paws 1"], POSES[:, :1])
    assert list(output.parent.iterdir()) == []


def test_parts_stay_if_something_goes_wrong(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt), started(tmp_path / "a.pqt") as parts:  # noqa: PT012
        parts.add(0, 4, {"eye 1": POSES[:4]})
        raise KeyboardInterrupt
    assert started(tmp_path / "a.pqt").frames == 4


@pytest.mark.parametrize("change", [{"video": 2}, {"models": {"eye": "other"}}])
def test_parts_of_something_else_are_removed(tmp_path: Path, change: dict):
    started(tmp_path / "a.pqt").add(0, 4, {"eye 1": POSES[:4]})
    assert started(tmp_path / "a.pqt", **change).frames == 0


def test_half_written_part_does_not_count(tmp_path: Path):
    parts = started(tmp_path / "a.pqt")
    parts.add(0, 4, {"eye 1": POSES[:4]})
    (parts.folder / ".000000004-000000008.npz.partial").write_bytes(b"PK half")
    assert started(tmp_path / "a.pqt").frames == 4
    assert started(tmp_path / "b.pqt").frames == 0


def test_parts_after_a_gap_do_not_count(tmp_path: Path):
    """Parts were being removed when the process was killed."""
    parts = started(tmp_path / "a.pqt")
    for first in (0, 4, 8):
        parts.add(first, first + 4, {"eye 1": POSES[:4]})
    (parts.folder / "000000004-000000008.npz").unlink()
    again = started(tmp_path / "a.pqt")
    assert again.frames == 4
    assert len(again.load()["eye 1"]) == 4


def test_parts_without_what_they_were_made_from_do_not_count(tmp_path: Path):
    parts = started(tmp_path / "a.pqt")
    parts.add(0, 4, {"eye 1": POSES[:4]})
    (parts.folder / "made_from.json").unlink()
    assert started(tmp_path / "a.pqt").frames == 0


def flipped(content: bytes) -> bytes:
    middle = content.index(b"NUMPY") + 200
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def saved(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


DAMAGE = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "a bit": flipped,
    "no archive": lambda content: b"PK" + bytes(1000),
    "another length": lambda content: saved(**{"eye 1": POSES[:3]}),
    "another shape": lambda content: saved(**{"eye 1": POSES[:4, 0]}),
    "another model": lambda content: saved(**{"eye 2": POSES[:4]}),
    "an array": lambda content: b"\x93NUMPY" + content[content.index(b"NUMPY") + 5 :],
    "objects": lambda content: saved(**{"eye 1": np.array([{}] * 4)}),
    "text": lambda content: saved(**{"eye 1": np.full((4, 2, 3), "a")}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_parts_are_dropped(tmp_path: Path, damage: str):
    parts = started(tmp_path / "a.pqt")
    for first in (0, 4, 8):
        parts.add(first, first + 4, {"eye 1": POSES[:4]})
    path = parts.folder / "000000004-000000008.npz"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    again = started(tmp_path / "a.pqt")
    assert again.frames == 4
    again.add(4, 8, {"eye 1": POSES[4:8]})
    np.testing.assert_array_equal(again.load()["eye 1"], POSES[:8])


def test_other_files_are_no_parts(tmp_path: Path):
    parts = started(tmp_path / "a.pqt")
    parts.add(0, 4, {"eye 1": POSES[:4]})
    for name in ("000000004-000000004.npz", "1-2-3.npz", "4-8.npz"):
        (parts.folder / name).write_bytes(b"")
    assert started(tmp_path / "a.pqt").frames == 4
