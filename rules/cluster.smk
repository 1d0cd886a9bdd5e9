# What went wrong in a job on another machine comes to this screen, too.

from snakemake.logging import logger

from alfvideo import failures

if workflow.is_main_process and workflow.nodes is not None:
    logger.addHandler(failures.Messages())
