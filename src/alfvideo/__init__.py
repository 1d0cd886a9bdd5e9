"""From raw camera files to synchronised ALF datasets: the library behind the workflow."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alfvideo.loading import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    # Not at the top: each job imports this package, and xarray and pandas take a second to load.
    if name == "load":
        from alfvideo.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
