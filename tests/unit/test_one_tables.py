"""The ONE tables of a data folder, as ONE itself reads them."""

import hashlib
import json
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
from alfvideo.registration import names, one_tables
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
    return one_tables.update(root, folders.discover(root)).n_sessions


def one_of(root: Path) -> One:
    return One(cache_dir=root, mode="local")


def files(root: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in root.glob("*.pqt")}


QC_FILE = "qc/_ibl_bodyCamera.videoQC.json"


@pytest.mark.parametrize("outcome", ["PASS", "CRITICAL"])
def test_times_have_the_qc_of_what_shows_them_to_be_right(root: Path, made: Path, outcome: str):
    (made / "qc").mkdir(exist_ok=True)
    checks = {"_videoBody_alignment": [outcome, 0.0], "_videoBody_wheel_alignment": "FAIL"}
    (made / QC_FILE).write_text(json.dumps({"outcome": "FAIL", "extended_qc": checks}))
    update(root)
    table = pd.read_parquet(root / "datasets.pqt").set_index("rel_path")
    assert table.qc[TIMES] == outcome
    assert table.qc[POSE] == "NOT_SET"
    found = one_of(root).list_datasets(made.relative_to(root).as_posix())
    assert (TIMES in found) is (outcome == "PASS"), "ONE leaves out what is CRITICAL"


@pytest.mark.parametrize(
    "content", ["", "[]", '{"extended_qc": {"_videoBody_alignment": []}}', "{}"]
)
def test_times_without_a_usable_check_keep_their_qc(root: Path, made: Path, content: str):
    (made / "qc").mkdir(exist_ok=True)
    (made / QC_FILE).write_text(content)
    update(root)
    table = pd.read_parquet(root / "datasets.pqt").set_index("rel_path")
    assert table.qc[TIMES] == "NOT_SET"


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


def test_a_session_has_the_id_of_alyx(root: Path, made: Path):
    """From its first registration on, in tables that are there already, too."""
    update(root)
    (before,) = one_of(root).search()
    datasets_before = one_of(root).list_datasets(before, details=True)
    eid = "6f4b0f4e-6e5c-4b0e-9d0a-3f3f8a2f6c11"
    report = made / "registration" / "alyx.json"
    report.parent.mkdir(exist_ok=True)
    report.write_text(json.dumps({"eid": eid}))
    os.utime(made / provenance.FILE_NAME)
    changed = one_tables.update(root, folders.discover(root))
    assert changed.n_sessions == 1
    assert f"(the first {eid}, before {before})" in changed.left_out[0]
    one = one_of(root)
    assert list(map(str, one.search())) == [eid]
    assert one.eid2path(eid) == made
    assert list(one.list_datasets(eid, details=True).index) == list(datasets_before.index)
    os.utime(made / provenance.FILE_NAME)
    assert one_tables.update(root, folders.discover(root)).left_out == ()


def test_a_copy_of_a_session_has_an_id_of_its_own(root: Path, made: Path):
    (made / "registration").mkdir(exist_ok=True)
    eid = "6f4b0f4e-6e5c-4b0e-9d0a-3f3f8a2f6c11"
    (made / "registration" / "alyx.json").write_text(json.dumps({"eid": eid}))
    shutil.copytree(made, made.with_name("077"))
    assert update(root) == 2
    one = one_of(root)
    assert len(one.search()) == 2
    assert len({one.eid2path(each) for each in one.search()}) == 2


@pytest.mark.parametrize("content", ["{half", "{}", '{"eid": 3}', '{"eid": "x"}', "[]"])
def test_an_odd_registration_leaves_the_id(root: Path, made: Path, content: str):
    (made / "registration").mkdir(exist_ok=True)
    (made / "registration" / "alyx.json").write_text(content)
    update(root)
    assert len(one_of(root).search()) == 1


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
    return one_tables.update(root, [path]).n_sessions


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


