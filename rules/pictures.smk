# Snakemake's own report: which outputs it shows, and the pictures that are there already.

from alfvideo.views.report import pictures


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


rule qc_pictures:
    input:
        lambda wildcards: pictures.below(asked(planner.statuses, ROOT), config["cameras"]),
    localrule: True
    message:
        "The pictures are up to date"
