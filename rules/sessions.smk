# Which sessions, cameras and files there are: the input functions of all rules, and what is pending.

import sys
from functools import cache

from alfvideo import lock, pending, session, tasks
from alfvideo.errors import DataError


wildcard_constraints:
    session=r".+/\d{4}-\d{2}-\d{2}/\d{3}",
    collection=r"[^/]+(/[^/]+)?",
    camera=r"[a-z]+",


@cache
def recorded(path):
    return session.read(Path(path))


def inputs_of(rule):
    """Input function of a rule: its files, named as in alfvideo.tasks.

    For a camera that the rule is not for, or that is blocked, it names a file that does not exist
    and whose name says why: Snakemake then tries the next rule, or shows the reason.
    """
    task = tasks.BY_RULE[rule]

    def inputs(wildcards):
        path = Path(wildcards.session)
        try:
            camera = recorded(path).cameras.get(wildcards.camera)
            if camera is None:
                raise session.Blocked(f"the session has no {wildcards.camera} camera")
            if not task.applies(recorded(path), camera, config):
                raise session.Blocked(f"{rule} is not for this kind of session")
            return {
                find.__name__: list(map(str, find(recorded(path), camera))) for find in task.inputs
            }
        except session.Blocked as reason:
            return {"blocked": f"{path}: {reason}"}

    return inputs


def params_of(rule):
    """Parameter function of a rule: everything but the inputs that its results depend on."""
    task = tasks.BY_RULE[rule]

    def params(wildcards):
        of = recorded(Path(wildcards.session))
        return task.params(of, of.cameras[wildcards.camera], config)

    return params


# Data folders whose pending work is a target of this run.
scanned = set()


onstart:
    try:
        for folder in scanned:
            lock.acquire(folder)
    except DataError as error:
        sys.exit(str(error))


def pending_below(root):
    """Input function of a target: everything that is pending below a folder, after a table of it."""

    folder = Path(root).expanduser().absolute()

    @cache
    def targets():
        scanned.add(folder)
        try:
            statuses = pending.scan(folder, config)
        except DataError as error:
            sys.exit(str(error))
        print(pending.table(statuses, folder), file=sys.stderr)
        # A target with an input that exists is up to date; one without inputs would always run.
        return pending.targets(statuses) or str(folder)

    return lambda wildcards: targets()
