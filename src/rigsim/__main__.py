"""Command line: renders a recording session, see `python -m rigsim --help`."""

import argparse
from collections import defaultdict
from pathlib import Path

from rigsim import CAMERAS, FAULTS, Fault, Rig, render


def main() -> None:
    """Render the session that the command line asks for and print its path."""
    parser = _parser()
    options = vars(parser.parse_args())
    root = options.pop("out")
    if options["cameras"] is not None:
        options["cameras"] = tuple(options["cameras"].split(","))
    if options["description"] == "none":
        options["description"] = None
    faults = defaultdict(list)
    try:
        for given in options.pop("fault"):
            target, fault = _fault(given)
            faults[target].append(fault)
        options["rates"] = {
            camera: float(rate) for camera, _, rate in (r.partition("=") for r in options["rates"])
        }
        rig = Rig(**options, faults={target: tuple(f) for target, f in faults.items()})
    except ValueError as error:
        parser.error(str(error))
    print(render(root, rig))


def _fault(given: str) -> tuple[str, tuple[Fault, float]]:
    """Read `camera:fault` or `camera:fault=amount`."""
    target, _, rest = given.partition(":")
    name, _, amount = rest.partition("=")
    fault = Fault(name)
    return target, (fault, float(amount) if amount else FAULTS[fault].amount)


def _parser() -> argparse.ArgumentParser:
    lines = [
        f"  {fault:<24}{info.description}"
        + (f" ({info.amount:g} {info.unit})" if info.unit else "")
        for fault, info in FAULTS.items()
    ]
    parser = argparse.ArgumentParser(
        prog="python -m rigsim",
        description="Render a recording session as a rig leaves it, with the truth in OUT/.truth.",
        epilog="faults (default amount):\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = Rig()
    add = parser.add_argument
    add("out", type=Path, metavar="OUT", help="root folder of the sessions")
    add("--kind", choices=list(CAMERAS), default=default.kind, help="kind of rig (%(default)s)")
    add("--subject", default=default.subject, help="subject name (%(default)s)")
    add("--date", default=default.date, help="YYYY-MM-DD (%(default)s)")
    add("--number", default=default.number, help="session number (%(default)s)")
    add("--lab", help="write below OUT/LAB/Subjects")
    add("--seconds", type=float, default=default.seconds, help="length of videos (%(default)s)")
    add("--scale", type=float, default=default.scale, help="scale of the frames (%(default)s)")
    add("--cameras", metavar="A,B", help="only these cameras")
    add(
        "--frame-data",
        choices=("bin", "ssv", "ssv_reversed"),
        default=default.frame_data,
        help="form of the embedded frame data (%(default)s)",
    )
    add(
        "--rate",
        action="append",
        default=[],
        dest="rates",
        metavar="CAMERA=HZ",
        help="true rate of a camera; may be repeated",
    )
    add("--unsaved", type=int, help="exposures before the first saved frame (5; camlog 0)")
    add(
        "--fault",
        action="append",
        default=[],
        metavar="CAMERA:FAULT[=AMOUNT]",
        help="may be repeated; CAMERA is a label, or daq for all channels",
    )
    add(
        "--description",
        default=default.description,
        help="version of the experiment description, or none (%(default)s)",
    )
    add("--wiring", choices=("none", "partial", "full"), help="wiring file (none; camlog full)")
    add(
        "--neuropixel",
        choices=("3A", "3B"),
        default=default.neuropixel,
        help="3A: sync of an old probe (%(default)s)",
    )
    add(
        "--daq",
        choices=("arrays", "bin", "cbin"),
        default=default.daq,
        help="sync arrays, or the raw file of SpikeGLX, plain or compressed (%(default)s)",
    )
    add("--no-wheel", dest="wheel", action="store_false", help="do not write the wheel as ALF")
    add("--no-trials", dest="trials", action="store_false", help="do not write the trials as ALF")
    add("--seed", type=int, default=default.seed, help="random seed (%(default)s)")
    return parser


if __name__ == "__main__":
    main()
