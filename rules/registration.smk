# Makes what was made known: on Alyx, and in the ONE tables of the data folder.


rule register_alyx:
    input:
        unpack(inputs_of("register_alyx")),
    output:
        report=datasets.ALYX_REPORT,
    log:
        "logs/register_alyx{session}.log",
    benchmark:
        "benchmarks/register_alyx{session}.tsv"
    priority: newest_first(20)
    localrule: True
    threads: 1
    resources:
        io_charge=1,
        gpu=0,
        mem_mb=growing(500),
        runtime=growing(30),
        job_size="small",
    params:
        settings=params_of("register_alyx"),
    message:
        "Registering {wildcards.session} on Alyx"
    script:
        "../scripts/register_alyx.py"


rule one_tables:
    input:
        lambda wildcards: tables_wait_for[f".one_tables/{wildcards.run}"][1],
    output:
        done=".one_tables/{run}",
    log:
        "logs/one_tables/{run}.log",
    benchmark:
        "benchmarks/one_tables/{run}.tsv"
    priority: 1
    localrule: True
    params:
        root=lambda wildcards: str(tables_wait_for[f".one_tables/{wildcards.run}"][0]),
    message:
        "ONE tables of {params.root}"
    script:
        "../scripts/one_tables.py"
