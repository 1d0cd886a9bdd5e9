"""Thousands of sessions without videos, drawn with faults and their combinations."""
