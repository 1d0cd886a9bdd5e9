"""Work that is done, pending, running, failed and blocked: for people, and for other programs."""
