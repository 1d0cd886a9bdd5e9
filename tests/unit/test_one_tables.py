"""The ONE tables of a data folder, as ONE itself reads them."""

import hashlib
import logging
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from iblutil.io import parquet
from one.alf.cache import make_parquet_db
from one.api import One

from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance
from alfvideo.registration import one_tables
from alfvideo.session import folders
from rigsim import Rig

Render = Callable[[Path, Rig], Path]
RIG = Rig(seconds=1, scale=0.05, cameras=("body",), lab="lab")
N = 30


def make(session: Path, *names: str, n: int = N) -> None:
    """Leave results as jobs do, with their provenance."""
    for name in names:
        file = session / name
        file.parent.mkdir(exist_ok=True)
        if file.suffix == ".pqt":
            pd.DataFrame({"nose_tip_x": np.arange(float(n))}).to_parquet(file)
        else:
            np.save(file, np.arange(float(n)))
    provenance.record(
        session,
        provenance.Work(
            rule="a_rule",
            camera="left",
            inputs={},
            outputs=[session / name for name in names],
            params={},
            log=Path("log"),
        ),
        started=provenance.now(),
        seconds=1.0,
    )


TIMES, POSE = "alf/_ibl_bodyCamera.times.npy", "alf/_ibl_bodyCamera.dlc.pqt"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def made(root: Path, rendered: Render) -> Path:
    path = rendered(root, RIG)
    make(path, TIMES, POSE)
    return path


def update(root: Path) -> int:
    return one_tables.update(root, folders.discover(root))


def one_of(root: Path) -> One:
    return One(cache_dir=root, mode="local")


def files(root: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in root.glob("*.pqt")}


def test_one_finds_and_loads_what_was_made(
    root: Path, made: Path, caplog: pytest.LogCaptureFixture
):
    assert update(root) == 1
    one = one_of(root)
    (eid,) = one.search(subject="KB001", lab="lab")
    assert one.eid2path(eid) == made
    with caplog.at_level(logging.WARNING):
        camera = one.load_object(eid, "bodyCamera", collection="alf")
    assert caplog.text == "", "sizes and hashes agree"
    assert camera["times"].shape == (N,)
    assert len(camera["dlc"]) == N
    details = one.get_details(eid)
    assert (details["number"], str(details["date"])) == (1, "2026-01-01")
    assert details["task_protocol"] == "_iblrig_tasks_ephysChoiceWorld"
    assert details["projects"] == "rendered"


def test_rows_have_size_hash_and_revision(root: Path, made: Path):
    update(root)
    rows = one_of(root)._cache["datasets"].set_index("rel_path")
    on_disk = {
        file.relative_to(made).as_posix(): file for file in made.rglob("*.*.*") if file.is_file()
    }
    assert {TIMES, POSE, "raw_video_data/_iblrig_bodyCamera.raw.avi"} <= set(rows.index)
    for name, row in rows.iterrows():
        assert row["file_size"] == on_disk[name].stat().st_size
        assert row["hash"] == hashlib.md5(on_disk[name].read_bytes()).hexdigest()
        assert row["exists"]
        assert row["default_revision"]
        assert row["qc"] == "NOT_SET"


def test_what_is_being_written_is_left_out(root: Path, made: Path):
    hidden = (
        *("alf/._ibl_bodyCamera.features.pqt.partial", "alf/._ibl_trials.table.pqt.aside"),
        "alf/._ibl_bodyCamera.dlc.pqt.parts/_ibl_a.b.npy",
    )
    for name in hidden:
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_bytes(b"half")
    assert update(root) == 1
    names = set(one_of(root)._cache["datasets"]["rel_path"])
    assert names.isdisjoint(hidden)
    assert TIMES in names


def test_hash_is_that_of_the_provenance(root: Path, made: Path, monkeypatch: pytest.MonkeyPatch):
    """Files that were hashed when they were made, or are very large, are not read again."""
    monkeypatch.setattr(one_tables, "_MAX_HASHED_BYTES", -1)
    update(root)
    rows = one_of(root)._cache["datasets"].set_index("rel_path")
    assert rows.loc[TIMES, "hash"] == hashlib.md5((made / TIMES).read_bytes()).hexdigest()
    assert rows.loc[["alf/_ibl_wheel.position.npy"], "hash"].isna().all()


