# Seeing what there is: a page for the lab meeting, the pictures for Snakemake's own report, and how
# long what is pending takes. None of it does any of the pending work.


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
