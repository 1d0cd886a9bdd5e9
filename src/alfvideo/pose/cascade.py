"""A cascade: which networks look at which part of a camera's frames.

In each model below, the text of a key ends the sentence "`key` is VALUE but must be ...".
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from alfvideo.files import labels, yaml_model
from alfvideo.files.yaml_model import Items, Model, Number, Truth, Whole, key

ENSEMBLE_SMOOTHING = {"pupil", "points"}


def _odd(number: int) -> int:
    if number % 2 == 0:
        raise ValueError("it is even")
    return number


Text = Annotated[str, Field(min_length=1)]
Length = Annotated[Whole, key("a whole number of pixels", ge=1)]
Positive = Annotated[Number, key("a number above 0", gt=0)]
NearOne = Annotated[Number, key("a number between 0 and 1", gt=0, lt=1)]
Odd = Annotated[Whole, Field(ge=3), AfterValidator(_odd)]
BodyParts = Annotated[Items[Annotated[str, key("the name of a body part")]], Field(min_length=1)]
NetworkName = Annotated[str, key("a name of letters, digits, - and _", pattern="^[A-Za-z0-9_-]+$")]


class Size(Model):
    """Width and height of a picture, in pixels."""

    width: Length
    height: Length


class Crop(Model):
    """A box in the frame; with `around`, `x` and `y` count from the mean of these body parts."""

    around: Annotated[
        BodyParts | None,
        key("a list of body parts that a sampled network finds, for example [pupil_top_r]"),
    ] = None
    x: Annotated[
        Whole, key("a whole number of pixels from the body parts or the frame's left edge")
    ]
    y: Annotated[Whole, key("a whole number of pixels from the body parts or the frame's top edge")]
    width: Length
    height: Length


class Pupil(Model):
    """Smoothness of the diameter and the centre of a pupil, from 0 to 1."""

    diameter: NearOne
    centre: NearOne


class Rates(Model):
    """The strength of smoothing for frame rates of a range, both ends included, in Hz."""

    from_: Annotated[Positive, Field(alias="from")]
    to: Positive
    s: Positive


class Points(Model):
    """Freedom of each point to move, and a factor for the variance of the members."""

    s: Positive
    rates: Annotated[
        Items[Annotated[Rates, key("a mapping with from, to and s")]],
        key("a list of frame rates with another s, for example [{from: 25, to: 35, s: 100}]"),
    ] = ()
    variance_scale: Positive = 1


class Smoothing(Model):
    """A running median over frames, or the smoother of an ensemble: one of them."""

    median: Annotated[Odd | None, key("an odd number of frames, for example 5")] = None
    pupil: Annotated[
        Pupil | None,
        key("the smoothness of diameter and centre, for example {diameter: 0.9999, centre: 0.999}"),
    ] = None
    points: Annotated[
        Points | None, key("a mapping with s, and as needed rates and variance_scale")
    ] = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(value is not None for _, value in self) != 1:
            raise ValueError("it is none or several")
        return self

    @property
    def kind(self) -> str:
        """The name of the key that says which of them it is."""
        return next(name for name, value in self if value is not None)


class NetworkSettings(Model):
    """The part of the frames that a network sees, and what is kept of what it finds."""

    parts: Annotated[
        BodyParts | None, key("a list of the body parts to keep, for example [nose_tip]")
    ] = None
    sampled: Annotated[
        Whole,
        key("the largest number of evenly spaced frames to look at, or 0 for all frames", ge=0),
    ] = 0
    crop: Annotated[
        Crop | None,
        key("a box with x, y, width and height, and around for body parts that it follows"),
    ] = None
    size: Annotated[
        Size | None,
        key("the size of the picture that the network sees, with width and height in pixels"),
    ] = None
    brightness: Annotated[
        Number, key("a number that the gray values are multiplied with, for example 4", gt=0)
    ] = 1
    smoothing: Annotated[Smoothing | None, key("one of median, pupil and points")] = None

    @property
    def is_ensemble_smoothed(self) -> bool:
        """True if one of the smoothers is asked for that take several models."""
        return self.smoothing is not None and self.smoothing.kind in ENSEMBLE_SMOOTHING


class Network(NetworkSettings):
    """A network with its models: the path of each and its checksum; several are an ensemble."""

    models: dict[str, str]
    cropping: Annotated[tuple[Whole, Whole, Whole, Whole] | None, Field(strict=False)] = None
    """First and end column, first and end row of what the project of the model is cropped to."""


class CascadeSettings(Model):
    """The view that the networks of a cascade have of a camera."""

    mirrored: Annotated[
        Items[Annotated[str, key(labels.MUST_BE, pattern=f"^{labels.PATTERN}$")]],
        key("a list of cameras that see the animal from the other side, for example [right]"),
    ] = ()
    frame: Annotated[
        Size | None,
        key("the size of the frame that the crops are drawn on, with width and height in pixels"),
    ] = None
    resize: Annotated[
        Truth,
        key(
            "true (networks see the camera's frames at the size given by frame) or false (as they "
            "are)"
        ),
    ] = False


class Cascade(CascadeSettings):
    """The networks of a camera, their models found: what poses are made with."""

    networks: dict[str, Network]


class NetworkFile(NetworkSettings):
    """A network in a file, which names its models by paths or patterns."""

    models: Annotated[
        Items[Annotated[Text, key("the path or pattern of a model folder or file")]],
        key("a list of model folders or files, or patterns of them; several are an ensemble"),
        Field(min_length=1),
    ]


class CascadeFile(CascadeSettings):
    """A cascade as a file describes it."""

    title: Annotated[str, key("a sentence for people")] = ""
    folder: Annotated[str, key("the folder of the models, absolute or relative to this file")] = ""
    networks: Annotated[
        dict[
            NetworkName,
            Annotated[
                NetworkFile,
                key(
                    "a network with models and, as needed, parts, sampled, crop, size, brightness, "
                    "smoothing"
                ),
            ],
        ],
        key("a mapping of names to networks", min_length=1),
    ]


def from_settings(settings: Mapping[str, Any]) -> Cascade:
    """Restore the cascade of a job from its plain values."""
    return yaml_model.parse(Cascade, settings, "Cascade")
