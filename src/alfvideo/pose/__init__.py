"""Pose: networks run on the frames of a camera, as a cascade in YAML says."""
