"""Environments of the pose engines: made, taken, checked, and what is said when that fails."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from alfvideo.files.errors import DataError
from alfvideo.pose import environment, uv

ENVS = Path(__file__).parents[2] / "envs"


def pip_list(path: Path) -> list[str]:
    """What conda hands to pip."""
    *_, last = yaml.safe_load(path.read_text())["dependencies"]
    return last["pip"]


def program(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["#!/bin/sh", *lines]))
    path.chmod(0o755)
    return path


@pytest.fixture
def venv(tmp_path):
    """An empty environment; its Python, and a function that adds the metadata of a package."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")

    def add(name: str, version: str) -> None:
        folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )

    return tmp_path / "venv" / "bin" / "python", add


@pytest.fixture
def small_pins(tmp_path, monkeypatch):
    """A folder of pins that uv can install without a network, and with an empty cache."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "pins"
    folder.mkdir()
    write_pins(folder, wheel(folder, "1.0"))
    return folder


def wheel(folder: Path, version: str) -> str:
    """Write a package with one empty module, `small`; its requirement."""
    path = folder / f"small-{version}-py3-none-any.whl"
    info = f"small-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: small\nVersion: {version}\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("small.py", "")
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return f"small @ {path.as_uri()}"


def write_pins(folder: Path, *requirements: str) -> None:
    content = {"dependencies": ["python=3.11", "pip", {"pip": list(requirements)}]}
    (folder / "dlc.yaml").write_text(yaml.safe_dump(content))


def runs(python: Path, code: str) -> bool:
    return subprocess.run([python, "-c", code], capture_output=True).returncode == 0


# Pins


@pytest.mark.parametrize(("engine", "name"), [("dlc", "dlc"), ("lightningPose", "litpose")])
def test_uv_gets_the_pins_of_conda(engine, name):
    found = [Requirement(text) for text in environment.pins(engine)]
    assert found == [Requirement(text) for text in pip_list(ENVS / f"{name}.yaml")]
    assert all(re.fullmatch(r"==[\d.]+", str(item.specifier)) for item in found)


@pytest.mark.parametrize("engine", environment.ENGINES)
def test_pinned_versions_are_supported_ones(engine):
    pinned = {item.name: item for item in map(Requirement, environment.pins(engine))}
    for needed in map(Requirement, environment.ENGINES[engine].requires):
        (pin,) = pinned[needed.name].specifier
        assert needed.specifier.contains(pin.version)


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[",
        "dependencies: [{pip: []}]",
        "dependencies: [python]",
        "dependencies: [{pip: ['deeplabcut==']}]",
        "a: 1",
    ],
)
def test_unreadable_pins(tmp_path, content):
    if content is not None:
        (tmp_path / "dlc.yaml").write_text(content)
    with pytest.raises(
        DataError, match=r"dlc\.yaml should be a conda environment file with a list"
    ):
        environment.pins("dlc", tmp_path)


# A Python that the lab names


def test_configured_python_is_missing(tmp_path):
    with pytest.raises(DataError, match=r"nowhere cannot be run \(No such file.*config\.yaml"):
        environment.quick_check("dlc", str(tmp_path / "nowhere"))


def test_configured_python_may_not_be_run(tmp_path):
    with pytest.raises(DataError, match=r"cannot be run \(Permission denied\).*bin/python"):
        environment.quick_check("dlc", str(tmp_path))


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["echo hello"], "it answers nothing"),
        (["echo No such option. >&2", "exit 2"], "No such option"),
        (["""echo '{"python": "3.9.1"}'"""], r"Python 3\.9\.1"),
    ],
)
def test_configured_program_is_no_python_of_use(tmp_path, lines, found):
    path = program(tmp_path / "prog", *lines)
    with pytest.raises(DataError, match=rf"prog should be a Python 3\.10 to .*\({found}\)"):
        environment.quick_check("dlc", str(path))


def test_configured_python_has_no_engine(venv):
    python, _ = venv
    with pytest.raises(
        DataError, match=rf"{python} has no deeplabcut\. .*{python} -m pip install '"
    ):
        environment.quick_check("dlc", str(python))


def test_configured_python_has_an_old_engine(venv):
    python, add = venv
    add("deeplabcut", "2.3.11")
    with pytest.raises(DataError, match=r"has deeplabcut 2\.3\.11 but <4,>=3 is needed\. Install"):
        environment.quick_check("dlc", str(python))


@pytest.mark.parametrize(("kornia", "works"), [("0.8.2", True), ("0.9.0", False)])
def test_kornia_that_flattens_the_heatmaps(venv, kornia, works):
    python, add = venv
    for name, version in {
        "lightning-pose": "2.4.2",
        "ensemble-kalman-smoother": "4.6.2",
        "torch": "2.13.0+cu130",
        "kornia": kornia,
    }.items():
        add(name, version)
    if works:
        environment.quick_check("lightningPose", str(python))
        return
    with pytest.raises(DataError, match=r"lightning-pose 2\.4\.2 with kornia 0\.9\.0, which gives"):
        environment.quick_check("lightningPose", str(python))


def test_engine_is_there_but_cannot_be_imported(venv):
    python, add = venv
    add("deeplabcut", "3.0.2")
    add("torch", "2.13.0")
    environment.quick_check("dlc", str(python))
    with pytest.raises(DataError, match=r"DeepLabCut cannot be imported in .*No module named"):
        environment.check(python, "dlc")


def test_configured_python_is_taken_as_it_is(tmp_path, venv):
    python, _ = venv
    assert environment.python_of("dlc", str(python), tmp_path / "never") == python
    assert not (tmp_path / "never").exists()


# An environment that uv makes


def test_no_uv(tmp_path, monkeypatch, small_pins):
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="not found on PATH: `pip install uv`"):
        environment.quick_check("dlc", "")
    with pytest.raises(DataError, match="not found on PATH: `pip install uv`"):
        environment.python_of("dlc", "", tmp_path / "environments", small_pins)


def test_made_once(tmp_path, small_pins, capfd):
    python = environment.python_of("dlc", "", tmp_path / "a b", small_pins)
    assert re.fullmatch(r"dlc-[0-9a-f]{8}", python.parent.parent.name)
    assert runs(python, "import small")
    assert "Making the environment of DeepLabCut" in capfd.readouterr().err
    assert environment.python_of("dlc", "", tmp_path / "a b", small_pins) == python
    assert capfd.readouterr().err == ""


def test_other_pins_are_another_environment(tmp_path, small_pins):
    has = "from importlib.metadata import version; assert version('small') == '{}'"
    first = environment.python_of("dlc", "", tmp_path, small_pins)
    write_pins(small_pins, wheel(small_pins, "2.0"))
    second = environment.python_of("dlc", "", tmp_path, small_pins)
    assert runs(first, has.format("1.0"))
    assert runs(second, has.format("2.0"))
    (small_pins / "dlc.overrides.txt").write_text("other ; sys_platform == 'never'\n")
    assert environment.python_of("dlc", "", tmp_path, small_pins) not in (first, second)


@pytest.mark.parametrize("damage", ["marker", "python"])
def test_an_unfinished_environment_is_made_again(tmp_path, small_pins, damage):
    python = environment.python_of("dlc", "", tmp_path, small_pins)
    home = python.parent.parent
    (small,) = home.glob("lib/*/site-packages/small.py")
    small.unlink()
    if damage == "marker":
        (home / uv.FINISHED).unlink()
    else:
        # The Python that it was made with is gone.
        python.unlink()
        python.symlink_to(tmp_path / "gone")
    assert environment.python_of("dlc", "", tmp_path, small_pins) == python
    assert runs(python, "import small")


def test_two_processes_make_it_once(tmp_path, small_pins):
    code = (
        "import sys; from pathlib import Path; from alfvideo.pose import environment as e;"
        "print(e.python_of('dlc', '', Path(sys.argv[1]), Path(sys.argv[2])))"
    )
    command = [sys.executable, "-c", code, tmp_path / "environments", small_pins]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    pythons, said = zip(*(process.communicate() for process in both), strict=True)
    assert pythons[0] == pythons[1]
    assert runs(Path(pythons[0].strip()), "import small")
    assert sum("Making the environment" in text for text in said) == 1


def test_what_uv_says_is_passed_on_and_nothing_is_left(tmp_path, small_pins):
    write_pins(small_pins, "deeplabcut==3.0.2")
    with pytest.raises(DataError, match=r"could not install DeepLabCut \(.*network.*\)\. It needs"):
        environment.python_of("dlc", "", tmp_path / "environments", small_pins)
    assert not list((tmp_path / "environments").glob("dlc-*"))


# The record


def test_record(tmp_path):
    path = tmp_path / "new" / "dlc.json"
    record = {"python": sys.executable, "software": {"python": "3.11.7"}, "cuda": False}
    environment.write_record(record | {"configured": True}, path)
    assert environment.read_record(path) == record | {"configured": True}
    assert environment.known_python("/named", path) == "/named"
    assert environment.known_python("", path) == "", "it was configured before, and no more"
    environment.write_record(record | {"configured": False}, path)
    assert environment.known_python("", path) == sys.executable
    assert environment.known_python("", tmp_path / "none.json") == ""


def test_record_of_an_environment_that_is_gone(tmp_path):
    path = tmp_path / "dlc.json"
    environment.write_record({"python": str(tmp_path / "gone"), "software": {}}, path)
    with pytest.raises(DataError, match=r"gone is gone\. Remove .*dlc\.json and run again"):
        environment.read_record(path)


@pytest.mark.parametrize("content", [None, "", "[]", "{}"])
def test_unreadable_record(tmp_path, content):
    path = tmp_path / "dlc.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=r"dlc\.json cannot be read .*Remove it and run again"):
        environment.read_record(path)


# The engines


@pytest.mark.engines
@pytest.mark.parametrize("engine", environment.ENGINES)
def test_engine_is_installed_as_pinned(engine, engine_python):
    python = engine_python(engine)
    record = environment.check(python, engine)
    pinned = {item.name: item for item in map(Requirement, environment.pins(engine))}
    assert record["python"] == str(python)
    assert set(record["software"]) >= {"python", "torch", next(iter(pinned))}
    for name in set(record["software"]) - {"python"}:
        assert pinned[name].specifier.contains(record["software"][name])


@pytest.mark.engines
def test_checking_caches_the_bytecode(engine_python, monkeypatch):
    """Each start of the engine would otherwise compile it again."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    python = engine_python("dlc")
    (package,) = python.parent.parent.glob("lib/*/site-packages/deeplabcut")
    for cached in package.glob("__pycache__/__init__.*"):
        cached.unlink()
    environment.check(python, "dlc")
    assert list(package.glob("__pycache__/__init__.*"))


@pytest.mark.engines
def test_a_module_of_the_engine_is_missing(venv, engine_python):
    """The real environment, by links, without one of its packages."""
    (real,) = engine_python("dlc").parent.parent.glob("lib/*/site-packages")
    python, _ = venv
    (site,) = python.parent.parent.glob("lib/*/site-packages")
    for entry in real.iterdir():
        if entry.name != "pandas":
            (site / entry.name).symlink_to(entry)
    environment.quick_check("dlc", str(python))
    with pytest.raises(DataError, match=r"No module named 'pandas'\)\. Install the engine there: "):
        environment.check(python, "dlc")
    (python.parent.parent / uv.FINISHED).touch()
    with pytest.raises(
        DataError, match=r"No module named 'pandas'\)\. Remove the folder .*/venv and"
    ):
        environment.check(python, "dlc")
