"""YAML and JSON that others wrote: bounded, whatever is in them."""

import json
import os
import socket
from datetime import date
from pathlib import Path

import pytest
import yaml

from alfvideo.files import documents
from alfvideo.files.documents import UnreadableError

DESCRIPTIONS = Path(__file__).parents[1] / "data" / "ibl" / "description"


def test_what_is_there_is_what_yaml_says():
    for file in DESCRIPTIONS.glob("*.yaml"):
        text = documents.read(file)
        assert documents.parse_yaml(text) == yaml.safe_load(text)


def test_a_few_aliases_are_read():
    assert documents.parse_yaml("a: &x [1, 2]\nb: *x\nc: {<<: {d: 3}}\n") == {
        "a": [1, 2],
        "b": [1, 2],
        "c": {"d": 3},
    }


@pytest.mark.parametrize("n_levels", [documents.MAX_DEPTH, documents.MAX_DEPTH + 1])
def test_levels(n_levels: int):
    text = "[" * n_levels + "]" * n_levels
    if n_levels == documents.MAX_DEPTH:
        assert json.dumps(documents.parse_yaml(text)) == text
    else:
        with pytest.raises(UnreadableError, match="more than 50 levels"):
            documents.parse_yaml(text)


def test_values_are_counted_as_often_as_they_are_repeated():
    values = ", ".join("x" * 1000)
    repeated = ", ".join(["*a"] * 98)
    assert documents.parse_yaml(f"a: &a [{values}]\nb: [{repeated}]\n")
    repeated = ", ".join(["*a"] * 100)
    with pytest.raises(UnreadableError, match="more than 100,000 values"):
        documents.parse_yaml(f"a: &a [{values}]\nb: [{repeated}]\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1\n", "line 2: did not find expected"),
        ("a: 1\n--- b\n", "line 2: but found another document"),
        ("a: 2026-13-01", "line 1: 2026-13-01 is no date or time"),
        ("a: !!timestamp x", "line 1: x is no date or time"),
        ("a: !!int x", "ValueError: invalid literal"),
        ("a: !!bool x", "KeyError: 'x'"),
        ("!!python/object/apply:os.system [id]", "line 1: could not determine a constructor"),
        ("a: *b", "alias \\*b stands for nothing"),
        ("a: \0", "control characters are not allowed"),
        ("a: " + "1" * 5000, "ValueError: Exceeds the limit"),
        ("a:\n  b: 1\n  b: 1", "line 3: 'b' is there twice: keep one"),
        ("a: 1\n'a': 1", "line 2: 'a' is there twice"),
        ("[{x: [{a: 1}], x: 2}]", "line 1: 'x' is there twice"),
        ("{a: *x, a: 1}", "alias \\*x stands"),
        ("width: 0154", "line 1: 0154 may be an octal number: write it without the zero"),
        ("a: [1, -017]", "line 1: -017 may be an octal number"),
        ("a: 00", "line 1: 00 may be"),
    ],
)
def test_no_yaml(text: str, said: str):
    with pytest.raises(UnreadableError, match=said):
        documents.parse_yaml(text)


def test_keys_that_are_there_once():
    text = "a: &x {b: a, c: [a, {a: a}]}\n? [a, a]\n: {a: a}\nb: {<<: *x, <<: {d: 1}, b: 2}\na b: 0"
    assert documents.parse_yaml(text.replace("? [a, a]\n: ", "d: ")) == {
        "a": {"b": "a", "c": ["a", {"a": "a"}]},
        "d": {"a": "a"},
        "b": {"b": 2, "c": ["a", {"a": "a"}], "d": 1},
        "a b": 0,
    }


def test_times_of_day_are_texts():
    text = "[12:30, 1:30:05, -1:10, 12:30.5, '12:30', 2026-01-01]"
    times = ["12:30", "1:30:05", "-1:10", "12:30.5", "12:30", date(2026, 1, 1)]
    assert documents.parse_yaml(text) == times


def test_numbers_that_nobody_takes_for_octal():
    text = "[0, 0.5, 0x1f, 10, 1_0, 08, '0154', 0b11]"
    assert documents.parse_yaml(text) == [0, 0.5, 31, 10, 10, "08", "0154", 3]


@pytest.mark.parametrize("text", ["", "{half", "[" * 100_000, "1" * 5000])
def test_no_json(text: str):
    with pytest.raises(UnreadableError):
        documents.parse_json(text)


def test_only_regular_files_of_bounded_size_are_read(tmp_path: Path):
    file = tmp_path / "file"
    file.write_text("é" * 5)
    assert documents.read(file, 10) == "é" * 5
    with pytest.raises(UnreadableError, match="more than 9 bytes"):
        documents.read(file, 9)
    file.write_bytes(b"a\xff")
    with pytest.raises(UnreadableError, match="byte 1 is not UTF-8"):
        documents.read(file)
    (tmp_path / "link").symlink_to(file)
    with pytest.raises(UnreadableError, match="byte 1"):
        documents.read(tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableError, match="a named pipe"):
        documents.read(tmp_path / "pipe")
    with pytest.raises(UnreadableError, match="a device"):
        documents.read(Path("/dev/zero"))
    with pytest.raises(UnreadableError, match="a folder"):
        documents.read(tmp_path)
    with pytest.raises(FileNotFoundError):
        documents.read(tmp_path / "nothing")


def test_a_byte_order_mark_is_no_content(tmp_path: Path):
    (file := tmp_path / "file").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert documents.parse_json(documents.read(file)) == {"a": 1}
    assert documents.parse_yaml(documents.read(file)) == {"a": 1}


def test_a_socket_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        with pytest.raises(UnreadableError, match="a socket"):
            documents.read(tmp_path / "socket")
