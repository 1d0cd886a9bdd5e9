# Seeing what there is: the state of everything, a page for the lab meeting, the pictures for
# Snakemake's own report, and how long what is pending takes. None of it does any of the pending work.

from alfvideo.views.report import pictures


rule status:
    input:
        status_of(ROOT, as_table),
    localrule: True
    message:
        "What is done, pending, running, failed and blocked"


rule status_csv:
    input:
        status_of(ROOT, as_csv, made=True),
    localrule: True
    message:
        "The same as a table for other programs"


rule status_json:
    input:
        status_of(ROOT, as_json, made=True),
    localrule: True
    message:
        "The same for other programs, with the last runs"


rule qc_page:
    log:
        "logs/qc_page.log",
    localrule: True
    params:
        root=str(ROOT),
        configuration=lambda wildcards: planner.configuration(ROOT).model_dump(),
        folder="report",
    message:
        "QC page of {params.root}"
    script:
        "../scripts/qc_page.py"


rule qc_pictures:
    input:
        lambda wildcards: pictures.below(asked(planner.statuses, ROOT), settings.cameras),
    localrule: True
    message:
        "The pictures are up to date"


rule plan:
    input:
        plan_of(ROOT),
    localrule: True
    message:
        "How long the pending work takes"