def test_ids_are_the_same_for_ever(root: Path, made: Path, tmp_path: Path):
    update(root)
    first = one_of(root)._cache
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(root, elsewhere)
    for file in elsewhere.glob("*.pqt"):
        file.unlink()
    update(elsewhere)
    second = one_of(elsewhere)._cache
    assert list(first["sessions"].index) == list(second["sessions"].index)
    assert list(first["datasets"].index) == list(second["datasets"].index)


def test_unchanged_sessions_change_nothing(root: Path, made: Path):
    update(root)
    before = {file: file.stat().st_mtime_ns for file in root.glob("*.pqt")}
    assert len(before) == 2
    assert update(root) == 0
    assert {file: file.stat().st_mtime_ns for file in root.glob("*.pqt")} == before


def test_new_and_remade_results(root: Path, made: Path):
    update(root)
    before = one_of(root)._cache["datasets"].reset_index().set_index("rel_path")
    make(made, TIMES, n=N + 1)
    make(made, "alf/licks.times.npy")
    assert one_tables.outdated(root, [made]) == [made]
    assert update(root) == 1
    after = one_of(root)._cache["datasets"].reset_index().set_index("rel_path")
    assert set(after.index) == {*before.index, "alf/licks.times.npy"}
    assert (after.loc[before.index, ["eid", "id"]] == before[["eid", "id"]]).all(axis=None)
    changed = after.loc[before.index, "hash"] != before["hash"]
    assert list(before.index[changed]) == [TIMES]


def test_what_is_gone_is_marked(root: Path, made: Path):
    update(root)
    (made / POSE).unlink()
    make(made, TIMES)
    update(root)
    rows = one_of(root)._cache["datasets"].set_index("rel_path")
    assert not rows.loc[POSE, "exists"]
    assert rows.loc[TIMES, "exists"]


def test_newest_revision_is_the_default(root: Path, made: Path):
    revised = "alf/#2026-02-01#/_ibl_bodyCamera.times.npy"
    (made / "alf" / "#2026-02-01#").mkdir()
    np.save(made / revised, np.zeros(N))
    update(root)
    rows = one_of(root)._cache["datasets"].set_index("rel_path")
    assert rows.loc[revised, "default_revision"]
    assert not rows.loc[TIMES, "default_revision"]
    one = one_of(root)
    times = one.load_dataset(one.search()[0], "_ibl_bodyCamera.times.npy", collection="alf")
    assert (times == 0).all()


@pytest.fixture(scope="module")
def lab_folder(tmp_path_factory: pytest.TempPathFactory, rendered: Render) -> Path:
    """Two sessions and the tables that a lab made of them, with QC and a column of its own.

    ONE takes seconds to make tables.
    """
    root = tmp_path_factory.mktemp("lab")
    path = rendered(root, RIG)
    rendered(root, Rig(seconds=1, scale=0.05, cameras=("body",), lab="lab", subject="KB002"))
    shutil.rmtree(root / ".truth")
    make(path, TIMES, POSE)
    (path / POSE).rename(path / "pose")
    make_parquet_db(root, hash_files=True)
    (path / "pose").rename(path / POSE)
    file = root / "datasets.pqt"
    table, metadata = parquet.load(file)
    table["qc"] = "PASS"
    table["ours"] = "kept"
    parquet.save(file, table, metadata)
    return root


@pytest.fixture
def of_the_lab(root: Path, made: Path, lab_folder: Path) -> pd.DataFrame:
    """The tables of the lab, in a folder with its sessions."""
    shutil.rmtree(root)
    shutil.copytree(lab_folder, root)
    return one_of(root)._cache["datasets"]


