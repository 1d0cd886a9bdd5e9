# From pose tables to features, lick times, checks and pictures of the pose.


rule ephys_post_dlc:
    input:
        unpack(inputs_of("ephys_post_dlc")),
    output:
        features=datasets.FEATURES,
    log:
        "logs/ephys_post_dlc{session}/{camera}.log",
    benchmark:
        "benchmarks/ephys_post_dlc{session}/{camera}.tsv"
    priority: priority_of("ephys_post_dlc")
    resources:
        **resources_of("ephys_post_dlc"),
    params:
        settings=settings_of("ephys_post_dlc"),
    message:
        "Features of {wildcards.session} {wildcards.camera} by DeepLabCut"
    script:
        "../scripts/features.py"


rule ephys_post_lightning_pose:
    input:
        unpack(inputs_of("ephys_post_lightning_pose")),
    output:
        features=datasets.FEATURES,
    log:
        "logs/ephys_post_lightning_pose{session}/{camera}.log",
    benchmark:
        "benchmarks/ephys_post_lightning_pose{session}/{camera}.tsv"
    priority: priority_of("ephys_post_lightning_pose")
    resources:
        **resources_of("ephys_post_lightning_pose"),
    params:
        settings=settings_of("ephys_post_lightning_pose"),
    message:
        "Features of {wildcards.session} {wildcards.camera} by Lightning Pose"
    script:
        "../scripts/features.py"


rule licks:
    input:
        unpack(inputs_of("licks")),
    output:
        licks=datasets.LICKS,
    log:
        "logs/licks{session}.log",
    benchmark:
        "benchmarks/licks{session}.tsv"
    priority: priority_of("licks")
    resources:
        **resources_of("licks"),
    params:
        settings=settings_of("licks"),
    message:
        "Lick times of {wildcards.session}"
    script:
        "../scripts/licks.py"


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
        **resources_of("dlc_qc"),
    params:
        settings=settings_of("dlc_qc"),
    message:
        "Pose QC of {wildcards.session} {wildcards.camera} by DeepLabCut"
    script:
        "../scripts/pose_qc.py"


rule lightning_pose_qc:
    input:
        unpack(inputs_of("lightning_pose_qc")),
    output:
        checks=datasets.POSE_QC["lightningPose"],
    log:
        "logs/lightning_pose_qc{session}/{camera}.log",
    benchmark:
        "benchmarks/lightning_pose_qc{session}/{camera}.tsv"
    priority: priority_of("lightning_pose_qc")
    resources:
        **resources_of("lightning_pose_qc"),
    params:
        settings=settings_of("lightning_pose_qc"),
    message:
        "Pose QC of {wildcards.session} {wildcards.camera} by Lightning Pose"
    script:
        "../scripts/pose_qc.py"


rule dlc_qc_plot:
    input:
        unpack(inputs_of("dlc_qc_plot")),
    output:
        picture=in_report(datasets.POSE_PICTURE["dlc"], "Pose by DeepLabCut", "pose"),
    log:
        "logs/dlc_qc_plot{session}.log",
    benchmark:
        "benchmarks/dlc_qc_plot{session}.tsv"
    priority: priority_of("dlc_qc_plot")
    resources:
        **resources_of("dlc_qc_plot"),
    params:
        settings=settings_of("dlc_qc_plot"),
    message:
        "Picture of the pose of {wildcards.session} by DeepLabCut"
    script:
        "../scripts/pose_qc_plot.py"


rule lp_qc_plot:
    input:
        unpack(inputs_of("lp_qc_plot")),
    output:
        picture=in_report(datasets.POSE_PICTURE["lightningPose"], "Pose by Lightning Pose", "pose"),
    log:
        "logs/lp_qc_plot{session}.log",
    benchmark:
        "benchmarks/lp_qc_plot{session}.tsv"
    priority: priority_of("lp_qc_plot")
    resources:
        **resources_of("lp_qc_plot"),
    params:
        settings=settings_of("lp_qc_plot"),
    message:
        "Picture of the pose of {wildcards.session} by Lightning Pose"
    script:
        "../scripts/pose_qc_plot.py"


rule pose_clip:
    input:
        unpack(inputs_of("pose_clip")),
    output:
        clip=datasets.POSE_CLIP,
    log:
        "logs/pose_clip{session}/{camera}.log",
    benchmark:
        "benchmarks/pose_clip{session}/{camera}.tsv"
    priority: priority_of("pose_clip")
    resources:
        **resources_of("pose_clip"),
    params:
        settings=settings_of("pose_clip"),
    message:
        "Clip of the pose of {wildcards.session} {wildcards.camera}"
    script:
        "../scripts/pose_clip.py"
