"""The script of the motion energy: from a video and a pose table to two files."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pandas as pd
import pytest

from alfvideo.jobs import provenance

SCRIPT = Path(__file__).parents[2] / "scripts" / "motion_energy.py"
SIZE = (320, 256)
NOSE, PUPIL = (60, 40), (240, 160)
BOX = (108, 72, 95, 100)
"""Width, height, x and y of the region: nose and pupil are 216.3 apart."""

GRAY_LIMITED = ["-vf", "hue=s=0,scale=out_range=limited,format=yuv420p", "-color_range", "tv"]
GRAY_FULL = ["-vf", "hue=s=0,scale=out_range=full,format=yuvj420p", "-color_range", "pc"]
COLOUR = ["-vf", "format=yuv420p"]


class Files(list):
    """The paths of a rule, which have names as well."""

    def __init__(self, **named):
        super().__init__(path for value in named.values() for path in np.atleast_1d(value))
        self.__dict__.update(named)


@pytest.fixture
def session(tmp_path):
    path = tmp_path / "Subjects" / "KB001" / "2026-01-01" / "001"
    (path / "raw_video_data").mkdir(parents=True)
    (path / "alf").mkdir()
    return path


def video_of(session):
    return session / "raw_video_data" / "_iblrig_leftCamera.raw.mp4"


def render(ffmpeg, session, frames, *options, size=SIZE):
    source = f"testsrc2=size={size[0]}x{size[1]}:rate=60"
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-frames:v", frames]
    ffmpeg("-f", "lavfi", "-i", source, *options, *coding, video_of(session))


def write_pose(session, frames, points):
    pose = {}
    for part, (x, y, likelihood) in points.items():
        values = {f"{part}_x": x, f"{part}_y": y, f"{part}_likelihood": likelihood}
        pose |= {name: np.full(frames, float(value)) for name, value in values.items()}
    pd.DataFrame(pose).to_parquet(session / "alf" / "_ibl_leftCamera.dlc.pqt")


def write_face(session, frames):
    points = {"nose_tip": (*NOSE, 0.95), "pupil_top_r": (*PUPIL, 0.95)}
    write_pose(session, frames, points)


def run(session):
    """Run the script; the motion energy and the position that it wrote."""
    output = Files(
        energy=str(session / "alf" / "leftCamera.ROIMotionEnergy.npy"),
        position=str(session / "alf" / "leftROIMotionEnergy.position.npy"),
    )
    pose = session / "alf" / "_ibl_leftCamera.dlc.pqt"
    job = SimpleNamespace(
        rule="motion_energy",
        wildcards=SimpleNamespace(session=str(session), camera="left"),
        input=Files(mp4=[str(video_of(session))], pose=[str(pose)]),
        output=output,
        params=SimpleNamespace(settings={"version": 1}),
        resources={},
        log=[str(session.parents[3] / "logs" / "left.log")],
    )
    runpy.run_path(str(SCRIPT), init_globals={"snakemake": job})
    return np.load(output.energy), np.load(output.position)


def by_definition(path, box):
    """As iblvideo defines it: float32 differences of the gray frames that OpenCV reads."""
    width, height, x, y = box
    capture, frames = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(cv2.cvtColor(read[1][y : y + height, x : x + width], cv2.COLOR_BGR2GRAY))
    energy = np.abs(np.diff(np.array(frames).astype(np.float32), axis=0)).mean(axis=(1, 2))
    return np.append(energy, energy[-1])


@pytest.mark.parametrize("options", [GRAY_LIMITED, GRAY_FULL, COLOUR])
def test_equals_the_definition(session, ffmpeg, options):
    render(ffmpeg, session, 90, *options)
    write_face(session, 90)
    energy, position = run(session)
    assert position.tolist() == list(BOX)
    assert position.dtype == np.int64
    assert energy.dtype == np.float64
    assert energy.shape == (90,)
    expected = by_definition(video_of(session), BOX)
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(energy, expected, rtol=1e-5)
    made = provenance.read(session)
    assert {entry["rule"] for entry in made.values()} == {"motion_energy"}


@pytest.mark.parametrize("frames", [10_000, 19_999])
def test_lengths_at_which_iblvideo_ends_a_block(session, ffmpeg, frames):
    render(ffmpeg, session, frames, *GRAY_FULL, size=(64, 48))
    points = {"nose_tip": (10, 10, 1), "pupil_top_r": (50, 30, 1)}
    write_pose(session, frames, points)
    energy, position = run(session)
    assert energy.shape == (frames,)
    expected = by_definition(video_of(session), position)
    np.testing.assert_allclose(energy, expected, rtol=1e-5, atol=1e-6)


def test_region_over_the_border(session, ffmpeg):
    render(ffmpeg, session, 20, *GRAY_FULL)
    write_pose(session, 20, {"tail_start": (200, 200, 1)})
    energy, position = run(session)
    assert position.tolist() == [120, 176, 80, 80]
    np.testing.assert_allclose(energy, by_definition(video_of(session), position), rtol=1e-5)


def test_one_frame(session, ffmpeg):
    render(ffmpeg, session, 1, *GRAY_FULL)
    write_face(session, 1)
    energy, position = run(session)
    assert energy.shape == (1,)
    assert np.isnan(energy).all()
    assert position.tolist() == list(BOX)


def test_damaged_frames_are_unknown_and_noted(session, ffmpeg):
    # every frame is a keyframe: damage stays in its frame
    render(ffmpeg, session, 40, *GRAY_FULL, "-g", "1")
    write_face(session, 40)
    whole, _ = run(session)
    path = video_of(session)
    content = bytearray(path.read_bytes())
    for packet in coded_frames(path)[10:12]:
        content[packet.pos + 5 : packet.pos + packet.size] = b"\xff" * (packet.size - 5)
    path.write_bytes(content)
    energy, _ = run(session)
    unknown = np.isnan(energy)
    assert np.flatnonzero(unknown).tolist() == [9, 10, 11]
    np.testing.assert_array_equal(energy[~unknown], whole[~unknown])
    (note,) = provenance.read(session)["alf/leftCamera.ROIMotionEnergy.npy"]["notes"]
    assert note.startswith("2 of 40 frames cannot be decoded (the first is frame 10)")


def coded_frames(path):
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("rows", [19, 21])
def test_a_pose_of_another_length_is_refused(session, ffmpeg, capsys, rows):
    render(ffmpeg, session, 20, *GRAY_FULL)
    write_face(session, rows)
    assert fails(session, capsys) == (
        f"{video_of(session)} has 20 frames and {session}/alf/_ibl_leftCamera.dlc.pqt {rows} rows: "
        "the pose is not that of this video. Remove the pose table and run again."
    )


def test_a_pose_that_cannot_be_used_is_refused(session, ffmpeg, capsys):
    render(ffmpeg, session, 20, *GRAY_FULL)
    write_pose(session, 20, {"nose_tip": (9, 9, 0.5), "pupil_top_r": (9, 9, 0.5)})
    assert "because nose_tip reaches a likelihood of 0.9 in no frame" in fails(session, capsys)
    (session / "alf" / "_ibl_leftCamera.dlc.pqt").write_bytes(b"half a file")
    assert "_ibl_leftCamera.dlc.pqt: expected a pose table" in fails(session, capsys)


def fails(session, capsys):
    """The one sentence that is shown; nothing is written but that it failed."""
    before = {*session.rglob("*"), session / "failed.json"}
    with pytest.raises(SystemExit) as ended:
        run(session)
    assert ended.value.code == 1
    assert {*session.rglob("*")} == before
    shown = [line for line in capsys.readouterr().err.splitlines() if line.startswith("[")]
    sentence = shown[-1].removeprefix("[KB001/2026-01-01/001 left] motion_energy: ")
    assert "Traceback" not in sentence
    return sentence
