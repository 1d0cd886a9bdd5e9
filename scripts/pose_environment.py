"""Make or take the Python environment of a pose engine, check it, and write down what is in it.

A command, not a Snakemake script: those run in the conda environment where there is one.
"""

import argparse
import os
import sys
from pathlib import Path

from alfvideo.files.errors import DataError
from alfvideo.jobs import job
from alfvideo.pose import environment
from alfvideo.trackers import TRACKERS

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("engine", choices=TRACKERS)
parser.add_argument("--python", default="", help="Python that has the engine; empty: made")
parser.add_argument("--conda", action="store_true", help="take that of the conda environment")
parser.add_argument("--folder", type=Path, required=True, help="where uv makes environments")
parser.add_argument("--output", type=Path, required=True, help="the record, as JSON")
arguments = parser.parse_args()

configured = arguments.python
if arguments.conda and not configured:
    configured = str(Path(os.environ["CONDA_PREFIX"]) / "bin" / "python")

try:
    python = environment.python_of(arguments.engine, configured, arguments.folder)
    print(f"Checking {python}: the first import takes up to a minute.", file=sys.stderr)
    found = environment.check(python, arguments.engine)
    record = environment.new_record(arguments.engine, found, configured=bool(arguments.python))
    environment.write_record(record, arguments.output)
except (DataError, OSError) as error:
    sys.exit(f"{arguments.engine}: {job.message(error)}")
versions = found["software"] | environment.lock_of(record)
software = ", ".join(f"{name} {version}" for name, version in versions.items())
print(f"{python}: {software}, {'GPU' if found['cuda'] else 'no GPU here'}", file=sys.stderr)
