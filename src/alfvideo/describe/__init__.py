"""A folder of recordings, looked at: what is there, what belongs together, what is missing."""
