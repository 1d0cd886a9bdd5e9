# The same workflow on sessions that it renders itself, before it looks what is pending.

import yaml

from rigsim import demo as demo_sessions

demo_changes = yaml.safe_load((Path(workflow.basedir) / "config" / "demo.yaml").read_text())
demo_changes["cascades"] = {
    tracker: {camera: str(Path(workflow.basedir) / file) for camera, file in files.items()}
    for tracker, files in demo_changes["cascades"].items()
}
demo_settings = settings.changed(**demo_changes)


DEMO = Path("demo")


rule demo_pose_errors:
    input:
        unpack(lambda wildcards: pose_tables_below(demo_sessions.render_missing(DEMO))),
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
        lambda wildcards: pending_below(demo_sessions.render_missing(DEMO))(wildcards),
        rules.demo_pose_errors.output.errors,
    message:
        "The demo is done: look at the folder demo"
