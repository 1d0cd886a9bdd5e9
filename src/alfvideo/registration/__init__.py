"""Making results known: ONE tables on disk, and Alyx."""
