"""The figure of a camera draws what there is, and says what is missing."""

from dataclasses import replace

import numpy as np
import pytest
from one.alf.spec import QC

from alfvideo.files.errors import DataError
from alfvideo.qc.camera import CameraInputs, Inspection
from alfvideo.qc.frames import Samples
from alfvideo.qc.outcome import Check, judged, not_set
from alfvideo.qc.picture import match
from alfvideo.qc.rigs import Expected
from alfvideo.qc.wheel import Motion
from alfvideo.timing.evidence import Evidence, Witness
from alfvideo.timing.frame_data import FrameData
from alfvideo.timing.record import WheelShifts
from alfvideo.video.region import Region

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
from alfvideo.plots.camera_qc import camera_qc

TIMES = np.delete(np.arange(303) / 30, [50, 51, 120])


def inspection(**changes):
    """A camera that dropped 3 frames and whose GPIO missed a TTL."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (10, 64, 80)).astype(np.uint8)
    gpio = np.zeros((300, 4), bool)
    gpio[[31, 61, 91], 3] = True
    camera = CameraInputs(
        label="left",
        video=None,
        times=TIMES,
        evidence=None,
        frame_data=FrameData(TIMES, np.delete(np.arange(303), [50, 51, 120]), gpio),
        ttl_rises=np.append(TIMES[[31, 61, 91]] - 0.01, 7.0),
        wheel=None,
        reference=None,
        expected=Expected(),
    )
    values = {
        "camera": camera,
        "checks": {
            "brightness": not_set("The video is missing."),
            "dropped_frames": judged(QC.FAIL, "The camera dropped 3 frames.", 3, 0),
            "framerate": Check(QC.PASS, (30.0,)),
            "pin_state": Check(QC.PASS, (1, 0)),
            "wheel_alignment": not_set("There is no wheel."),
        },
        "samples": Samples(300, 30.0, np.arange(100, 200, 10), frames),
        "brightness": frames.mean(axis=(1, 2)),
        "matched": match(frames, frames[0], Region(10, 10, 30, 20)),
        "motion": Motion(TIMES[:50], np.ones(48), np.ones(50), 2),
    }
    return Inspection(**values | changes)


def texts(figure):
    """All that is written in the figure."""
    return "\n".join(text.get_text() for text in figure.findobj(lambda o: hasattr(o, "get_text")))


def test_the_evidence_for_the_times_is_drawn():
    witnesses = (
        Witness("gpio", 102, 9, (-50, -1, 0, 1, 40), (3.0, 12.0, 400.0, 0.0, 20.0)),
        Witness("clock", 44.0, 3.7, (-50, 0), (0.5, 44.0)),
    )
    times = TIMES.copy()
    times[150:] += 1 / 30
    camera = replace(inspection().camera, evidence=Evidence(0.0, "", 0.0, witnesses), times=times)
    figure = camera_qc(inspection(camera=camera), "KB001/2026-01-01/001")
    written = texts(figure)
    assert "Evidence for the first frame's pulse: exact" in written
    assert "GPIO: 102 fronts agree, 9 elsewhere" in written
    assert "camera's clock: 44 standard deviations, 3.7 elsewhere" in written
    (clocks,) = (a for a in figure.axes if a.get_title() == "Times against the camera's clock")
    departures = clocks.lines[0].get_ydata()
    assert departures[150] - departures[149] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("times", "clock", "reason"),
    [
        (np.zeros(300), TIMES, "do not increase"),
        (TIMES, TIMES[::-1], "do not increase"),
        (np.full(300, np.nan), TIMES, "saved no clock"),
        (TIMES, None, "saved no clock"),
    ],
)
def test_clocks_that_cannot_be_compared_are_said(times, clock, reason):
    data = FrameData(clock, None, None)
    camera = replace(inspection().camera, frame_data=data, times=times)
    assert reason in texts(camera_qc(inspection(camera=camera), "")).replace("\n", " ")


def test_evidence_that_is_missing_is_said():
    unknown = replace(inspection().camera, evidence=Evidence(None, "Nothing shows it.", 0.0))
    written = texts(camera_qc(inspection(camera=unknown), ""))
    assert "Evidence for the first frame's pulse: unknown" in written
    assert "Nothing shows it." in written
    assert "No starts were compared" in texts(camera_qc(inspection(), ""))


def test_everything_is_drawn(tmp_path):
    figure = camera_qc(inspection(), "KB001/2026-01-01/001")
    written = texts(figure)
    for text in (
        "KB001/2026-01-01/001, left camera: FAIL",
        "3 dropped frames",
        "1 TTLs that the GPIO did not see",
        "best fit +2 frames",
        "dropped_frames: FAIL (3, 0)",
        "The camera dropped 3 frames.",
        "interval (ms)",
    ):
        assert text in written
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_what_is_missing_is_said(tmp_path):
    none = inspection(
        camera=CameraInputs(
            "left",
            None,
            None,
            None,
            DataError("broken"),
            None,
            None,
            None,
            Expected(),
            ("pin_state",),
        ),
        checks={
            "brightness": not_set("The video is missing."),
            "wheel_alignment": not_set("There is no wheel."),
        },
        samples=None,
        brightness=np.empty(0),
        matched=None,
        motion=None,
    )
    figure = camera_qc(none, "x")
    written = texts(figure)
    assert written.count("The video is missing.") == 5  # three frames, brightness, list of checks
    for text in ("There are no camera times.", "This rig has no GPIO.", "There is no wheel."):
        assert text in written
    figure.savefig(tmp_path / "figure.png")


SHIFTS = WheelShifts(
    used=True,
    region=Region(10, 20, 30, 20),
    distinctness=3.25,
    window_times=np.arange(1.0, 10),
    shifts=np.array([np.nan, *np.full(8, 4.0)]),
    cleaned_shifts=np.full(9, 4.0),
    step_frames=np.array([0, 150]),
    step_times=np.array([0.5, 5.5]),
    step_shifts=np.array([4, 6]),
)


def titles(figure):
    return {axes.get_title() for axes in figure.axes}


@pytest.mark.parametrize("gpio", [None, np.zeros((300, 4), bool), np.ones((300, 4), bool)])
def test_shifts_take_the_place_of_a_gpio_that_saw_nothing(tmp_path, gpio):
    camera = replace(inspection().camera, frame_data=FrameData(TIMES, None, gpio))
    without = inspection(camera=camera)
    figure = camera_qc(without, "x", SHIFTS)
    (axes,) = (axes for axes in figure.axes if axes.get_title().startswith("Shift by the wheel"))
    assert axes.get_title() == "Shift by the wheel, used (distinctness 3.2)"
    windows, cleaned, of_frames = axes.get_lines()
    np.testing.assert_array_equal(windows.get_ydata(), SHIFTS.shifts)
    np.testing.assert_array_equal(cleaned.get_ydata(), SHIFTS.cleaned_shifts)
    assert list(zip(*of_frames.get_data(), strict=True)) == [(0.5, 4), (5.5, 6), (9, 6)]
    assert "GPIO of the camera against sync TTL" not in titles(figure)
    assert len(figure.axes) == len(camera_qc(without, "x").axes)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()][-1] == "wheel"
    figure.savefig(tmp_path / "figure.png")


def test_shifts_stand_beside_a_gpio_that_decides_nothing():
    figure = camera_qc(inspection(), "x", replace(SHIFTS, used=False))
    assert {
        "Shift by the wheel, NOT used (distinctness 3.2)",
        "GPIO of the camera against sync TTL",
    } <= titles(figure)
    assert len(figure.axes) == len(camera_qc(inspection(), "x").axes) + 1
