# The Python of each pose engine: the one that the configuration names, else one made by conda
# (--sdm conda) or by uv from the engine's lock. The record says where it is and what is in it.

from alfvideo.pose import environment


rule dlc_environment:
    output:
        record=".environments/dlc.json",
    log:
        "logs/dlc_environment.log",
    benchmark:
        "benchmarks/dlc_environment.tsv"
    priority: 100
    # It needs the network, which nodes of a cluster may not have.
    localrule: True
    conda:
        "../envs/dlc/conda.yaml"
    resources:
        **resources_of("dlc_environment"),
    params:
        # A command and not a script, which would run in the conda environment, where alfvideo is not.
        program=[sys.executable, str(HERE / "scripts" / "pose_environment.py")],
        engine="dlc",
        python=f"--python={settings.environments['dlc']}",
        conda="--conda" if invocation.uses_conda else "",
        lock=environment.lock_digest("dlc"),
    message:
        "Preparing the environment of DeepLabCut"
    shell:
        "{params.program:q} {params.engine} {params.python:q} {params.conda}"
        " --folder .environments --output {output.record} 2>&1 | tee {log} >&2"


use rule dlc_environment as lightning_pose_environment with:
    output:
        record=".environments/lightningPose.json",
    log:
        "logs/lightning_pose_environment.log",
    benchmark:
        "benchmarks/lightning_pose_environment.tsv"
    conda:
        "../envs/litpose/conda.yaml"
    params:
        engine="lightningPose",
        python=f"--python={settings.environments['lightningPose']}",
        lock=environment.lock_digest("lightningPose"),
    message:
        "Preparing the environment of Lightning Pose"
