"""The targets of a run and the inputs of its jobs, as the rules ask for them."""

import atexit
import hashlib
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from alfvideo.configuration import Configuration
from alfvideo.files import lock
from alfvideo.files.errors import Blocked, DataError
from alfvideo.jobs import provenance, runs
from alfvideo.planning import pending, published, scan_cache, start, task_inputs, tasks, unfinished
from alfvideo.planning.pending import State, Status
from alfvideo.planning.published import Protected
from alfvideo.planning.resources import MAX_THREADS, RESOURCES
from alfvideo.planning.snakemake_internals import Invocation
from alfvideo.planning.task import Task
from alfvideo.registration.alyx import outage
from alfvideo.session import datasets, description, folders, quarantine
from alfvideo.session.cameras import ALL_CAMERAS, Camera, Session

Show = Callable[[Sequence[Status], Path, Configuration], None]
"""Prints what the scan found below a data folder, before the run starts."""


class Planner:
    """Answers what the rules ask: inputs, settings and resources of a job, pending targets.

    Parameters
    ----------
    configurations
        The configuration of the sessions below each of some folders. The first folder that holds a
        session counts; the last configuration is also that of sessions which are in none of them.
    invocation
        How Snakemake was started.
    show
        Prints what was found before the first job starts.
    """

    def __init__(
        self, configurations: Mapping[Path, Configuration], invocation: Invocation, show: Show
    ) -> None:
        self._configurations = {folder.absolute(): each for folder, each in configurations.items()}
        self._invocation = invocation
        self._show = show
        self._began, self._start = provenance.now(), time.monotonic()
        self._protected: Protected = {}
        self._statuses: dict[Path, dict[tuple[str, str], Status]] = {}
        self._tables: dict[str, tuple[Path, list[str]]] = {}
        self._locked: list[Path] = []
        # Snakemake asks again whenever it looks for jobs to start; both stay as they are in a run.
        self._session = cache(self._read)
        self._settings = cache(self._settings_of)
        self._pending = cache(self._pending_below)

    def configuration(self, path: Path) -> Configuration:
        """Return the configuration that is valid below a folder."""
        return self._configurations[self._folder(path)]

    def _folder(self, path: Path) -> Path:
        holding = (folder for folder in self._configurations if _is_below(path, folder))
        return next(holding, next(reversed(self._configurations)))

    def inputs(
        self, rule: str, path: Path, label: str = "", revision: str = ""
    ) -> dict[str, list[str] | str]:
        """Return the input files of a job by what they are, named as in alfvideo.planning.tasks.

        For a camera that the rule is not for, or that is blocked, it is a file that does not exist
        and whose name says why: Snakemake then tries the next rule, or shows the reason. So it is
        for a `revision` of the outputs that is not the one to be made.
        """
        task, config = tasks.BY_RULE[rule], self.configuration(path)
        self._invocation.ignore_dates()
        if self._invocation.runs_jobs and _is_below(path, self._folder(path)):
            self.begin(self._folder(path))
        try:
            return self._inputs(task, path, label, config, revision)
        # Whatever it is: it must not end the planning of the other sessions.
        except Exception as error:
            return {"blocked": f"{path}: {quarantine.reason(error, path)}"}

    def _inputs(
        self, task: Task, path: Path, label: str, config: Configuration, revision: str
    ) -> dict[str, list[str] | str]:
        camera = self._camera(task, path, label)
        if not task.applies(self._session(path), camera, config):
            raise Blocked(f"{task.rule} is not for this kind of session")
        if self._is_left_alone(task, path, camera):
            raise Blocked("it is done")
        if self._is_kept(task, path, camera):
            raise Blocked("another program made them: remove them to have them made here")
        if self._invocation.plans_jobs:
            self._check_published(task, path, camera, revision)
        task.params(self._session(path), camera, config)
        coming = self._coming(path)
        files = task_inputs.find(task, self._session(path), camera, config, coming)
        self._regenerate(task, path, camera)
        return {name: list(map(str, found)) for name, found in files.items()}

    def _read(self, path: Path) -> Session:
        """Read a session, with the revisions that this run will make."""
        session = description.read(path)
        if self._invocation.plans_jobs:
            for status in self._found(path).values():
                for file in status.outputs:
                    if (folder := file.parent).name.startswith("#"):
                        session.revisions[folder.parent / file.name] = f"/{folder.name}"
        return session

    def _check_published(self, task: Task, path: Path, camera: Camera, revision: str) -> None:
        """See that a job replaces nothing that is protected: the plan says where it writes.

        Raises
        ------
        Blocked
            If it would.
        """
        session = self._session(path)
        planned = datasets.revision(task.outputs[0], session, camera)
        if "{revision}" in task.outputs[0] and revision != planned:
            raise Blocked(f"it is made as {datasets.path(task.outputs[0], session, camera)}")
        protected = self._protected.get(path)
        if protected is None:
            protected = published.recorded(session)
        if name := published.first_protected(task, session, camera, protected):
            raise Blocked(
                f"{name} {published.IS_PROTECTED} and stays as it is: remove the protecting tag "
                "there to have it regenerated"
            )

    def settings(
        self, rule: str, path: Path, label: str = "", revision: str = ""
    ) -> dict[str, Any]:
        """Return everything but the inputs that the results of a job depend on.

        They do not depend on the `revision` that it writes.
        """
        return self._settings(rule, path, label)

    def _settings_of(self, rule: str, path: Path, label: str) -> dict[str, Any]:
        task = tasks.BY_RULE[rule]
        camera = self._camera(task, path, label)
        return task.params(self._session(path), camera, self.configuration(path))

    def threads(self, rule: str) -> int:
        """Return the number of cores that a job takes."""
        threads = RESOURCES[rule].threads
        if threads is not None:
            return threads
        return MAX_THREADS if self._invocation.on_cluster else self._invocation.threads

    def _camera(self, task: Task, path: Path, label: str) -> Camera:
        """Return the camera that a job is for, or that which stands for all of them."""
        if task.of_session:
            return ALL_CAMERAS
        camera = self._session(path).cameras.get(label)
        if camera is None:
            raise Blocked(f"the session has no {label} camera")
        return camera

    def _is_left_alone(self, task: Task, path: Path, camera: Camera) -> bool:
        """Return whether outputs are there that nothing regenerates unless asked to (-F, -R).

        Those of cameras that are not selected, and all that is done: Snakemake, which goes by
        dates and by the records of its working folder, then takes it for raw data. What a job
        was killed at is left to Snakemake.
        """
        if not self._invocation.plans_jobs or self._invocation.regenerates:
            return False
        recorded = self._session(path)
        outputs = [datasets.path(output, recorded, camera) for output in task.outputs]
        if not task.of_session and camera.label not in self.configuration(path).cameras:
            return all(map(recorded.has, outputs))
        found = self._found(path).get((camera.label, task.stage))
        done = found is not None and found.state is State.DONE
        return done and not self._invocation.was_killed(outputs)

    def _is_kept(self, task: Task, path: Path, camera: Camera) -> bool:
        """Return whether outputs are there that another program made, whatever is asked for."""
        if not task.keeps_others or not self._invocation.plans_jobs:
            return False
        recorded = self._session(path)
        outputs = [datasets.path(output, recorded, camera) for output in task.outputs]
        return pending.are_of_others(task, recorded, outputs, provenance.read(path)) and (
            not self._invocation.was_killed(outputs)
        )

    def _regenerate(self, task: Task, path: Path, camera: Camera) -> None:
        """Have what is pending made, whatever dates its files have."""
        if self._invocation.plans_jobs:
            found = self._found(path).get((camera.label, task.stage))
            if found and self._invocation.runs_jobs:
                self._set_aside([found])
            self._invocation.regenerate(map(str, found.outputs) if found else ())

    def _set_aside(self, statuses: Iterable[Status]) -> None:
        """Set outputs aside that are not what they should be; what was seen of these is forgotten.

        Not only the job that regenerates them asks whether they are there.
        """
        done = [unfinished.set_aside(each.outputs, each.reason) for each in statuses]
        if any(done):
            self._session.cache_clear()

    def _coming(self, path: Path) -> set[Path]:
        """Return the files of a session that this run will make; jobs have them already."""
        if not self._invocation.plans_jobs:
            return set()
        return {file for status in self._found(path).values() for file in status.outputs}

    def _found(self, path: Path) -> dict[tuple[str, str], Status]:
        """Return what the scan finds in a session, by camera and stage."""
        if path not in self._statuses:
            found = pending.scan_session(path, self.configuration(path), self._protected)
            self._statuses[path] = {(each.camera, each.stage): each for each in found}
        return self._statuses[path]

    def statuses(self, root: Path) -> list[Status]:
        """Return what the scan finds below a data folder.

        Raises
        ------
        DataError
            If there is no such folder.
        """
        return pending.scan_changed(root, self.configuration(root))

    def pending(self, root: Path) -> list[str] | str:
        """List the files of all that is pending below a data folder, after showing a table of it.

        If nothing is pending it is the folder itself: a target with an input that exists is up to
        date, one without inputs would always run.

        Raises
        ------
        DataError
            If there is no such folder, another run is at work there, or an engine cannot be had.
        """
        return self._pending(root.absolute())

    def _pending_below(self, root: Path) -> list[str] | str:
        config = self.configuration(root)
        if self._invocation.runs_jobs:
            self.begin(root)
        memory = scan_cache.load_memory(root, config)
        statuses = pending.scan(root, config, memory)
        statuses = list(self._with_protection(statuses, config))
        for each in statuses:
            self._statuses.setdefault(each.session, {})[each.camera, each.stage] = each
        self._show(statuses, root, config)
        if self._invocation.runs_jobs:
            self._set_aside(statuses)
        start.check_engines(statuses, config, self._invocation.uses_conda)
        if not self._invocation.dry_run:
            statuses = start.without_unreachable_server(statuses, config)
        wanted = pending.targets(statuses)
        if config.registration.tables:
            sessions = dict.fromkeys(status.session for status in statuses)
            wanted = wanted + self._tables_after(root, wanted, list(sessions), memory.made)
        return wanted or str(root)

    def _with_protection(
        self, statuses: Sequence[Status], config: Configuration
    ) -> Sequence[Status]:
        """Ask Alyx what is protected of all sessions with something to replace, and scan them."""
        if not self._invocation.plans_jobs:
            return statuses
        asked = start.protected(statuses, config)
        self._protected = {**self._protected, **asked}
        return [
            status
            for path, group in groupby(statuses, key=lambda status: status.session)
            for status in (pending.scan_session(path, config, asked) if path in asked else group)
        ]

    def _tables_after(
        self, root: Path, wanted: list[str], sessions: list[Path], made: Mapping[Path, int]
    ) -> list[str]:
        """Return the target that puts results in the ONE tables, if there are any."""
        # Slow to load, and jobs load these rules without asking for it.
        from alfvideo.registration import one_tables

        if not wanted and not one_tables.outdated(root, sessions, made):
            return []
        # Of its own name in each run: outputs, which the tables are not, are deleted before a job.
        digest = hashlib.md5(str(root).encode()).hexdigest()
        target = f".one_tables/{digest}/{time.time_ns()}"
        self._tables[target] = root, wanted
        return [target]

    def tables_inputs(self, target: str) -> list[str]:
        """List what has to be there before the ONE tables of a target of `pending` are written."""
        return self._tables[target][1]

    def tables_root(self, target: str) -> str:
        """Return the data folder of the ONE tables that a target of `pending` stands for."""
        return str(self._tables[target][0])

    def pose_tables(self, root: Path) -> dict[str, list[str]]:
        """Return pose tables below a folder, made or to be made, and the video of each."""
        videos = {}
        for status in pending.scan(root.absolute(), self.configuration(root)):
            if status.stage in datasets.POSE and status.state is not State.BLOCKED:
                recorded = self._session(status.session)
                camera = recorded.cameras[status.camera]
                pose = datasets.path(datasets.POSE[status.stage], recorded, camera)
                videos[str(pose)] = str(datasets.path(datasets.RAW_MP4, recorded, camera))
        return {"tables": list(videos), "videos": list(videos.values())}

    def begin(self, root: Path) -> None:
        """Begin a run below a data folder: hold its lock, and remember the run when it ends.

        Not left to Snakemake's `onstart` and `onsuccess`: of a module they are never called.

        Raises
        ------
        DataError
            If there is no such folder, another run is at work there, or it cannot be written to.
        """
        if root in self._locked:
            return
        pending.check_root(root)
        lock.acquire(root)
        if not self._locked:
            self._invocation.plan_quickly()
            outage.forget()
            # When the process ends, Snakemake has gone back to where it was started.
            atexit.register(self._end, Path.cwd())
        self._locked.append(root)

    def _end(self, working_folder: Path) -> None:
        """Put what was made in the ONE tables although something failed; remember the run."""
        for target, (root, _) in self._tables.items():
            if not (working_folder / target).exists():
                _put_in_tables(root)
        if self._invocation.touches:
            return
        done = sum(rule in tasks.BY_RULE for rule in self._invocation.jobs_done())
        failed = sum(rule in tasks.BY_RULE for rule in self._invocation.jobs_failed())
        seconds = round(time.monotonic() - self._start)
        for root in self._locked:
            run = runs.Run(self._began, seconds, str(root), done, failed, platform.node())
            runs.record(run, working_folder / runs.FILE)
        if failed:
            print(f"{done} jobs done, {failed} failed: alfvideo status says why.", file=sys.stderr)


def _put_in_tables(root: Path) -> None:
    """Put what was made in the ONE tables; whatever is wrong with them is only said."""
    from alfvideo.registration import one_tables

    try:
        for sentence in one_tables.update(root, folders.discover(root)).left_out:
            print(sentence, file=sys.stderr)
    except DataError as error:
        print(error, file=sys.stderr)
    # The run is remembered and its failures are counted after this.
    except Exception:
        print(f"Unexpected error in the ONE tables of {root}, please report it:", file=sys.stderr)
        traceback.print_exc()


def _is_below(path: Path, folder: Path) -> bool:
    return path.absolute().is_relative_to(folder)
