"""Past jobs, from records that jobs really write and benchmarks as Snakemake writes them."""

import json
import platform
from pathlib import Path

import pytest

from alfvideo.jobs import provenance
from alfvideo.views import history
from alfvideo.views.history import Past

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"


@pytest.fixture
def session(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "KB001" / "2026-01-01" / "001"
    path.mkdir(parents=True)
    return path


def record(
    session: Path, *outputs: str, inputs: dict[str, int], seconds: float, rule: str = "dlc"
) -> None:
    """Leave what a job leaves, with outputs of 100 bytes."""
    paths = [session / name for name in outputs]
    for path in paths:
        path.write_bytes(bytes(100))
    work = provenance.Work(
        rule=rule,
        camera="left",
        inputs={session / name: {"size": size, "mtime_ns": 0} for name, size in inputs.items()},
        outputs=paths,
        params={"version": 1},
        log=Path("logs") / rule / session.relative_to("/") / "left.log",
    )
    provenance.record(session, work, started=provenance.now(), seconds=seconds)


def benchmark(folder: Path, session: Path, seconds: float, rule: str = "dlc") -> None:
    path = folder / "benchmarks" / rule / session.relative_to("/") / "left.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}\n{seconds}\t0:00:09\t1\t1\t1\t1\t1\t1\t50\t4\n")


def test_a_job_is_read_from_its_record_and_its_benchmark(tmp_path: Path, session: Path):
    record(session, "a.npy", "b.npy", inputs={}, seconds=8)
    benchmark(tmp_path, session, seconds=11.5)
    (job,) = history.read([session], tmp_path)
    assert job == Past("dlc", session, "left", 11.5, platform.node())


def test_without_a_benchmark_the_record_has_the_time(tmp_path: Path, session: Path):
    record(session, "a.npy", inputs={}, seconds=8)
    (job,) = history.read([session], tmp_path)
    assert job.seconds == 8


@pytest.mark.parametrize("content", ["", "s\n", "nothing\tof\tit\n1\t2\t3\n", "s\nlong\n"])
def test_a_broken_benchmark_is_as_none(tmp_path: Path, session: Path, content: str):
    record(session, "a.npy", inputs={}, seconds=8)
    benchmark(tmp_path, session, seconds=11.5)
    next(tmp_path.rglob("*.tsv")).write_text(content)
    (job,) = history.read([session], tmp_path)
    assert job.seconds == 8


def test_a_benchmark_of_another_run_of_the_job_is_left_out(tmp_path: Path, session: Path):
    record(session, "a.npy", inputs={}, seconds=8)
    benchmark(tmp_path, session, seconds=3)
    (job,) = history.read([session], tmp_path)
    assert job.seconds == 8


def test_sessions_without_readable_records_are_passed_over(tmp_path: Path, session: Path):
    broken, none = session.with_name("002"), session.with_name("003")
    broken.mkdir()
    (broken / provenance.FILE_NAME).write_text("{")
    record(session, "a.npy", inputs={}, seconds=8)
    records = json.loads((session / provenance.FILE_NAME).read_text())
    records["of another program"] = {"rule": "dlc"}
    (session / provenance.FILE_NAME).write_text(json.dumps(records))
    assert len(history.read([none, broken, session], tmp_path)) == 1


def test_no_more_sessions_are_read_than_needed(
    tmp_path: Path, session: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(history, "MAX_SESSIONS", 2)
    sessions = [session.with_name(f"{number:03}") for number in range(1, 6)]
    for path in sessions[1:]:
        path.mkdir(exist_ok=True)
        record(path, "a.npy", inputs={}, seconds=int(path.name))
    past = history.read(sessions, tmp_path)
    assert [job.seconds for job in past] == [2, 3]


@pytest.mark.parametrize("seconds", ["NaN", "Infinity", "-1", "1e300", '"8"', "[]", "null"])
def test_times_that_no_job_takes_are_left_out(tmp_path: Path, session: Path, seconds: str):
    record(session, "a.npy", inputs={}, seconds=8)
    file = session / provenance.FILE_NAME
    file.write_text(file.read_text().replace('"seconds": 8', f'"seconds": {seconds}'))
    assert list(history.read([session], tmp_path)) == []
