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
    priority: newest_first(30)
    threads: 4
    resources:
        io_charge=10,
        gpu=1,
        mem_mb=growing(16000),
        runtime=growing(24 * 60),
        job_size="large",
    params:
        settings=params_of("dlc"),
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
    priority: newest_first(30)
    threads: 4
    resources:
        io_charge=10,
        gpu=1,
        mem_mb=growing(16000),
        runtime=growing(24 * 60),
        job_size="large",
    params:
        settings=params_of("lightning_pose"),
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
    priority: newest_first(30)
    threads: 1
    resources:
        io_charge=5,
        gpu=0,
        mem_mb=growing(1000),
        runtime=growing(120),
        job_size="small",
    params:
        settings=params_of("motion_energy"),
    message:
        "Motion energy of {wildcards.session} {wildcards.camera}"
    script:
        "../scripts/motion_energy.py"
