"""Quality checks of a camera's video and times, each with an outcome, its numbers and a reason."""
