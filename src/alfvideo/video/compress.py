"""Raw camera video to mp4, encoded or copied, and the check that nothing was lost."""

import ctypes
import logging
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import imageio_ffmpeg

from alfvideo.files import signals
from alfvideo.files.errors import DataError, MachineError, machine_error_named
from alfvideo.jobs.progress import Progress
from alfvideo.video import probe
from alfvideo.video.probe import Video

log = logging.getLogger(__name__)

_ERROR_LINE = re.compile(r"\[(?:error|fatal|panic)\] (.*)")


def encode(
    source: Path,
    target: Path,
    *,
    preset: str,
    crf: int,
    threads: int,
    ffmpeg: str | None = None,
) -> Video:
    """Encode a raw video as H.264 in an mp4 and check the result; returns the source's description.

    Every stored frame is kept once with its own time; audio is copied. Colours are kept: 4:2:0
    where the source has it, 4:2:2 or 4:4:4 where it has more. So is each pixel: of frames with a
    side of odd length, which have half a colour sample in 4:2:0, the colours are stored as 4:4:4.

    Raises
    ------
    DataError
        If the source is not whole, ffmpeg fails, or the result does not match the source.
    """
    original = probe.probe_whole(source)
    options = ["-c:v", "libx264", "-preset", preset, "-crf", str(crf), "-fps_mode", "passthrough"]
    options += ["-threads", str(threads), *_pixel_format(original)]
    return _convert(original, source, target, options, ffmpeg)


def copy(sources: Sequence[Path], target: Path, *, ffmpeg: str | None = None) -> Video:
    """Put the coded frames of a video into an mp4 unchanged; otherwise as `encode`.

    The parts of a recording that was split are put after each other, without their sound.
    """
    original = probe.probe_parts(sources)
    if len(sources) > 1:
        _join(sources, target)
        check(original, sources[0], target)
        return original
    options = ["-c:v", "copy"]
    return _convert(original, sources[0], target, options, ffmpeg, ["-fflags", "+genpts"])


def _join(sources: Sequence[Path], target: Path) -> None:
    """Copy the coded frames of videos of the same kind into one mp4."""
    with av.open(f"file:{target}", "w", format="mp4") as joined:
        copied: av.VideoStream | None = None
        periods = 0
        for source in sources:
            # The packets of an avi have no time at which they are shown.
            with probe.opened(source, fflags="+genpts") as (part, stream):
                if copied is None:
                    copied = joined.add_stream_from_template(stream)
                end = 0
                for packet in part.demux(stream):
                    if packet.size == 0 or packet.dts is None:
                        continue
                    end = packet.dts + 1
                    packet.pts = periods + (packet.dts if packet.pts is None else packet.pts)
                    packet.dts += periods
                    packet.stream = copied
                    joined.mux(packet)
                periods += end


def _pixel_format(video: Video) -> list[str]:
    """Return options for frames that 4:2:0 and 4:2:2 cannot hold, none for others."""
    if video.width % 2 == 0 and video.height % 2 == 0:
        return []
    stored = av.VideoFormat(video.pixel_format)
    if stored.is_rgb:
        return []
    full_range = video.pixel_format.startswith(("yuvj", "gray"))
    deep = any(component.bits > 8 for component in stored.components)
    return ["-pix_fmt", "yuv444p10le" if deep else "yuvj444p" if full_range else "yuv444p"]


def _convert(
    original: Video,
    source: Path,
    target: Path,
    options: Sequence[str],
    ffmpeg: str | None,
    input_options: Sequence[str] = (),
) -> Video:
    log.debug(
        "%s: %d frames of %dx%d at %.2f per second, %s %s",
        *(source.name, original.frames, original.width, original.height),
        *(float(original.rate), original.codec, original.pixel_format),
    )
    command = [
        ffmpeg or imageio_ffmpeg.get_ffmpeg_exe(),
        *(
            "-nostdin",
            "-hide_banner",
            "-loglevel",
            "level+warning",
            "-nostats",
            "-progress",
            "pipe:1",
        ),
        *(*input_options, "-i", f"file:{source}"),
        *("-map", "0:v:0", "-map", "0:a?", *options, "-c:a", "copy"),
        *("-f", "mp4", "-y", f"file:{target}"),
    ]
    _run(command, source, Progress("compressed", original.frames))
    check(original, source, target)
    return original


