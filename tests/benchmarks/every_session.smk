# The plain approach: all outputs of all sessions are targets, and Snakemake finds out what is done.
# It is put beside the Snakefile, which looks for its configuration where the run's Snakefile is.


include: "Snakefile"


def every_output():
    root = Path(settings.root)
    for path in session.discover(root):
        try:
            of = recorded(path)
        except session.Blocked:
            continue
        for camera, task in tasks.selected(of, settings):
            if task.applies(of, camera, settings):
                for output in task.outputs:
                    yield str(datasets.path(output, of, camera))


rule every_session:
    input:
        lambda wildcards: list(every_output()),
