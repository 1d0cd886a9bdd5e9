"""The time that pending work takes, from what past jobs took and what jobs may use at a time."""
