"""How fast alfvideo is beside ibllib: `uv run python -m tests.benchmarks`."""
