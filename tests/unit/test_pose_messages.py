"""Messages between alfvideo and the engines keep their arrays, and notice an end within them."""

from io import BytesIO

import numpy as np
import pytest

from alfvideo.pose import messages


def test_messages_follow_each_other():
    stream = BytesIO()
    frames = np.random.default_rng(0).integers(0, 255, (3, 4, 5), np.uint8)
    messages.send(stream, {"network": "eye 1"}, frames=frames[:, :, ::2], none=np.empty((0, 2)))
    messages.send(stream, {"batch": None}, poses=np.linspace(0, 1, 7))
    stream.seek(0)
    header, arrays = messages.receive(stream)
    assert header == {"network": "eye 1"}
    np.testing.assert_array_equal(arrays["frames"], frames[:, :, ::2])
    assert arrays["frames"].dtype == np.uint8
    assert arrays["none"].shape == (0, 2)
    header, arrays = messages.receive(stream)
    assert header == {"batch": None}
    np.testing.assert_array_equal(arrays["poses"], np.linspace(0, 1, 7))
    with pytest.raises(EOFError):
        messages.receive(stream)


@pytest.mark.parametrize("kept", [5, -1])
def test_end_within_a_message(kept: int):
    stream = BytesIO()
    messages.send(stream, {}, poses=np.ones(100))
    with pytest.raises(EOFError):
        messages.receive(BytesIO(stream.getvalue()[:kept]))