def variable_rate_note(source: Video) -> str:
    """Warn of an avi in which some frame periods hold no frame."""
    return (
        f"The raw video has a variable rate: {source.frames} frames in {source.periods} frame "
        "periods. Each frame is kept once, with its own time."
    )


def check(original: Video, source: Path, target: Path) -> None:
    """Decode `target` to its last frame and compare frames, size and rate with the source.

    Raises
    ------
    DataError
        If it does not decode, or the number of frames, the size of a frame, or the time that the
        frames span (half a frame period is allowed) differ from the source's.
    """
    progress = Progress("checked", original.frames)
    damaged = "The avi is probably damaged: transfer it again from the rig."
    check_length(original, source, target, probe.count_decoded(target, progress), damaged)
    log.debug("mp4 decoded to its last frame: %d frames, as the source", original.frames)


def check_length(original: Video, source: Path, target: Path, decoded: int, advice: str) -> None:
    """Compare number, size and time span of the frames of an mp4 with those of its source.

    `decoded` is how many frames of it could be decoded, `advice` what to do if there are fewer.

    Raises
    ------
    DataError
        As `check`.
    """
    result = probe.probe_whole(target)
    expected = (original.frames, original.width, original.height)
    found = (min(decoded, result.frames), result.width, result.height)
    if expected != found:
        raise DataError(
            f"{source}: the mp4 made from it has {found[0]} frames of {found[1]}x{found[2]}, "
            f"expected {expected[0]} of {expected[1]}x{expected[2]}. The avi is kept. "
            f"{advice}"
        )
    if abs(result.seconds - original.seconds) > 0.5 / original.rate:
        raise DataError(
            f"{source}: its frames span {original.seconds:.3f} s but {result.seconds:.3f} s in the "
            "mp4 made from it, so the frame rate is not the same. The avi is kept."
        )


def _run(command: Sequence[str], source: Path, progress: Callable[[int], None]) -> None:
    """Run ffmpeg, pass on its progress and warnings; DataError with its first error if it fails."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
    except OSError as error:
        raise DataError(
            f"ffmpeg cannot be started from {command[0]} ({error.strerror}). Correct `ffmpeg` in "
            "the configuration, or leave it empty to use the one that comes with alfvideo."
        ) from None
    assert process.stdout is not None, "it is a pipe"
    stderr = process.stderr
    assert stderr is not None, "it is a pipe"
    first: list[str] = []
    warnings: deque[str] = deque(maxlen=20)

    def listen() -> None:
        for line in map(str.strip, stderr):
            error = _ERROR_LINE.search(line)
            if error and not first:
                first.append(error[1])
            warnings.append(line)

    reader = threading.Thread(target=listen)
    reader.start()
    for line in process.stdout:
        name, _, value = line.strip().partition("=")
        if name == "frame":
            progress(int(value))
    status = process.wait()
    reader.join()
    for warning in warnings:
        log.debug("ffmpeg: %s", warning)
    if status != 0:
        raise _failure(status, source, [*first, *warnings])


def _failure(status: int, source: Path, said: Sequence[str]) -> DataError:
    """Return the error of an ffmpeg that ended so, its first error or warning being in front."""
    for line in said:
        if found := machine_error_named(line, f"the mp4 of {source}"):
            return found
    if status < 0:
        return MachineError(f"{source}: {signals.sentence('ffmpeg', -status)}")
    reason = said[0] if said else "no message"
    return DataError(f"{source}: ffmpeg failed with status {status} ({reason}).")


def _die_with_parent() -> None:
    """Have the kernel end ffmpeg when this process is killed, so that no job is left alone."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
