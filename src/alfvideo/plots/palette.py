"""Parts of all figures: colours that the colour-blind can tell apart, headings, empty panels."""

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.text import Text

# The colours of Okabe and Ito (2008), "Color universal design".
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY_BLUE = (
    *("#0072B2", "#E69F00", "#009E73"),
    *("#D55E00", "#CC79A7", "#56B4E9"),
)
GRAY, DARK_GRAY = "#666666", "#333333"

CAMERAS = {"left": BLUE, "right": ORANGE, "body": PURPLE}
OTHER_CAMERA = SKY_BLUE
CORRECT, INCORRECT = GREEN, VERMILLION

PARTS = {
    "nose": "#EEDD88",
    "pupil": "#99DDFF",
    "tongue": "#FFAABB",
    "paw_l": "#BBCC33",
    "paw_r": "#44BB99",
    "tail": "#77AADD",
}
"""Body parts by how their names begin: the light scheme of Paul Tol (2021), "Colour schemes"."""
OTHER_PART = "#DDDDDD"


def part_colour(part: str) -> str:
    """Return the colour of a body part.

    >>> part_colour('pupil_top_r') == PARTS['pupil']
    True
    """
    return next((PARTS[name] for name in PARTS if part.startswith(name)), OTHER_PART)


def camera_colour(label: str) -> str:
    """Return the colour of a camera."""
    return CAMERAS.get(label, OTHER_CAMERA)


def heading(axes: Axes, title: str, notes: Sequence[str]) -> Text:
    """Give a panel a title and below it, in smaller letters, notes; returns the title."""
    lines = [line for note in notes for line in textwrap.wrap(note, 58)]
    axes.annotate(
        "\n".join(lines),
        (0, 1),
        (0, 5),
        xycoords="axes fraction",
        textcoords="offset points",
        va="bottom",
        color=GRAY,
        fontsize=10,
    )
    return axes.set_title(title, loc="left", weight="bold", fontsize=13, pad=8 + 14 * len(lines))


def without_data(axes: Axes, title: str, text: str) -> None:
    """Make a panel that says why there is nothing in it."""
    axes.set(title=title, xticks=[], yticks=[], facecolor="white")
    axes.text(
        0.5,
        0.5,
        "\n".join(textwrap.fill(line, 45) for line in text.splitlines()),
        ha="center",
        va="center",
        color=GRAY,
        transform=axes.transAxes,
    )
