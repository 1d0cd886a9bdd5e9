from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from alfvideo import configuration
from alfvideo.files import labels, yaml_model
from alfvideo.files.errors import DataError
from alfvideo.planning import snakemake_internals
from alfvideo.pose import cascades
from alfvideo.session import datasets

min_version("9.27")

# The folder of this file; `workflow.basedir` is that of a workflow which uses it as a module.
HERE = Path(str(workflow.current_basedir))
CONFIG = HERE / "config" / "config.yaml"

try:
    # Snakemake does not say where a file is wrong.
    for file in (CONFIG, *snakemake_internals.config_files(workflow)):
        yaml_model.load(file, f"Configuration: {file}")
except DataError as error:
    raise WorkflowError(str(error)) from None


configfile: CONFIG


try:
    snakemake_internals.check_python()
    settings = configuration.parse(config)
    cascades.check(settings)
    # Scripts find there what the file leaves out.
    config.update(settings.model_dump(mode="json"))
except DataError as error:
    raise WorkflowError(str(error)) from None

ROOT = settings.data_folder


wildcard_constraints:
    session=r".+/\d{4}-\d{2}-\d{2}/\d{3}",
    run=r"[0-9a-f]+/\d+",
    collection=r"[^/]+(/[^/]+)*",
    sync=r"[^/]+(/[^/]+)*/_[^/_]+",
    camera=labels.PATTERN,
    revision=datasets.REVISION,


include: "rules/demo.smk"
include: "rules/planning.smk"
include: "rules/screen.smk"
include: "rules/pictures.smk"
include: "rules/raw.smk"
include: "rules/sync.smk"
include: "rules/pose.smk"
include: "rules/post.smk"
include: "rules/registration.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        lambda wildcards: asked(planner.pending, ROOT),
    message:
        "Everything that was pending is done"
