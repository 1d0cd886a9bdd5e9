"""Raw files and results against the checksums on record."""

import json
import os
from pathlib import Path

import pytest
from tests.unit.test_pending import edit_records
from tests.unit.test_up_to_date import AVI, FRAME_DATA, QC, TIMES, made

from alfvideo.files import checksums
from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance
from alfvideo.views import verify
from alfvideo.views.verify import Part

__all__ = ["made"]


def flip(path: Path, *, keep_date: bool = True) -> None:
    """Change one bit in the middle of a file."""
    stat = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    if keep_date:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def found(path: Path, chosen: Part = verify.ALL) -> tuple[list[str], verify.Findings]:
    said: list[str] = []
    findings = verify.verify([path], chosen, said.append)
    assert findings.wrong == said
    return said, findings


def test_whole_session(made: Path):
    said, findings = found(made)
    assert said == []
    raw = [AVI, FRAME_DATA, "raw_ephys_data/_spikeglx_sync.times.npy"]
    known = verify.on_record(provenance.read(made))
    assert known.keys() >= {*raw, TIMES, QC}
    assert findings.checked == len(known)
    assert findings.read == sum((made / name).stat().st_size for name in known)
    everything = set(verify.files(made))
    assert findings.without == len(everything - known.keys()) > 0
    assert "provenance.json" not in everything


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        (AVI, flip, "other content, with the size and date on record: the disk"),
        (TIMES, flip, "other content, with the size and date on record: the disk"),
        (
            FRAME_DATA,
            lambda file: (flip(file, keep_date=False), os.utime(file, (0, 0))),
            "other content than is on record, of the same size: it was replaced",
        ),
        (FRAME_DATA, lambda file: file.write_bytes(b"cut"), "has 3 bytes, "),
        (QC, lambda file: file.unlink(), "is gone"),
        (QC, lambda file: (file.unlink(), os.mkfifo(file)), "is not a file"),
    ],
)
def test_what_differs_is_said(made: Path, name: str, change: object, sentence: str):
    change(made / name)
    ((said,), findings) = found(made)
    assert said.startswith(str(made / name))
    assert sentence in said
    assert "1 differ" in findings.sentence()


def test_days_have_all_files_between_them(made: Path):
    _, whole = found(made)
    days = [found(made, Part(day, 5))[1] for day in range(7, 12)]
    assert sum(day.checked for day in days) == whole.checked
    assert sum(day.without for day in days) == whole.without
    assert max(day.checked for day in days) < whole.checked
    assert found(made, Part(8, 5))[1] == days[1]
    assert [verify.part("20%", today=86400.0 * day).number for day in (1, 2, 6)] == [1, 2, 1]


@pytest.mark.parametrize("sample", ["0", "101%", "-1%", "a few", ""])
def test_no_share(sample: str):
    with pytest.raises(DataError, match="give a share of the files"):
        verify.part(sample)


def test_raw_video_that_was_removed_on_purpose_is_not_missed(made: Path):
    def removed(record: dict) -> None:
        if record["rule"] == "video_compress":
            record["rule"] = "video_remove_original"

    edit_records(made, removed)
    (made / AVI).unlink()
    assert found(made)[0] == []


def test_large_file_without_a_checksum_of_the_whole(made: Path, monkeypatch: pytest.MonkeyPatch):
    sample = checksums.quick(made / AVI, (made / AVI).stat())

    def large(record: dict) -> None:
        if AVI in record["inputs"]:
            record["inputs"][AVI]["sample"] = record["inputs"][AVI].pop("md5")

    edit_records(made, large)
    said, findings = found(made)
    assert (said, findings.in_part) == ([], 1)
    assert "1 of them in part" in findings.sentence()
    flip(made / AVI)
    assert checksums.quick(made / AVI, (made / AVI).stat()) != sample
    assert len(found(made)[0]) == 1


def test_broken_record_is_one_sentence(made: Path):
    (made / "provenance.json").write_text("{half")
    (said, _) = found(made)
    assert len(said) == 1
    assert "provenance.json cannot be read" in said[0]


@pytest.mark.parametrize(
    "file", [{"size": "12"}, {"mtime_ns": None}, {"size": 10**400}, {"mtime_ns": 1e300}, {"md5": 5}]
)
def test_record_of_odd_numbers_is_one_sentence(made: Path, file: dict):
    (made / "provenance.json").write_text(json.dumps({"alf/x.npy": {"output": file}}))
    (sentence,) = verify.verify([made], say=lambda sentence: None).wrong
    assert "provenance.json cannot be read" in sentence


def test_how_far_it_is(made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    monkeypatch.setattr(verify, "SECONDS_BETWEEN_REPORTS", 0)
    found(made)
    assert "so far: 1 files checked" in capsys.readouterr().err
