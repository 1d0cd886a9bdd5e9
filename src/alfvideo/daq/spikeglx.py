"""Raw files of SpikeGLX: the digital words and analog lines of a NI-DAQ, OneBox or 3A probe.

Lines are numbered and judged as ibllib does: digital ones by bit, analog ones from 16 on, high from
1.2 V above the tenth percentile of each 100 s.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from alfvideo.daq import spikeglx_meta
from alfvideo.daq.fronts import Fronts
from alfvideo.daq.line_fronts import AnalogLine, Found, Samples, WordLines, in_order
from alfvideo.daq.spikeglx_meta import FIRST_ANALOG, Meta
from alfvideo.files import inputs
from alfvideo.files.errors import DataError

_BYTES = 2
"""Of a value."""
_READ = 2 * 1024**2
"""Bytes that are read at once."""
_WINDOW_SECONDS = 100
"""For the floor of analog lines, as in ibllib."""
_MAX_WINDOW = 48 * 1024**2
"""Bytes of the sync lines that are looked at together."""
_MAX_CHUNK = 256 * 1024**2
"""Bytes of a compressed chunk, which is a second of all channels, when it is decompressed."""

Blocks = Iterator[tuple[int, Samples]]
"""The first sample of a block, from 0, and its samples (n, n_channels)."""


def read(path: Path) -> Fronts:
    """Read the fronts of all sync lines of a file, as IBL numbers them.

    What is left of a file that was cut, and what is beside a damaged chunk of a compressed one, is
    used with a note.

    Raises
    ------
    DataError
        If the file is empty, or what is beside it is missing, wrong or of another file.
    """
    meta = spikeglx_meta.read(path)
    notes = list(meta.notes)
    if inputs.check(path) == 0:
        raise DataError(f"{path} is empty. Copy it from the rig again.")
    blocks = _compressed if path.suffix == ".cbin" else _plain
    window = _Window(meta)
    with inputs.opened(path) as file:
        found = [part for block in blocks(file, path, meta, notes) for part in window.add(*block)]
    found += window.flush()
    nothing = Found(np.empty(0, np.int64), np.empty(0, np.int16), np.empty(0, np.int8))
    samples, channels, polarities = map(np.concatenate, zip(nothing, *found, strict=True))
    return Fronts(samples / meta.rate, channels, polarities, tuple(notes))


@dataclass
class _Window:
    """The sync lines of the samples that are looked at together, (lines, samples)."""

    meta: Meta
    _start: int = field(default=0, init=False)
    _filled: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        meta = self.meta
        self._columns = [*meta.words, *meta.analog]
        # with digital lines in more than one word there are no analog ones
        self._lines: list[WordLines | AnalogLine] = [
            *(WordLines(16 * n) for n in range(len(meta.words))),
            *(AnalogLine(FIRST_ANALOG + n, meta.step) for n in range(len(meta.analog))),
        ]
        fitting = _MAX_WINDOW // (_BYTES * len(self._columns))
        # ibllib's windows share a sample
        wanted = int(_WINDOW_SECONDS * meta.rate) if meta.analog else _READ // _BYTES
        self._buffer = np.empty((len(self._columns), max(1, min(wanted, fitting))), np.int16)

    def add(self, first: int, block: Samples) -> Iterator[Found]:
        """Add samples, and yield the fronts of all that is whole; `first` is that of the block."""
        if first != self._start + self._filled:
            yield from self.flush()
            self._start = first
            for line in self._lines:
                line.skip()
        at = 0
        while at < len(block):
            n = min(len(block) - at, self._buffer.shape[1] - self._filled)
            part = block[at : at + n, self._columns]
            self._buffer[:, self._filled : self._filled + n] = part.T
            self._filled += n
            at += n
            if self._filled == self._buffer.shape[1]:
                yield from self.flush()

    def flush(self) -> Iterator[Found]:
        """Yield the fronts of the samples that are there, and begin with the next."""
        if self._filled:
            parts = [
                line.fronts(samples[: self._filled])
                for line, samples in zip(self._lines, self._buffer, strict=True)
            ]
            samples, channels, polarities = in_order(parts)
            yield Found(samples + self._start, channels, polarities)
        self._start += self._filled
        self._filled = 0


def _plain(file: BinaryIO, path: Path, meta: Meta, notes: list[str]) -> Blocks:
    """Yield the samples of a `.bin`. It is read, not mapped: mapped pages count as memory."""
    sample = _BYTES * meta.n_channels
    size = os.fstat(file.fileno()).st_size
    n_samples, rest = divmod(size, sample)
    if n_samples == 0:
        raise DataError(
            f"{path} has {size} bytes, less than one sample of {meta.n_channels} channels. Copy it "
            "from the rig again."
        )
    if rest:
        notes.append(
            f"{path.name} is cut in the middle of a sample: its last {rest} bytes are left out."
        )
    if meta.size is not None and meta.size != size:
        notes.append(_other_size(path, size, meta.size))
    at, whole = 0, max(1, _READ // sample)
    while at < n_samples:
        values = np.fromfile(file, "<i2", min(whole, n_samples - at) * meta.n_channels)
        block = values[: values.size // meta.n_channels * meta.n_channels]
        if not block.size:
            raise DataError(f"{path} was cut while it was read. Run again when it is all there.")
        yield at, block.reshape(-1, meta.n_channels)
        at += len(block) // meta.n_channels


def _other_size(path: Path, size: int, said: int) -> str:
    what = "shorter" if size < said else "longer"
    return (
        f"{path.name} has {size:,} bytes, {what} than the {said:,} of its .meta: if it was cut by "
        "the copy, copy it from the rig again."
    )


def _compressed(file: BinaryIO, path: Path, meta: Meta, notes: list[str]) -> Blocks:
    """Yield the samples of a `.cbin`, chunk by chunk; those that are damaged are left out."""
    # Rarely needed.
    import mtscomp

    header = _chunks(path, meta)
    reader = mtscomp.Reader(cache_size=1, quiet=True)
    reader.open(file, header)
    size = os.fstat(file.fileno()).st_size
    bounds, lost = header["chunk_bounds"], []
    for number, start, length in reader.iter_chunks():
        try:
            if start + length > size:
                raise ValueError("cut")
            block = reader.read_chunk(number, start, length)
        # It asserts that a chunk is what the header says.
        except (AssertionError, OSError, ValueError):
            lost.append(number)
            continue
        yield bounds[number], block
    if lost:
        seconds = sum(bounds[n + 1] - bounds[n] for n in lost) / meta.rate
        n_chunks = len(bounds) - 1
        if len(lost) == n_chunks:
            raise DataError(
                f"{path}: none of its {n_chunks} chunks can be decompressed: it is cut, damaged or "
                "not of its .ch. Copy both from the rig again."
            )
        what = "cut" if lost == list(range(lost[0], n_chunks)) else "damaged"
        notes.append(
            f"{path.name} is {what}: {len(lost)} of {n_chunks} chunks cannot be read, "
            f"{seconds:.1f} s from {bounds[lost[0]] / meta.rate:.1f} s on. Copy it again if it is "
            "whole elsewhere."
        )
    elif meta.size is not None and meta.size != bounds[-1] * _BYTES * meta.n_channels:
        held = bounds[-1] * _BYTES * meta.n_channels
        notes.append(_other_size(path, held, meta.size))


def _chunks(path: Path, meta: Meta) -> dict[str, Any]:
    """Read and check the `.ch` of a compressed file.

    Raises
    ------
    DataError
        If it is missing, or not that of this file.
    """
    file = spikeglx_meta.beside(path, ".ch")
    if not file.exists():
        raise DataError(
            f"{file} is missing. {path.name} cannot be decompressed without it: copy it from where "
            "the file was compressed."
        )
    header = inputs.mapping(file)
    try:
        n_channels, dtype = header["n_channels"], np.dtype(header["dtype"])
        bounds, offsets = (np.array(header[f"chunk_{key}"]) for key in ("bounds", "offsets"))
        whole = (
            bounds.dtype.kind == offsets.dtype.kind == "i"
            and bounds.shape == offsets.shape
            and bounds.ndim == 1
            and bounds.size > 1
            and bounds[0] == 0
            and bool((np.diff(bounds) > 0).all() and (np.diff(offsets) > 0).all())
            and offsets[0] >= 0
            and int(np.diff(bounds).max()) * meta.n_channels * _BYTES <= _MAX_CHUNK
            and bool(
                (np.diff(offsets) < 1000 + 2 * np.diff(bounds) * meta.n_channels * _BYTES).all()
            )
            and header["chunk_order"] in ("C", "F")
            and all(isinstance(header[f"do_{key}_diff"], bool) for key in ("time", "spatial"))
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        whole = False
    if not whole:
        raise DataError(
            f"{file}: it does not say where the chunks of {path.name} are. Copy it again from "
            "where the file was compressed."
        )
    if n_channels != meta.n_channels or dtype != np.int16:
        raise DataError(
            f"{file}: it is of {n_channels} channels of {dtype}, the .meta of {meta.n_channels} of "
            "int16: one of the two is of another file. Copy both from the rig again."
        )
    return {"sample_rate": meta.rate, **header}
