"""Ways in which a file of a session goes wrong; each takes a random generator and the file."""

import io
import json
import os
import pickle
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Random = np.random.Generator
Damage = Callable[[Random, Path], None]

WILD = (np.nan, np.inf, -np.inf, 1e12, -1e12, 1e300, -1.0, 0.0, 2.0**62, 1e7)
DTYPES = ("i1", "u1", "i8", "f4", "f2", ">f8", ">i4", "U8", "S4", "?", "c16", "M8[s]", "V8")
SHAPES = ((1 << 40,), (-8,), (1 << 31, 1 << 31), (), (3, 0), (1,) * 30)
TEXTS = (
    *("[" * 100_000, '{"a":' * 100_000, "[]", "{}", "null", "7", "'text'", "1e999", "NaN", "{"),
    *("\0" * 64, "9" * 5000, "- a\n- b", "a: &a [*a]", "started: 2026-02-30", "%\n%", "=cmd()"),
)
VALUES = (None, "text", "", "60", 1e999, -1, 0, 2**62, 10**400, [], {}, [None], True, "\n", "../..")


def truncated(rng: Random, file: Path) -> None:
    """Cut it anywhere."""
    os.truncate(file, rng.integers(file.stat().st_size + 1))


def cut_by_a_few_bytes(rng: Random, file: Path) -> None:
    """Cut what a program that was killed does not write."""
    os.truncate(file, max(file.stat().st_size - rng.integers(1, 40), 0))


def flipped(rng: Random, file: Path) -> None:
    """Flip some bits anywhere."""
    content = bytearray(file.read_bytes())
    for place in rng.integers(len(content), size=rng.integers(1, 20)):
        content[place] ^= 1 << int(rng.integers(8))
    file.write_bytes(content)


def flipped_in_the_header(rng: Random, file: Path) -> None:
    """Flip some bits among the first."""
    content = bytearray(file.read_bytes())
    for place in rng.integers(min(len(content), 128), size=rng.integers(1, 4)):
        content[place] ^= 1 << int(rng.integers(8))
    file.write_bytes(content)


def zeroed(rng: Random, file: Path) -> None:
    """Lose a block of a disk."""
    content = bytearray(file.read_bytes())
    first = int(rng.integers(len(content)))
    end = min(first + int(rng.integers(1, 4096)), len(content))
    content[first:end] = bytes(end - first)
    file.write_bytes(content)


def nul_tail(rng: Random, file: Path) -> None:
    """Append what a crash of the computer leaves."""
    with file.open("ab") as opened:
        opened.write(bytes(int(rng.integers(1, 5000))))


def appended(rng: Random, file: Path) -> None:
    """Append random bytes."""
    with file.open("ab") as opened:
        opened.write(rng.bytes(int(rng.integers(1, 5000))))


def doubled(rng: Random, file: Path) -> None:
    """Append it to itself."""
    file.write_bytes(file.read_bytes() * 2)


def enormous(rng: Random, file: Path) -> None:
    """Make it of 50 GB without taking the space."""
    os.truncate(file, 50_000_000_000)


def empty(rng: Random, file: Path) -> None:
    """Leave nothing of it."""
    os.truncate(file, 0)


def random_bytes(rng: Random, file: Path) -> None:
    """Replace it by noise."""
    file.write_bytes(rng.bytes(int(rng.integers(1, 10_000))))


def npz(rng: Random, file: Path) -> None:
    """Replace it by several arrays."""
    with file.open("wb") as opened:
        np.savez(opened, a=np.arange(3), b=np.arange(4))


def pickled(rng: Random, file: Path) -> None:
    """Replace it by objects of Python."""
    file.write_bytes(pickle.dumps({"a": np.arange(3)}))


def text(rng: Random, file: Path) -> None:
    """Replace it by a text, some of which parsers do not like."""
    file.write_text(TEXTS[rng.integers(len(TEXTS))])


def with_bom(rng: Random, file: Path) -> None:
    """Save it with an editor of Windows."""
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))


