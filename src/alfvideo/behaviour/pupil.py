"""The points of a pose that lie on the pupil, and the cameras that see it."""

POINTS = ("pupil_top_r", "pupil_bottom_r", "pupil_left_r", "pupil_right_r")

WINDOWS = {"left": 31, "right": 75}
"""Frames that its diameter is smoothed over, for each camera that sees an eye."""
