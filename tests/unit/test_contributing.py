"""Check what contributors are told: files that exist, one version, workflows that only read."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

REPO = Path(__file__).parents[2]
FOLDERS = "config|docs|envs|profiles|rules|scripts|src|tests"
PATHS = sorted(
    set(re.findall(rf"`((?:{FOLDERS})(?:/[\w./]+)?)`", (REPO / "CONTRIBUTING.md").read_text()))
)
FORMS = sorted(path.name for path in (REPO / ".github/ISSUE_TEMPLATE").glob("*.yml"))
WORKFLOWS = sorted(path.name for path in (REPO / ".github/workflows").glob("*.yml"))


def test_enough_paths_are_named():
    assert len(PATHS) > 40


@pytest.mark.parametrize("path", PATHS)
def test_a_named_path_exists(path: str):
    assert (REPO / path).exists()


def test_ten_changes_are_described():
    rows = re.findall(r"^\| \*\*(.+?)\*\* \|", (REPO / "CONTRIBUTING.md").read_text(), re.M)
    assert len(rows) == len(set(rows)) == 10


def test_the_version_is_the_same_everywhere():
    version = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["version"]
    citation = yaml.safe_load((REPO / "CITATION.cff").read_text())
    released = re.search(
        r"^## \[(\d[^]]*)\] - (.*)$", (REPO / "CHANGELOG.md").read_text(), re.M
    ).groups()
    assert (citation["version"], citation["date-released"]) == released
    assert released[0] == version


@pytest.mark.parametrize("name", [form for form in FORMS if form != "config.yml"])
def test_a_form_asks_each_thing_once(name: str):
    form = yaml.safe_load((REPO / ".github/ISSUE_TEMPLATE" / name).read_text())
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len(set(ids))
    assert any(field.get("validations", {}).get("required") for field in form["body"])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_only_read_and_pins_its_actions(name: str):
    text = (REPO / ".github/workflows" / name).read_text()
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    for action in re.findall(r"uses: (.+)", text):
        assert action.startswith("./") or re.search(r"@v\d+$", action), action