def not_utf8(rng: Random, file: Path) -> None:
    """Put in a letter of another encoding."""
    content = bytearray(file.read_bytes())
    content.insert(int(rng.integers(len(content) + 1)), 0xE9)
    file.write_bytes(content)


def folder(rng: Random, file: Path) -> None:
    """Put a folder in its place."""
    file.unlink()
    file.mkdir()


def fifo(rng: Random, file: Path) -> None:
    """Put a named pipe in its place."""
    file.unlink()
    os.mkfifo(file)


def unix_socket(rng: Random, file: Path) -> None:
    """Put a socket in its place."""
    file.unlink()
    here = os.open(file.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(f"/proc/self/fd/{here}/{file.name}")
    os.close(here)


def linked(rng: Random, file: Path) -> None:
    """Put a link in its place: to nothing, itself, a device, a folder."""
    file.unlink()
    targets = ("nowhere", file.name, "/dev/zero", "/dev/null", "/dev/full", "..", "/proc/self/mem")
    file.symlink_to(targets[rng.integers(len(targets))])


def moved_and_linked(rng: Random, file: Path) -> None:
    """Move it elsewhere and link to it, as git-annex does: it stays as good as it is."""
    session = next(parent for parent in file.parents if parent.name == "001")
    target = session.with_name("annex") / file.name
    target.parent.mkdir()
    file.rename(target)
    file.symlink_to(target)


ANY: tuple[Damage, ...] = (
    *(truncated, cut_by_a_few_bytes, flipped, flipped_in_the_header, zeroed, nul_tail, appended),
    *(doubled, enormous, empty, random_bytes, npz, pickled, text, with_bom, not_utf8, folder, fifo),
    *(unix_socket, linked, moved_and_linked),
)


def _places(rng: Random, size: int) -> Any:
    """Choose one place, the first, the last, a run, or many."""
    one, other = sorted(rng.integers(size + 1, size=2).tolist())
    choices = (int(rng.integers(size)), 0, -1, slice(one, other), rng.integers(size, size=9))
    return choices[rng.integers(len(choices))]


def array_of_another_type(rng: Random, file: Path) -> None:
    """Save it as another type of number, or as none."""
    with np.errstate(all="ignore"):
        dtype = DTYPES[rng.integers(len(DTYPES))]
        array = np.load(file)
        changed = np.zeros(array.shape, dtype) if dtype == "V8" else array.astype(dtype)
    np.save(file, changed)


def array_of_objects(rng: Random, file: Path) -> None:
    """Save an array that is a pickle, or that has fields."""
    array = np.load(file)
    structured = np.zeros(array.shape, [("a", "f8"), ("b", "i4")])
    np.save(file, (array.astype(object), structured)[rng.integers(2)], allow_pickle=True)


def array_of_another_shape(rng: Random, file: Path) -> None:
    """Give it another shape or length."""
    array = np.load(file)
    flat = array.ravel()
    changes = (
        flat[:, None],
        flat[None],
        np.stack([flat, flat], 1),
        flat[1:],
        flat[:-1],
        flat[:1],
        flat[:0],
        flat[::-1],
        np.repeat(flat, 2),
        rng.permutation(flat),
        np.zeros_like(flat),
        np.roll(flat, 1),
        flat.reshape(1, 1, -1),
        np.float64(3),
    )
    np.save(file, changes[rng.integers(len(changes))])


def array_with_an_absurd_header(rng: Random, file: Path) -> None:
    """Let its header promise something absurd."""
    header = {"descr": "<f8", "fortran_order": False, "shape": SHAPES[rng.integers(len(SHAPES))]}
    opened = io.BytesIO()
    np.lib.format.write_array_header_1_0(opened, header)
    file.write_bytes(opened.getvalue() + bytes(64))


def array_with_wild_values(rng: Random, file: Path) -> None:
    """Put in what is no number, or an impossible one."""
    array = np.load(file).astype(np.float64)
    if array.size:
        array.ravel()[_places(rng, array.size)] = WILD[rng.integers(len(WILD))]
    np.save(file, array)


def doubles_with_wild_values(rng: Random, file: Path) -> None:
    """Put in what is no number, or an impossible one."""
    values = np.fromfile(file, np.float64)
    values[_places(rng, values.size)] = WILD[rng.integers(len(WILD))]
    values.tofile(file)


def without_a_line(rng: Random, file: Path) -> None:
    """Lose, repeat or empty a line."""
    lines = file.read_bytes().split(b"\n")
    place = int(rng.integers(len(lines)))
    changes = ([], [lines[place]] * 2, [b"", b"", lines[place]], [lines[place][::-1]])
    lines[place : place + 1] = changes[rng.integers(len(changes))]
    file.write_bytes(b"\n".join(lines))


def _changed(rng: Random, content: Any) -> Any:
    """Replace a value somewhere in nested lists and mappings, or leave out or rename it."""
    if not isinstance(content, dict | list) or not content or rng.random() < 0.1:
        value = VALUES[rng.integers(len(VALUES))]
        return str(content) if rng.random() < 0.3 else value
    keys = list(content) if isinstance(content, dict) else range(len(content))
    key = keys[int(rng.integers(len(keys)))]
    if isinstance(content, dict) and rng.random() < 0.1:
        return {name: value for name, value in content.items() if name != key}
    content[key] = _changed(rng, content[key])
    return content


def another_value(rng: Random, file: Path) -> None:
    """Write another value somewhere in JSON."""
    file.write_text(json.dumps(_changed(rng, json.loads(file.read_text()))))


def another_value_in_a_line(rng: Random, file: Path) -> None:
    """Write another value somewhere in a line of JSON."""
    lines = file.read_text().splitlines()
    place = int(rng.integers(len(lines)))
    lines[place] = json.dumps(_changed(rng, json.loads(lines[place])))
    file.write_text("\n".join(lines) + "\n")


def another_value_in_a_table(rng: Random, file: Path) -> None:
    """Change columns, rows or values of a table."""
    table = pd.read_parquet(file)
    name = table.columns[rng.integers(len(table.columns))]
    wild = table.astype({name: float})
    wild.iloc[_places(rng, len(table)), wild.columns.get_loc(name)] = WILD[rng.integers(len(WILD))]
    changes = (
        wild,
        table.drop(columns=name),
        table.rename(columns={name: f"{name} é"}),
        table.assign(**{name: "text"}),
        table.assign(**{name: [[1.0, 2.0]] * len(table)}),
        table.assign(**{name: table[name].astype(str)}),
        table.assign(**{name: None}),
        table.iloc[:0],
        table.iloc[1:],
        table.iloc[:-1],
        pd.concat([table, table]),
        table * np.nan if name.endswith(("_x", "_y", "_likelihood")) else table,
    )
    changes[rng.integers(len(changes))].to_parquet(file)


OWN: Mapping[str, tuple[Damage, ...]] = {
    ".npy": (
        *(array_of_another_type, array_of_objects, array_of_another_shape),
        *(array_with_an_absurd_header, array_with_wild_values, array_with_wild_values),
    ),
    ".bin": (doubles_with_wild_values,) * 3,
    ".ssv": (without_a_line,) * 3,
    ".camlog": (without_a_line,) * 3,
    ".yaml": (without_a_line,) * 3,
    ".jsonable": (without_a_line, another_value_in_a_line, another_value_in_a_line),
    ".json": (another_value,) * 4,
    ".pqt": (another_value_in_a_table,) * 6,
}
"""Damage that only a kind of file can have, by suffix; named more than once where it is common."""


def of_file(rng: Random, file: Path) -> Damage:
    """Choose a damage for a file."""
    own = OWN.get(file.suffix, ())
    chosen = own if own and rng.random() < 0.5 else ANY
    return chosen[rng.integers(len(chosen))]
