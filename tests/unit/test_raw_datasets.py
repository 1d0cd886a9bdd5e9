"""The record of raw datasets names what is there, with its size and hash."""

import hashlib
import json
from pathlib import Path

import pytest

from alfvideo.files.errors import DataError
from alfvideo.jobs import raw_datasets


def test_describe_and_write(tmp_path: Path):
    file = tmp_path / "raw_video_data" / "ä b.bin"
    file.parent.mkdir()
    file.write_bytes(b"12345")
    record = tmp_path / "record.json"
    raw_datasets.write(raw_datasets.describe([file], tmp_path), record)
    md5 = hashlib.md5(b"12345").hexdigest()
    expected = {"path": "raw_video_data/ä b.bin", "file_size": 5, "hash": md5}
    assert json.loads(record.read_text(encoding="utf-8")) == {"datasets": [expected]}


def test_empty_file_is_refused(tmp_path: Path):
    file = tmp_path / "_iblrig_leftCamera.frameData.bin"
    file.touch()
    with pytest.raises(DataError, match=r"leftCamera\.frameData\.bin is empty .*Transfer it again"):
        raw_datasets.describe([file], tmp_path)


def test_the_same_files_give_the_same_record(tmp_path: Path):
    file = tmp_path / "a"
    file.write_text("x")
    first = raw_datasets.describe([file], tmp_path)
    file.touch()
    assert raw_datasets.describe([file], tmp_path) == first
