"""Which of the libraries that are slow to load each script loads before it begins its work."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = {path.stem: path for path in (Path(__file__).parents[2] / "scripts").glob("*.py")}
SLOW = {"pandas", "matplotlib", "scipy", "cv2"}
"""Together 3 CPU-s; a job that needs none of them starts in less than 0.5."""

NEEDED = {
    "demo_pose_errors": {"pandas", "scipy", "cv2"},
    "motion_energy": {"cv2"},
    "one_tables": {"pandas"},
    "pose": {"pandas", "scipy", "cv2"},
    "pose_clip": {"cv2"},
    "pose_qc_plot": {"matplotlib", "cv2"},
    "video_qc": {"matplotlib", "scipy", "cv2"},
    "video_remove_original": {"cv2"},
}
"""By script, none for those that are not here. What only some sessions need is imported by the
function that needs it."""


def imports(script: Path) -> str:
    """The import statements that stand at the top level of a script."""
    statements = ast.parse(script.read_text()).body
    return "\n".join(
        ast.unparse(each) for each in statements if isinstance(each, ast.Import | ast.ImportFrom)
    )


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_script_loads_only_what_it_needs(name: str):
    code = f"{imports(SCRIPTS[name])}\nimport sys\nprint(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert SLOW.intersection(loaded) <= NEEDED.get(name, set()), (
        "import it in the function that needs it, or name it in NEEDED"
    )


def test_needed_are_of_scripts():
    assert NEEDED.keys() <= SCRIPTS.keys()
