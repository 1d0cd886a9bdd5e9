# From raw camera files to a record of them and to checked mp4 videos.


rule video_register_raw:
    input:
        unpack(inputs_of("video_register_raw")),
    output:
        record=datasets.RAW_DATASETS,
    log:
        "logs/video_register_raw{session}/{camera}.log",
    benchmark:
        "benchmarks/video_register_raw{session}/{camera}.tsv"
    priority: priority_of("video_register_raw")
    resources:
        **resources.declared("video_register_raw"),
    params:
        settings=settings_of("video_register_raw"),
    message:
        "Recording the raw datasets of {wildcards.session} {wildcards.camera}"
    script:
        "../scripts/video_register_raw.py"


rule video_compress:
    input:
        unpack(inputs_of("video_compress")),
    output:
        mp4=datasets.RAW_MP4,
    log:
        "logs/video_compress{session}/{collection}/{camera}.log",
    benchmark:
        "benchmarks/video_compress{session}/{collection}/{camera}.tsv"
    priority: priority_of("video_compress")
    threads: planner.threads("video_compress")
    resources:
        **resources.declared("video_compress"),
    params:
        settings=settings_of("video_compress"),
    message:
        "Compressing {wildcards.session} {wildcards.camera}"
    script:
        "../scripts/video_compress.py"


rule video_convert:
    input:
        unpack(inputs_of("video_convert")),
    output:
        mp4=datasets.RAW_MP4,
        camlog=datasets.RAW_CAMLOG,
    log:
        "logs/video_convert{session}/{collection}/{camera}.log",
    benchmark:
        "benchmarks/video_convert{session}/{collection}/{camera}.tsv"
    priority: priority_of("video_convert")
    resources:
        **resources.declared("video_convert"),
    params:
        settings=settings_of("video_convert"),
    message:
        "Converting {wildcards.session} {wildcards.camera}"
    script:
        "../scripts/video_convert.py"


# The avi is removed by a rule of its own: Snakemake deletes the outputs of a job that fails, and if
# the job that writes the mp4 had removed the avi, both would be gone.
rule video_remove_original:
    input:
        unpack(inputs_of("video_remove_original")),
    output:
        record=datasets.ORIGINAL_REMOVED,
    log:
        "logs/video_remove_original{session}/{camera}.log",
    benchmark:
        "benchmarks/video_remove_original{session}/{camera}.tsv"
    priority: priority_of("video_remove_original")
    resources:
        **resources.declared("video_remove_original"),
    params:
        settings=settings_of("video_remove_original"),
    message:
        "Removing the raw video of {wildcards.session} {wildcards.camera}, which has a checked mp4"
    script:
        "../scripts/video_remove_original.py"
