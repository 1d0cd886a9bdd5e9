"""The methods section of a paper, from what the provenance of the sessions says."""
