# The pictures that are there already, for Snakemake's own report.

from alfvideo.views.report import pictures


rule qc_pictures:
    input:
        lambda wildcards: pictures.below(asked(planner.statuses, ROOT), settings.cameras),
    localrule: True
    message:
        "The pictures are up to date"
