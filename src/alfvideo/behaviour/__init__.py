"""What the animal does, from its pose: pupil, licks, features, moments around events."""
