"""Recording sessions: description, cameras, files and trials."""
