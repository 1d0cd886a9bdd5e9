"""Sessions as they are drawn: a quarter healthy, the others with faults in all combinations."""

from hypothesis import strategies as st

from tests.campaign.sessions import PINS, Faults, Setup

_RATES = [29.97, 60.004, 100.0, 149.93]
_GRIDS = [30003.0003, 10_000.0, 1_000.0]
_JITTERS = [2e-5, 2e-5, 5e-6, 2e-6, 0.0]
"""Of exposures, s; of cameras of IBL it is about 2e-6."""


def _rarely(strategy: st.SearchStrategy, default: object, one_in: int = 8) -> st.SearchStrategy:
    return st.integers(0, one_in - 1).flatmap(
        lambda drawn: strategy if drawn == one_in - 1 else st.just(default)
    )


def _faults(seconds: float) -> st.SearchStrategy[Faults]:
    return st.builds(
        Faults,
        daq_starts_late=_rarely(st.floats(0.1, 0.6 * seconds), 0.0),
        daq_ends_early=_rarely(st.floats(0.1, 0.35 * seconds), 0.0),
        pulses_lost=_rarely(st.integers(1, 5), 0),
        pulses_added=_rarely(st.integers(1, 3), 0),
        gap=_rarely(st.integers(2, 100), 0),
        ringing=_rarely(st.floats(1e-4, 1.9e-3), 0.0, 16),
        every_second_pulse=_rarely(st.just(True), False, 24),
        pulses_of_other_camera=_rarely(st.just(True), False, 24),
        in_samples=_rarely(st.just(True), False, 32),
        pauses=_rarely(st.integers(1, 3), 0),
        dropped=_rarely(st.integers(1, 5), 0, 3),
        fewer_frames=_rarely(st.integers(1, 30), 0),
        ttls_lost=_rarely(st.floats(0, 0.9), 0.0),
        ttls_seen_in_trial=_rarely(st.integers(0, 1000), None),
        rises_only=_rarely(st.just(True), False),
        gpio_noise=_rarely(st.floats(0, 2), 0.0),
        pins_late=_rarely(st.floats(0, 0.4), 0.0),
        pin=_rarely(st.integers(0, PINS - 1), PINS - 1),
        inverted=_rarely(st.just(True), False),
        wrong_label=_rarely(st.just(True), False),
        periodic_trials=_rarely(st.just(True), False),
        no_gpio=_rarely(st.just(True), False, 4),
        no_counter=_rarely(st.just(True), False),
        no_clock=_rarely(st.just(True), False, 4),
    )


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    """Draw a session of 10 s to 90 min; short ones are as frequent as long ones."""
    seconds = 10 * 540 ** draw(st.floats(0, 1))
    is_healthy = draw(st.integers(0, 3)) == 0
    faults = Faults(dropped=draw(st.sampled_from([0, 0, 3])))
    return Setup(
        rate=draw(st.sampled_from(_RATES)),
        seconds=seconds,
        grid=draw(st.sampled_from(_GRIDS)),
        jitter=draw(st.sampled_from(_JITTERS)),
        unsaved=draw(st.integers(0, 60)),
        trailing=draw(st.integers(0, 20)),
        seed=draw(st.integers(0, 2**32 - 1)),
        faults=faults if is_healthy else draw(_faults(seconds)),
    )
