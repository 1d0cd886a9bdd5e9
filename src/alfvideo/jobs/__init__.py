"""Support for the work of a rule: log, provenance, progress, failures."""
