# The same workflow on sessions that it renders itself, before it looks what is pending.

from alfvideo.rig import demo as demo_sessions


def pending_in_demo(wildcards):
    root = Path("demo")
    demo_sessions.render_missing(root)
    return pending_below(root)(wildcards)


rule demo:
    input:
        pending_in_demo,
    message:
        "The demo is done: look at the folder demo"
