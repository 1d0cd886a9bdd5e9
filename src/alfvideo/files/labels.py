"""The labels of cameras, which are parts of the names of their files."""

PATTERN = r"[A-Za-z0-9][A-Za-z0-9_]*"
"""With these, all names are valid in ALF and in ONE's tables."""

MUST_BE = "the label of a camera, of letters, digits and underscores, for example left"
