"""Evidence for each start of a video, in nats, and the bound of the error of its times.

A start is the number of the pulse of the first frame. The strength is in nats: the logarithm of how
many times more likely the recording is if the start is true than by chance. Nats of independent
witnesses add up.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from alfvideo.array_types import Floats, Integers
from alfvideo.timing.decision import FILE

MARGIN = 14.0
"""Nats by which a start must be ahead of all others to be known: a million to one."""


_CURVE, _CURVE_NEAR = 200, 10
"""Starts of which the evidence is kept, so that it can be drawn, and so many beside the best."""


class Scores(NamedTuple):
    """The evidence of a witness for the starts first, first + 1, ..."""

    first: int
    nats: Floats
    """(n,) at least 0, of each start; 0 where it says nothing."""

    @property
    def best(self) -> int:
        """The start with the most nats; of equal ones the last.

        A pin may be latched a frame late, but not before its TTL comes.
        """
        return self.first + self.nats.size - 1 - int(self.nats[::-1].argmax())

    @property
    def is_clear(self) -> bool:
        """True if one start alone can be right."""
        best = self.best
        return self.at(best) >= MARGIN and not self.rivals(best).size

    def at(self, start: int) -> float:
        """Return the nats of a start; 0 of one that was not looked at."""
        at = start - self.first
        return float(self.nats[at]) if 0 <= at < self.nats.size else 0.0

    def lead(self, start: int) -> float:
        """Return the nats by which a start is ahead of the best other."""
        others = np.delete(self.nats, start - self.first)
        return self.at(start) - float(others.max(initial=0))

    def curve(self, start: int, n: int = _CURVE) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Return the evidence as it is drawn: the best start of each of up to `n` stretches.

        Those near to `start`, from which starts are counted, are all there; scores are rounded.

        >>> Scores(-20, np.r_[np.zeros(15), 4.0, np.zeros(4), 9.0, 2.0]).curve(0, n=2)[0]
        (-20, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1, 0, 1)
        """
        at, size = start - self.first, self.nats.size
        near = np.arange(at - _CURVE_NEAR, at + _CURVE_NEAR + 2)
        edges = np.union1d(np.linspace(0, size, min(n, size) + 1, dtype=int), near.clip(0, size))
        best = [
            begin + int(self.nats[begin:end].argmax()) for begin, end in pairwise(edges.tolist())
        ]
        starts = tuple(each - at for each in best)
        return starts, tuple(round(float(self.nats[each]), 1) for each in best)

    def rivals(self, start: int, margin: float = MARGIN) -> Integers:
        """Return the starts that are not known to be worse than a start, (k,), without it."""
        near: Integers = np.flatnonzero(self.nats > self.at(start) - margin) + self.first
        return np.setdiff1d(near, start)


@dataclass(frozen=True)
class Witness:
    """One source of evidence: how well the start that was taken, and the next best, agree with it.

    `agreement` are fronts for the GPIO, standard deviations above chance for the clock, frames that
    were compared for the computer.
    """

    name: str
    """'gpio', 'clock', 'computer' or 'wheel'."""
    agreement: float
    second: float
    """Of the best other start, more than some frames away."""
    starts: tuple[int, ...] = ()
    """Some starts, in pulses after the one that was taken; none if no others were compared."""
    scores: tuple[float, ...] = ()
    """The strength of its evidence for each of them: nats for the GPIO, standard deviations for the
    clock."""


@dataclass(frozen=True)
class Evidence:
    """The proof that the times of a camera are right, as far as there is one."""

    bound: float | None
    """No frame is further off than this, in frames; None if that is not known."""
    reason: str
    """A sentence, if the bound is not known or not below half a frame; else empty."""
    extrapolated: float
    """Part of the frames whose pulse was not recorded before or after all others, 0 to 1."""
    witnesses: tuple[Witness, ...] = ()
    """If a person placed the video, those that speak against it."""
    by_person: bool = False
    """True if a person placed the video where nothing else shows it to be."""


def by_person(evidence: Evidence, shown: str = "") -> Evidence:
    """Return the evidence for a video that a person placed where nothing else shows it to be.

    Parameters
    ----------
    evidence
        What there is if the person is right.
    shown
        What shows another start; empty if nothing does.
    """
    if evidence.bound is None:
        return evidence
    if shown:
        reason = f"A person placed the video, but {shown}. Correct {FILE}, or its cause."
        return replace(evidence, bound=None, reason=reason, by_person=True)
    reason = "A person placed the video in its pulses: nothing else shows that it belongs there."
    return replace(evidence, bound=None, reason=reason, witnesses=(), by_person=True)
