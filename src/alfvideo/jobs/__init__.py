"""What surrounds the work of a rule: log, provenance, progress, failures."""
