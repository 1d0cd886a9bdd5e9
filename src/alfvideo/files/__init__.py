"""Files that are written whole or not at all, locks, arrays, and the errors that people read."""
