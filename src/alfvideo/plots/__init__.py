"""Figures of a session, one module for each."""
