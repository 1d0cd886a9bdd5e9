"""The choice of what is rendered: kinds of rig, their cameras and channels, and faults."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np


class CameraType(NamedTuple):
    """A camera as it is bought: frame size in pixels, nominal rate and true rate in Hz."""

    width: int
    height: int
    fps: int
    rate: float


CAMERAS = {
    "spikeglx": {
        "left": CameraType(1280, 1024, 60, 60.004),
        "right": CameraType(640, 512, 150, 149.93),
        "body": CameraType(640, 512, 30, 29.97),
    },
    "timeline": {
        "left": CameraType(1280, 1024, 60, 60.004),
        "right": CameraType(640, 512, 150, 149.93),
        "belly": CameraType(640, 512, 30, 29.97),
    },
    "bpod": {"left": CameraType(1280, 1024, 30, 30.003)},
    "camlog": {
        "left": CameraType(1280, 1024, 60, 60.004),
        "right": CameraType(640, 512, 150, 149.93),
        "body": CameraType(640, 512, 30, 29.97),
    },
}

DAQ_RATE = {"spikeglx": 30003.0003, "camlog": 30003.0003, "timeline": 1000.0, "bpod": 10000.0}
"""Samples per second of the clock on which every front is recorded."""

CHANNELS_3B = {
    "left_camera": 0,
    "right_camera": 1,
    "body_camera": 2,
    "imec_sync": 3,
    "frame2ttl": 4,
    "rotary_encoder_0": 5,
    "rotary_encoder_1": 6,
    "audio": 7,
    "bpod": 16,
}
CHANNELS_3A = {
    "left_camera": 2,
    "right_camera": 3,
    "body_camera": 4,
    "bpod": 7,
    "frame2ttl": 12,
    "rotary_encoder_0": 13,
    "rotary_encoder_1": 14,
    "audio": 15,
}
CHANNELS_TIMELINE = {
    "left_camera": 2,
    "right_camera": 3,
    "belly_camera": 4,
    "audio": 6,
    "bpod": 7,
    "frame2ttl": 9,
}
WIRED_3B = CHANNELS_3B | {"left_camera": 2, "body_camera": 0}
"""Channels when there is a wiring file: left and body swapped, so that ignoring it shows."""


class Fault(StrEnum):
    """A way in which a recording goes wrong; `FAULTS` says what each does."""

    DROPPED = "dropped"
    PULSES_MISSING_AT_END = "pulses_missing_at_end"
    PULSES_MISSING_AT_START = "pulses_missing_at_start"
    NO_GPIO = "no_gpio"
    EXTRA_PULSE = "extra_pulse"
    MISSING_PULSE = "missing_pulse"
    UNSEEN_SYNC_PULSE = "unseen_sync_pulse"
    SILENT_TRIAL = "silent_trial"
    STARTS_WITH_FALL = "starts_with_fall"
    FEWER_FRAMES = "fewer_frames"
    TRUNCATED_AVI = "truncated_avi"
    EMPTY_AVI = "empty_avi"
    HEADER_ONLY_AVI = "header_only_avi"
    MISSING_CAMERA = "missing_camera"
    UNFINISHED_TRANSFER = "unfinished_transfer"


class FaultInfo(NamedTuple):
    """The default amount of a fault, its unit (empty: no amount), and a description."""

    amount: float
    unit: str
    description: str


FAULTS = {
    Fault.DROPPED: FaultInfo(
        5, "frames", "frames lost between camera and disk; the counter jumps, the pulses are there"
    ),
    Fault.PULSES_MISSING_AT_END: FaultInfo(
        1.0, "s", "the channel was not recorded for the last seconds of the camera"
    ),
    Fault.PULSES_MISSING_AT_START: FaultInfo(
        0.2, "s", "the channel was not recorded for the first seconds of the saved frames"
    ),
    Fault.NO_GPIO: FaultInfo(
        0, "", "the sync line does not reach the camera: no GPIO file, or a pin that never changes"
    ),
    Fault.EXTRA_PULSE: FaultInfo(1, "pulses", "pulses after the last exposure"),
    Fault.MISSING_PULSE: FaultInfo(1, "pulses", "the last pulses of the camera are missing"),
    Fault.UNSEEN_SYNC_PULSE: FaultInfo(
        0.15, "s", "a short sync pulse between exposures, this long before the first one seen"
    ),
    Fault.SILENT_TRIAL: FaultInfo(1, "trials", "trials in the middle have no sound at all"),
    Fault.STARTS_WITH_FALL: FaultInfo(
        0, "", "the camera channel was high when the DAQ started and falls before the first pulse"
    ),
    Fault.FEWER_FRAMES: FaultInfo(
        3, "frames", "the avi lacks the last frames that the frame data have"
    ),
    Fault.TRUNCATED_AVI: FaultInfo(0, "", "the avi is cut in half"),
    Fault.EMPTY_AVI: FaultInfo(0, "", "the avi has 0 bytes"),
    Fault.HEADER_ONLY_AVI: FaultInfo(0, "", "the avi ends where its first frame should begin"),
    Fault.MISSING_CAMERA: FaultInfo(0, "", "in the description, but without any raw file"),
    Fault.UNFINISHED_TRANSFER: FaultInfo(
        0, "", "the stub of the camera's computer is left in _devices, half of the avi is there"
    ),
}

DAQ = "daq"
"""The key of `Rig.faults` for all channels of the DAQ together."""

DAQ_FAULTS = (
    Fault.PULSES_MISSING_AT_END,
    Fault.PULSES_MISSING_AT_START,
    Fault.UNSEEN_SYNC_PULSE,
    Fault.SILENT_TRIAL,
)


@dataclass(frozen=True)
class Rig:
    """A recording session to render.

    Attributes:
        kind: "spikeglx", "timeline", "bpod" or "camlog".
        subject: subject name; with `date`, `number` and `lab` it makes the session path.
        date: YYYY-MM-DD.
        number: three digits.
        lab: lab name; None leaves `<lab>/Subjects` out of the path.
        seconds: time from the first to the last saved frame, nearly: each camera saves
            round(seconds x nominal rate) frames, less the dropped ones.
        scale: frame size relative to the real one; sizes are rounded to even numbers.
        cameras: labels, a subset of those of the kind; None is all of them.
        frame_data: "bin" (frameData.bin), "ssv" (timestamps.ssv, GPIO.bin, frame_counter.bin)
            or "ssv_reversed" (the same, camera timestamp first).
        unsaved: exposures before the first saved frame; None is 5, for camlog 0.
        rates: camera label -> true rate in Hz, instead of the one of the kind's table.
        faults: camera label, or "daq" for all channels -> faults, each a Fault or
            (Fault, amount); amounts and their units are in `FAULTS`.
        description: version of the experiment description; None writes no description file.
        wiring: "none", "partial" (cameras only) or "full" wiring file; None is "full" for camlog
            and "none" otherwise. With a wiring file left and body are on swapped channels.
        neuropixel: "3B", or "3A" for sync in raw_ephys_data/probe00.
        daq: "arrays" for sync arrays as ibllib extracts them, or the raw file of SpikeGLX instead:
            "bin", or "cbin" for the same compressed.
        wheel: also write the wheel as ALF.
        trials: also write the table of trials as ALF.
        seed: everything random follows from it.
    """

    kind: str = "spikeglx"
    subject: str = "KB001"
    date: str = "2026-01-01"
    number: str = "001"
    lab: str | None = None
    seconds: float = 10.0
    scale: float = 1.0
    cameras: tuple[str, ...] | None = None
    frame_data: str = "bin"
    unsaved: int | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    faults: Mapping[str, tuple[Fault | tuple[Fault, float], ...]] = field(default_factory=dict)
    description: str | None = "1.0.0"
    wiring: str | None = None
    neuropixel: str = "3B"
    daq: str = "arrays"
    wheel: bool = True
    trials: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, CAMERAS)
        _one_of("frame_data", self.frame_data, ("bin", "ssv", "ssv_reversed"))
        _one_of("neuropixel", self.neuropixel, ("3A", "3B"))
        has_spikeglx = self.kind in ("spikeglx", "camlog")
        _one_of("daq", self.daq, ("arrays", "bin", "cbin") if has_spikeglx else ("arrays",))
        _one_of("wiring", self.wiring, (None, "none", "partial", "full"))
        for camera in (*(self.cameras or ()), *self.rates):
            _one_of("camera", camera, CAMERAS[self.kind])
        for target, faults in self.faults.items():
            _one_of("target of a fault", target, (*self.labels, DAQ))
            for fault in faults:
                name = Fault(fault[0] if isinstance(fault, tuple) else fault)
                if target == DAQ:
                    _one_of("fault of the DAQ", name, DAQ_FAULTS)
                elif name in (Fault.UNSEEN_SYNC_PULSE, Fault.SILENT_TRIAL):
                    raise ValueError(f"{name} is on the sync line of all cameras: give it to daq")

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the cameras, in the order of the kind's table."""
        return tuple(c for c in CAMERAS[self.kind] if self.cameras is None or c in self.cameras)

    @property
    def session(self) -> PurePosixPath:
        """Session path relative to the root."""
        lab = (self.lab, "Subjects") if self.lab else ()
        return PurePosixPath(*lab, self.subject, self.date, self.number)

    @property
    def unsaved_exposures(self) -> int:
        """Exposures before the first saved frame."""
        return (0 if self.kind == "camlog" else 5) if self.unsaved is None else self.unsaved

    @property
    def wiring_file(self) -> str:
        """Completeness of the wiring file: "none", "partial" or "full"."""
        return self.wiring or ("full" if self.kind == "camlog" else "none")

    @property
    def channels(self) -> dict[str, int]:
        """Channel name -> channel number of the sync arrays."""
        if self.kind == "timeline":
            return CHANNELS_TIMELINE
        if self.neuropixel == "3A":
            return CHANNELS_3A
        return CHANNELS_3B if self.wiring_file == "none" else WIRED_3B

    def random(self, *stream: str) -> np.random.Generator:
        """Return an independent stream of random numbers, so that a fault changes nothing else."""
        return np.random.default_rng([self.seed, zlib.crc32(" ".join(stream).encode())])

    def frame_size(self, camera: str) -> tuple[int, int]:
        """Return the width and height of the frames of a camera, in pixels, even numbers."""
        full = CAMERAS[self.kind][camera]
        return tuple(
            max(16, 2 * round(side * self.scale / 2)) for side in (full.width, full.height)
        )

    def amount(self, target: str, fault: Fault) -> float | None:
        """Return the amount of a fault of a camera or of the DAQ; None if it has no such fault."""
        for given in self.faults.get(target, ()):
            name, amount = (
                given if isinstance(given, tuple) else (given, FAULTS[Fault(given)].amount)
            )
            if name == fault:
                return amount
        return None

    def has(self, target: str, fault: Fault) -> bool:
        """Return whether a camera or the DAQ has that fault."""
        return self.amount(target, fault) is not None


def _one_of(what: str, value: str | None, allowed: object) -> None:
    if value not in allowed:
        raise ValueError(f"{what} {value!r} is not one of {', '.join(map(str, allowed))}")
