"""A SLURM cluster of one node on this machine, from Debian's packages slurm-wlm and munge."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol")
COMPILED_IN = Path("/etc/slurm")
"""Where SLURM's programs look: Snakemake does not hand SLURM_CONF on to the steps of a job."""
NAME = "alfvideotest"
WAIT_S = 60

SLURM_CONF = """
ClusterName={name}
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A job that is started again after its node failed waits for as long as credentials last.
AuthInfo=socket={folder}/munge.socket,cred_expire=20
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
# The node has the CPUs and the memory that are said here, whatever the machine has.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=5
PriorityType=priority/basic
# Jobs are shown until the end of the tests.
MinJobAge=86400
KillWait=2
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=12 RealMemory=200000 Gres=gpu:1 State=UNKNOWN
PartitionName=short Nodes={host} Default=YES MaxTime=04:00:00 State=UP
PartitionName=long Nodes={host} MaxTime=2-00:00:00 State=UP
PartitionName=gpu Nodes={host} MaxTime=2-00:00:00 State=UP
"""
GRES_CONF = """
AutoDetect=off
NodeName={host} Name=gpu Count=1 File=/dev/null
"""


@dataclass(frozen=True)
class SlurmJob:
    """A job as SLURM has it; times in seconds since 1970, `end` of a running job in the future."""

    number: int
    rule: str
    """The rule; of a group its name and those of its rules."""
    state: str
    partition: str
    minutes: int
    memory_mb: int
    cpus: int
    gpus: int
    restarts: int
    submitted: float
    start: float
    end: float
    files: str
    """Session and camera, as the plugin writes them into the job's comment."""


