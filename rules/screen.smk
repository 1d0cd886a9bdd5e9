# Messages on the screen of a run, besides those of its jobs.

from alfvideo.jobs import failures, screen

invocation.filter_messages(screen.is_news)

# The error of a job on another machine comes to this screen, too.
if invocation.is_main_process and invocation.on_cluster:
    invocation.add_handler(failures.Messages())
