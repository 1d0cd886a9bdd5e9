# What comes to the screen of a run, besides what its jobs say themselves.

from snakemake.logging import logger

from alfvideo.jobs import failures, screen

logger.addFilter(screen.is_news)

# What went wrong in a job on another machine comes to this screen, too.
if workflow.is_main_process and workflow.nodes is not None:
    logger.addHandler(failures.Messages())
