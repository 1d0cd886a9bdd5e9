"""Videos: probed, decoded once as a stream, compressed and checked, and their motion energy."""
