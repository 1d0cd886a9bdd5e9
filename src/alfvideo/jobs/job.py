"""The steps around every job: a log, one clear message on failure, provenance."""

import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from alfvideo.files.errors import DataError, MachineError, machine_error
from alfvideo.files.regular import NotRegular
from alfvideo.jobs import log_file, provenance, running, whole_checksums
from alfvideo.jobs.log_file import LogFile, incomplete

logger = logging.getLogger("alfvideo")

UNEXPECTED = "unexpected error"


@dataclass
class Job:
    """One run of a rule for one camera of one session, or for all of them (`camera` is empty)."""

    rule: str
    session: Path
    camera: str
    inputs: Sequence[Path]
    outputs: Sequence[Path]
    settings: Mapping[str, Any]
    log: Path
    notes: list[str] = field(default_factory=list)
    software: dict[str, str] = field(default_factory=dict)
    """Versions of programs other than alfvideo that made the outputs."""
    attempt: int = 1
    """The number of times that it was started in this run of snakemake."""

    @property
    def session_name(self) -> str:
        """Subject, date and number, as a person names the session.

        >>> path = Path('/data/Subjects/KB001/2026-01-01/001')
        >>> Job('', path, 'left', (), (), {}, Path()).session_name
        'KB001/2026-01-01/001'
        """
        return "/".join(self.session.parts[-3:])

    def note(self, *sentences: str) -> None:
        """Log decisions that were taken because raw data disagree, and keep them in provenance."""
        self.notes.extend(sentences)
        for sentence in sentences:
            logger.warning(sentence)


class Described(Protocol):
    """A job as Snakemake describes it to a script, as far as it is used here."""

    rule: str
    wildcards: Any
    input: Sequence[str]
    output: Sequence[str]
    params: Any
    log: Sequence[str]
    resources: Mapping[str, Any]


def task_of(rule: str, log: str, session: str) -> str:
    """Return the name of a job's task: its rule here, told by the path of its log.

    A workflow that uses this one as a module may call the rule otherwise, and logs stay.

    >>> session = "/data/KB001/2026-01-01/001"
    >>> task_of("lab_video_qc", f"logs/video_qc{session}/left.log", session)
    'video_qc'
    """
    folder, found, _ = log.partition(session)
    return (folder.rpartition("/")[2] if found else "") or rule


@contextmanager
def run(described: Described, tools: Sequence[str] = ()) -> Iterator[Job]:
    """Run the block as a job: log to file and screen, record provenance if it ends well.

    `tools` are inputs that are no data of the session.

    A DataError, or an error of the file system, ends the process with status 1 and one message;
    anything else is a defect of the program and shows its traceback.
    """
    job = Job(
        rule=task_of(described.rule, described.log[0], described.wildcards.session),
        session=Path(described.wildcards.session),
        camera=getattr(described.wildcards, "camera", ""),
        inputs=[Path(path) for path in described.input if path not in tools],
        outputs=[Path(path) for path in described.output],
        settings=described.params.settings,
        log=Path(described.log[0]),
        # Of profiles that try jobs again.
        attempt=described.resources.get("attempt", 1),
    )
    start_logging(job)
    start, started = time.monotonic(), provenance.now()
    inputs: dict[Path, provenance.Fingerprint] = {}
    try:
        # As they were when they were read: one rule removes its inputs.
        inputs = {path: provenance.fingerprint(path) for path in job.inputs}
        if job.attempt > 1:
            _check_last_attempt(job, inputs)
        with whole_checksums.made_meanwhile(inputs, job.session):
            yield job
        seconds = time.monotonic() - start
        provenance.record(
            job.session,
            _work(job, inputs),
            started=started,
            seconds=seconds,
            notes=job.notes,
            software=job.software,
        )
        logger.info("done in %.1f s", seconds)
    except (OSError, MachineError) as error:
        logger.error(message(error))
        sys.exit(1)
    except DataError as error:
        logger.error(message(error))
        _remember_failure(job, inputs, str(error))
        sys.exit(1)
    except Exception as error:
        logger.exception("%s, please report it with this log", UNEXPECTED)
        _remember_failure(job, inputs, f"{UNEXPECTED}: {error}")
        sys.exit(1)


def _work(job: Job, inputs: Mapping[Path, provenance.Fingerprint]) -> provenance.Work:
    return provenance.Work(
        rule=job.rule,
        camera=job.camera,
        inputs=inputs,
        outputs=job.outputs,
        params=job.settings,
        log=job.log,
        log_text=log_file.text(job.log),
    )


def _remember_failure(job: Job, inputs: Mapping[Path, provenance.Fingerprint], why: str) -> None:
    """Keep in the session that this job failed, if it can be kept: others then go on without."""
    with suppress(OSError, DataError):
        provenance.record_failure(job.session, _work(job, inputs), why)


def _check_last_attempt(job: Job, inputs: Mapping[Path, provenance.Fingerprint]) -> None:
    """Spare the hours of a job that would find the same thing wrong with the same data again.

    Raises
    ------
    DataError
        With the message of the last attempt.
    """
    now = _work(job, inputs).entry(job.session)
    same = now["rule"], now["inputs"], now["params"]
    failed, _ = provenance.readable(job.session, provenance.FAILED)
    for output in job.outputs:
        last = failed.get(provenance.relative(output, job.session))
        if last is None or (last.get("rule"), last.get("inputs"), last.get("params")) != same:
            continue
        if (said := str(last.get("message", ""))) and not said.startswith(UNEXPECTED):
            logger.info("not tried again: nothing has changed since the last attempt")
            raise DataError(said)


def message(error: DataError | OSError) -> str:
    """Compose one sentence that says what is wrong and what to do."""
    if isinstance(error, DataError):
        return str(error)
    where = error.filename or "the session's folder"
    known = None if isinstance(error, NotRegular) else machine_error(error.errno, where)
    return str(known) if known else f"{where}: {error.strerror or error}."


def start_logging(job: Job) -> None:
    """Log everything to the job's file; to the screen what is not routine, after the job's name.

    The file stays locked until the process ends, which shows that the job is running.
    """
    handlers: list[logging.Handler] = []
    try:
        job.log.parent.mkdir(parents=True, exist_ok=True)
        to_file = LogFile(job.log)
    except OSError as error:
        print(incomplete(job.log, error), file=sys.stderr)
    else:
        to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        running.hold(to_file.descriptor)
        handlers.append(to_file)
    to_screen = logging.StreamHandler(sys.stderr)
    to_screen.setLevel(logging.INFO)
    prefix = f"[{' '.join(filter(None, (job.session_name, job.camera)))}] {job.rule}:"
    # Subjects may have a % in their names.
    to_screen.setFormatter(logging.Formatter(f"{prefix.replace('%', '%%')} %(message)s"))
    logger.handlers = [*handlers, to_screen]
    logger.setLevel(logging.DEBUG)
    logger.debug("%s", job.session)
