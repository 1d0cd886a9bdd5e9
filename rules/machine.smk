# What jobs on this machine may take at a time, besides what the profile allows.

import psutil

# On a cluster, memory is counted on each node and by its scheduler.
if workflow.nodes is None and "mem_mb" not in workflow.global_resources:
    workflow.register_resource("mem_mb", psutil.virtual_memory().total // 10**6)
