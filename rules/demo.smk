# The same workflow on sessions that it renders itself, before it looks what is pending.

from rigsim import demo as demo_sessions

DEMO = Path("demo")
demo_settings = settings.for_demo(HERE)


rule demo_pose_errors:
    input:
        unpack(lambda wildcards: planner.pose_tables(demo_sessions.render_missing(DEMO))),
    output:
        errors="demo/pose_errors.tsv",
    log:
        "logs/demo_pose_errors.log",
    benchmark:
        "benchmarks/demo_pose_errors.tsv"
    message:
        "Comparing the keypoints of the demo with where they were drawn"
    script:
        "../scripts/demo_pose_errors.py"


rule demo:
    input:
        lambda wildcards: asked(planner.pending, demo_sessions.render_missing(DEMO)),
        rules.demo_pose_errors.output.errors,
    message:
        "The demo is done: look at the folder demo"
