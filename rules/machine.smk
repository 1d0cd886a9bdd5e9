rule doctor:
    log:
        "logs/doctor.log",
    localrule: True
    message:
        "Looking whether this machine has what a run needs"
    script:
        "../scripts/doctor.py"
