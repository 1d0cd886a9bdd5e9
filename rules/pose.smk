# From mp4 to pose tables by DeepLabCut and Lightning Pose, and motion energy of a region from them.


rule dlc:
    input:
        unpack(inputs_of("dlc")),
        environment=ancient(rules.dlc_environment.output.record),
    output:
        pose=datasets.POSE["dlc"],
    log:
        "logs/dlc{session}/{camera}.log",
    benchmark:
        "benchmarks/dlc{session}/{camera}.tsv"
    priority: priority_of("dlc")
    threads: planner.threads("dlc")
    resources:
        **resources_of("dlc"),
    params:
        settings=settings_of("dlc"),
    message:
        "Pose of {wildcards.session} {wildcards.camera} by DeepLabCut"
    script:
        "../scripts/pose.py"


rule lightning_pose:
    input:
        unpack(inputs_of("lightning_pose")),
        environment=ancient(rules.lightning_pose_environment.output.record),
    output:
        pose=datasets.POSE["lightningPose"],
    log:
        "logs/lightning_pose{session}/{camera}.log",
    benchmark:
        "benchmarks/lightning_pose{session}/{camera}.tsv"
    priority: priority_of("lightning_pose")
    threads: planner.threads("lightning_pose")
    resources:
        **resources_of("lightning_pose"),
    params:
        settings=settings_of("lightning_pose"),
    message:
        "Pose of {wildcards.session} {wildcards.camera} by Lightning Pose"
    script:
        "../scripts/pose.py"


rule motion_energy:
    input:
        unpack(inputs_of("motion_energy")),
    output:
        energy=datasets.MOTION_ENERGY,
        position=datasets.MOTION_ENERGY_REGION,
    log:
        "logs/motion_energy{session}/{camera}.log",
    benchmark:
        "benchmarks/motion_energy{session}/{camera}.tsv"
    priority: priority_of("motion_energy")
    resources:
        **resources_of("motion_energy"),
    params:
        settings=settings_of("motion_energy"),
    message:
        "Motion energy of {wildcards.session} {wildcards.camera}"
    script:
        "../scripts/motion_energy.py"
