"""Signals that end programs: the sentence that says what each means, and the cure."""

import signal

_MEANINGS: dict[int, str] = {
    signal.SIGXFSZ: "as happens at the limit of the size of a file (ulimit -f). Raise that limit",
    signal.SIGXCPU: "as happens at the limit of computing time (ulimit -t). Raise that limit",
    signal.SIGTERM: "which somebody or the queue of the cluster sent. If it was the queue, ask it "
    "for more time",
    signal.SIGINT: "which somebody sent with Ctrl-C. Let it end",
    signal.SIGKILL: "as happens when the memory of the machine is used up. End other programs",
    signal.SIGILL: "as it is made for another processor. Install it for this one",
}
_CRASHED = "which is a defect of that program. Install another version of it"


def sentence(program: str, number: int) -> str:
    """Say why a program was ended by a signal and what to do.

    >>> sentence("ffmpeg", signal.SIGKILL).partition(" (")[0]
    'ffmpeg was ended by signal 9'
    """
    meaning = _MEANINGS.get(number, _CRASHED)
    name = signal.strsignal(number)
    return f"{program} was ended by signal {number} ({name}), {meaning} and run again."
