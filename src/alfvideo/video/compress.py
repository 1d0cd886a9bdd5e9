"""Raw camera video to mp4, encoded or copied, and the check that nothing was lost."""

import ctypes
import logging
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import imageio_ffmpeg

from alfvideo.files.errors import DataError, MachineError
from alfvideo.jobs.progress import Progress
from alfvideo.video import probe
from alfvideo.video.probe import Video

log = logging.getLogger(__name__)


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
    where the source has it, 4:2:2 or 4:4:4 where it has more.

    Raises
    ------
    DataError
        If the source is not whole, ffmpeg fails, or the result does not match the source.
    """
    options = ["-c:v", "libx264", "-preset", preset, "-crf", str(crf), "-fps_mode", "passthrough"]
    return _convert(source, target, [*options, "-threads", str(threads)], ffmpeg)


def copy(source: Path, target: Path, *, ffmpeg: str | None = None) -> Video:
    """Put the coded frames of a video into an mp4 unchanged; otherwise as `encode`."""
    return _convert(source, target, ["-c:v", "copy"], ffmpeg, ["-fflags", "+genpts"])


def _convert(
    source: Path,
    target: Path,
    options: Sequence[str],
    ffmpeg: str | None,
    input_options: Sequence[str] = (),
) -> Video:
    original = probe.probe_whole(source)
    log.debug(
        "%s: %d frames of %dx%d at %.2f per second, %s %s",
        *(source.name, original.frames, original.width, original.height),
        *(float(original.rate), original.codec, original.pixel_format),
    )
    command = [
        ffmpeg or imageio_ffmpeg.get_ffmpeg_exe(),
        *("-nostdin", "-hide_banner", "-loglevel", "warning", "-nostats", "-progress", "pipe:1"),
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
    result = probe.probe_whole(target)
    progress = Progress("checked", original.frames)
    result_frames = probe.count_decoded(target, progress)
    expected = (original.frames, original.width, original.height)
    found = (result_frames, result.width, result.height)
    if expected != found:
        raise DataError(
            f"{source}: the mp4 made from it has {found[0]} frames of {found[1]}x{found[2]}, "
            f"expected {expected[0]} of {expected[1]}x{expected[2]}. The avi is kept. It is "
            "probably damaged: transfer it again from the rig."
        )
    if abs(result.seconds - original.seconds) > 0.5 / original.rate:
        raise DataError(
            f"{source}: its frames span {original.seconds:.3f} s but {result.seconds:.3f} s in the "
            "mp4 made from it, so the frame rate is not the same. The avi is kept."
        )
    log.debug("mp4 decoded to its last frame: %d frames, as the source", result_frames)


def _run(command: Sequence[str], source: Path, progress: Callable[[int], None]) -> None:
    """Run ffmpeg, pass on its progress and warnings; DataError with its last words if it fails."""
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
    assert process.stderr is not None, "it is a pipe"
    warnings: deque[str] = deque(maxlen=20)
    reader = threading.Thread(target=warnings.extend, args=(map(str.strip, process.stderr),))
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
        if any("No space left on device" in warning for warning in warnings):
            raise MachineError(
                f"The disk is full: {source.parent} has no room for the mp4 of {source.name}. "
                "Free some space and run again."
            )
        if status < 0:
            raise MachineError(
                f"{source}: ffmpeg was killed with signal {-status}, as happens when the memory of "
                "the machine is used up. Run again."
            )
        last = warnings[-1] if warnings else "no message"
        raise DataError(f"{source}: ffmpeg failed with status {status} ({last}).")


def _die_with_parent() -> None:
    """Have the kernel end ffmpeg when this process is killed, so that no job is left alone."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
