"""Fronts of raw SpikeGLX files: true ones of whole files, and what is done with damaged ones."""

from dataclasses import dataclass, field
from pathlib import Path

import mtscomp
import numpy as np
import pytest

from alfvideo.daq import spikeglx
from alfvideo.daq.line_fronts import AnalogLine, WordLines
from alfvideo.files.errors import DataError

RATE = 1000.0
NIDQ = {
    "typeThis": "nidq",
    "niSampRate": f"{RATE}",
    "nSavedChans": "2",
    "snsMnMaXaDw": "0,0,1,1",
    "niAiRangeMax": "5",
}
OBX = {
    "typeThis": "obx",
    "obSampRate": f"{RATE}",
    "nSavedChans": "4",
    "snsXaDwSy": "2,1,1",
    "obAiRangeMax": "10",
    "obMaxInt": "32768",
}
PROBE = {
    "typeThis": "imec",
    "typeEnabled": "imec",
    "imSampRate": f"{RATE}",
    "nSavedChans": "3",
    "snsApLfSy": "2,0,1",
}


@dataclass
class Recording:
    """Lines that are high in some spans of samples, as (first, end), and files made of them."""

    folder: Path
    n_samples: int = 5000
    lines: dict[int, list[tuple[int, int]]] = field(
        default_factory=lambda: {0: [(100, 200), (300, 4999)], 7: [(100, 101)], 16: [(50, 2500)]}
    )
    meta: dict[str, str] = field(default_factory=lambda: dict(NIDQ))
    name: str = "x_g0_t0.nidq"

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.bin"

    def high(self, line: int) -> np.ndarray:
        levels = np.zeros(self.n_samples, bool)
        for first, end in self.lines[line]:
            levels[first:end] = True
        return levels

    def word(self, first: int = 0) -> np.ndarray:
        lines = [line for line in self.lines if first <= line < first + 16]
        start = np.zeros(self.n_samples, np.uint16)
        return sum((self.high(n).astype(np.uint16) << (n - first) for n in lines), start)

    def analog(self, line: int, volts_per_step: float = 5 / 32768) -> np.ndarray:
        noise = np.random.default_rng(line).normal(0, 0.01, self.n_samples)
        return ((self.high(line) * 3.3 + noise) / volts_per_step).astype(np.int16)

    def write(self, *columns: np.ndarray, **changes: str | None) -> Path:
        """Write values (n,) of each channel, by default analog and word of a nidq."""
        columns = columns or (self.analog(16), self.word())
        values = np.column_stack([np.asarray(c).astype(np.uint16).view(np.int16) for c in columns])
        values.tofile(self.file)
        size = {"fileSizeBytes": str(values.nbytes)}
        meta = {key: value for key, value in {**self.meta, **size, **changes}.items() if value}
        text = "".join(f"{key}={value}\n" for key, value in meta.items())
        self.file.with_suffix(".meta").write_text(text)
        return self.file

    def compress(self, **changes: object) -> Path:
        """Compress the file in chunks of a second."""
        compressed = self.file.with_suffix(".cbin")
        mtscomp.compress(
            self.file,
            compressed,
            self.file.with_suffix(".ch"),
            sample_rate=RATE,
            n_channels=int(self.meta["nSavedChans"]),
            dtype=np.int16,
            n_threads=1,
            check_after_compress=False,
            quiet=True,
        )
        return compressed

    def check(self, found: spikeglx.Fronts, without: range = range(0)) -> None:
        """See that fronts are the true ones, those at some samples left out."""
        expected = sorted(
            (sample, line, polarity)
            for line, spans in self.lines.items()
            for span in spans
            for sample, polarity in zip(span, (1, -1), strict=True)
            if 0 < sample < self.n_samples and sample not in without
        )
        assert found.channels.dtype == np.int16
        assert found.polarities.dtype == np.int8
        samples = np.rint(found.times * RATE).astype(int)
        np.testing.assert_allclose(found.times, samples / RATE, rtol=0, atol=1e-12)
        kept = zip(
            samples.tolist(), found.channels.tolist(), found.polarities.tolist(), strict=True
        )
        assert list(kept) == expected


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path)


