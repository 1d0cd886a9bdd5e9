# Which sessions, cameras and files there are: the input functions of all rules, and what is pending.

import gc
import hashlib
import platform
import sys
import time
from functools import cache
from itertools import groupby

from alfvideo.session import folders
from alfvideo.files import errors
from alfvideo.session import datasets, description
from alfvideo.files import lock
from alfvideo.registration import one_tables
from alfvideo.planning import pending, scan_cache, tasks
from alfvideo.jobs import provenance
from alfvideo.registration.alyx import connection
from alfvideo.files.errors import DataError
from alfvideo.pose import cascade, environment
from alfvideo.views.status import rows, runs

# A plan is made of millions of objects that stay; to look for garbage among them took a sixth of the
# time.
gc.set_threshold(100_000)


wildcard_constraints:
    session=r".+/\d{4}-\d{2}-\d{2}/\d{3}",
    run=r"[0-9a-f]+/\d+",
    collection=r"[^/]+(/[^/]+)?",
    camera=r"[a-z]+",


@cache
def recorded(path):
    return description.read(Path(path))


@cache
def configuration_of(path):
    """The configuration of a session: that of the demo below its folder."""
    below_demo = path.absolute().is_relative_to(DEMO.absolute())
    return demo_settings if below_demo else settings


# What the scan found in each session.
scanned_sessions = {}


def done(path):
    """Cameras and stages of a session in which nothing is left to do, as the scan has it."""
    if path not in scanned_sessions:
        scanned_sessions[path] = pending.scan_session(path, configuration_of(path))
    statuses = scanned_sessions[path]
    return {(s.camera, s.stage) for s in statuses if s.state is pending.State.DONE}


def camera_of(task, wildcards):
    """The camera that a job is for, or that which stands for all of them."""
    if task.of_session:
        return description.ALL_CAMERAS
    camera = recorded(Path(wildcards.session)).cameras.get(wildcards.camera)
    if camera is None:
        raise errors.Blocked(f"the session has no {wildcards.camera} camera")
    return camera


def is_left_alone(task, path, camera):
    """Whether outputs are there that have no rule, unless somebody asks to make them again (-F, -R).

    Those of cameras that are not selected, and finished poses: that another camera needs the
    environment of its engine to be made is no reason to track this one again.
    """
    if workflow.dag_settings.forceall or workflow.dag_settings.forcerun:
        return False
    if not task.of_session and camera.label not in configuration_of(path).cameras:
        outputs = (datasets.path(output, recorded(path), camera) for output in task.outputs)
        return all(output.exists() for output in outputs)
    return task.stage in environment.ENGINES and (camera.label, task.stage) in done(path)


def inputs_of(rule):
    """Input function of a rule: its files, named as in alfvideo.planning.tasks.

    For a camera that the rule is not for, or that is blocked, it names a file that does not exist
    and whose name says why: Snakemake then tries the next rule, or shows the reason.
    """
    task = tasks.BY_RULE[rule]

    def inputs(wildcards):
        path = Path(wildcards.session)
        try:
            camera = camera_of(task, wildcards)
            if not task.applies(recorded(path), camera, configuration_of(path)):
                raise errors.Blocked(f"{rule} is not for this kind of session")
            if is_left_alone(task, path, camera):
                raise errors.Blocked("it is done")
            task.params(recorded(path), camera, configuration_of(path))
            files = task.files(recorded(path), camera, configuration_of(path))
            return {name: list(map(str, found)) for name, found in files.items()}
        except errors.Blocked as reason:
            return {"blocked": f"{path}: {reason}"}

    return inputs


def params_of(rule):
    """Parameter function of a rule: everything but the inputs that its results depend on."""
    task = tasks.BY_RULE[rule]

    # Snakemake asks again whenever it looks for jobs to start; settings stay as they are in a run.
    @cache
    def params_of_camera(path, camera):
        of = recorded(path)
        return task.params(
            of, of.cameras.get(camera, description.ALL_CAMERAS), configuration_of(path)
        )

    def params(wildcards):
        camera = camera_of(task, wildcards)
        return params_of_camera(Path(wildcards.session), camera.label)

    return params


def newest_first(priority):
    """Priority of a rule; among its jobs those of newer sessions come before those of older ones."""

    def of_session(wildcards):
        day, number = Path(wildcards.session).parts[-2:]
        return priority + int(day.replace("-", "") + number) / 10**12

    return of_session


def growing(amount):
    """Memory or time of a rule, more of it each time that a job is tried again."""
    return lambda wildcards, attempt: amount * attempt


# Data folders whose pending work is a target of this run.
scanned = set()
began, start = provenance.now(), time.monotonic()


onstart:
    # In Snakemake 9.27 the limit of job starts per second starts a timer whenever it looks for jobs to
    # start, and each timer makes it look again: after some hundred jobs it does little else.
    workflow.scheduler.job_rate_limiter = None
    try:
        for folder in scanned:
            lock.acquire(folder)
    except DataError as error:
        sys.exit(str(error))


