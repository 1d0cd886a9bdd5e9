"""Everything that is used of Snakemake's inside does in this version what it is used for."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import json, sys, atexit
sys.path.insert(0, {source!r})
from pathlib import Path
from alfvideo.planning import snakemake_internals
from alfvideo.planning.snakemake_internals import Invocation

config_files = [str(file) for file in snakemake_internals.config_files(workflow)]

invocation = Invocation(workflow)
invocation.set_limits()


def tell(wildcards):
    invocation.plan_quickly()
    invocation.ignore_dates()
    invocation.regenerate({force!r})
    names = "on_cluster is_main_process dry_run runs_jobs touches regenerates threads uses_conda"
    known = [name for name in names.split() if not (name == "threads" and invocation.on_cluster)]
    found = {{name: getattr(invocation, name) for name in known}}
    limits = workflow.global_resources
    found["plans_jobs"] = invocation.plans_jobs
    found["config_files"] = config_files
    found["was_killed"] = [f for f in ("cut", "bad") if invocation.was_killed([f])]
    found["limits"] = {{name: limits[name].value for name in limits}}
    found["limiter"] = workflow.scheduling_settings and str(
        workflow.scheduling_settings.max_jobs_per_timespan
    )
    if invocation.is_main_process:
        Path("asked.json").write_text(json.dumps(found, default=str))
        atexit.register(end)
    return ["day/good", "bad"]


def end():
    found = {{"done": invocation.jobs_done(), "failed": invocation.jobs_failed()}}
    Path("ended.json").write_text(json.dumps(found))


rule all:
    input: tell

rule mine:
    output: "{{session}}/good"
    log: "logs/licks{{session}}.log"
    shell: "touch {{output}}"

rule cut:
    output: "cut"
    shell: "touch {{output}}; kill -9 $PPID"

rule late:
    input: "old"
    output: "late"
    shell: "touch -d 2000-01-01 {{output}}"

rule bad:
    output: "bad"
    shell: "exit 1"
"""


@pytest.fixture
def snakemake(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run a small workflow with these arguments; returns what its inside said."""

    def run(*arguments: object, force: list[str] | None = None) -> dict[str, Any]:
        text = PROGRAM.format(source=str(Path(__file__).parents[2] / "src"), force=force or [])
        (tmp_path / "Snakefile").write_text(text)
        for name in ("asked.json", "ended.json"):
            (tmp_path / name).unlink(missing_ok=True)
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        found = json.loads((tmp_path / "asked.json").read_text())
        return found | json.loads((tmp_path / "ended.json").read_text()) | {"said": done.stderr}

    return run


def test_a_run(snakemake: Callable[..., dict[str, Any]], tmp_path: Path):
    for name in ("lab.yaml", "lab.json"):
        (tmp_path / name).write_text("{}")
    found = snakemake("--keep-going", "--configfile", "lab.yaml", "lab.json")
    assert found["config_files"] == [str(tmp_path / "lab.yaml")]
    assert found["runs_jobs"]
    assert found["is_main_process"]
    assert not any(found[name] for name in ("dry_run", "touches", "regenerates", "on_cluster"))
    assert not found["uses_conda"]
    assert found["threads"] == 2
    assert found["done"] == ["licks"], "by the name that its log has"
    assert found["failed"] == ["bad"]
    assert found["limiter"] in (None, "None")


@pytest.mark.slow
def test_a_job_that_was_killed(snakemake: Callable[..., dict[str, Any]], tmp_path: Path):
    assert snakemake("-n")["was_killed"] == []
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "cut"]
    subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert (tmp_path / "cut").exists()
    assert snakemake("-n")["was_killed"] == ["cut"]


@pytest.mark.slow
def test_an_input_from_the_future(snakemake: Callable[..., dict[str, Any]], tmp_path: Path):
    """Snakemake by itself takes the job for failed."""
    (tmp_path / "old").touch()
    os.utime(tmp_path / "old", (2e9, 2e9))
    found = snakemake("--keep-going", "all", "late")
    assert "older modification time" not in found["said"]
    assert (tmp_path / "late").exists()


@pytest.mark.slow
def test_a_dry_run(snakemake: Callable[..., dict[str, Any]]):
    found = snakemake("-n")
    assert found["dry_run"]
    assert found["plans_jobs"]
    assert not found["runs_jobs"]


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--dag", "--summary", "--rulegraph"])
def test_graphs_and_lists_run_no_jobs(snakemake: Callable[..., dict[str, Any]], option: str):
    found = snakemake(option)
    assert not found["runs_jobs"]
    assert not found["plans_jobs"]


@pytest.mark.slow
def test_touch(snakemake: Callable[..., dict[str, Any]]):
    assert snakemake("--touch", "--keep-going")["touches"]


@pytest.mark.slow
@pytest.mark.parametrize("option", [["--forceall"], ["--forcerun", "day/good"]])
def test_regenerating_on_request(snakemake: Callable[..., dict[str, Any]], option: list[str]):
    assert snakemake("-n", *option)["regenerates"]


@pytest.mark.slow
def test_conda(snakemake: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch):
    """Snakemake looks for the program even for a dry run; where there is none, nothing is asked."""
    try:
        found = snakemake("-n", "--sdm", "conda")
    except FileNotFoundError:
        pytest.skip("no conda on this machine")
    assert found["uses_conda"]


@pytest.mark.slow
def test_a_file_that_is_there_is_regenerated(
    snakemake: Callable[..., dict[str, Any]], tmp_path: Path
):
    snakemake("--keep-going")
    snakemake("--keep-going")
    before = (tmp_path / "day" / "good").stat().st_mtime_ns
    found = snakemake("--keep-going", force=[str(tmp_path / "day" / "good"), "day/good", "gone"])
    assert found["done"] == ["licks"]
    assert (tmp_path / "day" / "good").stat().st_mtime_ns > before


@pytest.mark.slow
def test_limits_of_a_workstation(snakemake: Callable[..., dict[str, Any]]):
    limits = snakemake("-n")["limits"]
    assert limits["gpu"] == 1
    assert limits["io_charge"] == 100
    assert limits["mem_mb"] > 100


@pytest.mark.slow
def test_limits_that_somebody_gives_count(snakemake: Callable[..., dict[str, Any]]):
    limits = snakemake("-n", "--resources", "gpu=3", "mem_mb=500")["limits"]
    assert (limits["gpu"], limits["mem_mb"], limits["io_charge"]) == (3, 500, 100)


@pytest.mark.slow
def test_a_cluster_has_its_own_limits(snakemake: Callable[..., dict[str, Any]]):
    found = snakemake("-n", "--jobs", "5", "--executor", "slurm", "--resources", "gpu=4")
    assert found["on_cluster"]
    assert found["limits"]["gpu"] == 4
    assert not {"io_charge", "mem_mb"} & found["limits"].keys()
    assert found["limits"]["_cores"] is None, "those of this machine are no limit there"