def session_of(root: Path, *parts: str) -> Path:
    """A session with a result, without raw data."""
    path = root.joinpath(*parts, "2026-01-01", "001")
    path.mkdir(parents=True)
    make(path, TIMES)
    return path


CUT = ("mouse 1", "rat 1", "KB@1", "O'Brien", "M(1)", "mouse,1", "KB%1", "a\nb", "KB ", "e\u0301a")
HELD = ("1", "-KB", "éá", "鼠", "b.c_d")


def test_subjects_that_one_would_call_otherwise_are_left_out_with_a_sentence(root: Path):
    paths = [session_of(root, name) for name in (*CUT, *HELD)]
    assert one_tables.update(root, paths) == one_tables.Update(len(HELD))
    one = one_of(root)
    eids = one.search()
    assert sorted(map(one.eid2path, eids)) == sorted(paths[len(CUT) :])
    assert len(set(one._cache["datasets"].index.get_level_values("eid"))) == len(HELD)
    sentences = names.left_out(root, paths)
    assert len(sentences) == len(CUT)
    assert sentences[0] == (
        "Not in the ONE tables: mouse 1/2026-01-01/001: ONE cannot hold the subject 'mouse 1', "
        "which it takes for '1': rename the folder to letters, digits, '.', '-' and '_'."
    )


@pytest.mark.parametrize("folder", ["my lab", "my-lab", "lab"])
def test_labs_that_one_would_call_otherwise_are_left_out(root: Path, folder: str):
    path = session_of(root, folder, "Subjects", "KB001")
    assert update(root) == (folder == "lab")
    assert bool(names.left_out(root, [path])) == (folder != "lab")


@pytest.mark.parametrize("place", [("lab", "mice", "KB001"), ("deep", "KB001"), ("Subjects", "KB")])
def test_places_where_one_does_not_look_are_named(root: Path, place: tuple[str, ...]):
    path = session_of(root, *place)
    assert update(root) == 0
    (sentence,) = names.left_out(root, [path, path])
    assert f"{'/'.join(place)}/2026-01-01/001 and 1 more: ONE looks for sessions in" in sentence


def test_a_day_that_is_none_is_left_out(root: Path):
    path = root / "KB001" / "2026-02-30" / "001"
    path.mkdir(parents=True)
    make(path, TIMES)
    session_of(root, "KB002")
    assert update(root) == 1
    assert "2026-02-30/001 is no day of the calendar and number" in names.left_out(root, [path])[0]


@pytest.mark.parametrize(
    "name",
    [
        "alf/probe 1/spikes.times.npy",
        "alf/probe(1)/spikes.times.npy",
        "alf/#2026 1#/spikes.times.npy",
        "alf/#r#/probe00/spikes.times.npy",
        "alf/spikes.times.npy\n",
    ],
)
def test_datasets_that_one_would_call_otherwise_are_left_out_with_a_sentence(root: Path, name: str):
    path = session_of(root, "KB001")
    (path / name).parent.mkdir(parents=True, exist_ok=True)
    np.save(path / "x.npy", np.zeros(3))
    (path / "x.npy").rename(path / name)
    found = one_tables.update(root, [path])
    assert found.n_sessions == 1
    assert list(one_of(root)._cache["datasets"]["rel_path"]) == [TIMES]
    (sentence,) = found.left_out
    assert f"{name!r} of {path}: ONE cannot hold these names" in sentence


def put_in_place(file: Path, what: str) -> None:
    """Have something else than what is expected in place of a file."""
    file.parent.mkdir(exist_ok=True)
    match what:
        case "fifo":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "loop":
            file.symlink_to(file.name)
        case "link to nothing":
            file.symlink_to("nothing")
        case _:
            file.write_text(what)


RECORDS = (
    *("fifo", "folder", "loop", "link to nothing", "", "{half", "[]", "{}", "[" * 100_000),
    *('{"datasets": [3]}', '{"datasets": [{"path": "a", "file_size": "1", "hash": 1}]}'),
)


