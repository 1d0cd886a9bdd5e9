"""Shared by all tests: which of them run, where things are, small videos, Snakemake's own API."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest
from snakemake.api import SnakemakeApi
from snakemake.io import strip_wildcard_constraints
from snakemake.rules import Rule
from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings

from alfvideo import configuration
from alfvideo.configuration import Configuration
from rigsim import Rig, render
from tests import clone

REPO = Path(__file__).parents[1]

LEFT_OUT = {"slow", "parity", "engines", "slurm", "browser"}
"""Marks of tests that run with --all, or if their file or folder is named."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run slow tests, too, and all others")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, unless something is asked for: --all, a path or a mark."""
    is_named = config.args_source is pytest.Config.ArgsSource.ARGS
    if config.option.all or config.option.markexpr or is_named:
        return
    left_out = [item for item in items if not LEFT_OUT.isdisjoint(_marks(item))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if LEFT_OUT.isdisjoint(_marks(item))]
        config.stash[N_LEFT_OUT] = len(left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if n_left_out := terminalreporter.config.stash.get(N_LEFT_OUT, 0):
        terminalreporter.write_line(
            f"{n_left_out} slow tests were left out; they run with --all, or if their file is named"
        )


N_LEFT_OUT = pytest.StashKey[int]()


def _marks(item: pytest.Item) -> set[str]:
    return {mark.name for mark in item.iter_markers()}


@pytest.fixture(scope="session")
def parsed_rules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rule]:
    """The rules of the workflow as Snakemake has them, by name.

    The only use of Snakemake's API: its internals change between releases.
    """
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            snakefile=clone.snakefile(),
            workdir=tmp_path_factory.mktemp("workflow_rules"),
        )._workflow
        return {rule.name: rule for rule in workflow.rules}


@pytest.fixture(scope="session")
def workflow_rules(parsed_rules: dict[str, Rule]) -> dict[str, list[str]]:
    """Output patterns of each rule of the workflow, wildcard constraints left out."""
    return {
        name: [strip_wildcard_constraints(str(output)) for output in rule.output]
        for name, rule in parsed_rules.items()
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