# What each target of the rule one_tables waits for, and the folder that the tables are of.
tables_wait_for = {}


def remember_run():
    """Keep how long the run took and how many jobs were done, for `snakemake status`."""
    if workflow.touch:
        return
    done = {job for job in workflow.dag.finished_jobs if job.rule.name in tasks.BY_RULE}
    failed = set()
    for job in workflow.scheduler.failed:
        failed.update(job.jobs if job.is_group() else [job])
    n_failed = sum(job.rule.name in tasks.BY_RULE for job in failed - done)
    took = round(time.monotonic() - start)
    for folder in scanned:
        run = runs.Run(began, took, str(folder), len(done), n_failed, platform.node())
        runs.record(run)
    if n_failed:
        print(
            f"{len(done)} jobs done, {n_failed} failed: snakemake status says why.", file=sys.stderr
        )


onsuccess:
    remember_run()


onerror:
    # What was made before something failed is to be found, too.
    for folder, _ in tables_wait_for.values():
        try:
            one_tables.update(folder, folders.discover(folder))
        except DataError as error:
            print(error, file=sys.stderr)
    remember_run()


def tables_after(folder, targets, sessions, made):
    """The target that puts what is made in the ONE tables, if there is something to put there."""
    if not targets and not one_tables.outdated(folder, sessions, made):
        return []
    # A name that no run has used: the tables are no outputs, which Snakemake deletes before a job.
    root = hashlib.md5(str(folder).encode()).hexdigest()
    target = f".one_tables/{root}/{time.time_ns()}"
    tables_wait_for[target] = (folder, targets)
    return [target]


def check_environments(statuses):
    """Find out before any job starts whether the engines of pending poses can be had."""
    waiting = {status.stage for status in statuses if status.state is pending.State.PENDING}
    for engine in sorted(waiting & environment.ENGINES.keys()):
        record = Path(f".environments/{engine}.json")
        python = environment.known_python(settings.environments[engine], record)
        # Snakemake makes the environments of --sdm conda before its first job.
        if python or not BY_CONDA:
            environment.quick_check(engine, python)


def without_registration(statuses, url):
    """Leave registration on Alyx to the next run if the server is down: each job would wait for it."""

    def is_waiting(status):
        return status.stage == tasks.ALYX and status.state is pending.State.PENDING

    if not any(map(is_waiting, statuses)):
        return statuses
    try:
        connection.check(url)
        return statuses
    except connection.Unreachable as error:
        print(f"Sessions will not be registered in this run. {error}", file=sys.stderr)
        return [status for status in statuses if not is_waiting(status)]


def statuses_below(folder):
    """What the scan finds below a folder; if there is no such folder a sentence ends the run."""
    configuration = configuration_of(folder)
    try:
        return pending.scan(folder, configuration, scan_cache.of(folder, configuration))
    except DataError as error:
        sys.exit(str(error))


def pending_below(root):
    """Input function of a target: everything that is pending below a folder, after a table of it."""

    folder = Path(root).expanduser().absolute()

    @cache
    def targets():
        # Slow to load, and each job loads these rules without showing a table.
        from alfvideo.views.status import table

        scanned.add(folder)
        try:
            if not workflow.dryrun:
                lock.check(folder)
            memory = scan_cache.of(folder, configuration_of(folder))
            statuses = pending.scan(folder, configuration_of(folder), memory)
            by_session = groupby(statuses, key=lambda status: status.session)
            scanned_sessions.update((path, list(found)) for path, found in by_session)
            table.show(table.of_cameras(list(rows.rows(statuses)), folder), sys.stderr)
            for sentence in cascade.left_out(configuration_of(folder)):
                print(sentence, file=sys.stderr)
            check_environments(statuses)
            if not workflow.dryrun:
                url = configuration_of(folder).registration.alyx
                statuses = without_registration(statuses, url)
        except DataError as error:
            sys.exit(str(error))
        wanted = pending.targets(statuses)
        # The scan knows from the sessions' own records what is out of date, Snakemake only from those
        # of the folder that it runs in.
        workflow.dag.forcefiles.update(target for target in wanted if Path(target).exists())
        if settings.registration.tables:
            sessions = dict.fromkeys(status.session for status in statuses)
            wanted = wanted + tables_after(folder, wanted, sessions, memory.made)
        # A target with an input that exists is up to date; one without inputs would always run.
        return wanted or str(folder)

    return lambda wildcards: targets()


def pose_tables_below(root):
    """The pose tables below a folder that are there or will be made, and the video of each."""
    folder = Path(root).absolute()
    stages = {tasks.BY_RULE[rule].stage for rule in ("dlc", "lightning_pose")}
    videos = {}
    for status in pending.scan(folder, configuration_of(folder)):
        if status.stage in stages and status.state is not pending.State.BLOCKED:
            of = recorded(status.session)
            camera = of.cameras[status.camera]
            pose = datasets.path(datasets.POSE[status.stage], of, camera)
            videos[str(pose)] = str(datasets.path(datasets.RAW_MP4, of, camera))
    return {"tables": list(videos), "videos": list(videos.values())}
