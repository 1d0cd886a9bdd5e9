# The rules' door to alfvideo.planning: what Snakemake hands over becomes paths and plain values.

import sys

from alfvideo.files.errors import DataError
from alfvideo.planning import resources
from alfvideo.planning.snakemake_internals import Invocation
from alfvideo.planning.targets import Planner
from alfvideo.views.status import before_run

invocation = Invocation(workflow)
invocation.set_limits()
planner = Planner({DEMO: demo_settings, ROOT: settings}, invocation, before_run.show)


def asked(question, *arguments):
    """An answer of the planner; what is wrong ends the run with one sentence."""
    try:
        return question(*arguments)
    except DataError as error:
        sys.exit(str(error))


def for_job(question, rule):
    """An input or parameter function: what the planner says of a job of a rule."""

    def ask(wildcards):
        names = wildcards.get("camera", ""), wildcards.get("revision", "")
        return asked(question, rule, Path(wildcards.session), *names)

    return ask


def inputs_of(rule):
    return for_job(planner.inputs, rule)


def settings_of(rule):
    return for_job(planner.settings, rule)


def priority_of(rule):
    return lambda wildcards: resources.priority(rule, Path(wildcards.session))
