"""Command line of the lab: list the classes, or record them."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from lab.catalogue import TrafficClass, choose
from lab.errors import LabError
from lab.manifest import replace_rows
from lab.network import sweep
from lab.stage import Stage


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return 0 if every class was recorded, 1 if one failed, 2 if asked for the impossible."""
    options = _parser().parse_args(argv)
    try:
        chosen = choose(options.only)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    if options.list:
        for one in chosen:
            print(f"{one.name:<14} {one.label:<14} {one.summary}")
        return 0
    if os.geteuid() != 0:
        print("lab: making network namespaces needs root", file=sys.stderr)
        return 2
    for left in sweep():
        print(f"lab: removed {left}, left behind by an earlier run", file=sys.stderr)
    options.out.mkdir(parents=True, exist_ok=True)
    return max([_record(one, options.out) for one in chosen], default=0)


def _record(one: TrafficClass, out: Path) -> int:
    print(f"{one.name} ... ", end="", file=sys.stderr, flush=True)
    try:
        with Stage(client=one.client, server=one.server) as stage:
            one.record(stage)
            stage.deliver(out)
    except LabError as error:
        print(f"failed\nlab: {one.name}: {error}", file=sys.stderr)
        return 1
    replace_rows(out / "manifest.csv", stage.rows)
    print(f"{len(stage.rows)} flows", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description="Make labelled traffic with real programs.")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--list", action="store_true", help="list the classes of traffic")
    action.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="record captures into DIR and their truth into DIR/manifest.csv (needs root)",
    )
    parser.add_argument("--only", nargs="+", metavar="CLASS", help="these classes only (default: all)")
    return parser


if __name__ == "__main__":
    # Without this, a polite `kill` would end the lab before it could take its namespaces down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
