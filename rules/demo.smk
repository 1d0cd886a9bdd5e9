# The same workflow on sessions that it renders itself, before it looks what is pending.

from alfvideo.rig import demo as demo_sessions


rule demo:
    input:
        lambda wildcards: pending_below(demo_sessions.render_missing(Path("demo")))(wildcards),
    message:
        "The demo is done: look at the folder demo"
