"""Reading videos: what they are, how many frames they hold, whether they are whole."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from errno import EPERM
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg

from alfvideo.files import errors, inputs
from alfvideo.files.errors import DataError, MachineError
from alfvideo.video import upright


@dataclass(frozen=True)
class Video:
    """The first video stream of a container: as its header announces it, and as it is.

    `frames` counts the coded frames in the file. `indexed` is the number of frames in its index
    and `announced` the number of frame periods in its header; both exceed what is there when the
    file was cut or never closed. `periods` is the number of frame periods that the frames span:
    more than `frames` in an avi of variable rate, which leaves periods empty. `rate` is nominal, in
    frames per second; `seconds` is the time that the frames span. `width` and `height` are those of
    the picture upright.
    """

    frames: int
    indexed: int
    announced: int
    periods: int
    seconds: float
    width: int
    height: int
    rate: Fraction
    codec: str
    pixel_format: str

    @property
    def whole(self) -> bool:
        """True if everything that index and header promise is there."""
        return self.frames == self.indexed and self.periods == self.announced

    @property
    def variable_rate(self) -> bool:
        """True if some frame periods hold no frame (avi only)."""
        return self.periods != self.frames


@contextmanager
def opened(
    path: Path, **options: str
) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Yield the container and its first video stream; `options` are FFmpeg's for the demuxer.

    Raises
    ------
    DataError
        If the file is missing, empty, or is not a video.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path} is missing. {again(path)}")
    if inputs.check(path) == 0:
        raise DataError(f"{path} is empty (0 bytes). {again(path)}")
    try:
        container = av.open(f"file:{path}", options=options)
    except av.FFmpegError as error:
        raise machine_error(error, path) or DataError(
            f"{path} cannot be opened as a video ({error.strerror}): it is damaged or was cut. "
            f"{again(path)}"
        ) from error
    with container:
        if not container.streams.video:
            raise DataError(f"{path} holds no video stream. {again(path)}")
        yield container, container.streams.video[0]


def size(path: Path) -> tuple[int, int]:
    """Return width and height of the picture of a video, upright, from its first frame.

    Raises
    ------
    DataError
        As `opened`, and if the picture is to be mirrored or turned by a part of a quarter.
    """
    with opened(path) as (container, stream):
        width, height = stream.codec_context.width, stream.codec_context.height
        # What cannot be decoded is told by what reads it all.
        with suppress(av.FFmpegError):
            for frame in container.decode(stream):
                if not upright.is_turned_only(frame):
                    raise DataError(
                        f"{path} is to be shown mirrored or at an angle by its display matrix, "
                        "which pose engines do not do. Put an upright copy in its place, made with "
                        f"{imageio_ffmpeg.get_ffmpeg_exe()} -i {path.name} -crf 17 upright.mp4"
                    )
                return (height, width) if upright.turns(frame) % 2 else (width, height)
    return width, height


def machine_error(error: av.FFmpegError, path: Path) -> MachineError | None:
    """Return the error if it is the machine's, None if it is the video's.

    FFmpeg's demuxers say -1 where they know no better number, which is that of EPERM.
    """
    return None if error.errno == EPERM else errors.machine_error(error.errno, path)


def again(path: Path) -> str:
    """Advise how to get a whole video in place of a broken one: the rig has no mp4 to transfer."""
    if path.suffix != ".mp4":
        return "Transfer it again from the rig."
    if path.with_suffix(".avi").exists():
        return "Remove it and run again: it is regenerated from the raw video beside it."
    return "Copy it again from where this session came from."


def probe(path: Path) -> Video:
    """Describe a video by reading all its packets, without decoding any.

    Raises
    ------
    DataError
        If it cannot be opened or holds no frames.
    """
    with opened(path) as (container, stream):
        frames, end = 0, 0
        first: int | None = None
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            if packet.dts is None:
                raise DataError(
                    f"{path}: frame {frames} has no time, as in coded frames without a container. "
                    f"Put them in one. {again(path)}"
                )
            first = packet.dts if first is None else first
            end = packet.dts + (packet.duration or 1)
            frames += 1
        if first is None:
            raise DataError(
                f"{path} holds no frames. {again(path)} If the camera recorded nothing, remove the "
                "file and the camera is left out."
            )
        if stream.time_base is None or stream.average_rate is None:
            raise DataError(f"{path} does not say its frame rate, so it is damaged. {again(path)}")
        # Time stamps of an avi count frame periods; elsewhere periods cannot be empty.
        periods = end if container.format.name == "avi" else frames
        # An avi has no display matrix.
        coded = stream.codec_context.width, stream.codec_context.height
        width, height = coded if container.format.name == "avi" else size(path)
        return Video(
            frames=frames,
            indexed=len(stream.index_entries),
            announced=stream.frames,
            periods=periods,
            seconds=float((end - first) * stream.time_base),
            width=width,
            height=height,
            rate=stream.average_rate,
            codec=stream.codec_context.name,
            pixel_format=stream.codec_context.pix_fmt or "",
        )


def probe_whole(path: Path) -> Video:
    """Describe a video that must be whole.

    Raises
    ------
    DataError
        If it cannot be opened, or holds less than its index and header promise: it was cut in
        transfer, or the recording was never closed.
    """
    video = probe(path)
    if not video.whole:
        promised = max(video.announced, video.indexed)
        cut = (
            f"{path} holds {video.frames} frames, expected {promised} as its header and index say: "
            f"it was cut or damaged. {again(path)}"
        )
        if path.suffix == ".mp4":
            raise DataError(cut)
        raise DataError(
            f"{cut} If the recording itself broke off, make a whole file of what is there and put "
            f"it in its place: {imageio_ffmpeg.get_ffmpeg_exe()} -fflags +discardcorrupt "
            f"-i {path.name} -c copy whole{path.suffix}"
        )
    return video


def probe_parts(paths: Sequence[Path]) -> Video:
    """Describe a video in one or more parts, each of which must be whole, as if it were one file.

    Raises
    ------
    DataError
        As `probe_whole`, and if a part is encoded in another way than the first.
    """
    first, *others = parts = [probe_whole(path) for path in paths]
    for path, part in zip(paths[1:], others, strict=True):
        for name in ("width", "height", "rate", "codec", "pixel_format"):
            if getattr(part, name) != getattr(first, name):
                raise DataError(
                    f"{path} cannot be joined to {paths[0].name}: its {name.replace('_', ' ')} is "
                    f"{getattr(part, name)}, not {getattr(first, name)}. If it is of another "
                    "recording, move it away."
                )
    return replace(
        first,
        **{
            name: sum(getattr(part, name) for part in parts)
            for name in ("frames", "indexed", "announced", "periods", "seconds")
        },
    )


def count_decoded(path: Path, progress: Callable[[int], None] = lambda frames: None) -> int:
    """Decode a video to its last frame and return how many frames came out undamaged.

    `progress` is called with the number of frames so far, after each frame.

    Raises
    ------
    DataError
        If it cannot be opened or a frame cannot be decoded.
    """
    frames = 0
    for frames, _ in enumerate(decoded(path), start=1):
        progress(frames)
    return frames


def decoded(path: Path) -> Iterator[av.VideoFrame]:
    """Decode a video and yield all its frames, in the order shown.

    Raises
    ------
    DataError
        If it cannot be opened or a frame cannot be decoded or is damaged.
    """
    number = 0
    with opened(path) as (container, stream):
        stream.thread_type = "AUTO"
        try:
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise DataError(f"{path}: frame {number} is damaged.")
                yield frame
                number += 1
        except av.FFmpegError as error:
            raise machine_error(error, path) or DataError(
                f"{path}: frame {number} cannot be decoded ({error.strerror})."
            ) from error
