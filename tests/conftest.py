"""Shared by all tests: where things are, small videos, and the one door to Snakemake's own API."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest
from snakemake.api import SnakemakeApi
from snakemake.io import strip_wildcard_constraints
from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings

from alfvideo import configuration
from alfvideo.configuration import Configuration
from rigsim import Rig, render
from tests import clone

REPO = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def workflow_rules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Output patterns of each rule of the workflow, wildcard constraints left out.

    The only use of Snakemake's API: its internals change between releases.
    """
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            snakefile=clone.snakefile(),
            workdir=tmp_path_factory.mktemp("workflow_rules"),
        )._workflow
        return {
            rule.name: [strip_wildcard_constraints(str(output)) for output in rule.output]
            for rule in workflow.rules
        }


@pytest.fixture
def config() -> Configuration:
    """The defaults of the configuration, whatever this clone is set to."""
    return configuration.parse({"root": "/data/Subjects"})


@pytest.fixture(scope="session")
def ffmpeg() -> Callable[..., None]:
    """Run ffmpeg with these arguments; the last is the file that is written."""

    def run(*arguments: object) -> None:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y"]
        subprocess.run([*command, *map(str, arguments)], check=True)

    return run


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, Rig], Path]:
    """Render a session below a folder; the same session is rendered once and then copied."""
    cache: dict[str, Path] = {}

    def copy(root: Path, rig: Rig) -> Path:
        key = repr(rig)
        if key not in cache:
            cache[key] = tmp_path_factory.mktemp("rendered")
            render(cache[key], rig)
        shutil.copytree(cache[key], root, dirs_exist_ok=True)
        return root / rig.session

    return copy
