"""No code behind a result changes without the version of its algorithm, or a word that it may."""

import json
from pathlib import Path

import pytest
from tests import algorithm_digests as digests

SCRIPT = "from house import room\nwith job.run(snakemake) as this:\n    save(room.work(this.x))\n"
ROOM = '''"""A room."""
from house.tools import half

LIMIT = 3

def work(x: int) -> int:
    """Work."""
    if x > LIMIT:
        raise ValueError(f"{x} is too large")
    return half(x)

def idle():
    return 1
'''
TOOLS = "def half(x):\n    return x / 2\n"


def digest(folder: Path, script: str = SCRIPT, **modules: str) -> list[str]:
    """The digests of what a script reaches in a package `house`."""
    house = folder / "house"
    house.mkdir(exist_ok=True)
    for file in house.iterdir():
        file.unlink()
    for name, text in {"room": ROOM, "tools": TOOLS, **modules}.items():
        (house / f"{name}.py").write_text(text)
    path = folder / "script.py"
    path.write_text(script)
    return sorted(digests.Code(folder).reached(path).values())


def test_versions_tell_of_every_change():
    now, before = digests.current(), digests.recorded()
    wrong = digests.problems(now, before)
    assert not wrong, "\n".join([*wrong.values(), "Changed:", *digests.changed(now, before)])


@pytest.mark.parametrize(
    "changes",
    [
        {"room": ROOM.replace("LIMIT = 3", "LIMIT = 4")},
        {"room": ROOM.replace("x > LIMIT", "x >= LIMIT")},
        {"tools": TOOLS.replace("/ 2", "// 2")},
        {"script": SCRIPT.replace("this.x", "-this.x")},
    ],
)
def test_what_the_result_depends_on_counts(tmp_path: Path, changes: dict[str, str]):
    assert digest(tmp_path, **changes) != digest(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"room": ROOM.replace('"""Work."""', '"""Do the work."""  # quickly')},
        {"room": ROOM.replace("x: int) -> int", "x)")},
        {"room": ROOM.replace("is too large", "is larger than it may be")},
        {"room": ROOM.replace("return 1", "return 2")},
        {"room": ROOM.replace("house.tools", "house.shed"), "shed": TOOLS, "tools": ""},
        {"room": ROOM.replace("    if", "    from house.tools import half\n\n    if", 1)},
    ],
    ids=["comments", "annotations", "messages", "not reached", "moved", "imports"],
)
def test_what_it_does_not_depend_on_does_not_count(tmp_path: Path, changes: dict[str, str]):
    assert digest(tmp_path, **changes) == digest(tmp_path)


def test_modules_of_another_process_count_whole(tmp_path: Path):
    digest(tmp_path)
    script = tmp_path / "script.py"
    assert ("house.room", "idle") not in digests.Code(tmp_path).reached(script)
    assert ("house.room", "idle") in digests.Code(tmp_path).reached(script, ("house.room",))


def record(version: int, digest: str) -> dict:
    return {"rules": {"dlc": {"version": version, "digest": digest}}, "definitions": {}}


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (record(1, "a"), None),
        (record(1, "b"), "raise its version"),
        (record(2, "b"), "is not recorded yet"),
        (record(0, "a"), "must not be lowered"),
        ({"rules": {}, "definitions": {}}, "is gone"),
    ],
)
def test_problem_says_what_to_do(now: dict, says: str | None):
    found = digests.problems(now, record(1, "a"))
    assert (says in found["dlc"]) if says else not found


def test_changed_code_is_recorded_with_its_version_or_a_reason_only():
    before = record(1, "a")
    assert digests.update(record(2, "b"), before, "") == record(2, "b")
    same = digests.update(record(1, "b"), before, "it is only quicker")
    assert same["rules"]["dlc"] == {
        "version": 1,
        "digest": "b",
        "same_results": "it is only quicker",
    }
    assert digests.update(record(1, "b"), same, "")["rules"] == same["rules"]
    with pytest.raises(SystemExit, match="raise its version"):
        digests.update(record(1, "b"), before, "")
    with pytest.raises(SystemExit, match="lowered"):
        digests.update(record(0, "b"), before, "it is only quicker")


def test_scripts_of_all_rules_and_what_is_left_out_are_there():
    code = digests.Code(digests.REPO / "src")
    for module in (*digests.EXCLUDED, *sum(digests.STARTED.values(), ())):
        assert code.module(module) is not None, module
    assert json.loads(digests.RECORD.read_text())["rules"].keys() == {
        task.rule for task in digests.TASKS
    }
