"""A server that dies in the middle of a run: one job notices, the others need not wait for it.

The jobs of a run are processes of their own. Each that found the server down leaves a byte.
"""

from pathlib import Path

from alfvideo.registration.alyx.connection import Patience, Unreachable

MARK = Path(".alyx_outage")
"""In the folder that Snakemake runs in."""


def forget() -> None:
    """Forget outages of earlier runs."""
    MARK.unlink(missing_ok=True)


def notice() -> None:
    """Tell the other jobs of this run that the server is down."""
    with MARK.open("ab") as mark:
        mark.write(b".")


def patience() -> Patience:
    """Return how a job is to wait for the server: as usual, or, after an outage, asking it once.

    Raises
    ------
    Unreachable
        If it was down then, too.
    """
    noticed = MARK.stat().st_size if MARK.exists() else 0
    if noticed > 1:
        raise Unreachable("Alyx did not answer earlier in this run, and is not asked again in it.")
    return Patience(answer=20, attempts=1) if noticed else Patience()
