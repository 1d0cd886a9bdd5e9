"""All that alfvideo uses of Snakemake beyond its documented language, in one place.

These are parts of `snakemake.workflow.Workflow` of Snakemake 9.27 that its documentation does not
promise; `pyproject.toml` has the upper bound of its versions. tests/workflow/test_internals.py runs
each of them. Nothing here imports Snakemake: the object comes from the rules.
"""

import gc
import logging
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil

from alfvideo.files.errors import DataError
from alfvideo.jobs.job import task_of

LIMITS: dict[str, Callable[[], int]] = {
    "gpu": lambda: 1,
    "io_charge": lambda: 100,
    "mem_mb": lambda: psutil.virtual_memory().total // 10**6,
}
"""The limits of one workstation, unless the command line or a profile says another number:
GPUs, the share of its disks (100 is all), memory."""


def check_python(executable: str = sys.executable) -> None:
    """See that Snakemake can start scripts: it gives the path of Python to a shell without quotes.

    Raises
    ------
    DataError
        If the path has characters that a shell takes for something else.

    >>> check_python("/home/me/alfvideo-1.0/.venv/bin/python")
    """
    if found := re.search(r"[\s()&;|<>$`\"'\\{}]", executable):
        raise DataError(
            f"alfvideo is in a folder with {found[0]!r} in its path, from which Snakemake cannot "
            f"start scripts ({executable}). Move it to a path of letters, digits, '-', '_' and '.'."
        )


def config_files(workflow: Any) -> list[Path]:
    """List the YAML files of `--configfile`, unless they are of a workflow that uses this one.

    Snakemake reads them, and does not say where they are wrong.
    """
    if not workflow.modifier.is_main_snakefile():
        return []
    return [file for file in workflow.config_settings.configfiles if file.suffix != ".json"]


class Invocation:
    """A start of Snakemake: how it was called, what it has done.

    Parameters
    ----------
    workflow
        The object `workflow` of a Snakefile; of a module's, that of the workflow that uses it.
    """

    def __init__(self, workflow: Any) -> None:
        self._workflow = workflow

    @property
    def on_cluster(self) -> bool:
        """True if jobs are handed to a cluster, which has limits of its own (`--jobs`)."""
        return self._workflow.nodes is not None

    @property
    def is_main_process(self) -> bool:
        """True in the process that a person started, False in one of a single job."""
        return bool(self._workflow.is_main_process)

    @property
    def dry_run(self) -> bool:
        """True if jobs are only shown (`-n`)."""
        return bool(self._workflow.dryrun)

    @property
    def runs_jobs(self) -> bool:
        """True if this process will run jobs: no dry run, no graph, no report, no job itself."""
        return self.plans_jobs and not self.dry_run

    @property
    def plans_jobs(self) -> bool:
        """True if this process decides which jobs run: as `runs_jobs`, or a dry run."""
        return self._workflow.execution_settings is not None and self.is_main_process

    @property
    def touches(self) -> bool:
        """True if files are only dated (`--touch`)."""
        return bool(self._workflow.touch)

    @property
    def regenerates(self) -> bool:
        """True if somebody asks to regenerate what is done (`-F`, `-R`)."""
        settings = self._workflow.dag_settings
        return bool(settings.forceall or settings.forcerun)

    @property
    def threads(self) -> int:
        """The cores of this machine that jobs may use."""
        return int(self._workflow.cores)

    @property
    def uses_conda(self) -> bool:
        """True if Snakemake makes environments by conda (`--sdm conda`)."""
        methods = self._workflow.deployment_settings.deployment_method
        return any(method.name == "CONDA" for method in methods)

    def set_limits(self) -> None:
        """Limit what jobs take of a workstation, as far as nobody has said how much they may.

        On a cluster the cores of this machine, which profiles/default names, are no limit: jobs
        would get no more threads than it has.
        """
        if not self.is_main_process:
            return
        limits = self._workflow.global_resources
        if self.on_cluster:
            cores = limits["_cores"].value
            if cores is not None and cores <= psutil.cpu_count():
                self._workflow.register_resource("_cores", None)
            return
        for name, amount in LIMITS.items():
            if name not in limits:
                self._workflow.register_resource(name, amount())

    def plan_quickly(self) -> None:
        """Spare Snakemake what takes its time with many jobs.

        A plan is made of millions of objects that stay: to look for garbage among them takes a
        sixth of the time. The limit of job starts per second starts a timer whenever Snakemake
        looks for jobs to start, and each timer makes it look again: after some hundred jobs it does
        little else.
        """
        gc.set_threshold(100_000)
        if self._workflow.scheduling_settings is not None:
            self._workflow.scheduling_settings.max_jobs_per_timespan = None

    def filter_messages(self, is_news: Callable[[logging.LogRecord], bool]) -> None:
        """Keep off the screen what is no news."""
        _logger().addFilter(is_news)

    def add_handler(self, handler: logging.Handler) -> None:
        """Have what Snakemake says handled by another handler, too."""
        _logger().addHandler(handler)

    def regenerate(self, files: Iterable[str]) -> None:
        """Have these files regenerated that are there.

        The scan knows from the sessions' own records what is out of date, Snakemake only from dates
        and from the records of the folder that it runs in.
        """
        self._workflow.dag.forcefiles.update(file for file in files if Path(file).exists())

    def was_killed(self, files: Iterable[Path]) -> bool:
        """Return whether a job of an earlier run here has begun one of these files and not ended.

        They are whole, but may have no record.
        """
        keys = list(map(str, files))
        return bool(self._workflow.persistence._filter_incomplete_keys(keys))

    def ignore_dates(self) -> None:
        """Have no job fail because an input has a later date than its outputs.

        Rigs' clocks may be wrong, and the scan does not go by dates.
        """
        self._workflow.dag.check_output_mtime = _accept

    def jobs_done(self) -> list[str]:
        """Count the rules of the jobs that ended well."""
        return [_task(job) for job in self._done()]

    def jobs_failed(self) -> list[str]:
        """Count the rules of the jobs that failed, each job of a group for itself."""
        scheduler = self._workflow.scheduler
        if scheduler is None:
            return []
        failed: set[Any] = set()
        for job in scheduler.failed:
            failed.update(job.jobs if job.is_group() else [job])
        return [_task(job) for job in failed - self._done()]

    def _done(self) -> set[Any]:
        return set(self._workflow.dag.finished_jobs) if self._workflow.dag else set()


async def _accept(*_: Any) -> None:
    """Find nothing wrong with the dates of a job's outputs."""


def _task(job: Any) -> str:
    """Return the task of a job; for a rule without session, its name."""
    rule, session = str(job.rule.name), job.wildcards.get("session")
    return task_of(rule, str(job.log[0]), session) if session else rule


def _logger() -> logging.Logger:
    from snakemake.logging import logger

    snakemakes: logging.Logger = logger
    return snakemakes
