"""A box in the frames of a video."""

from collections.abc import Mapping
from typing import NamedTuple

from alfvideo.files.errors import DataError


class Region(NamedTuple):
    """A box in the frames of a video: left edge, top edge and size, in pixels."""

    x: int
    y: int
    width: int
    height: int
    frame: tuple[int, int] | None = None
    """Width and height of the frame that it was drawn on; None if that does not matter."""

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index a frame with."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def within(self, width: int, height: int) -> "Region":
        """Return this region in frames of another size, in proportion.

        >>> Region(850, 900, 160, 124, (1280, 1024)).within(640, 512)
        Region(x=425, y=450, width=80, height=62, frame=(640, 512))

        Raises
        ------
        DataError
            If it is empty or not inside the frame.
        """
        across, down = (
            (1, 1) if self.frame is None else (width / self.frame[0], height / self.frame[1])
        )
        left, right = round(self.x * across), round((self.x + self.width) * across)
        top, bottom = round(self.y * down), round((self.y + self.height) * down)
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            raise DataError(
                f"The region of columns {left} to {right} and rows {top} to {bottom} is not inside "
                f"a frame of {width}x{height} pixels. Correct the region in the configuration."
            )
        return Region(left, top, right - left, bottom - top, (width, height))


def from_configuration(box: Mapping[str, int]) -> Region:
    """Make a region from the configuration, with `frame_width` and `frame_height`.

    >>> from_configuration(dict(x=1, y=2, width=3, height=4, frame_width=64, frame_height=48))
    Region(x=1, y=2, width=3, height=4, frame=(64, 48))
    """
    frame = box["frame_width"], box["frame_height"]
    return Region(box["x"], box["y"], box["width"], box["height"], frame)
