# The plain approach: all outputs of all sessions are targets, and Snakemake finds out what is done.
# It is put beside the Snakefile, which looks for its configuration where the run's Snakefile is.


include: "Snakefile"


from alfvideo.files.errors import Blocked
from alfvideo.planning import tasks
from alfvideo.session import description, folders


def every_output():
    for path in folders.discover(ROOT):
        try:
            recorded = description.read(path)
        except Blocked:
            continue
        for camera, task in tasks.selected(recorded, settings):
            if task.applies(recorded, camera, settings):
                for output in task.outputs:
                    yield str(datasets.path(output, recorded, camera))


rule every_session:
    input:
        lambda wildcards: list(every_output()),
