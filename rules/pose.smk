# Files made for each tracker: the environment of its engine, poses, features, checks and a picture.
# Those of DeepLabCut stand first; those of another tracker differ from them in names only, which are
# the names that its row in `alfvideo.trackers` has.

from alfvideo.pose import environment
from alfvideo.trackers import TRACKERS


rule dlc_environment:
    output:
        # Where the Python is and what is in it: the one that the configuration names, else one made
        # by conda (--sdm conda) or by uv from the engine's lock.
        record=".environments/dlc.json",
    log:
        "logs/dlc_environment.log",
    benchmark:
        "benchmarks/dlc_environment.tsv"
    priority: resources.RESOURCES["dlc_environment"].priority
    # It needs the network, which nodes of a cluster may not have.
    localrule: True
    conda:
        "../envs/dlc/conda.yaml"
    resources:
        **resources.declared("dlc_environment"),
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


rule dlc:
    input:
        unpack(inputs_of("dlc")),
        environment=ancient(rules.dlc_environment.output.record),
    output:
        pose=datasets.POSE["dlc"],
    log:
        "logs/dlc{session}{revision}/{camera}.log",
    benchmark:
        "benchmarks/dlc{session}{revision}/{camera}.tsv"
    priority: priority_of("dlc")
    threads: planner.threads("dlc")
    resources:
        **resources.declared("dlc"),
    params:
        settings=settings_of("dlc"),
    message:
        "Pose of {wildcards.session} {wildcards.camera} by DeepLabCut"
    script:
        "../scripts/pose.py"


rule ephys_post_dlc:
    input:
        unpack(inputs_of("ephys_post_dlc")),
    output:
        features=datasets.FEATURES,
    log:
        "logs/ephys_post_dlc{session}{revision}/{camera}.log",
    benchmark:
        "benchmarks/ephys_post_dlc{session}{revision}/{camera}.tsv"
    priority: priority_of("ephys_post_dlc")
    resources:
        **resources.declared("ephys_post_dlc"),
    params:
        settings=settings_of("ephys_post_dlc"),
    message:
        "Features of {wildcards.session} {wildcards.camera} by DeepLabCut"
    script:
        "../scripts/features.py"


rule dlc_qc:
    input:
        unpack(inputs_of("dlc_qc")),
    output:
        checks=datasets.POSE_QC["dlc"],
    log:
        "logs/dlc_qc{session}/{camera}.log",
    benchmark:
        "benchmarks/dlc_qc{session}/{camera}.tsv"
    priority: priority_of("dlc_qc")
    resources:
        **resources.declared("dlc_qc"),
    params:
        settings=settings_of("dlc_qc"),
    message:
        "Pose QC of {wildcards.session} {wildcards.camera} by DeepLabCut"
    script:
        "../scripts/pose_qc.py"


rule dlc_qc_plot:
    input:
        unpack(inputs_of("dlc_qc_plot")),
    output:
        picture=in_report(datasets.POSE_PICTURE["dlc"], TRACKERS["dlc"].picture_title, "pose"),
    log:
        "logs/dlc_qc_plot{session}.log",
    benchmark:
        "benchmarks/dlc_qc_plot{session}.tsv"
    priority: priority_of("dlc_qc_plot")
    resources:
        **resources.declared("dlc_qc_plot"),
    params:
        settings=settings_of("dlc_qc_plot"),
    message:
        "Picture of the pose of {wildcards.session} by DeepLabCut"
    script:
        "../scripts/pose_qc_plot.py"


use rule dlc_environment as lightning_pose_environment with:
    output:
        record=".environments/lightningPose.json",
    log:
        "logs/lightning_pose_environment.log",
    benchmark:
        "benchmarks/lightning_pose_environment.tsv"
    conda:
        "../envs/litpose/conda.yaml"
    resources:
        **resources.declared("lightning_pose_environment"),
    params:
        engine="lightningPose",
        python=f"--python={settings.environments['lightningPose']}",
        lock=environment.lock_digest("lightningPose"),
    message:
        "Preparing the environment of Lightning Pose"


use rule dlc as lightning_pose with:
    input:
        unpack(inputs_of("lightning_pose")),
        environment=ancient(rules.lightning_pose_environment.output.record),
    output:
        pose=datasets.POSE["lightningPose"],
    log:
        "logs/lightning_pose{session}{revision}/{camera}.log",
    benchmark:
        "benchmarks/lightning_pose{session}{revision}/{camera}.tsv"
    resources:
        **resources.declared("lightning_pose"),
    params:
        settings=settings_of("lightning_pose"),
    message:
        "Pose of {wildcards.session} {wildcards.camera} by Lightning Pose"


use rule ephys_post_dlc as ephys_post_lightning_pose with:
    input:
        unpack(inputs_of("ephys_post_lightning_pose")),
    output:
        features=datasets.FEATURES,
    log:
        "logs/ephys_post_lightning_pose{session}{revision}/{camera}.log",
    benchmark:
        "benchmarks/ephys_post_lightning_pose{session}{revision}/{camera}.tsv"
    resources:
        **resources.declared("ephys_post_lightning_pose"),
    params:
        settings=settings_of("ephys_post_lightning_pose"),
    message:
        "Features of {wildcards.session} {wildcards.camera} by Lightning Pose"


use rule dlc_qc as lightning_pose_qc with:
    input:
        unpack(inputs_of("lightning_pose_qc")),
    output:
        checks=datasets.POSE_QC["lightningPose"],
    log:
        "logs/lightning_pose_qc{session}/{camera}.log",
    benchmark:
        "benchmarks/lightning_pose_qc{session}/{camera}.tsv"
    resources:
        **resources.declared("lightning_pose_qc"),
    params:
        settings=settings_of("lightning_pose_qc"),
    message:
        "Pose QC of {wildcards.session} {wildcards.camera} by Lightning Pose"


use rule dlc_qc_plot as lp_qc_plot with:
    input:
        unpack(inputs_of("lp_qc_plot")),
    output:
        picture=in_report(
            datasets.POSE_PICTURE["lightningPose"], TRACKERS["lightningPose"].picture_title, "pose"
        ),
    log:
        "logs/lp_qc_plot{session}.log",
    benchmark:
        "benchmarks/lp_qc_plot{session}.tsv"
    resources:
        **resources.declared("lp_qc_plot"),
    params:
        settings=settings_of("lp_qc_plot"),
    message:
        "Picture of the pose of {wildcards.session} by Lightning Pose"