def test_tables_of_the_lab_keep_their_rows(root: Path, made: Path, of_the_lab: pd.DataFrame):
    assert update(root) == 1
    cache = one_of(root)._cache
    after = cache["datasets"]
    assert len(cache["sessions"]) == 2
    assert set(of_the_lab.index) < set(after.index)
    kept = after.loc[of_the_lab.index]
    assert (kept[["rel_path", "hash"]] == of_the_lab[["rel_path", "hash"]]).all(axis=None)
    assert set(kept["qc"]) == {"PASS"}
    assert set(kept["ours"]) == {"kept"}
    new = after[~after.index.isin(of_the_lab.index)]
    assert list(new["rel_path"]) == [POSE]
    assert set(new.index.get_level_values("eid")) < set(of_the_lab.index.get_level_values("eid"))


@pytest.mark.parametrize("lab", ["lab", None])
def test_both_layouts(root: Path, rendered: Render, lab: str | None):
    path = rendered(root, Rig(seconds=1, scale=0.05, cameras=("body",), lab=lab))
    make(path, TIMES)
    update(root)
    one = one_of(root)
    assert one.eid2path(one.search()[0]) == path


def test_sessions_that_one_would_look_for_elsewhere_are_left_out(root: Path, rendered: Render):
    make(rendered(root / "deep" / "down", RIG), TIMES)
    assert update(root) == 0
    assert files(root) == {}


def test_broken_provenance_leaves_the_other_sessions(root: Path, made: Path, rendered: Render):
    broken = rendered(root, Rig(seconds=1, scale=0.05, cameras=("body",), subject="KB009"))
    (broken / provenance.FILE_NAME).write_text("{half")
    assert update(root) == 1
    assert one_tables.outdated(root, [made, broken]) == []


def test_sessions_without_results_are_left_out(root: Path, rendered: Render):
    rendered(root, RIG)
    assert update(root) == 0


@pytest.mark.parametrize("name", ["sessions.pqt", "datasets.pqt"])
@pytest.mark.parametrize("damage", ["cut", "foreign", "no ids", "text"])
def test_bad_tables_stay_as_they_are(
    root: Path, made: Path, of_the_lab: pd.DataFrame, name: str, damage: str
):
    file = root / name
    match damage:
        case "cut":
            file.write_bytes(file.read_bytes()[:-100])
        case "foreign":
            pd.DataFrame({"mouse": ["KB001"], "weight": [21.0]}).to_parquet(file)
        case "no ids":
            table, metadata = parquet.load(file)
            parquet.save(file, table.reset_index(drop=True), metadata)
        case "text":
            file.write_text("no table")
    before = files(root)
    assert one_tables.outdated(root, [made]) == [made]
    with pytest.raises(DataError, match=rf"^{file} cannot be used as a ONE table \(.*left as it"):
        update(root)
    assert files(root) == before
    assert not list(root.glob(".*.partial"))


def test_folder_that_may_not_be_written(root: Path, made: Path):
    update(root)
    before = files(root)
    make(made, TIMES, n=2)
    root.chmod(0o555)
    try:
        if os.access(root, os.W_OK):
            pytest.skip("root may write everywhere")
        with pytest.raises(DataError, match="cannot be written"):
            update(root)
    finally:
        root.chmod(0o755)
    assert files(root) == before


def test_what_a_killed_writer_left_does_not_matter(root: Path, made: Path):
    (root / ".datasets.pqt.partial").write_bytes(b"half")
    (root / ".sessions.pqt.partial").write_bytes(b"half")
    assert update(root) == 1
    assert len(one_of(root).search()) == 1


def update_one(root: Path, path: Path) -> int:
    return one_tables.update(root, [path])


def test_eight_writers_at_once(root: Path, rendered: Render):
    paths = []
    for n in range(8):
        paths.append(rendered(root, Rig(seconds=1, scale=0.05, cameras=("body",), subject=f"S{n}")))
        make(paths[-1], TIMES)
    with ProcessPoolExecutor(8) as pool:
        assert list(pool.map(update_one, [root] * 8, paths)) == [1] * 8
    one = one_of(root)
    assert len(one.search()) == 8
    assert (one._cache["datasets"]["rel_path"] == TIMES).sum() == 8
