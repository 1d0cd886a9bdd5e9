"""Prints the changes of the library that its quick tests do not notice, and the score."""

import argparse
import random
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

from tests.mutants import operators, runs
from tests.mutants.operators import Mutant

UNIT = "tests/unit"
TESTS = {
    "timing": (
        f"{UNIT}/test_camlog_times.py",
        f"{UNIT}/test_damaged_rows.py",
        f"{UNIT}/test_daq.py",
        f"{UNIT}/test_embedded.py",
        f"{UNIT}/test_timestamps.py",
        f"{UNIT}/test_timing_evidence.py",
        f"{UNIT}/test_timing_record.py",
        f"{UNIT}/test_timing_properties.py",
        f"{UNIT}/test_wheel.py",
        f"{UNIT}/test_wheel_alignment.py",
    ),
    "session": (
        f"{UNIT}/test_datasets.py",
        f"{UNIT}/test_pending.py",
        f"{UNIT}/test_quarantine.py",
        f"{UNIT}/test_session.py",
        f"{UNIT}/test_tasks.py",
        f"{UNIT}/test_trials.py",
    ),
    "planning": (
        f"{UNIT}/test_left_out.py",
        f"{UNIT}/test_pending.py",
        f"{UNIT}/test_pending_pose.py",
        f"{UNIT}/test_resources.py",
        f"{UNIT}/test_quarantine.py",
        f"{UNIT}/test_scan_cache.py",
        f"{UNIT}/test_targets.py",
        f"{UNIT}/test_tasks.py",
        f"{UNIT}/test_up_to_date.py",
    ),
}
"""The tests of each package, besides its doctests."""

EQUIVALENT = Path(__file__).with_name("equivalent.toml")
MIN_SCORE = 0.9


class Equivalent(NamedTuple):
    """A change that makes no difference that a test could or should notice, and why.

    `before` and `after` are the changed lines; without `after` it is any change of the line, and
    without `before`, too, any change in `where`.
    """

    file: str
    where: str
    reason: str
    before: str | None = None
    after: str | None = None

    def is_of(self, mutant: Mutant, source: bytes) -> bool:
        """Return whether it is this change."""
        before, after = mutant.lines(source)
        return (
            (mutant.file, mutant.where) == (self.file, self.where)
            and self.before in (None, before)
            and self.after in (None, after)
        )


def equivalents() -> list[Equivalent]:
    """The reviewed list."""
    entries = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["equivalent"]
    return [Equivalent(**entry) for entry in entries]


def mutants_of(package: str) -> list[Mutant]:
    """All changes of a package, but for the equivalent ones."""
    library = runs.REPO / runs.LIBRARY
    known = equivalents()
    found = []
    for path in sorted((library / package).rglob("*.py")):
        file, source = path.relative_to(library).as_posix(), path.read_bytes()
        here = [equivalent for equivalent in known if equivalent.file == file]
        for mutant in operators.mutants(file, source):
            if not any(equivalent.is_of(mutant, source) for equivalent in here):
                found.append(mutant)
    return found


def main() -> None:
    """Run the tests once for each change."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("packages", nargs="*", help=f"of {', '.join(TESTS)}; all by default")
    parser.add_argument("--file", default="", help="only changes of files that contain this")
    parser.add_argument("--sample", type=int, help="so many changes of each package, not all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    options = parser.parse_args()
    if unknown := set(options.packages) - set(TESTS):
        parser.error(f"no tests are named for {', '.join(sorted(unknown))}")
    chosen = {}
    for package in options.packages or TESTS:
        found = [mutant for mutant in mutants_of(package) if options.file in mutant.file]
        if options.sample is not None and options.sample < len(found):
            found = random.Random(options.seed).sample(found, options.sample)
        chosen[package] = sorted(found, key=lambda mutant: (mutant.file, mutant.start))
    runs.preload()
    scores = [_score(package, found) for package, found in chosen.items()]
    sys.exit(any(score < MIN_SCORE for score in scores))


def _score(package: str, found: list[Mutant]) -> float:
    """Print the survivors of a package and return the part of the changes that was noticed."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        repository = Path(name) / "repository"
        repository.mkdir()
        Path(name).chmod(0o755)
        runs.copy_repository(repository)
        tests = [test for test in TESTS[package] if (repository / test).exists()]
        before = runs.baseline(repository, [*tests, str(runs.LIBRARY / package)])
        print(
            f"{package}: {len(found)} changes, {len(before.seconds)} tests of "
            f"{sum(before.seconds.values()):.0f} s",
            flush=True,
        )
        n_noticed = 0
        for mutant in found:
            tests = before.tests_of(mutant)
            seconds = sum(before.seconds[test] for test in tests)
            if runs.is_noticed(repository, mutant, tests, seconds):
                n_noticed += 1
            else:
                print(_survivor(mutant, len(tests)), flush=True)
    score = n_noticed / max(len(found), 1)
    print(
        f"{package}: {n_noticed} of {len(found)} changes were noticed: {score:.1%} "
        f"({time.monotonic() - start:.0f} s)",
        flush=True,
    )
    return score


def _survivor(mutant: Mutant, n_tests: int) -> str:
    path = runs.LIBRARY / mutant.file
    before, after = mutant.lines((runs.REPO / path).read_bytes())
    return (
        f"{path}:{mutant.line} in {mutant.where or 'the module'} ({n_tests} tests)\n"
        f"  - {before}\n  + {after}"
    )


if __name__ == "__main__":
    main()
