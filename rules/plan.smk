# What the plan of the pending work is made from: what jobs need, and what there is of it.

from datetime import datetime
from types import SimpleNamespace

from alfvideo.views.plan import makespan, summary


def limits_of_run():
    """What the run has only so much of: cores, jobs at a time, and resources that rules name."""
    amounts = {name: each.value for name, each in workflow.global_resources.items()}
    limited = {name: amount for name, amount in amounts.items() if isinstance(amount, int)}
    if workflow.nodes is None:
        return limited
    # On a cluster jobs are counted and not their cores, and some limits are those of a single job.
    of_one = {"_cores", *filter(workflow.resource_scopes.is_local, limited)}
    return {name: amount for name, amount in limited.items() if name not in of_one}


def declared(name):
    """What a job of a rule uses of these in its first attempt, and its priority."""
    defined = workflow.get_rule(name)
    uses = {}
    for resource in limits_of_run().keys() & defined.resources.keys():
        amount = defined.resources[resource]
        amount = amount.evaluate(None, attempt=1) if amount.is_evaluable() else amount
        uses[resource] = amount.value
    return makespan.Rule(uses, lambda path: defined.priority(SimpleNamespace(session=str(path))))


def plan_of(root):
    """Input function of a target that prints the plan and ends the run."""
    folder = Path(root).expanduser().absolute()

    def show(wildcards):
        statuses, configuration = asked(planner.statuses, folder), planner.configuration(folder)
        print(summary.of(statuses, configuration, declared, limits_of_run(), datetime.now()))
        sys.exit()

    return show
