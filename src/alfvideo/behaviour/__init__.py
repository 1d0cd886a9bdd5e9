"""Behaviour of the animal, from its pose: pupil, licks, features, moments around events."""
