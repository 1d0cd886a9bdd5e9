"""Tasks, and what is to be done of each session and camera, and why not."""
