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
    priority: priority_of("register_alyx")
    localrule: True
    resources:
        **resources.declared("register_alyx"),
    params:
        settings=settings_of("register_alyx"),
    message:
        "Registering {wildcards.session} on Alyx"
    script:
        "../scripts/register_alyx.py"


rule one_tables:
    input:
        lambda wildcards: planner.tables_inputs(f".one_tables/{wildcards.run}"),
    output:
        done=".one_tables/{run}",
    log:
        "logs/one_tables/{run}.log",
    benchmark:
        "benchmarks/one_tables/{run}.tsv"
    priority: 1
    localrule: True
    params:
        root=lambda wildcards: planner.tables_root(f".one_tables/{wildcards.run}"),
    message:
        "ONE tables of {params.root}"
    script:
        "../scripts/one_tables.py"
