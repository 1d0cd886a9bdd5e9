"""Removing raw videos: what must be there before, what is kept of them, and after being killed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL

import pytest

from alfvideo.files import checksums
from alfvideo.files.errors import DataError
from alfvideo.files.regular import NotRegular
from alfvideo.jobs import provenance, raw_datasets
from alfvideo.video import compress, remove

NAME = "raw_video_data/_iblrig_leftCamera.raw"


class Recorded:
    """A session with an avi and the mp4 that was made of it, by the jobs' own functions."""

    def __init__(self, root: Path, ffmpeg: Callable, kind: str) -> None:
        self.root, self.path = root, root / "KB001" / "2026-01-05" / "001"
        self.mp4 = self.path / f"{NAME}.mp4"
        self.record = self.path / "registration" / "leftCamera_original_removed.json"
        self.mp4.parent.mkdir(parents=True)
        camlog = kind == "camlog"
        avi = (
            self.mp4.with_name("left_cam_run000_0.avi") if camlog else self.mp4.with_suffix(".avi")
        )
        picture = ("-f", "lavfi", "-i", "testsrc2=size=160x128:rate=30", "-frames:v", 30)
        coded = ("libx264",) if camlog else ("mjpeg", "-pix_fmt", "yuvj420p")
        ffmpeg(*picture, "-c:v", *coded, avi)
        self.originals = [avi]
        self.params: dict = {"version": 1}
        if camlog:
            self.originals.append(avi.with_suffix(".camlog"))
            self.originals[1].write_text("0 1\n")
            self.mp4.with_suffix(".camlog").write_text("0 1\n")
            compress.copy([avi], self.mp4)
        else:
            self.params |= {"crf": 20}
            compress.encode(avi, self.mp4, preset="veryfast", crf=20, threads=1)
        self.remember()

    def remember(self) -> None:
        """Record the mp4 that is there as the job that makes it would."""
        inputs = {path: provenance.fingerprint(path) for path in self.originals if path.exists()}
        work = provenance.Work("r", "left", inputs, [self.mp4], self.params, Path("log"))
        provenance.record(self.path, work, started=provenance.now(), seconds=1)

    def remove(self) -> list[str]:
        left = [path for path in self.originals if path.exists()]
        return remove.remove(left, self.mp4, self.path, self.root, self.record)

    def removed(self) -> list[dict]:
        return list(remove.removed(self.root))


@pytest.fixture(params=["avi", "camlog"])
def session(tmp_path: Path, ffmpeg: Callable, request: pytest.FixtureRequest) -> Recorded:
    return Recorded(tmp_path / "Subjects", ffmpeg, request.param)


@pytest.fixture
def plain(tmp_path: Path, ffmpeg: Callable) -> Recorded:
    return Recorded(tmp_path / "Subjects", ffmpeg, "avi")


def test_what_is_removed_is_kept_on_record(session: Recorded):
    expected = raw_datasets.describe(session.originals, session.path)
    assert session.remove() == []
    assert not any(path.exists() for path in session.originals)
    assert raw_datasets.read(session.record) == expected
    lines = session.removed()
    assert [{key: line[key] for key in expected[0]} for line in lines] == expected
    assert {line["session"] for line in lines} == {"KB001/2026-01-05/001"}
    assert {line["mp4_hash"] for line in lines} == {provenance.md5(session.mp4)}


KILL = """
import os, signal, sys
from pathlib import Path
from alfvideo.video import remove
names = sys.argv[1].split(",")
def hook(event, arguments):
    if event == "os.remove" and str(arguments[0]).endswith(names[-1]):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
mp4, session, root, record = map(Path, sys.argv[2:6])
remove.remove([mp4.with_name(name) for name in names[:-1]], mp4, session, root, record)
"""


@pytest.mark.parametrize("ending", [".avi", ".camlog"])
def test_a_kill_between_record_and_removal_is_finished_by_the_next_run(
    tmp_path: Path, ffmpeg: Callable, ending: str
):
    session = Recorded(tmp_path / "Subjects", ffmpeg, "camlog")
    expected = raw_datasets.describe(session.originals, session.path)
    names = ",".join([*(path.name for path in session.originals), ending])
    arguments = [names, session.mp4, session.path, session.root, session.record]
    done = subprocess.run([sys.executable, "-c", KILL, *map(str, arguments)])
    assert done.returncode == -SIGKILL
    assert raw_datasets.read(session.record) == expected, "recorded before anything goes"
    assert session.originals[0].exists()
    assert session.originals[1].exists() == (ending == ".camlog")
    session.record.unlink()  # as Snakemake does before it starts the job again
    session.remove()
    assert not any(path.exists() for path in session.originals)
    assert raw_datasets.read(session.record) == expected
    assert sorted(line["path"] for line in session.removed()) == sorted(
        dataset["path"] for dataset in expected
    )


