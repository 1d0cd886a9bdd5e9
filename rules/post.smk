# Files made from the pose of the tracker in `features_from`: motion energy, licks and a clip.


rule motion_energy:
    input:
        unpack(inputs_of("motion_energy")),
    output:
        energy=datasets.MOTION_ENERGY,
        position=datasets.MOTION_ENERGY_REGION,
    log:
        "logs/motion_energy{session}{revision}/{camera}.log",
    benchmark:
        "benchmarks/motion_energy{session}{revision}/{camera}.tsv"
    priority: priority_of("motion_energy")
    resources:
        **resources.declared("motion_energy"),
    params:
        settings=settings_of("motion_energy"),
    message:
        "Motion energy of {wildcards.session} {wildcards.camera}"
    script:
        "../scripts/motion_energy.py"


rule licks:
    input:
        unpack(inputs_of("licks")),
    output:
        licks=datasets.LICKS,
    log:
        "logs/licks{session}{revision}.log",
    benchmark:
        "benchmarks/licks{session}{revision}.tsv"
    priority: priority_of("licks")
    resources:
        **resources.declared("licks"),
    params:
        settings=settings_of("licks"),
    message:
        "Lick times of {wildcards.session}"
    script:
        "../scripts/licks.py"


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
        **resources.declared("pose_clip"),
    params:
        settings=settings_of("pose_clip"),
    message:
        "Clip of the pose of {wildcards.session} {wildcards.camera}"
    script:
        "../scripts/pose_clip.py"
