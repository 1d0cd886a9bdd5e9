# What `snakemake status` shows and how: the state of everything, without doing any of it.

import os
from dataclasses import asdict

from snakemake.io import apply_wildcards

from alfvideo.views.plan import history
from alfvideo.views.status import export


def logs_of(status):
    """The logs that the jobs of a pending stage may write."""
    output = Path(next(iter(status.outputs)))
    wildcards = {
        "session": str(status.session),
        "camera": status.camera,
        "collection": output.parent.relative_to(status.session).as_posix(),
    }
    for task in tasks.TASKS:
        if task.stage == status.stage:
            yield Path(apply_wildcards(workflow.get_rule(task.rule).log[0], wildcards))


def as_table(found, folder):
    """For people: what is not done, each stage, and the last runs."""
    from alfvideo.views.status import table

    past = history.read(dict.fromkeys(row.session for row in found), Path())
    parts = table.of_cameras(found, folder)
    if found:
        parts += ["", table.of_stages(found, past), ""]
    if holder := lock.held_by(folder):
        parts.append(f"A run is at work: {holder}.")
    parts += [f"Run: {run.sentence}" for run in runs.last(folder)]
    table.show(parts, sys.stdout)


def as_csv(found, folder):
    """For other programs: a line for each stage of each camera."""
    export.write_csv(found, sys.stdout)


def as_json(found, folder):
    """For other programs: the same, and the last runs."""
    head = {
        "root": folder,
        "run": lock.held_by(folder),
        "last_runs": list(map(asdict, runs.last(folder))),
    }
    export.write_json(found, head, sys.stdout)


def status_of(root, write, made=False):
    """Input function of a target that prints the state of everything below a folder and ends."""
    folder = Path(root).expanduser().absolute()

    def show(wildcards):
        # Names of folders may hold what the screen cannot show.
        sys.stdout.reconfigure(errors="backslashreplace")
        found = list(rows.rows(asked(planner.statuses, folder), logs_of, made))
        try:
            write(found, folder)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever reads has seen enough (head, less); Python must not write the rest at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit()

    return show
