"""The table of what all outputs were made from."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from alfvideo.jobs import provenance
from alfvideo.views import provenance_table


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in ("001", "002"):
        session = tmp_path / "lab" / "Subjects" / "KB001" / "2026-01-01" / number
        (session / "alf").mkdir(parents=True)
        for name in ("a.mp4", "alf/b.npy"):
            (session / name).write_text(name)
        source = session / "a.avi"
        source.write_bytes(b"raw")
        provenance.record(
            session,
            provenance.Work(
                rule="video_compress",
                camera="left",
                inputs={source: provenance.fingerprint(source)},
                outputs=[session / "a.mp4", session / "alf/b.npy"],
                params={"version": 3, "crf": 17},
                log=Path("logs/a.log"),
            ),
            started="2026-01-01T12:00:00Z",
            seconds=2.5,
            notes=["Two pulses, and a comma."],
            software={"deeplabcut": "3.0.2"},
        )
    return tmp_path


@pytest.mark.parametrize("name", ["table.csv", "table.pqt"])
def test_one_row_an_output(root: Path, name: str):
    file = root / name
    command = [sys.executable, "-m", "alfvideo.views.provenance_table", str(root), str(file)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said == f"{file}: 4 outputs\n"
    table = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
    assert list(table) == list(provenance_table.COLUMNS)
    assert list(table.output) == ["a.mp4", "alf/b.npy"] * 2
    assert table.session[0] == "lab/Subjects/KB001/2026-01-01/001"
    row = table.iloc[1]
    assert (row.rule, row.version, row.seconds) == ("video_compress", 3, 2.5)
    assert (row["size"], row.started, row.log) == (9, "2026-01-01T12:00:00Z", "logs/a.log")
    assert json.loads(row.params) == {"version": 3, "crf": 17}
    assert json.loads(row.inputs)["a.avi"]["size"] == 3
    assert json.loads(row.software)["deeplabcut"] == "3.0.2"
    assert json.loads(row.notes) == ["Two pulses, and a comma."]


@pytest.mark.parametrize("content", ["{half", "3", "[" * 100_000, '{"a": {"output": 3}}'])
def test_a_broken_record_leaves_out_one_session_with_a_sentence(root: Path, content: str):
    broken = root / "lab" / "Subjects" / "KB001" / "2026-01-01" / "001" / provenance.FILE_NAME
    broken.write_text(content)
    count, (sentence,) = provenance_table.write(root, root / "t.csv")
    assert f"{broken} cannot be read" in sentence
    assert set(pd.read_csv(root / "t.csv").session) == {"lab/Subjects/KB001/2026-01-01/002"}
    assert count == 2


def test_what_is_left_out_is_said_and_the_status_is_1(root: Path):
    broken = root / "lab" / "Subjects" / "KB001" / "2026-01-01" / "001" / provenance.FILE_NAME
    broken.write_text("{half")
    command = [
        sys.executable,
        "-m",
        "alfvideo.views.provenance_table",
        str(root),
        str(root / "t.csv"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"{broken} cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(pd.read_csv(root / "t.csv")) == 2


@pytest.mark.parametrize("name", ["table.csv", "table.pqt"])
def test_odd_values_are_texts_or_nothing_and_no_formulas(root: Path, name: str):
    odd = root / "=1+1" / "2026-01-01" / "001"
    odd.mkdir(parents=True)
    entry = {"rule": "=cmd()", "seconds": "long", "output": {"md5": "=2+2"}, "camera": {}}
    (odd / provenance.FILE_NAME).write_text(json.dumps({"@a": entry, "b": {"seconds": -2.5}}))
    assert provenance_table.write(root, root / name) == (6, [])
    file = root / name
    table = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
    row = table[table.output.str.endswith("@a")].iloc[0]
    quote = "'" if file.suffix == ".csv" else ""
    assert (row.session, row.rule) == (f"{quote}=1+1/2026-01-01/001", f"{quote}=cmd()")
    assert (row.output, row.md5) == (f"{quote}@a", f"{quote}=2+2")
    assert pd.isna(row.seconds)
    assert list(table[table.output == "b"].seconds) == [-2.5]
