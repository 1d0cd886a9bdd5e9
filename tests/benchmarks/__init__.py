"""Speed of alfvideo beside ibllib: `uv run python -m tests.benchmarks`."""
