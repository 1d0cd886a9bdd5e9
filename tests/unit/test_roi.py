"""The region of the motion energy, against numbers worked out by hand; and reading pose tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alfvideo.files.errors import DataError
from alfvideo.pose import roi, table

SOURCE = Path("alf/_ibl_leftCamera.dlc.pqt")
SIDE = (1280, 1024)


def make_pose(points, likelihood=0.99, rows=4):
    """The same point in all rows: body part -> (x, y) or (x, y, likelihood)."""
    columns = {}
    for part, (x, y, *given) in points.items():
        values = {"x": x, "y": y, "likelihood": given[0] if given else likelihood}
        columns |= {f"{part}_{name}": np.broadcast_to(v, rows) for name, v in values.items()}
    return pd.DataFrame(columns, dtype=float)


def region(points, size=SIDE):
    return roi.motion_energy_region(make_pose(points), SOURCE, *size)


def test_side_camera():
    # 500 apart, middle (350, 300): 250 wide, 166 high, from 125 left of the middle
    found = region({"nose_tip": (200, 100), "pupil_top_r": (500, 500)})
    assert found == (225, 300, 250, 166, SIDE)


def test_body_camera():
    assert region({"tail_start": (471, 205)}, (640, 512)) == (188, 85, 282, 210, (640, 512))


def test_the_face_goes_before_the_tail():
    face = {"nose_tip": (200, 100), "pupil_top_r": (500, 500)}
    assert region(face | {"tail_start": (900, 300)}) == region(face)
    only_nose = {"nose_tip": (200, 100), "tail_start": (400, 300)}
    assert region(only_nose) == (160, 180, 240, 210, SIDE)


def test_mean_points_are_of_likely_frames_and_cut_to_whole_pixels():
    x = [470.0, 471.9, 5000, 5000]
    pose = make_pose({"tail_start": (x, [205, 206.9, 0, np.nan], [0.9, 1, 0.8999, 1])})
    # means 470.95 and 205.95, without the unlikely and the unknown point
    assert roi.motion_energy_region(pose, SOURCE, *SIDE)[:4] == roi.trunk((470, 205))[:4]


@pytest.mark.parametrize("taken", range(4))
def test_pupil_points_are_tried_in_order(taken):
    order = ["pupil_top_r", "pupil_left_r", "pupil_right_r", "pupil_bottom_r"]
    points = {
        part: (400 + 40 * i, 500, 0.99 if i >= taken else 0.5) for i, part in enumerate(order)
    }
    found = region({"nose_tip": (200, 100)} | dict(reversed(points.items())))
    assert found[:4] == roi.whisker_pad((200, 100), (400 + 40 * taken, 500))[:4]


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ((470, 100), (188, 0, 282, 190)),  # above the frame: rows -20 to 190
        ((470, 490), (188, 370, 282, 142)),  # below: rows 370 to 580
        ((700, 205), (280, 85, 360, 210)),  # to the right: columns 280 to 700
    ],
)
def test_what_is_outside_of_the_frame_is_cut_off(tail, expected):
    assert region({"tail_start": tail}, (640, 512))[:4] == expected


@pytest.mark.parametrize("tail", [(470, 700), (0, 205), (2000, 205), (-50, 205)])
def test_nothing_in_the_frame(tail):
    with pytest.raises(DataError, match=r"leftCamera\.dlc\.pqt.*640x512 pixels.*no pixel"):
        region({"tail_start": tail}, (640, 512))


@pytest.mark.parametrize(
    ("points", "named"),
    [
        ({"nose_tip": (1, 1, 0.2), "pupil_top_r": (9, 9)}, "because nose_tip reaches"),
        (
            {"nose_tip": (1, 1), "pupil_top_r": (9, 9, 0), "pupil_left_r": (9, 9, np.nan)},
            "because pupil_top_r or pupil_left_r reaches",
        ),
        ({"tail_start": (np.nan, np.nan)}, "because tail_start reaches"),
        ({"nose_tip": (1, 1), "paw_l": (9, 9)}, "needs the body parts nose_tip and one of"),
        ({"pupil_top_r": (1, 1)}, "or tail_start, and the table has neither"),
    ],
)
def test_missing_part_is_named(points, named):
    with pytest.raises(DataError, match=rf"leftCamera\.dlc\.pqt.*{named}"):
        region(points)


def test_columns_of_a_file(tmp_path):
    pose = make_pose({"nose_tip": (1.25, 2), "paw_l": ([3, np.nan, 5, 6], 4)})
    pose["nose_tip_x_ens_median"] = 7.0
    pose.to_parquet(tmp_path / "a.pqt")
    pd.testing.assert_frame_equal(table.load(tmp_path / "a.pqt"), pose)
    columns = table.Columns(tmp_path / "a.pqt")
    assert table.parts(columns) == ["nose_tip", "paw_l"]
    assert columns.n_frames == 4
    pd.testing.assert_frame_equal(pd.DataFrame(dict(columns)), pose)
    with pytest.raises(KeyError, match="tail_start_x"):
        columns["tail_start_x"]


def test_region_of_a_file_is_that_of_its_table(tmp_path):
    pose = make_pose({"nose_tip": (200, 100), "pupil_left_r": (500, 500)})
    pose.to_parquet(tmp_path / "a.pqt")
    columns = table.Columns(tmp_path / "a.pqt")
    assert roi.motion_energy_region(columns, SOURCE, *SIDE)[:4] == (225, 300, 250, 166)


def test_no_pose_table(tmp_path):
    path = tmp_path / "_ibl_leftCamera.dlc.pqt"
    with pytest.raises(DataError, match=r"leftCamera\.dlc\.pqt is missing\."):
        table.load(path)
    make_pose({"nose_tip": (1, 2), "pupil_top_r": (3, 4)}, rows=5000).to_parquet(path)
    content = path.read_bytes()
    damaged = content[:4] + b"\xff" * 40 + content[44:]
    for bad in (b"", b"no parquet", content[:-200], damaged):
        path.write_bytes(bad)
        for read in (table.load, lambda path: dict(table.Columns(path))):
            with pytest.raises(DataError, match=r"cannot be read \(.+\)\. Remove") as raised:
                read(path)
            assert "\n" not in str(raised.value)
    pd.DataFrame({"nose_tip_x": [1.0], "time": [2.0]}).to_parquet(path)
    with pytest.raises(DataError, match="found nose_tip_x, time"):
        table.load(path)
