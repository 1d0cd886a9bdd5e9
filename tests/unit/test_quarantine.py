"""One odd session is one row with a reason; the others are as they would be without it."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.test_pending import small

from alfvideo.configuration import Configuration
from alfvideo.planning import pending
from alfvideo.planning.pending import State, Status
from alfvideo.session import description, quarantine
from rigsim import Rig

Render = Callable[[Path, Rig], Path]
AVI = "raw_video_data/_iblrig_bodyCamera.raw.avi"
DESCRIPTION = "_ibl_experiment.description.yaml"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def root(tmp_path: Path, rendered: Render) -> Path:
    """A data folder with two sessions: GOOD, and ODD to be spoilt."""
    for subject in ("ODD", "GOOD"):
        rendered(tmp_path / "data", small(subject=subject))
    return tmp_path / "data"


def odd(root: Path) -> Path:
    return root / "ODD" / "2026-01-01" / "001"


def rows(root: Path, config: Configuration, subject: str = "ODD") -> list[Status]:
    statuses = pending.scan(root, config)
    good = [status for status in statuses if "GOOD" in str(status.session)]
    assert {status.state for status in good} == {State.PENDING}
    return [status for status in statuses if subject in str(status.session)]


def linked(name: str, target: str) -> Callable[[Path], None]:
    def link(session: Path) -> None:
        file = session / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        file.unlink(missing_ok=True)
        file.symlink_to(target)

    return link


def written(name: str, text: str) -> Callable[[Path], None]:
    def write(session: Path) -> None:
        (session / name).parent.mkdir(exist_ok=True)
        (session / name).write_text(text)

    return write


def folder(name: str) -> Callable[[Path], None]:
    return lambda session: (session / name).mkdir(parents=True)


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
)
WHOLE: dict[str, tuple[Callable[[Path], None], str]] = {
    "description is a link to nothing": (linked(DESCRIPTION, "/nowhere"), "is a link to nothing"),
    "description is a loop": (linked(DESCRIPTION, DESCRIPTION), "leads back to itself"),
    "description has aliases": (written(DESCRIPTION, LAUGHS), "more than 100,000 values"),
    "description is deep": (written(DESCRIPTION, "[" * 100_000), "more than 50 levels"),
    "description is itself": (written(DESCRIPTION, "&a [*a]"), "stands for nothing, or for itself"),
    "alf is a loop": (linked("alf", "alf"), "leads back to itself"),
    "alf has a loop": (linked("alf/loop", "loop"), "leads back to itself"),
    "alf is a link to nothing": (linked("alf", "/nowhere"), "is a link to nothing"),
    "videos are a loop": (linked("raw_video_data", "raw_video_data"), "leads back to itself"),
    "record of a list": (written("provenance.json", "[]"), "not a mapping"),
    "record of another shape": (
        written("provenance.json", json.dumps({"alf/x.npy": {"inputs": 5}})),
        "not a mapping of outputs to entries",
    ),
    "record of a number": (written("provenance.json", '{"a": {"params": 1}}'), "not a mapping"),
    "record that is deep": (written("provenance.json", "[" * 100_000), "too many levels"),
    "record that is a folder": (folder("provenance.json"), "it is a folder, expected a file"),
    "record that is a loop": (linked("provenance.json", "provenance.json"), "back to itself"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_session_that_cannot_be_read_is_one_row(root: Path, config: Configuration, name: str):
    spoil, said = WHOLE[name]
    spoil(odd(root))
    (row,) = rows(root, config)
    assert (row.camera, row.stage, row.state) == ("", "", State.BLOCKED)
    assert said in row.reason
    assert not Path("logs").exists(), "it was foreseen"


def fifo(name: str) -> Callable[[Path], None]:
    def make(session: Path) -> None:
        (session / name).parent.mkdir(parents=True, exist_ok=True)
        (session / name).unlink(missing_ok=True)
        os.mkfifo(session / name)

    return make


INPUTS = {
    "raw_video_data/_iblrig_bodyCamera.raw.avi": {"raw"},
    "raw_video_data/_iblrig_bodyCamera.raw.mp4": {"raw"},
    "raw_video_data/_iblrig_bodyCamera.frameData.bin": {"video"},
    "raw_ephys_data/_spikeglx_sync.times.npy": {"raw", "video"},
    "raw_ephys_data/_spikeglx_sync.channels.npy": {"raw", "video"},
    "raw_ephys_data/_spikeglx_ephysData_g0_t0.nidq.meta": {"raw", "video"},
    "alf/_ibl_wheel.position.npy": {"raw", "video"},
    "alf/_ibl_bodyCamera.times.npy": {"raw", "video"},
    "registration/bodyCamera_raw.json": {"video", "times", "qc"},
    "qc/_ibl_bodyCamera.videoQC.json": {"raw", "video", "times"},
}
"""Stages that can be made although a file cannot be read."""


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (fifo, "is a named pipe, expected a file"),
        (lambda name: linked(name, "/nowhere"), "is a link to a file that is not there: bring"),
        (lambda name: linked(name, "/dev/zero"), "is a device, expected a file"),
        (lambda name: linked(name, "/tmp"), "is a folder, expected a file"),
    ],
)
def test_a_file_that_is_none_blocks_what_needs_it(
    root: Path, config: Configuration, name: str, spoil: Callable, said: str
):
    spoil(name)(odd(root))
    found = rows(root, config)
    assert {row.stage for row in found if row.state is State.PENDING} == INPUTS[name]
    blocked = [row.reason for row in found if row.state is State.BLOCKED]
    assert all(f"{name} {said}" in reason for reason in blocked)
    assert {row.stage for row in found} == {"raw", "video", "times", "qc"}


def test_a_video_that_is_a_loop(root: Path, config: Configuration):
    linked(AVI, Path(AVI).name)(odd(root))
    found = rows(root, config)
    assert {row.stage for row in found if row.state is State.PENDING} == {"raw"}
    assert all(f"{AVI} is a link to" in row.reason for row in found if row.stage != "raw")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a\nb", r"'\n' in a path is no printable character: rename the folder"),
        ("a\tb", r"'\t' in a path"),
        ("a\udcffb", r"'\udcff' in a path is no printable character"),
        ("a{b}", "{ in a path means something to Snakemake"),
        ("a<b>", "<b> in a path means something"),
    ],
)
def test_a_name_that_snakemake_cannot_have(root: Path, config: Configuration, name: str, said: str):
    (root / "ODD").rename(root / name)
    (row,) = rows(root, config, name)
    assert said in row.reason
    assert row.state is State.BLOCKED


@pytest.mark.parametrize("name", ["mouse 1", "100%", "a%sb", "O'Brien", "M(1)", "-n", "é鼠", "~"])
def test_a_name_that_is_only_strange(root: Path, config: Configuration, name: str):
    (root / "ODD").rename(root / name)
    assert {row.state for row in rows(root, config, f"/{name}/")} == {State.PENDING}


def test_a_file_whose_name_snakemake_cannot_have(root: Path, config: Configuration):
    name = "_iblrig_bodyCamera.timestamps.{x}.ssv"
    (odd(root) / "raw_video_data" / name).touch()
    blocked = [row for row in rows(root, config) if row.state is State.BLOCKED]
    assert {row.stage for row in blocked} == {"raw", "times", "qc"}
    assert all("{ in a path means" in row.reason for row in blocked)


@pytest.mark.parametrize(
    "error",
    [
        RecursionError("maximum recursion depth exceeded"),
        MemoryError(),
        KeyError("x"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
        TypeError("a\nb" * 100),
    ],
)
def test_what_nobody_foresaw_is_one_row_and_a_file_to_send(
    root: Path, config: Configuration, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    read = description.read

    def unlucky(path: Path, *others: object) -> object:
        if "ODD" in str(path):
            raise error
        return read(path, *others)

    monkeypatch.setattr(description, "read", unlucky)
    (row,) = rows(root, config)
    assert row.reason.startswith(f"broken: {type(error).__name__}")
    assert len(row.reason) < 250
    (file,) = Path("logs/broken").iterdir()
    assert str(file) in row.reason
    text = file.read_text()
    assert "Traceback" in text
    assert "in unlucky" in text
    assert str(odd(root)) in text


def test_a_log_that_cannot_be_written_is_said(tmp_path: Path):
    Path("logs").write_text("a file")
    said = quarantine.reason(ValueError("x"), tmp_path / "KB" / "2026-01-01" / "001")
    assert said.startswith("broken: ValueError: x. ")
    assert "cannot be written" in said


def test_what_the_system_says_is_passed_on(tmp_path: Path):
    error = OSError(5, "Input/output error", "/data/x.npy")
    assert quarantine.reason(error, tmp_path) == (
        "broken: /data/x.npy cannot be read (Input/output error)"
    )


def test_a_session_is_scanned_again_once_it_is_whole(root: Path, config: Configuration):
    linked("alf", "alf")(odd(root))
    (row,) = rows(root, config)
    assert row.state is State.BLOCKED
    (odd(root) / "alf").unlink()
    assert {row.state for row in rows(root, config)} == {State.PENDING}
