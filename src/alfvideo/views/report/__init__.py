"""The QC page: a folder of web pages that shows sessions, their checks, pictures and provenance."""
