from pathlib import Path

from snakemake.utils import min_version

from alfvideo import configuration
from alfvideo.pose import cascade
from alfvideo.session import datasets

min_version("9.27")

HERE = Path(str(workflow.current_basedir))
CONFIG = HERE / "config"

configuration.check_syntax(CONFIG / "config.yaml")


configfile: CONFIG / "config.yaml"


configuration.check(config, CONFIG / "config.schema.yaml")
cascade.check(config)
ROOT = Path(config["root"]).expanduser().absolute()


wildcard_constraints:
    session=r".+/\d{4}-\d{2}-\d{2}/\d{3}",
    run=r"[0-9a-f]+/\d+",
    collection=r"[^/]+(/[^/]+)?",
    camera=r"[a-z]+",


include: "rules/demo.smk"
include: "rules/planning.smk"
include: "rules/machine.smk"
include: "rules/screen.smk"
include: "rules/pictures.smk"
include: "rules/raw.smk"
include: "rules/sync.smk"
include: "rules/environments.smk"
include: "rules/pose.smk"
include: "rules/post.smk"
include: "rules/registration.smk"
include: "rules/plan.smk"
include: "rules/status.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        lambda wildcards: asked(planner.pending, ROOT),
    message:
        "Everything that was pending is done"
