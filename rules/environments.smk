# The Python of each pose engine: the one that the configuration names, else one made by conda
# (--sdm conda) or by uv. The record says where it is and what is in it.

import sys

from snakemake.settings.types import DeploymentMethod

from alfvideo.pose import environment


# They need the network, which nodes of a cluster may not have.
localrules:
    dlc_environment,
    lightning_pose_environment,


BY_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
# A command and not a script, which would run in the conda environment, where alfvideo is not.
PREPARE = [sys.executable, str(Path(workflow.basedir, "scripts", "pose_environment.py"))]
PREPARE_COMMAND = (
    "{params.program:q} {params.engine} {params.python:q} {params.conda}"
    " --folder .environments --output {output.record} 2>&1 | tee {log} >&2"
)


rule dlc_environment:
    output:
        record=".environments/dlc.json",
    log:
        "logs/dlc_environment.log",
    benchmark:
        "benchmarks/dlc_environment.tsv"
    priority: 100
    conda:
        "../envs/dlc.yaml"
    threads: 1
    resources:
        io_charge=20,
        gpu=0,
        mem_mb=4000,
        runtime=60,
        job_size="small",
    params:
        program=PREPARE,
        engine="dlc",
        python=f"--python={settings.environments['dlc']}",
        conda="--conda" if BY_CONDA else "",
        pins=environment.pins("dlc"),
    message:
        "Preparing the environment of DeepLabCut"
    shell:
        PREPARE_COMMAND


rule lightning_pose_environment:
    output:
        record=".environments/lightningPose.json",
    log:
        "logs/lightning_pose_environment.log",
    benchmark:
        "benchmarks/lightning_pose_environment.tsv"
    priority: 100
    conda:
        "../envs/litpose.yaml"
    threads: 1
    resources:
        io_charge=20,
        gpu=0,
        mem_mb=4000,
        runtime=60,
        job_size="small",
    params:
        program=PREPARE,
        engine="lightningPose",
        python=f"--python={settings.environments['lightningPose']}",
        conda="--conda" if BY_CONDA else "",
        pins=environment.pins("lightningPose"),
    message:
        "Preparing the environment of Lightning Pose"
    shell:
        PREPARE_COMMAND
