from pathlib import Path

from snakemake.utils import min_version

from alfvideo import configuration
from alfvideo.pose import cascade

min_version("9.27")


CONFIG = Path(workflow.basedir) / "config"

configuration.check_syntax(CONFIG / "config.yaml")


configfile: CONFIG / "config.yaml"


configuration.check(config, CONFIG / "config.schema.yaml")
cascade.check(config)


include: "rules/machine.smk"
include: "rules/screen.smk"
include: "rules/sessions.smk"
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
include: "rules/demo.smk"


rule all:
    default_target: True
    input:
        pending_below(config["root"]),
    message:
        "Everything that was pending is done"
