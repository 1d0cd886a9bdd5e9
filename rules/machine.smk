# This machine: what jobs may take of it at a time, besides what the profile allows, and whether it has
# what they need.

import psutil

# On a cluster, memory is counted on each node and by its scheduler.
if workflow.nodes is None and "mem_mb" not in workflow.global_resources:
    workflow.register_resource("mem_mb", psutil.virtual_memory().total // 10**6)


rule doctor:
    log:
        "logs/doctor.log",
    localrule: True
    message:
        "Looking whether this machine has what a run needs"
    script:
        "../scripts/doctor.py"
