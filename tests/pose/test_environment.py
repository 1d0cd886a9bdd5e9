"""Environments of the pose engines: made, taken, checked, and what is said when that fails."""

import hashlib
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from alfvideo.files.errors import DataError
from alfvideo.pose import conda, environment, uv
from alfvideo.trackers import TRACKERS

ENVS = Path(__file__).parents[2] / "envs"


def locked(engine: str) -> set[tuple[str, str]]:
    """Name and version of each package in the lock of an engine, but for the project itself."""
    lock = tomllib.loads((environment.project_of(engine) / "uv.lock").read_text())
    packages = lock["package"]
    return {(item["name"], item["version"]) for item in packages if "virtual" not in item["source"]}


def by_pip(text: str) -> list[Requirement]:
    """Return the requirements that conda hands to pip."""
    *_, last = yaml.safe_load(text)["dependencies"]
    return [Requirement(item) for item in last["pip"]]


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
def small_locks(tmp_path, monkeypatch):
    """Locked projects that uv can install without a network, and with an empty cache."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    for engine in TRACKERS:
        write_lock(tmp_path / "locks", engine, "1.0")
    return tmp_path / "locks"


def write_lock(locks: Path, engine: str, version: str) -> None:
    """Make the lock of an engine one for a package with one empty module, `small`."""
    project = environment.project_of(engine, locks)
    project.mkdir(parents=True, exist_ok=True)
    wheel = f"small-{version}-py3-none-any.whl"
    info = f"small-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: small\nVersion: {version}\n"
    with zipfile.ZipFile(project / wheel, "w") as archive:
        archive.writestr("small.py", "")
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    write_project(project, f'dependencies = ["small"]\n[tool.uv.sources]\nsmall.path = "{wheel}"\n')
    subprocess.run([uv.program(), "lock", "--quiet", "--project", project], check=True)


def write_project(project: Path, content: str) -> None:
    (project / "pyproject.toml").write_text(
        f'[project]\nname = "small-lock"\nversion = "1"\nrequires-python = ">=3.11"\n{content}'
    )


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def runs(python: Path, code: str) -> bool:
    return subprocess.run([python, "-c", code], capture_output=True).returncode == 0


# Locks


@pytest.mark.parametrize("engine", TRACKERS)
def test_lock_is_that_of_its_project(engine, tmp_path, monkeypatch):
    """Neither network nor cache is needed if nothing has to be resolved again."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    project = environment.project_of(engine)
    assert project.parent == ENVS
    command = [uv.program(), "lock", "--check", "--default-index", uv.INDEX, "--project", project]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("engine", TRACKERS)
def test_conda_file_has_the_packages_of_the_lock(engine):
    text = (environment.project_of(engine) / conda.FILE).read_text()
    assert text == conda.exported(engine), "run `uv run python -m alfvideo.pose.conda`"
    found = by_pip(text)
    versions = {(item.name, str(item.specifier).removeprefix("==")) for item in found}
    assert versions == locked(engine)
    assert not [item.name for item in found if item.name.startswith(("nvidia-dali", "opencv-co"))]


@pytest.mark.parametrize("python", ["3.11.9", "3.12.4"])
def test_engines_share_torch_and_cuda(python):
    """One copy of a wheel is on disk for both, as uv links its files."""
    place = {"python_full_version": python, "python_version": python[:4]}
    place |= {"sys_platform": "linux", "platform_machine": "x86_64"}

    def large(engine: str) -> dict[str, str]:
        return {
            item.name: str(item.specifier)
            for item in by_pip((environment.project_of(engine) / conda.FILE).read_text())
            if re.match(r"(torch|torchvision|triton|cuda-.*|nvidia-.*)$", item.name)
            and (item.marker is None or item.marker.evaluate(place))
        }

    assert large("dlc") == large("lightningPose")
    assert {"torch", "torchvision", "triton", "nvidia-cudnn-cu13"} <= large("dlc").keys()


@pytest.mark.parametrize("engine", TRACKERS)
def test_pinned_versions_are_supported_ones(engine):
    pinned = {item.name: item for item in map(Requirement, environment.pins(engine))}
    for needed in map(Requirement, TRACKERS[engine].requires):
        (pin,) = pinned[needed.name].specifier
        assert pin.operator == "=="
        assert needed.specifier.contains(pin.version)


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[",
        "[project]\ndependencies = []",
        "[project]\ndependencies = ['deeplabcut==']",
        "[project]\nname = 'dlc'",
    ],
)
def test_unreadable_project(tmp_path, content):
    if content is not None:
        (tmp_path / "dlc").mkdir()
        (tmp_path / "dlc" / "pyproject.toml").write_text(content)
    with pytest.raises(DataError, match=r"pyproject\.toml should be a project with a list"):
        environment.pins("dlc", tmp_path)


