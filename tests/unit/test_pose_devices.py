"""Pose jobs of one workstation get different GPUs."""

import subprocess
import sys
from pathlib import Path

import pytest

from alfvideo.pose import devices

HOLD = """
import sys
from alfvideo.pose import devices
with devices.one() as device:
    print(device, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def test_without_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(devices.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert devices.visible() is None
    with devices.one() as device:
        assert device is None, "PyTorch finds out"
    monkeypatch.setenv(devices.VARIABLE, "")
    with devices.one() as device:
        assert device == "", "the user wants the CPU"


def test_gpus_of_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(devices.VARIABLE, raising=False)
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho GPU-aa\necho GPU-bb\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert devices.visible() == ["GPU-aa", "GPU-bb"]
    program.write_text("#!/bin/sh\necho no driver\nexit 9\n")
    assert devices.visible() is None


@pytest.mark.parametrize(("value", "seen"), [("2, 5", ["2", "5"]), ("", [])])
def test_gpus_that_the_cluster_gave(monkeypatch: pytest.MonkeyPatch, value: str, seen: list[str]):
    monkeypatch.setenv(devices.VARIABLE, value)
    assert devices.visible() == seen


def test_jobs_at_the_same_time_get_different_gpus(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(devices.VARIABLE, "0,1")
    jobs = []
    for _ in range(3):
        job = subprocess.Popen(
            [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        jobs.append((job, job.stdout.readline().strip()))
    assert [device for _, device in jobs] == ["0", "1", "0"], "the third shares the first"
    second, _ = jobs[1]
    second.kill()
    second.communicate()
    with devices.one() as device:
        assert device == "1", "a killed job gives its GPU back"
    for job, _ in jobs:
        job.communicate()
