# Captions and categories of outputs in Snakemake's own report.


def in_report(pattern, category, caption):
    """An output that Snakemake's report shows, by subject, session and camera."""

    def labels(wildcards):
        shown = {"session": "/".join(Path(wildcards.session).parts[-2:])}
        return shown | ({"camera": wildcards.camera} if "{camera}" in pattern else {})

    return report(
        pattern,
        caption=f"../src/alfvideo/views/report/captions/{caption}.rst",
        category=category,
        subcategory=lambda wildcards: Path(wildcards.session).parts[-3],
        labels=labels,
    )