@pytest.mark.parametrize("what", RECORDS, ids=lambda text: text[:40])
def test_a_broken_record_of_raw_files_keeps_no_session_out(root: Path, what: str):
    broken, whole = session_of(root, "KB001"), session_of(root, "KB002")
    put_in_place(broken / "registration" / "bodyCamera_raw.json", what)
    found = one_tables.update(root, [broken, whole])
    assert found.n_sessions == 2
    (sentence,) = found.left_out
    assert f"{broken}/registration/bodyCamera_raw.json cannot be read" in sentence
    assert len(one_of(root).search()) == 2
    assert one_tables.outdated(root, [broken, whole]) == []


@pytest.mark.parametrize("what", ["fifo", "folder", "loop", "link to nothing"])
def test_what_is_no_file_is_no_dataset(root: Path, what: str):
    path = session_of(root, "KB001")
    put_in_place(path / "alf" / "_ibl_wheel.position.npy", what)
    assert one_tables.update(root, [path]) == one_tables.Update(1)
    assert list(one_of(root)._cache["datasets"]["rel_path"]) == [TIMES]


def test_a_protocol_that_is_a_number_is_a_text(root: Path, made: Path):
    (description,) = made.glob("_ibl_experiment.description*.yaml")
    text = description.read_text().replace("_iblrig_tasks_ephysChoiceWorld", "3")
    description.write_text(text)
    found = one_tables.update(root, [made])
    assert found.n_sessions == 1
    one = one_of(root)
    assert one.get_details(one.search()[0])["task_protocol"] in ("3", "")


@pytest.mark.parametrize(
    "content",
    ['{"a": 3}', "[" * 100_000, '{"a": {"output": [1]}}', '{"a": {"output": {"size": []}}}'],
)
def test_a_record_of_another_shape_leaves_the_other_sessions(root: Path, content: str):
    broken, whole = session_of(root, "KB001"), session_of(root, "KB002")
    (broken / provenance.FILE_NAME).write_text(content)
    one_tables.update(root, [broken, whole])
    one = one_of(root)
    assert whole in map(one.eid2path, one.search())


def test_what_nobody_foresaw_leaves_out_one_session_with_its_traceback(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    broken, whole = session_of(root, "KB001"), session_of(root, "KB002")
    row = one_tables._session_row

    def raising(name: str, session: Path) -> object:
        assert session != broken, "not foreseen"
        return row(name, session)

    monkeypatch.setattr(one_tables, "_session_row", raising)
    found = one_tables.update(root, [broken, whole])
    assert found.n_sessions == 1
    (sentence,) = found.left_out
    assert sentence.startswith(f"Not put in the ONE tables: {broken}: broken: AssertionError")
    (file,) = (tmp_path / "logs" / "broken").iterdir()
    assert "not foreseen" in file.read_text()
    assert one_tables.outdated(root, [broken, whole]) == [broken]


@pytest.mark.parametrize("name", ["sessions.pqt", "datasets.pqt"])
@pytest.mark.parametrize("what", ["fifo", "folder", "loop", "link to nothing"])
def test_what_is_in_place_of_a_table_is_named_and_left(root: Path, name: str, what: str):
    path = session_of(root, "KB001")
    put_in_place(root / name, what)
    assert one_tables.outdated(root, [path]) == [path]
    with pytest.raises(DataError, match=rf"{name} cannot be used as a ONE table \(it is no file\)"):
        update(root)
    assert os.path.lexists(root / name)
    assert [file.name for file in root.glob("*.pqt")] == [name]


def test_links_in_place_of_what_is_written_are_not_followed(root: Path, tmp_path: Path):
    victim = tmp_path / "thesis"
    victim.write_text("the thesis")
    for name in ("sessions", "datasets"):
        (root / f".{name}.pqt.partial").symlink_to(victim)
    session_of(root, "KB001")
    assert update(root) == 1
    assert victim.read_text() == "the thesis"
    assert len(one_of(root).search()) == 1