def test_digest_of_a_lock(tmp_path):
    with pytest.raises(DataError, match=r"dlc/uv\.lock cannot be read \(No such file"):
        environment.lock_digest("dlc", tmp_path)
    expected = hashlib.sha256((ENVS / "dlc" / "uv.lock").read_bytes()).hexdigest()[:16]
    assert environment.lock_digest("dlc") == expected
    assert environment.lock_digest("lightningPose") != expected


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


def test_no_uv(tmp_path, monkeypatch, small_locks):
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="not found on PATH: `pip install uv`"):
        environment.quick_check("dlc", "")
    with pytest.raises(DataError, match="not found on PATH: `pip install uv`"):
        environment.python_of("dlc", "", tmp_path / "environments", small_locks)


def test_made_once(tmp_path, small_locks, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = files_in(small_locks)
    python = environment.python_of("dlc", "", Path("a b"), small_locks)
    assert python.is_relative_to(tmp_path / "a b")
    assert re.fullmatch(r"dlc-[0-9a-f]{8}", python.parent.parent.name)
    assert runs(python, "import small")
    assert "Making the environment of DeepLabCut" in capfd.readouterr().err
    assert environment.python_of("dlc", "", Path("a b"), small_locks) == python
    assert capfd.readouterr().err == ""
    assert files_in(small_locks) == before, "an installed wheel may be read-only"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a b", "cache", "locks"]


def test_index_of_the_lab_does_not_matter(tmp_path, monkeypatch):
    """The lock of the engine is taken as it is; without a network only the download fails."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://packages.invalid/simple")
    with pytest.raises(DataError, match=r"could not install DeepLabCut \(.*files\.pythonhosted"):
        environment.python_of("dlc", "", tmp_path / "environments")


def test_another_lock_is_another_environment(tmp_path, small_locks):
    has = "from importlib.metadata import version; assert version('small') == '{}'"
    first = environment.python_of("dlc", "", tmp_path, small_locks)
    write_lock(small_locks, "dlc", "2.0")
    second = environment.python_of("dlc", "", tmp_path, small_locks)
    assert runs(first, has.format("1.0"))
    assert runs(second, has.format("2.0"))


def test_project_that_was_changed_without_its_lock(tmp_path, small_locks):
    write_project(small_locks / "dlc", 'dependencies = ["deeplabcut==3.0.2"]')
    with pytest.raises(DataError, match=r"could not install DeepLabCut \(.*deeplabcut.*\)\. It"):
        environment.python_of("dlc", "", tmp_path / "environments", small_locks)


@pytest.mark.parametrize("damage", ["marker", "python"])
def test_an_unfinished_environment_is_made_again(tmp_path, small_locks, damage):
    python = environment.python_of("dlc", "", tmp_path, small_locks)
    home = python.parent.parent
    (small,) = home.glob("lib/*/site-packages/small.py")
    small.unlink()
    if damage == "marker":
        (home / uv.FINISHED).unlink()
    else:
        # The Python that it was made with is gone.
        python.unlink()
        python.symlink_to(tmp_path / "gone")
    assert environment.python_of("dlc", "", tmp_path, small_locks) == python
    assert runs(python, "import small")


MAKE = (
    "import sys; from pathlib import Path; from alfvideo.pose import environment as e;"
    "print(e.python_of(sys.argv[1], '', Path(sys.argv[2]), Path(sys.argv[3])))"
)


def make_together(engines: list[str], *folders: Path) -> tuple[list[Path], list[str]]:
    """Make environments in processes at the same time; their Pythons and what they say."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE, engine, *folders],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for engine in engines
    ]
    pythons, said = zip(*(process.communicate() for process in processes), strict=True)
    return [Path(python.strip()) for python in pythons], list(said)


def test_two_processes_make_it_once(tmp_path, small_locks):
    pythons, said = make_together(["dlc", "dlc"], tmp_path / "environments", small_locks)
    assert pythons[0] == pythons[1]
    assert runs(pythons[0], "import small")
    assert sum("Making the environment" in text for text in said) == 1


