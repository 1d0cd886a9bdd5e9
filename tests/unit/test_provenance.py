"""The provenance of a session: what each output was made from."""

import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from alfvideo.files.errors import DataError
from alfvideo.jobs import job, provenance


def record(session: Path, output: str, settings: object = None, note: str = "a note") -> None:
    """Record an output the way jobs do."""
    source = session / "raw_video_data" / "a.avi"
    source.parent.mkdir(exist_ok=True)
    source.touch()
    (session / output).parent.mkdir(exist_ok=True)
    (session / output).write_text(output)
    described = SimpleNamespace(
        rule="video_compress",
        wildcards=SimpleNamespace(session=str(session), camera="left"),
        input=[str(source)],
        output=[str(session / output)],
        params=SimpleNamespace(settings=settings or {"version": 1, "crf": 17}),
        resources={},
        log=[str(session / "logs" / f"{Path(output).name}.log")],
    )
    with job.run(described) as this:
        this.note(note)


def test_what_is_recorded(tmp_path: Path):
    record(tmp_path, "alf/a.npy")
    entry = provenance.read(tmp_path)["alf/a.npy"]
    stat = (tmp_path / "raw_video_data" / "a.avi").stat()
    empty = {"size": 0, "mtime_ns": stat.st_mtime_ns, "md5": hashlib.md5(b"").hexdigest()}
    assert entry["inputs"] == {"raw_video_data/a.avi": empty}
    assert entry["params"] == {"version": 1, "crf": 17}
    assert (entry["rule"], entry["notes"]) == ("video_compress", ["a note"])
    assert entry["camera"] == "left"
    made = (tmp_path / "alf/a.npy").stat()
    md5 = hashlib.md5(b"alf/a.npy").hexdigest()
    assert entry["output"] == {"size": 9, "mtime_ns": made.st_mtime_ns, "md5": md5}
    assert entry["started"] <= entry["finished"]


def failed(session: Path) -> dict:
    return provenance.read(session, provenance.FAILED)


def test_failures_are_remembered_until_the_output_is_made(tmp_path: Path):
    for name in "ab":
        work = provenance.Work("r", "left", {}, [tmp_path / name], {"version": 1}, Path("log"))
        provenance.record_failure(tmp_path, work, "cut")
    assert {name: found["message"] for name, found in failed(tmp_path).items()} == {
        "a": "cut",
        "b": "cut",
    }
    record(tmp_path, "a")
    assert set(failed(tmp_path)) == {"b"}
    assert set(provenance.read(tmp_path)) == {"a"}


def test_entries_of_other_outputs_are_kept_and_the_same_replaced(tmp_path: Path):
    record(tmp_path, "a")
    record(tmp_path, "b")
    record(tmp_path, "a", settings={"version": 2})
    entries = provenance.read(tmp_path)
    assert set(entries) == {"a", "b"}
    assert entries["a"]["params"] == {"version": 2}


def test_nothing_recorded(tmp_path: Path):
    assert provenance.read(tmp_path) == {}


@pytest.mark.parametrize("content", ["", "{half", "\xff"])
def test_damaged_record_says_what_to_do(tmp_path: Path, content: str):
    (tmp_path / "provenance.json").write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match=r"provenance\.json cannot be read .*remove it and run"):
        provenance.read(tmp_path)


@pytest.mark.parametrize("content", ["[]", "1", '{"alf/a.npy": 3}'])
def test_record_of_another_form_says_what_to_do(tmp_path: Path, content: str):
    (tmp_path / "provenance.json").write_text(content)
    with pytest.raises(DataError, match=r"provenance\.json .*remove it and run again"):
        provenance.read(tmp_path)


def test_cameras_record_side_by_side(tmp_path: Path):
    with ProcessPoolExecutor(4) as pool:
        for done in [pool.submit(record, tmp_path, f"alf/{n}.npy") for n in range(40)]:
            done.result()
    assert len(provenance.read(tmp_path)) == 40
    assert not list(tmp_path.glob(".*"))
    assert json.loads((tmp_path / "provenance.json").read_text())


@pytest.mark.parametrize("what", ["{half", "[]", "[" * 100_000, "folder", "loop"])
def test_a_broken_record_of_failures_fails_no_job(tmp_path: Path, what: str):
    output, record = tmp_path / "a.npy", tmp_path / provenance.FAILED
    output.write_bytes(b"made in hours")
    match what:
        case "folder":
            record.mkdir()
        case "loop":
            record.symlink_to(record.name)
        case _:
            record.write_text(what)
    work = provenance.Work("dlc", "left", {}, [output], {}, Path("log"))
    provenance.record(tmp_path, work, started=provenance.now(), seconds=3600)
    assert list(provenance.read(tmp_path)) == ["a.npy"]
    if what != "folder":
        provenance.record_failure(tmp_path, work, "The video was cut.")
        assert provenance.read(tmp_path, provenance.FAILED)["a.npy"]["message"]