@pytest.fixture(params=[1, 7, 1000, 10**6])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Samples that are read and looked at together."""
    n = request.param
    monkeypatch.setattr(spikeglx, "_READ", 4 * n)
    return n


def test_a_nidq(recording: Recording, block: int):
    recording.check(spikeglx.read(recording.write()))


def test_a_compressed_nidq(recording: Recording):
    recording.write()
    found = spikeglx.read(recording.compress())
    recording.check(found)
    assert found.notes == ()


def test_multiplexed_channels_come_before_the_sync_lines(recording: Recording):
    recording.meta |= {"nSavedChans": "6", "snsMnMaXaDw": "2,1,2,1"}
    recording.lines[17] = [(700, 900)]
    other = np.random.default_rng(0).integers(-9000, 9000, (3, recording.n_samples))
    analog = recording.analog(16), recording.analog(17)
    recording.check(spikeglx.read(recording.write(*other, *analog, recording.word())))


def test_32_digital_lines(recording: Recording, block: int):
    recording.meta |= {"snsMnMaXaDw": "0,0,0,2", "niAiRangeMax": ""}
    recording.lines[31] = [(700, 900)]
    found = spikeglx.read(recording.write(recording.word(), recording.word(16)))
    recording.check(found)


def test_digital_lines_with_the_numbers_of_analog_ones_are_left_out(recording: Recording):
    recording.meta |= {"nSavedChans": "3", "snsMnMaXaDw": "0,0,1,2"}
    other = np.arange(recording.n_samples)
    found = spikeglx.read(recording.write(recording.analog(16), recording.word(), other))
    recording.check(found)
    assert "digital lines from 16 on are left out" in found.notes[0]


def test_a_one_box(recording: Recording):
    recording.meta, recording.name = dict(OBX), "x_g0_t0.obx0.obx"
    recording.lines[17] = [(700, 900)]
    analog = (recording.analog(line, 10 / 32768) for line in (16, 17))
    sync = np.arange(recording.n_samples)
    recording.check(spikeglx.read(recording.write(*analog, recording.word(), sync)))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_3a_probe(recording: Recording, compressed: bool):
    recording.meta, recording.name = dict(PROBE), "x_g0_t0.imec.ap"
    recording.lines = {2: [(10, 20)], 15: [(1, 4000)]}
    noise = np.random.default_rng(0).integers(-300, 300, (2, recording.n_samples))
    file = recording.write(*noise, recording.word())
    recording.check(spikeglx.read(recording.compress() if compressed else file))


def test_the_range_is_that_of_the_metadata(recording: Recording):
    """Of the same values, 0.99 V in a range of 5 V and 1.98 V in one of 10 V."""
    levels = recording.high(16) * 6500
    low = spikeglx.read(recording.write(levels, recording.word()))
    assert 16 not in low.channels
    recording.check(spikeglx.read(recording.write(levels, recording.word(), niAiRangeMax="10")))


def test_a_slow_drift_of_an_analog_line(recording: Recording):
    """Windows of 100 s have a floor of their own: 2 V in 400 s."""
    recording.n_samples = 400_000
    recording.lines = {16: [(n, n + 300) for n in range(500, 399_000, 5000)]}
    drift = np.linspace(-10_000, 3_000, recording.n_samples)
    levels = (recording.high(16) * 3.3 * 32768 / 5 * 0.5 + drift).astype(np.int16)
    recording.check(spikeglx.read(recording.write(levels, recording.word())))


def test_a_line_that_is_high_for_windows(recording: Recording):
    """ibllib takes it for at rest and loses its fronts."""
    recording.n_samples = 450_000
    recording.lines = {16: [(5000, 350_000), (400_000, 400_010)]}
    recording.check(spikeglx.read(recording.write()))


def test_a_line_that_is_high_from_the_start():
    line = AnalogLine(16, step=100)
    assert line.fronts(np.full(1000, 500, np.int16)).samples.size == 0
    later = line.fronts(np.r_[np.full(100, 500), np.zeros(900)].astype(np.int16))
    assert later.samples.tolist() == [100]
    assert later.polarities.tolist() == [-1]


@pytest.mark.parametrize("sizes", [[4000], [1] * 4000, [1, 2, 3, 1000, 2994]])
def test_blocks_change_nothing(sizes: list[int]):
    words = np.random.default_rng(1).integers(0, 2**16, 4000).astype(np.uint16).view(np.int16)
    words[1000:2000] = words[1000]
    line, found, at = WordLines(0), [], 0
    for n in sizes:
        samples, channels, polarities = line.fronts(words[at : at + n])
        found += zip((samples + at).tolist(), channels.tolist(), polarities.tolist(), strict=True)
        at += n
    bits = (words.view(np.uint16)[:, None] >> np.arange(16)) & 1
    steps = np.diff(bits.astype(int), axis=0)
    rows, lines = np.nonzero(steps)
    assert found == list(
        zip((rows + 1).tolist(), lines.tolist(), steps[rows, lines].tolist(), strict=True)
    )


def test_names_of_files_from_one(recording: Recording):
    recording.write()
    names = ("00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b")
    moved = recording.file.rename(recording.folder / f"x_g0_t0.nidq.{names[0]}.bin")
    meta = recording.file.with_suffix(".meta")
    meta.rename(meta.with_name(f"x_g0_t0.nidq.{names[1]}.meta"))
    recording.check(spikeglx.read(moved))


def test_a_cut_file(recording: Recording):
    file = recording.write()
    with file.open("r+b") as opened:
        opened.truncate(4 * 3000 + 3)
    found = spikeglx.read(file)
    recording.check(found, without=range(3000, 5000))
    assert found.notes[0] == (
        "x_g0_t0.nidq.bin is cut in the middle of a sample: its last 3 bytes are left out."
    )
    assert "has 12,003 bytes, shorter than the 20,000 of its .meta" in found.notes[1]


def test_a_file_that_is_longer_than_its_metadata_say(recording: Recording):
    found = spikeglx.read(recording.write(fileSizeBytes="8"))
    recording.check(found)
    assert "longer than the 8 of its .meta" in found.notes[0]


def test_notes_in_another_encoding(recording: Recording):
    file = recording.write()
    meta = file.with_suffix(".meta")
    meta.write_bytes("userNotes=Größe, ~5 µm = ok\r\n\n".encode("latin-1") + meta.read_bytes())
    recording.check(spikeglx.read(file))


@pytest.mark.parametrize("said", ["", "0", "unknown", "-1", "9" * 30])
def test_a_size_that_is_not_said(recording: Recording, said: str):
    """SpikeGLX writes it when it closes the file."""
    found = spikeglx.read(recording.write(fileSizeBytes=said))
    recording.check(found)
    assert found.notes == ()


def test_a_cut_compressed_file(recording: Recording):
    recording.write()
    file = recording.compress()
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size - 1)
    found = spikeglx.read(file)
    recording.check(found, without=range(4000, 5000))
    assert "is cut: 1 of 5 chunks cannot be read, 1.0 s from 4.0 s on" in found.notes[0]


def test_a_damaged_chunk(recording: Recording):
    recording.lines = {0: [(100, 1500)], 1: [(1200, 1300)], 2: [(3000, 3010)], 16: [(50, 4000)]}
    recording.write()
    file = recording.compress()
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 255
    file.write_bytes(content)
    found = spikeglx.read(file)
    recording.check(found, without=range(1000, 2000))
    assert "is damaged: 1 of 5 chunks cannot be read, 1.0 s from 1.0 s on" in found.notes[0]


@pytest.mark.parametrize(
    ("changes", "notes"),
    [
        ({"fileTimeSecs": "5.0"}, 0),
        ({"fileTimeSecs": "0"}, 0),
        ({"fileTimeSecs": "5.4"}, 0),
        ({"fileTimeSecs": "6.8324"}, 1),
        ({"fileTimeSecs": "5.0", "niSampRate": "1200"}, 1),
        ({"fileTimeSecs": "9", "fileSizeBytes": "0"}, 0),
    ],
)
def test_length_and_rate_that_contradict_each_other(
    recording: Recording, changes: dict[str, str], notes: int
):
    found = spikeglx.read(recording.write(**changes))
    assert len(found.notes) == notes
    assert all("one of the three is wrong. The rate is believed" in note for note in found.notes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"typeThis": None}, "'typeThis' is '', expected nidq, obx, imec"),
        ({"typeThis": "nidaq"}, "'typeThis' is 'nidaq'"),
        ({"niSampRate": None}, "'niSampRate' is missing"),
        ({"niSampRate": "0"}, "'niSampRate' is '0', no sample rate"),
        ({"niSampRate": "-30000"}, "no sample rate"),
        ({"niSampRate": "nan"}, "'niSampRate' is 'nan', expected a number"),
        ({"niSampRate": "30 kHz"}, "expected a number"),
        ({"nSavedChans": None}, "'nSavedChans' is missing"),
        ({"nSavedChans": "0"}, "expected a number of channels"),
        ({"nSavedChans": "2.5"}, "expected a number of channels"),
        ({"nSavedChans": "9"}, "not the 9 channels of 'nSavedChans'"),
        ({"snsMnMaXaDw": None}, "'snsMnMaXaDw' is missing"),
        ({"snsMnMaXaDw": "0,0,1"}, "not the 2 channels"),
        ({"snsMnMaXaDw": "0,0,1,-1"}, "expected numbers of channels"),
        ({"snsMnMaXaDw": "0,0,2,1"}, "not the 2 channels"),
        ({"snsMnMaXaDw": "1,1,0,0"}, "names no digital or analog sync line"),
        ({"niAiRangeMax": None}, "'niAiRangeMax' is missing"),
        ({"niAiRangeMax": "0"}, "expected the range of the analog lines in V, above 1.2"),
        ({"niMaxInt": "0"}, "expected the range"),
    ],
)
def test_wrong_metadata(recording: Recording, changes: dict[str, str | None], message: str):
    with pytest.raises(DataError) as error:
        spikeglx.read(recording.write(**changes))
    assert message in str(error.value)
    assert str(recording.file.with_suffix(".meta")) in str(error.value)
    assert "from the rig again" in str(error.value)


def test_a_probe_without_lines(recording: Recording):
    recording.meta, recording.name = {**PROBE, "typeEnabled": ""}, "x_g0_t0.imec.ap"
    with pytest.raises(DataError, match=r"no lines for cameras.*Copy the raw file of the NI-DAQ"):
        spikeglx.read(recording.write(*[recording.word()] * 3))


@pytest.mark.parametrize(("suffix", "cure"), [(".meta", "the raw file"), (".ch", "compress")])
def test_a_file_that_is_not_there(recording: Recording, suffix: str, cure: str):
    recording.write()
    file = recording.compress()
    file.with_suffix(suffix).unlink()
    with pytest.raises(DataError, match=rf"x_g0_t0\.nidq\{suffix} is missing.*{cure}"):
        spikeglx.read(file)


@pytest.mark.parametrize(("size", "message"), [(0, "is empty"), (3, "less than one sample")])
def test_no_samples(recording: Recording, size: int, message: str):
    file = recording.write()
    file.write_bytes(bytes(size))
    with pytest.raises(DataError, match=f"{message}.*Copy it from the rig again"):
        spikeglx.read(file)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"n_channels": 2', '"n_channels": 3', "of 3 channels of int16, the .meta of 2"),
        ('"int16"', '"float32"', "of 2 channels of float32"),
        ('"chunk_bounds"', '"bounds"', "does not say where the chunks"),
        ('"chunk_bounds": [0', '"chunk_bounds": [5', "does not say where the chunks"),
        ('"chunk_bounds": [0', '"chunk_bounds": [0, 0', "does not say where the chunks"),
        ('"chunk_offsets": [0', '"chunk_offsets": [-1', "does not say where the chunks"),
        ('"chunk_offsets": [0', '"chunk_offsets": ["0"', "does not say where the chunks"),
        ("{", "", "not valid JSON"),
    ],
)
def test_a_wrong_ch(recording: Recording, old: str, new: str, message: str):
    recording.write()
    file = recording.compress()
    ch = file.with_suffix(".ch")
    text = " ".join(ch.read_text().split()).replace("[ ", "[")
    assert old in text
    ch.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        spikeglx.read(file)


def test_chunks_of_another_file(recording: Recording):
    recording.write()
    file = recording.compress()
    file.write_bytes(bytes(file.stat().st_size))
    with pytest.raises(DataError, match="none of its 5 chunks can be decompressed"):
        spikeglx.read(file)
