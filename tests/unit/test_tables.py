"""Names of trackers and rigs stand in their tables: code reads the rows and compares no names."""

import ast
from collections.abc import Iterator
from pathlib import Path

from alfvideo.session.rigs import KINDS
from alfvideo.trackers import TRACKERS

REPO = Path(__file__).parents[2]
NAMES = {rig.name for rig in KINDS} | {rig.rule for rig in KINDS}
for row in TRACKERS.values():
    NAMES |= {row.name, row.label, row.rule, row.features_rule, row.qc_rule, row.picture_rule}

ELSEWHERE = {
    "src/alfvideo/trackers.py": "the table",
    "src/alfvideo/session/rigs.py": "the table",
    "src/alfvideo/configuration.py": "a default",
    "src/alfvideo/qc/rigs.py": "sizes and rates of IBL's cameras, by rig",
    "src/alfvideo/session/description.py": "what sessions without a description were",
    "src/alfvideo/timing/sync.py": "a channel of the DAQ",
    "src/alfvideo/daq/spikeglx_meta.py": "the name of SpikeGLX for a kind of its files",
}
"""Files of code that may name one, each with the reason."""


def named(file: Path) -> Iterator[str]:
    """Names of trackers and rigs among the strings of a file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and node.value in NAMES:
            yield node.value


def test_code_names_no_tracker_and_no_rig():
    files = [*(REPO / "src" / "alfvideo").rglob("*.py"), *(REPO / "scripts").glob("*.py")]
    found = {str(file.relative_to(REPO)): list(named(file)) for file in files}
    assert {name for name, names in found.items() if names} == ELSEWHERE.keys()


def test_rows_have_rules_of_their_own():
    rules = [rig.rule for rig in KINDS]
    for row in TRACKERS.values():
        rules += [row.environment_rule, row.rule, row.features_rule, row.qc_rule, row.picture_rule]
    assert len(set(rules)) == len(rules)
