"""The library is one: all of it can be imported where there is no Snakemake."""

import subprocess
import sys

import pytest

BLOCKED = """
import importlib, pkgutil, sys

class NoSnakemake:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0].startswith("snakemake"):
            raise ModuleNotFoundError(f"there is no {name}", name=name)

sys.meta_path.insert(0, NoSnakemake())
"""
IMPORT_ALL = """
def is_of_an_engine(name):
    return name.startswith("alfvideo.pose.engines.") and name != "alfvideo.pose.engines.error"

def failed(name):
    raise

for name in ("alfvideo", "rigsim"):
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + ".", onerror=failed):
        if not is_of_an_engine(module.name):
            importlib.import_module(module.name)
            print(module.name)
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_every_module_is_imported():
    done = python(BLOCKED + IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.split())
    assert {"alfvideo.configuration", "alfvideo.pose.cascade", "rigsim.tree"} <= imported
    assert len(imported) > 100


@pytest.mark.parametrize("name", ["snakemake", "snakemake.utils"])
def test_snakemake_is_really_blocked(name: str):
    done = python(f"{BLOCKED}import {name}")
    assert "ModuleNotFoundError: there is no snakemake" in done.stderr
