"""Damage inputs at random and print what goes wrong; the exit status is 1 if anything does."""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.fuzz import runs, sessions


def main() -> None:
    """Examine as many damaged inputs as the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--n", type=int, default=300, help="how many inputs (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of what is random (%(default)s)")
    parser.add_argument("--only", type=int, help="one input by its number")
    parser.add_argument("--all", action="store_true", help="print what went well, too")
    options = parser.parse_args()
    runs.load_all()
    numbers = range(options.n) if options.only is None else [options.only]
    counts: Counter[runs.Outcome] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bases = {kind: sessions.prepare(folder / "base", kind) for kind in sessions.RIGS}
        for result in runs.examine_all(folder, bases, options.seed, numbers):
            counts[result.outcome] += 1
            if result.outcome not in runs.GOOD or options.all or options.only is not None:
                print(result, flush=True)
    print(", ".join(f"{outcome}: {count}" for outcome, count in sorted(counts.items())))
    sys.exit(any(outcome not in runs.GOOD for outcome in counts))


if __name__ == "__main__":
    main()
