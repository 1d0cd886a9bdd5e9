"""Damages inputs of rendered sessions at random, and sees that no job takes it amiss.

uv run python -m tests.fuzz --n 2000 --seed 3
"""