class Cluster:
    """Starts and stops the programs of a cluster, and asks what its jobs do."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.host = socket.gethostname().split(".")[0]

    @staticmethod
    def missing() -> str:
        """Why no cluster can be started here; empty if one can."""
        absent = [program for program in PROGRAMS if _program(program) is None]
        if absent:
            return f"SLURM is not installed: no {', '.join(absent)} (apt install slurm-wlm munge)"
        if os.geteuid() != 0:
            return "only root can start a SLURM cluster"
        configuration = COMPILED_IN / "slurm.conf"
        if configuration.exists() and f"ClusterName={NAME}" not in configuration.read_text():
            return f"this machine has a SLURM configuration of its own, {configuration}"
        return ""

    def start(self) -> None:
        """Start munge, the controller and the node, and wait until jobs can run."""
        configuration = COMPILED_IN / "slurm.conf"
        if configuration.exists():
            # Tests that were killed have left their cluster.
            Cluster(configuration.resolve().parent).stop()
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        controller_port, node_port = _free_ports(2)
        values = {
            "name": NAME,
            "folder": self.folder,
            "host": self.host,
            "controller_port": controller_port,
            "node_port": node_port,
        }
        COMPILED_IN.mkdir(exist_ok=True)
        for name, text in {"slurm.conf": SLURM_CONF, "gres.conf": GRES_CONF}.items():
            (self.folder / name).write_text(text.format(**values))
            (COMPILED_IN / name).unlink(missing_ok=True)
            (COMPILED_IN / name).symlink_to(self.folder / name)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        files = {
            "key-file": key,
            "socket": self.folder / "munge.socket",
            "pid-file": self.folder / "munged.pid",
            "log-file": self.folder / "munged.log",
            "seed-file": self.folder / "munged.seed",
        }
        # Forced: it does not like sockets in folders that are closed to other users.
        command("munged", "--force", *(f"--{name}={path}" for name, path in files.items()))
        command("slurmctld")
        self.start_node()

    def start_node(self) -> None:
        """Start the node, or start it again after `break_node`."""
        self._wait(lambda: "is UP" in command("scontrol", "ping"), "the controller is up")
        command("slurmd")
        self._wait(self._has_node, "the node is up")

    def _has_node(self) -> bool:
        state = command("sinfo", "--noheader", "--format=%T").split()
        return bool(state) and set(state) <= {"idle", "mixed", "allocated"}

    def break_node(self) -> None:
        """Kill the node and all that runs on it, as in a power cut."""
        steps = [
            process
            for process in psutil.process_iter(["name"])
            if (process.info["name"] or "").startswith("slurmstepd")
        ]
        victims = [child for step in steps for child in step.children(recursive=True)] + steps
        pid = _pid(self.folder / "slurmd.pid")
        victims += [psutil.Process(pid)] if pid else []
        for victim in victims:
            with suppress(psutil.Error):
                victim.kill()
        psutil.wait_procs(victims, timeout=WAIT_S)
        command("scontrol", "update", f"NodeName={self.host}", "State=DOWN", "Reason=test")

    def jobs(self) -> list[SlurmJob]:
        """All jobs since the start, in the order in which they were submitted."""
        lines = command("scontrol", "--oneliner", "show", "jobs").splitlines()
        found = [_parsed(dict(re.findall(r"(\S+?)=(\S*)", line))) for line in lines if "=" in line]
        return sorted(found, key=lambda job: job.number)

    def stop(self) -> None:
        """End the jobs and all programs that `start` started, and remove the configuration."""
        with suppress(subprocess.CalledProcessError, subprocess.TimeoutExpired):
            command("scancel", "--user=root")
            end = time.monotonic() + 10
            while command("squeue", "--noheader") and time.monotonic() < end:
                time.sleep(0.2)
        for name in ("slurmd", "slurmctld", "munged"):
            pid = _pid(self.folder / f"{name}.pid")
            if pid is not None:
                _end(pid)
        for name in ("slurm.conf", "gres.conf"):
            if (COMPILED_IN / name).is_symlink():
                (COMPILED_IN / name).unlink()

    def _wait(self, until: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + WAIT_S
        while True:
            with suppress(subprocess.CalledProcessError):
                if until():
                    return
            if time.monotonic() > end:
                logs = [f"{log}:\n{log.read_text()[-2000:]}" for log in self.folder.glob("*.log")]
                raise TimeoutError("\n".join([f"waited in vain until {what}", *logs]))
            time.sleep(0.2)


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def command(name: str, *arguments: str) -> str:
    """Run one of SLURM's programs; returns what it says."""
    done = subprocess.run(
        [_program(name), *arguments], capture_output=True, text=True, timeout=WAIT_S
    )
    if done.returncode != 0:
        raise subprocess.CalledProcessError(done.returncode, name, done.stdout, done.stderr)
    return done.stdout


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _pid(file: Path) -> int | None:
    """The process that a program noted in its file, if that still is the same program."""
    with suppress(OSError, ValueError, psutil.Error):
        process = psutil.Process(int(file.read_text()))
        if process.name() == file.stem:
            return process.pid
    return None


def _end(pid: int) -> None:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        process.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs([process], timeout=15)
        for each in alive:
            each.kill()


def _parsed(entry: dict[str, str]) -> SlurmJob:
    memory = re.search(r"mem=(\w+)", entry.get("TRES", ""))
    gpus = re.search(r"gres:gpu:(\d+)", entry.get("TresPerJob", ""))
    what, _, files = entry.get("Comment", "").partition("_wildcards_")
    return SlurmJob(
        number=int(entry["JobId"]),
        rule=what.removeprefix("rule_"),
        state=entry["JobState"],
        partition=entry["Partition"],
        minutes=_minutes(entry["TimeLimit"]),
        memory_mb=_megabytes(memory[1]) if memory else 0,
        cpus=int(entry["NumCPUs"]),
        gpus=int(gpus[1]) if gpus else 0,
        restarts=int(entry["Restarts"]),
        submitted=_seconds(entry["SubmitTime"]),
        start=_seconds(entry["StartTime"]),
        end=_seconds(entry["EndTime"]),
        files=files,
    )


def _seconds(text: str) -> float:
    with suppress(ValueError):
        return datetime.fromisoformat(text).timestamp()
    return 0.0


def _minutes(text: str) -> int:
    """Minutes of D-HH:MM:SS."""
    days, _, clock = text.rpartition("-")
    hours, minutes, _ = clock.split(":")
    return int(days or 0) * 1440 + int(hours) * 60 + int(minutes)


def _megabytes(text: str) -> int:
    units = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2}
    return round(float(text[:-1]) * units[text[-1]]) if text[-1] in units else int(text)
