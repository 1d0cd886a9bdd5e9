"""alfvideo installed as a wheel, with its dependencies alone, away from the repository."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alfvideo.pose import environment, uv
from alfvideo.trackers import TRACKERS

REPO = Path(__file__).parents[2]
PACKAGE = REPO / "src" / "alfvideo"

IMPORT_ALL = """
import importlib, json, pkgutil, sys
import alfvideo
engines = "alfvideo.pose.engines."  # they run in the environments of the engines
found = [module.name for module in pkgutil.walk_packages(alfvideo.__path__, "alfvideo.")]
for name in found:
    if not name.startswith(engines):
        importlib.import_module(name)
print(json.dumps({"modules": found, "file": alfvideo.__file__, "path": sys.path}))
"""

LOCKS = """
import json
from alfvideo.pose import conda, environment
from alfvideo.trackers import TRACKERS
print(json.dumps({
    engine: [
        environment.pins(engine),
        environment.lock_digest(engine),
        conda.exported(engine),
        (environment.project_of(engine) / conda.FILE).read_text(),
    ]
    for engine in TRACKERS
}))
"""

REPORT = """
import json
from pathlib import Path
from alfvideo.session import datasets
from alfvideo.views.report import folder, page, pictures
templates = page.environment()
for name in templates.list_templates():
    templates.get_template(name)
session = Path("session")
(session / "snapshot").mkdir(parents=True)
for dataset in (datasets.VIDEO_QC_PICTURE, datasets.POSE_CLIP, *datasets.POSE_PICTURE.values()):
    (session / "snapshot" / Path(dataset).name.format(camera="left")).touch()
captions = {picture.title: picture.caption for picture in pictures.pictures(session, ["left"])}
print(json.dumps({"templates": templates.list_templates(), "captions": captions}))
"""

ENGINE = """
import sys
from pathlib import Path
from alfvideo.files.errors import DataError
from alfvideo.pose.engine import Engine
try:
    Engine(Path(sys.argv[1]), "dlc", {}, threads=1)
except DataError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment with the wheel and the locked dependencies of alfvideo."""
    folder = tmp_path_factory.mktemp("wheel")
    needs, venv = folder / "requirements.txt", folder / "venv"
    python = uv.python_in(venv)
    export = ("export", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes")
    run(uv.program(), "build", "--quiet", "--wheel", "--out-dir", folder, REPO)
    run(uv.program(), *export, "--quiet", "--project", REPO, "--output-file", needs)
    run(uv.program(), "venv", "--quiet", "--no-project", "--python", sys.executable, venv)
    install = ("pip", "install", "--quiet", "--no-deps", "--python", python)
    (wheel,) = folder.glob("*.whl")
    run(uv.program(), *install, "--requirements", needs, wheel)
    return python


def run(*command: object, folder: Path | None = None) -> str:
    """The standard output of a program that starts without what this process was started with."""
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_can_be_imported(installed: Path, tmp_path: Path):
    found = json.loads(run(installed, "-c", IMPORT_ALL, folder=tmp_path))
    assert Path(found["file"]).is_relative_to(installed.parents[1])
    assert not [entry for entry in found["path"] if Path(entry).is_relative_to(REPO)]
    files = [path.relative_to(PACKAGE.parent).with_suffix("") for path in PACKAGE.rglob("*.py")]
    names = {".".join(path.parts).removesuffix(".__init__") for path in files} - {"alfvideo"}
    assert set(found["modules"]) == names


def test_locks_of_the_engines(installed: Path, tmp_path: Path):
    found = json.loads(run(installed, "-c", LOCKS, folder=tmp_path))
    for engine in TRACKERS:
        pins, digest, exported, conda_file = found[engine]
        assert pins == environment.pins(engine)
        assert digest == environment.lock_digest(engine)
        assert exported == conda_file


def test_templates_and_captions_of_the_report(installed: Path, tmp_path: Path):
    found = json.loads(run(installed, "-c", REPORT, folder=tmp_path))
    folder = PACKAGE / "views" / "report" / "templates"
    assert found["templates"] == sorted(path.name for path in folder.iterdir())
    assert len(found["captions"]) == 4
    assert all(found["captions"].values())


def test_engine_does_not_see_the_packages_of_alfvideo(installed: Path, tmp_path: Path):
    """Those of another environment beside alfvideo would be taken for its own."""
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "empty")
    empty = tmp_path / "empty" / "bin" / "python"
    run(installed, "-c", "import numpy")
    sentence = run(installed, "-c", ENGINE, empty, folder=tmp_path)
    assert f"cannot start in {empty}: ModuleNotFoundError: No module named 'numpy'. " in sentence
