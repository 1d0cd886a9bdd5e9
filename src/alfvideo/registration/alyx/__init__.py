"""Registration of sessions on an Alyx server: files, checks, pictures and task records."""
