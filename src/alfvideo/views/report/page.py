"""The web pages of sessions, as text."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, PackageLoader, StrictUndefined

from alfvideo.views.report import checks, sessions
from alfvideo.views.report.checks import Check
from alfvideo.views.report.sessions import Report

_NUMBERS = MappingProxyType(
    {
        "alignment": (
            *("within {:g} frames", "{:g} witnesses", "{:g} agree", "{:g} elsewhere"),
            "{:.1%} extrapolated",
        ),
        "camera_times": ("{:+g} timestamps",),
        "dropped_frames": ("{:g} dropped", "{:+g} counts"),
        "framerate": ("{:g} Hz",),
        "pin_state": ("{:g} missed", "{:+g} rises"),
        "pupil_diameter_snr": ("ratio {:g}",),
        "wheel_alignment": ("shift {:+g} frames",),
    }
)
"""The meaning of the numbers of a check."""


def environment() -> Environment:
    """Return the templates, with everything escaped that comes from data."""
    found = Environment(
        loader=PackageLoader("alfvideo.views.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(numbers=numbers, day=day)
    found.globals.update(
        kinds=checks.KINDS, outcomes=checks.OUTCOMES, states=[str(s) for s in sessions.STATES]
    )
    return found


def numbers(check: Check) -> str:
    """Write the numbers of a check, in words where they are known.

    >>> numbers(Check("dropped_frames", "WARNING", (3, None)))
    '3 dropped'
    >>> numbers(Check("alignment", "PASS", (0.0, 2, 102, 9, 0.0)))
    'within 0 frames, 2 witnesses, 102 agree, 9 elsewhere, 0.0% extrapolated'
    >>> numbers(Check("alignment", "CRITICAL", (None, 0, None, None, 0.25)))
    '0 witnesses, 25.0% extrapolated'
    >>> numbers(Check("of_tomorrow", "PASS", (1.5, 2)))
    '1.5, 2'
    """
    forms = _NUMBERS.get(check.name, ())
    # Of a counter that goes back it is the number of places.
    other = check.name == "dropped_frames" and check.outcome == "CRITICAL"
    if other or len(forms) != len(check.numbers):
        forms = ("{:g}",) * len(check.numbers)
    pairs = zip(forms, check.numbers, strict=True)
    return ", ".join(form.format(number) for form, number in pairs if number is not None)


def day(moment: str) -> str:
    """Write a moment of a record as a person writes it.

    >>> day("2026-01-05T12:30:00Z")
    '2026-01-05 12:30 UTC'
    """
    return f"{moment[:16].replace('T', ' ')} UTC" if moment else ""


Neighbour = tuple[str, str] | tuple[()]
"""Page and name of a session; empty beyond the first and the last."""


def session_page(templates: Environment, report: Report, newer: Neighbour, older: Neighbour) -> str:
    """Render the page of a session; `newer` and `older` are page and name of others, or empty."""
    return templates.get_template("session.html.j2").render(
        session=report, newer=newer, older=older
    )


def index_page(templates: Environment, reports: Sequence[Report], root: Path, written: str) -> str:
    """Render the table of all sessions and cameras below `root`; `written` is when it was made."""
    cameras = [camera for report in reports for camera in report.cameras]
    of_camera = [camera for camera in cameras if camera.label]
    return templates.get_template("index.html.j2").render(
        sessions=reports,
        root=root,
        written=written,
        shown_kinds=[kind for kind in checks.KINDS if any(kind in c.qualities for c in cameras)],
        labels=sorted({camera.label for camera in of_camera}),
        counts=_counts((c.outcome for c in of_camera), checks.OUTCOMES),
        n_cameras=len(of_camera),
    )


def _counts(outcomes: Iterable[str], order: Sequence[str]) -> list[tuple[str, int]]:
    counted = Counter(outcomes)
    return [(name, counted[name]) for name in reversed(order) if name in counted]