def test_an_mp4_that_is_not_as_it_was_made_is_set_aside(session: Recorded):
    content = bytearray(session.mp4.read_bytes())
    content[len(content) // 2] ^= 1
    session.mp4.write_bytes(content)
    with pytest.raises(DataError, match=r"not as it was made .*set aside as .*\.raw\.mp4\.~1~"):
        session.remove()
    assert all(path.exists() for path in session.originals)
    assert session.mp4.with_name(f"{session.mp4.name}.~1~").read_bytes() == content
    assert not session.mp4.exists()
    assert session.removed() == []


def test_an_mp4_that_is_on_record_but_shows_something_else(plain: Recorded, ffmpeg: Callable):
    other = plain.mp4.with_name("other.mp4")
    ffmpeg("-i", plain.mp4, "-vf", "hue=h=120", other)
    other.replace(plain.mp4)
    plain.remember()
    with pytest.raises(DataError, match="is not that of the raw video"):
        plain.remove()
    assert plain.originals[0].exists()
    assert plain.mp4.exists()
    assert not plain.record.exists()


def test_an_mp4_without_record(session: Recorded):
    (session.path / provenance.FILE_NAME).unlink()
    with pytest.raises(DataError, match="no record of its checksum"):
        session.remove()
    assert all(path.exists() for path in session.originals)


def test_a_camera_log_that_is_not_the_copy(tmp_path: Path, ffmpeg: Callable):
    session = Recorded(tmp_path / "Subjects", ffmpeg, "camlog")
    session.mp4.with_suffix(".camlog").write_text("0 1\n1 2\n")
    with pytest.raises(DataError, match=r"is not a copy of left_cam_run000_0\.camlog"):
        session.remove()
    assert all(path.exists() for path in session.originals)


@pytest.mark.parametrize("checksum", ["md5", "sample"])
def test_a_raw_file_that_changed_since_its_mp4_was_made(
    session: Recorded, checksum: str, monkeypatch: pytest.MonkeyPatch
):
    """The mp4 may be the only whole one: nobody is told to remove it because of the difference."""
    if checksum == "sample":
        for name, value in {"MAX_WHOLE": 3, "PIECE": 1}.items():
            monkeypatch.setattr(checksums, name, value)
    session.remember()
    for path in session.originals:
        date = path.stat().st_mtime_ns
        whole = path.read_bytes()
        path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        os.utime(path, ns=(date, date))
        with pytest.raises(DataError, match=r"not as it was when its mp4 was made .*damaged, keep"):
            session.remove()
        path.write_bytes(whole)
    assert session.mp4.exists()
    assert session.removed() == []
    session.remove()


def test_a_raw_file_of_which_no_checksum_is_known(plain: Recorded):
    file = plain.path / provenance.FILE_NAME
    records = json.loads(file.read_text())
    for entry in records.values():
        entry["inputs"] = {name: {} for name in entry["inputs"]}
    file.write_text(json.dumps(records))
    plain.remove()
    assert not plain.originals[0].exists()


def test_a_link_is_removed_and_what_it_leads_to_is_kept(session: Recorded, tmp_path: Path):
    kept = []
    for path in session.originals:
        kept.append(path.rename(tmp_path / path.name))
        path.symlink_to(kept[-1])
    notes = session.remove()
    assert not any(path.is_symlink() for path in session.originals)
    assert all(path.exists() for path in kept)
    assert notes == [
        f"{path} was a link, which was removed; the file that it led to, {file}, is kept."
        for path, file in zip(session.originals, kept, strict=True)
    ]
    assert [line["link_to"] for line in session.removed()] == list(map(str, kept))


class Split(Recorded):
    """A session of a camlog rig, of which the recording is in three parts."""

    def __init__(self, root: Path, ffmpeg: Callable) -> None:
        super().__init__(root, ffmpeg, "camlog")
        avi, log = self.originals
        parts = [self.mp4.with_name(f"left_cam_run000_{n:08d}.avi") for n in range(3)]
        avi.rename(parts[0])
        for n, part in enumerate(parts[1:], start=1):
            picture = ("-f", "lavfi", "-i", "testsrc2=size=160x128:rate=30")
            shown = ("-vf", f"hue=h={90 * n}", "-frames:v", 20 + n)
            ffmpeg(*picture, *shown, "-c:v", "libx264", part)
        self.originals = [*parts, log]
        compress.copy(parts, self.mp4)
        self.remember()


def test_parts_of_a_recording_are_compared_and_removed(tmp_path: Path, ffmpeg: Callable):
    session = Split(tmp_path / "Subjects", ffmpeg)
    expected = raw_datasets.describe(session.originals, session.path)
    session.remove()
    assert not any(path.exists() for path in session.originals)
    assert raw_datasets.read(session.record) == expected


def test_parts_in_another_order_stay(tmp_path: Path, ffmpeg: Callable):
    session = Split(tmp_path / "Subjects", ffmpeg)
    first, second = session.originals[1:3]
    first.rename(first.with_suffix(".x"))
    second.rename(first)
    first.with_suffix(".x").rename(second)
    session.remember()
    with pytest.raises(DataError, match="of the mp4 is not that of the raw video"):
        session.remove()
    assert all(path.exists() for path in session.originals)


def test_removal_of_parts_that_was_killed_is_finished(tmp_path: Path, ffmpeg: Callable):
    session = Split(tmp_path / "Subjects", ffmpeg)
    expected = raw_datasets.describe(session.originals, session.path)
    names = ",".join([*(path.name for path in session.originals), "_00000001.avi"])
    arguments = [names, session.mp4, session.path, session.root, session.record]
    done = subprocess.run([sys.executable, "-c", KILL, *map(str, arguments)])
    assert done.returncode == -SIGKILL
    assert [path.exists() for path in session.originals] == [True, True, False, False]
    session.remove()
    assert not any(path.exists() for path in session.originals)
    assert {line["path"] for line in session.removed()} == {each["path"] for each in expected}


def test_the_list_of_what_was_removed_goes_on_after_a_cut_line(plain: Recorded):
    (plain.root / remove.REMOVED).write_text('{"session": "KB0')
    plain.remove()
    assert len(plain.removed()) == 1
    assert (plain.root / remove.REMOVED).read_text().splitlines()[0] == '{"session": "KB0'


def test_a_list_that_is_a_link_is_not_followed(plain: Recorded, tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_text(json.dumps({}))
    (plain.root / remove.REMOVED).symlink_to(victim)
    with pytest.raises(NotRegular, match="it is a link"):
        plain.remove()
    assert victim.read_text() == "{}"
    assert plain.originals[0].exists()
