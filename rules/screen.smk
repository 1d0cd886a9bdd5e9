# What comes to the screen of a run, besides what its jobs say themselves.

from alfvideo.jobs import failures, screen

invocation.filter_messages(screen.is_news)

# What went wrong in a job on another machine comes to this screen, too.
if invocation.is_main_process and invocation.on_cluster:
    invocation.add_handler(failures.Messages())