def test_engines_are_installed_one_after_the_other(tmp_path, small_locks, monkeypatch):
    """At the same time each would download torch."""
    times = tmp_path / "times"
    slow = f'echo begin >> {times}; sleep 1; {uv.program()} "$@"; echo end >> {times}'
    monkeypatch.setenv("UV", str(program(tmp_path / "uv", slow)))
    engines = list(TRACKERS)
    pythons, said = make_together(engines, tmp_path / "environments", small_locks)
    assert times.read_text().split() == ["begin", "end"] * len(engines)
    assert "Another process is making an environment: " in "".join(said)
    assert all(runs(python, "import small") for python in pythons)


def test_what_uv_says_is_passed_on_and_nothing_is_left(tmp_path, small_locks):
    for wheel in small_locks.glob("dlc/*.whl"):
        wheel.unlink()
    with pytest.raises(DataError, match=r"could not install DeepLabCut \(.*small.*\)\. It needs"):
        environment.python_of("dlc", "", tmp_path / "environments", small_locks)
    assert not list((tmp_path / "environments").glob("dlc-*"))


# The record


FOUND = {"python": sys.executable, "software": {"python": "3.11.7"}, "cuda": False}


def test_record_of_a_made_environment(tmp_path):
    path = tmp_path / "new" / "dlc.json"
    assert environment.known_python("", path) == ""
    environment.write_record(environment.new_record("dlc", FOUND, configured=False), path)
    record = environment.read_record(path)
    assert record.items() >= FOUND.items()
    assert environment.lock_of(record) == {"uv.lock": environment.lock_digest("dlc")}
    assert environment.known_python("", path) == sys.executable
    assert environment.known_python("/named", path) == "/named"


def test_record_of_a_configured_python(tmp_path):
    path = tmp_path / "dlc.json"
    environment.write_record(environment.new_record("dlc", FOUND, configured=True), path)
    record = environment.read_record(path)
    assert environment.lock_of(record) == {"uv.lock": "not used: a Python of the lab's own"}
    assert environment.known_python("/named", path) == "/named"
    assert environment.known_python("", path) == "", "it was configured before, and no more"


@pytest.mark.parametrize("lock", [{"lock": "0123456789abcdef"}, {}])
def test_record_of_another_lock(tmp_path, lock):
    """An environment is made in its place, and a job that was given it all the same refuses."""
    path = tmp_path / "dlc.json"
    environment.write_record(FOUND | lock, path)
    assert environment.known_python("", path) == ""
    with pytest.raises(DataError, match=r"another lock .*dlc/uv\.lock\. Remove .*dlc\.json and"):
        environment.read_record(path)


def test_record_of_an_environment_that_is_gone(tmp_path):
    path = tmp_path / "dlc.json"
    gone = FOUND | {"python": str(tmp_path / "gone")}
    environment.write_record(environment.new_record("dlc", gone, configured=False), path)
    with pytest.raises(DataError, match=r"gone is gone\. Remove .*dlc\.json and run again"):
        environment.read_record(path)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"engine": "x"}'])
def test_unreadable_record(tmp_path, content):
    path = tmp_path / "dlc.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=r"dlc\.json cannot be read .*Remove it and run again"):
        environment.read_record(path)


# The engines


@pytest.mark.engines
@pytest.mark.parametrize("engine", TRACKERS)
def test_engine_is_installed_as_locked(engine, engine_python):
    python = engine_python(engine)
    checked = environment.check(python, engine)
    assert checked["python"] == str(python)
    assert {"python", "torch"} < checked["software"].keys()
    code = (
        "import importlib.metadata as m\n"
        "for d in m.distributions(): print(d.name.lower(), d.version.split('+')[0])"
    )
    listed = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    place = {"python_full_version": checked["software"]["python"]}
    expected = {
        (item.name, str(item.specifier).removeprefix("=="))
        for item in by_pip(conda.exported(engine))
        if item.marker is None or item.marker.evaluate(place)
    }
    installed = (line.split() for line in listed.splitlines())
    assert {(re.sub(r"[-_.]+", "-", name), version) for name, version in installed} == expected


@pytest.mark.engines
def test_engines_share_one_copy_of_torch(engine_python):
    """It is linked from uv's cache, where that is on the same disk."""
    cache = subprocess.run([uv.program(), "cache", "dir"], capture_output=True, text=True).stdout
    library = "lib/*/site-packages/torch/lib/libtorch_cpu.*"
    first, second = (next(engine_python(engine).parents[1].glob(library)) for engine in TRACKERS)
    if first.stat().st_dev != Path(cache.strip()).stat().st_dev:
        pytest.skip("the cache of uv is on another disk: its files are copied")
    assert first.samefile(second)


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
