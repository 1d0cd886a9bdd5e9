"""Measures alfvideo beside ibllib and prints a table."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import energy, measure, pose, post, qc, scale, times, videos
from tests.parity import client


def main() -> None:
    """Run all benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller data and fewer repeats")
    quick = parser.parse_args().quick
    try:
        python = client.install()
    except client.Unavailable as reason:
        sys.exit(str(reason))
    with tempfile.TemporaryDirectory() as name, client.Peer(python, Path(name) / "peer") as peer:
        rows = [
            *videos.run(peer, Path(name) / "videos", quick),
            *times.run(peer, Path(name) / "times", quick),
            *qc.run(peer, Path(name) / "qc", quick),
            *energy.run(Path(name) / "energy", quick),
            *post.run(peer, Path(name) / "post", quick),
            *pose.run(Path(name) / "pose", quick),
            *scale.run(Path(name) / "scale", quick),
        ]
    print(measure.table(rows))


if __name__ == "__main__":
    main()
