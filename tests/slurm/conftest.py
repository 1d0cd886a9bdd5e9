"""A SLURM cluster, and runs on it that many tests look at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import pytest

from alfvideo.pose import environment
from rigsim import Fault, Rig
from tests.slurm.cluster import Cluster, SlurmJob
from tests.slurm.runs import THREADS, OnCluster, Running, groups
from tests.workflow.runs import REPO, Outcome, Workflow, small

Render = Callable[[Path, Rig], Path]

WHOLE = Rig(seconds=2, scale=0.25, cameras=("left", "right"))
CUT = small(subject="KB009", faults={"body": (Fault.TRUNCATED_AVI,)})
LATE, NEVER = small(subject="KB021"), small(subject="KB022")
"""Sessions that are compressed in time at the second attempt, and never."""
MINUTES = "attempt if 'KB022' in wildcards.session else 10 ** (attempt - 1)"

SLOW_FFMPEG = """#!/bin/sh
limit=$(squeue --noheader --job "$SLURM_JOB_ID" --format %l)
case "$limit" in 1:00 | 2:00) sleep 600 ;; esac
exec {ffmpeg} "$@"
"""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    reason = Cluster.missing()
    if reason:
        pytest.skip(reason)
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@dataclass(frozen=True)
class Campaign:
    """Events on the cluster.

    `until_pose` is a run on a whole session and one with a cut avi. Beside it `slow` (a run of
    `slowly`) works on two sessions of which ffmpeg takes more than two minutes: one gets them at
    its second attempt, which is the last, the other does not; `at_work` is what status says
    meanwhile. `grouped` then does the rest of the whole session, all that comes after the pose as
    one job, and meanwhile the node fails. `local` is a run without the cluster, on the same whole
    session; `again` one on the session that the cluster has done.
    """

    workflow: OnCluster
    slowly: OnCluster
    session: Path
    cut: Path
    late: Path
    never: Path
    until_pose: Outcome
    slow: Outcome
    at_work: Outcome
    grouped: Outcome
    local: Outcome
    local_session: Path
    again: Outcome
    jobs: list[SlurmJob]

    def jobs_of(self, rule: str, subject: str = "") -> list[SlurmJob]:
        """The jobs of a rule, for the sessions of one subject or of all."""
        return [job for job in self.jobs if job.rule == rule and subject in job.files]

    def jobs_of_group(self, name: str) -> list[SlurmJob]:
        """The jobs of a group."""
        return [job for job in self.jobs if job.rule.startswith(f"{name}_")]


@pytest.fixture(scope="session")
def campaign(
    tmp_path_factory: pytest.TempPathFactory, cluster: Cluster, rendered: Render
) -> Campaign:
    folder = tmp_path_factory.mktemp("campaign")
    cascade = str(REPO / "config" / "pose" / "demo" / "side.dlc.yaml")
    config = {
        "trackers": ["dlc"],
        "cascades": {"dlc": {"left": cascade, "right": cascade}},
        "environments": {"dlc": str(environment.python_of("dlc", "", REPO / ".environments"))},
    }
    workflow = OnCluster(folder / "work", folder / "data", config)
    session, cut = rendered(workflow.root, WHOLE), rendered(workflow.root, CUT)
    alone = Workflow(folder / "local", folder / "expected", config)
    local_session = rendered(alone.root, WHOLE)
    slowly = OnCluster(folder / "slow", folder / "slow_data", {"ffmpeg": slow_ffmpeg(folder)})
    late, never = rendered(slowly.root, LATE), rendered(slowly.root, NEVER)

    until_pose = workflow.start("--until", "dlc", "video_qc", *groups())
    slow = slowly.start(
        *("--until", "video_compress", "--retries", 1),
        *("--set-resources", f"video_compress:runtime={MINUTES}"),
    )
    slow.wait_until(lambda: bool(list(slowly.workdir.glob("logs/video_compress/**/*.log"))))
    at_work = slowly.look("status", "--format", "csv")
    local = alone.run(*THREADS)
    of_pose, of_slow = until_pose.outcome(), slow.outcome()
    grouped = workflow.start(*groups(), subjects=[WHOLE.subject])
    fail_node(cluster, grouped, workflow.workdir)
    of_group = grouped.outcome()
    again = Workflow(workflow.workdir, workflow.root, config).run("-n", subjects=[WHOLE.subject])
    return Campaign(
        workflow=workflow,
        slowly=slowly,
        session=session,
        cut=cut,
        late=late,
        never=never,
        until_pose=of_pose,
        slow=of_slow,
        at_work=at_work,
        grouped=of_group,
        local=local,
        local_session=local_session,
        again=again,
        jobs=cluster.jobs(),
    )


def slow_ffmpeg(folder: Path) -> str:
    """An ffmpeg that takes longer than a job of one or two minutes has."""
    program = folder / "ffmpeg"
    program.write_text(SLOW_FFMPEG.format(ffmpeg=imageio_ffmpeg.get_ffmpeg_exe()))
    program.chmod(0o755)
    return str(program)


def fail_node(cluster: Cluster, run: Running, workdir: Path) -> None:
    """Have the node fail while the job of a group works on its first file, and come back."""
    run.wait_until(lambda: bool(list(workdir.glob("logs/motion_energy/**/*.log"))))
    cluster.break_node()
    cluster.start_node()
