"""Which points of a pose lie on the pupil, and which cameras see it."""

POINTS = ("pupil_top_r", "pupil_bottom_r", "pupil_left_r", "pupil_right_r")

WINDOWS = {"left": 31, "right": 75}
"""Frames that its diameter is smoothed over, for each camera that sees an eye."""
