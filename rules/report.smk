# Seeing the results: a page for the lab meeting, which does none of the pending work, and the pictures
# for Snakemake's own report.


rule qc_page:
    log:
        "logs/qc_page.log",
    localrule: True
    params:
        root=str(Path(config["root"]).expanduser().absolute()),
        configuration=lambda wildcards: configuration_of(Path(config["root"]).expanduser()),
        folder="report",
    message:
        "QC page of {params.root}"
    script:
        "../scripts/qc_page.py"


rule qc_pictures:
    input:
        pictures_below(config["root"]),
    localrule: True
    message:
        "The pictures are up to date"


rule plan:
    input:
        plan_of(config["root"]),
    localrule: True
    message:
        "How long the pending work takes"
