"""The configuration: each key with its default, what it does and what it must be, in one place.

In each model below, the first text of a key ends the sentence "`key` is VALUE but must be ..."; the
second is its line in the table of `config/README.md`.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from alfvideo.files import labels, yaml_model
from alfvideo.files.yaml_model import (
    ConfigurationError,
    Items,
    Model,
    Number,
    Truth,
    UniqueItems,
    Whole,
    key,
)
from alfvideo.trackers import TRACKERS

__all__ = ["Box", "Configuration", "ConfigurationError", "parse", "read"]

if TYPE_CHECKING:
    Tracker = str
else:
    Tracker = Literal[tuple(TRACKERS)]


def _with_all_trackers(missing: object, given: Any) -> Any:
    """Complete a mapping of trackers so that each has a value; leave whatever else is given."""
    return {**dict.fromkeys(TRACKERS, missing), **given} if isinstance(given, dict) else given


def _as_text(value: Any) -> Any:
    """Read the number of a column as its name."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Label = Annotated[str, key(labels.MUST_BE, pattern=f"^{labels.PATTERN}$")]
Day = Annotated[str, Field(pattern=r"^(\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))?$")]
Text = Annotated[str, Field(min_length=1)]
Pixels = Annotated[Whole, key("a whole number of pixels", ge=0)]
Size = Annotated[Whole, key("a whole number of pixels from 1", ge=1)]
Column = Annotated[str, BeforeValidator(_as_text)]
Crf = Annotated[Whole, Field(ge=0, le=51)]


class Box(Model):
    """A box in the frames of a camera, and the size of the frame it was drawn on, in pixels."""

    x: Pixels
    y: Pixels
    width: Pixels
    height: Pixels
    frame_width: Size
    frame_height: Size


def _box(x: int, y: int, width: int, height: int, frame: tuple[int, int]) -> Box:
    return Box(x=x, y=y, width=width, height=height, frame_width=frame[0], frame_height=frame[1])


Boxes = dict[
    Label,
    Annotated[
        Box,
        key(
            "a box with x, y, width and height, and frame_width and frame_height of the frame it "
            "was drawn on, in pixels"
        ),
    ],
]

_LEFT, _OTHERS = (1280, 1024), (640, 512)
WHEEL_REGIONS = {
    "left": _box(850, 900, 160, 124, _LEFT),
    "right": _box(120, 450, 80, 62, _OTHERS),
}
POSE_BOXES = {
    "left": _box(301, 181, 399, 289, _LEFT),
    "right": _box(301, 110, 299, 165, _OTHERS),
    "body": _box(201, 81, 299, 249, _OTHERS),
}


class FrameLog(Model):
    """The columns of the log of frames of a camera, a CSV file."""

    frame: Annotated[
        Column, key("the name or number of the column with the frame counter, or empty")
    ] = ""
    time: Annotated[
        Column, key("the name or number of the column with the camera's clock, or empty")
    ] = ""
    ticks_per_second: Annotated[
        Number, key("the ticks per second of the camera's clock, or 0 to find them", ge=0)
    ] = 0
    computer: Annotated[
        Column, key("the name or number of the column with the computer's clock, or empty")
    ] = ""
    pins: Annotated[
        Items[Annotated[Column, key("the name or number of a column")]],
        key("a list of the columns with the states of the camera's input lines"),
    ] = ()


DEFAULT_CAMERAS = ("left", "right", "body", "belly")
NO_CASCADES: dict[str, dict[str, str]] = {tracker: {} for tracker in TRACKERS}
NO_FRAME_LOGS: dict[str, FrameLog] = {}
NO_ENVIRONMENTS = dict.fromkeys(TRACKERS, "")


class Compression(Model):
    """The settings of the encoder."""

    preset: Annotated[
        Literal[
            "ultrafast",
            "superfast",
            "veryfast",
            "faster",
            "fast",
            "medium",
            "slow",
            "slower",
            "veryslow",
        ],
        key(
            "an x264 preset from ultrafast to veryslow",
            "The x264 preset: slower gives smaller files.",
        ),
    ] = "slow"
    crf: Annotated[
        Crf,
        key(
            "a whole number from 0 (lossless, large) to 51 (poor, small)",
            "The quality of the mp4, from 0 (lossless, large) to 51 (poor, small).",
        ),
    ] = 17
    crf_bpod: Annotated[
        Crf,
        key(
            "a whole number from 0 to 51, used instead of crf for training rigs",
            "The same for training rigs (Bpod).",
        ),
    ] = 29


