# From the raw file of the DAQ to its sync pulses, and from these and the mp4 to one time for each
# frame. Three rules write the same times, each for one kind of session; the input functions leave
# only one of them possible.


# `sync` is the folder of the raw file and the namespace: raw_ephys_data/_spikeglx.
rule sync_pulses:
    input:
        unpack(inputs_of("sync_pulses")),
    output:
        times=datasets.SYNC[0],
        channels=datasets.SYNC[1],
        polarities=datasets.SYNC[2],
    log:
        "logs/sync_pulses{session}/{sync}.log",
    benchmark:
        "benchmarks/sync_pulses{session}/{sync}.tsv"
    priority: priority_of("sync_pulses")
    resources:
        **resources.declared("sync_pulses"),
    params:
        settings=settings_of("sync_pulses"),
    message:
        "Sync pulses of {wildcards.session} from the raw file of the DAQ"
    script:
        "../scripts/sync_pulses.py"


rule video_sync_qc_bpod:
    input:
        unpack(inputs_of("video_sync_qc_bpod")),
    output:
        times=datasets.TIMES,
        timing=datasets.TIMING,
    log:
        "logs/video_sync_qc_bpod{session}{revision}/{camera}.log",
    benchmark:
        "benchmarks/video_sync_qc_bpod{session}{revision}/{camera}.tsv"
    priority: priority_of("video_sync_qc_bpod")
    resources:
        **resources.declared("video_sync_qc_bpod"),
    params:
        settings=settings_of("video_sync_qc_bpod"),
    message:
        "Camera times of {wildcards.session} {wildcards.camera} from the Bpod"
    script:
        "../scripts/video_sync_qc_bpod.py"


rule video_sync_qc_nidq:
    input:
        unpack(inputs_of("video_sync_qc_nidq")),
    output:
        times=datasets.TIMES,
        timing=datasets.TIMING,
    log:
        "logs/video_sync_qc_nidq{session}{revision}/{camera}.log",
    benchmark:
        "benchmarks/video_sync_qc_nidq{session}{revision}/{camera}.tsv"
    priority: priority_of("video_sync_qc_nidq")
    resources:
        **resources.declared("video_sync_qc_nidq"),
    params:
        settings=settings_of("video_sync_qc_nidq"),
    message:
        "Camera times of {wildcards.session} {wildcards.camera} from the NI-DAQ"
    script:
        "../scripts/video_sync_qc_nidq.py"


rule video_sync_qc_camlog:
    input:
        unpack(inputs_of("video_sync_qc_camlog")),
    output:
        times=datasets.TIMES,
        timing=datasets.TIMING,
    log:
        "logs/video_sync_qc_camlog{session}{revision}/{camera}.log",
    benchmark:
        "benchmarks/video_sync_qc_camlog{session}{revision}/{camera}.tsv"
    priority: priority_of("video_sync_qc_camlog")
    resources:
        **resources.declared("video_sync_qc_camlog"),
    params:
        settings=settings_of("video_sync_qc_camlog"),
    message:
        "Camera times of {wildcards.session} {wildcards.camera} from the NI-DAQ, camlog rig"
    script:
        "../scripts/video_sync_qc_camlog.py"


rule video_qc:
    input:
        unpack(inputs_of("video_qc")),
    output:
        checks=datasets.VIDEO_QC,
        picture=in_report(datasets.VIDEO_QC_PICTURE, "Camera QC", "video_qc"),
    log:
        "logs/video_qc{session}/{camera}.log",
    benchmark:
        "benchmarks/video_qc{session}/{camera}.tsv"
    priority: priority_of("video_qc")
    resources:
        **resources.declared("video_qc"),
    params:
        settings=settings_of("video_qc"),
    message:
        "Camera QC of {wildcards.session} {wildcards.camera}"
    script:
        "../scripts/video_qc.py"