class Registration(Model):
    """The places where results are registered."""

    tables: Annotated[
        Truth,
        key(
            "true (ONE tables in root, sessions.pqt and datasets.pqt) or false",
            "`false` leaves out the [ONE tables](../docs/registration.md) (`sessions.pqt`, "
            "`datasets.pqt` in `root`).",
        ),
    ] = True
    alyx: Annotated[
        str,
        key(
            "the address of an Alyx server, for example https://alyx.mylab.org, or empty for none",
            "The address of an [Alyx](../docs/registration.md#alyx) server; empty for none.",
            pattern="^(https?://.+)?$",
        ),
    ] = ""
    repository: Annotated[
        str,
        key(
            "the name on Alyx of the data repository that holds root, or empty",
            "The name on Alyx of the data repository that holds `root`.",
        ),
    ] = ""
    protected: Annotated[
        Literal["error", "revision"],
        key(
            "the way when a file that Alyx protects would be replaced, error (leave it alone) "
            "or revision (make a new one beside it)",
            "What is done when a file that Alyx protects would be replaced: `error` leaves it "
            "alone, `revision` makes a new revision beside it.",
        ),
    ] = "error"


class Configuration(Model):
    """All keys of the configuration."""

    root: Annotated[
        Text,
        key(
            "the folder that holds your sessions, for example /data/Subjects",
            "The folder that holds your sessions. Session folders are found at any depth below it: "
            "`lab/Subjects/SUBJECT/YYYY-MM-DD/NNN` or `SUBJECT/YYYY-MM-DD/NNN`. Results are "
            "written beside the raw data.",
        ),
    ]
    sessions: Annotated[
        Items[Annotated[str, key('a pattern in quotes, for example "KB*/2026-*"')]],
        key(
            'a list of patterns of session folders below root, for example ["KB*/2026-*"]',
            "Patterns of session paths below `root`; a session is taken if one of them matches. "
            '`*` also matches `/`: `["*/KB*/2026-*"]`.',
            min_length=1,
        ),
    ] = ("*",)
    subjects: Annotated[
        Items[Annotated[str, key("the name of a subject, in quotes if it is a number")]],
        key(
            "a list of subjects, for example [KB001, KB002]; empty for all",
            "Only these subjects; empty for all.",
        ),
    ] = ()
    from_date: Annotated[
        Day,
        key(
            "the first date to process, as YYYY-MM-DD, or empty",
            "Only sessions from this date on (`YYYY-MM-DD`, included).",
        ),
    ] = ""
    to_date: Annotated[
        Day,
        key(
            "the last date to process, as YYYY-MM-DD, or empty",
            "Only sessions up to this date, included.",
        ),
    ] = ""
    cameras: Annotated[
        UniqueItems[Label],
        key(
            "a list of camera labels, for example [left, right, body]",
            "Only these cameras. Name other labels of your rigs here.",
            min_length=1,
        ),
    ] = DEFAULT_CAMERAS
    compression: Annotated[
        Compression, key("the settings of the encoder, with the keys preset, crf and crf_bpod")
    ] = Compression()
    keep_avi: Annotated[
        Truth,
        key(
            "true (keep raw videos) or false (remove them once their mp4 has been checked)",
            "`false` removes a raw video if its mp4 has the recorded checksum and shows the same "
            "in every frame; `removed.jsonl` in `root` lists what was removed.",
        ),
    ] = True
    ffmpeg: Annotated[
        str,
        key(
            "the path of an ffmpeg program, or empty for the one that comes with alfvideo",
            "The path of an ffmpeg program; empty for the one that comes with alfvideo.",
        ),
    ] = ""
    reference_frames: Annotated[
        str,
        key(
            "a folder with one frame of each well-placed camera, or empty for none",
            "A folder with one frame (`.npy` or image) of each well-placed camera, its label in "
            "the name. Make them from a session in which the cameras sit well: `uv run python -m "
            "alfvideo.qc.reference SESSION FOLDER`. Without them the position of the cameras is "
            "not judged.",
        ),
    ] = ""
    wheel_regions: Annotated[
        Boxes,
        key(
            "a box for each camera that sees the wheel, in which only the wheel moves",
            "For each camera that sees the wheel: the box in which only the wheel moves (`x`, `y`, "
            "`width`, `height`) and the size of the frame it was drawn on (`frame_width`, "
            "`frame_height`), in pixels. Cameras whose GPIO is of no use are timed by it.",
        ),
    ] = WHEEL_REGIONS
    frame_logs: Annotated[
        dict[
            Label,
            Annotated[
                FrameLog,
                key("a mapping with the keys frame, time, ticks_per_second, computer and pins"),
            ],
        ],
        key(
            "a mapping of cameras to the columns of their logs of frames",
            "For cameras that keep a CSV with a row for each frame (`LABEL.csv` or "
            "`LABEL_*.csv` beside the video): which column is the `frame` counter, the `time` of "
            "the camera's clock (with `ticks_per_second`), the clock of the `computer`, and the "
            "`pins`. Names, or numbers from 0; [usual names](../docs/your_data.md#frame-logs) are "
            "found without it.",
        ),
    ] = NO_FRAME_LOGS
    trackers: Annotated[
        UniqueItems[Annotated[Tracker, key(f"a tracker, {' or '.join(TRACKERS)}")]],
        key(
            f"a list of {' and '.join(TRACKERS)}, or empty for no pose",
            "The [trackers](../docs/pose.md) of body parts, for example `[dlc, lightningPose]`; "
            "empty for none.",
        ),
    ] = ()
    features_from: Annotated[
        Tracker,
        key(
            f"the tracker that motion energy and features are made from, {' or '.join(TRACKERS)}",
            "The tracker that motion energy, features and licks are made from: one of `trackers`.",
        ),
    ] = "dlc"
    cascades: Annotated[
        dict[
            Tracker,
            Annotated[
                dict[Label, Annotated[Text, key("the path of a cascade file")]],
                key("a cascade for some of the cameras, for example {left: pose/left.yaml}"),
            ],
        ],
        key(
            "a mapping of trackers, each with a cascade for some of the cameras",
            "For each tracker, the cascade of each camera: "
            "`{dlc: {left: config/pose/my_side.yaml}}`; relative paths count from the folder in "
            "which snakemake runs. [docs/pose.md](../docs/pose.md) says what is in it; those of "
            "IBL are in `config/pose`. Cameras without one are left out.",
        ),
        BeforeValidator(partial(_with_all_trackers, {})),
    ] = NO_CASCADES
    environments: Annotated[
        dict[
            Tracker,
            Annotated[
                str, key("the path of a Python that has this tracker, or empty to have one made")
            ],
        ],
        key(
            "a mapping of trackers to the Python that has them",
            "For each tracker, a Python that has it; empty to have one made.",
        ),
        BeforeValidator(partial(_with_all_trackers, "")),
    ] = NO_ENVIRONMENTS
    trusted_models: Annotated[
        UniqueItems[Annotated[str, key("the SHA-256 of a file", pattern="^[0-9a-f]{64}$")]],
        key(
            "a list of the SHA-256 of model files that may hold more than weights",
            "SHA-256 of model files that may hold more than weights, which can run any program "
            "when they are opened; others of that kind are refused, with their checksum.",
        ),
    ] = ()
    pose_boxes: Annotated[
        Boxes,
        key(
            "a box for each camera, in which the mean of all body parts is expected",
            "For each camera, the box in which the mean of all body parts should be, written as in "
            "`wheel_regions`. The defaults are IBL's.",
        ),
    ] = POSE_BOXES
    pose_clips: Annotated[
        Truth,
        key(
            "true (make a short clip with the body parts drawn on it) or false",
            "`true` makes a short clip of each camera that `features_from` tracks, with the body "
            "parts drawn on it.",
        ),
    ] = False
    registration: Annotated[
        Registration,
        key(
            "the places where results are registered, with the keys tables, alyx, repository and "
            "protected"
        ),
    ] = Registration()

    @property
    def data_folder(self) -> Path:
        """The absolute path of `root`."""
        return Path(self.root).expanduser().absolute()

    def for_demo(self, repository: Path) -> "Configuration":
        """Return the configuration of the demo's sessions: this one, changed by `demo.yaml`.

        Raises
        ------
        ConfigurationError
            If the file says something wrong.
        """
        changes = yaml_model.load(repository / "config" / "demo.yaml", "Configuration of the demo")
        changes["cascades"] = {
            tracker: {camera: str(repository / file) for camera, file in cascades.items()}
            for tracker, cascades in changes["cascades"].items()
        }
        return self.changed(**changes)

    def changed(self, **values: Any) -> "Configuration":
        """Return the same configuration with other values of some keys, as a file would give them.

        Raises
        ------
        ConfigurationError
            As `parse`.
        """
        return parse({**self.model_dump(mode="json"), **values})


def parse(content: Mapping[str, Any], name: str = "Configuration") -> Configuration:
    """Parse the configuration that a mapping holds; `name` is what messages call it.

    Raises
    ------
    ConfigurationError
        One sentence that names the key, says what is wrong and what to change.
    """
    return yaml_model.parse(Configuration, content, name)


def read(file: Path, overrides: Mapping[str, Any] | None = None) -> Configuration:
    """Read the configuration of a file; `overrides` are merged into it, as Snakemake's --config is.

    Raises
    ------
    ConfigurationError
        As `parse`; or with the line, if the syntax is wrong.
    """
    return parse(merged(yaml_model.load(file, f"Configuration: {file}"), overrides or {}))


def merged(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Merge mappings key by key; whatever else is given replaces what is there.

    >>> merged({"compression": {"crf": 17, "preset": "slow"}}, {"compression": {"crf": 20}})
    {'compression': {'crf': 20, 'preset': 'slow'}}
    """
    result = dict(content)
    for name, value in changes.items():
        there = result.get(name)
        if isinstance(there, Mapping) and isinstance(value, Mapping):
            result[name] = merged(there, value)
        else:
            result[name] = value
    return result
