"""Measure how right the verdicts are and write bench/ACCURACY.md.

    python -m bench.accuracy [--only PART[,PART...]] [--scale S] [--out FILE]

Needs what bench/coding/README.md names; data that the cache lacks are fetched and made first, which takes an hour or
two. With another scale than 1 the report goes to the cache: it is a trial.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import report
from bench.accuracy import coding, early, flows, ndpi, segments, shipped, verdicts
from bench.coding import fetch, streams
from bench.report import Section
from bench.verdict import material, sides, traffic

REPOSITORY = Path(__file__).resolve().parents[2]

PARTS: Mapping[str, Callable[[float, Path], Section]] = {
    "early": lambda scale, folder: early.opaque(),
    "against": lambda scale, folder: coding.against(scale),
    "start": lambda scale, folder: coding.from_start(scale),
    "traffic": lambda scale, folder: coding.in_traffic(scale),
    "calibration": coding.calibration,
    "power": coding.power,
    "verdicts": lambda scale, folder: verdicts.everything(scale),
    "first": lambda scale, folder: verdicts.first_packets(scale),
    "flows": lambda scale, folder: flows.section(),
    "segments": lambda scale, folder: segments.changes(scale),
    "examples": lambda scale, folder: segments.examples(),
    "ndpi": lambda scale, folder: ndpi.beside(),
}
"""Parts of the report in its order."""


def make_data() -> None:
    """Fetch and make what the cache lacks; what is there is kept."""
    fetch.main()
    streams.main()
    for module, name in ((material, "clear"), (traffic, "traffic"), (sides, "sides")):
        if not any(fetch.folder(name).iterdir()):
            module.main()


def heading() -> list[str]:
    """What was measured on what."""
    model = shipped.stored()
    revision = subprocess.run(
        ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    rows = sum(model["provenance"]["rows"].values())
    return [
        "Written by `make accuracy`; `bench/accuracy/README.md` says what is measured and how to read it.",
        f"- revision: {revision.stdout.strip()}; model of version {model['version']}, trained on "
        f"{rows:,} fragments\n"
        f"- date: {datetime.now(UTC):%Y-%m-%d}; Python {platform.python_version()}, numpy {version('numpy')}\n"
        f"- sources of contents: {len(fetch.TRAIN)} to train on, {len(fetch.TEST)} to test on; "
        "encoders marked * and repositories "
        "of captures are apart as well",
        "Models saw none of what is tested here, unless it says so; choices between them were made while these figures "
        "were seen. Brackets are 95 % intervals over sources.",
    ]


def main(words: Sequence[str]) -> int:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy", description="Measure how right the verdicts are.")
    parser.add_argument(
        "--only", default=",".join(PARTS), help="parts, by comma (default: %(default)s); others keep their figures"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full number of fragments (default 1)")
    parser.add_argument("--out", type=Path, help="where the report goes (default bench/ACCURACY.md)")
    parser.add_argument("--no-data", action="store_true", help="take the data that the cache has, and make none")
    chosen = parser.parse_args(words)
    if not chosen.no_data:
        make_data()
    kept = fetch.folder(f"sections-{chosen.scale:g}")
    out = chosen.out or (REPOSITORY / "bench" / "ACCURACY.md" if chosen.scale == 1 else kept / "ACCURACY.md")
    for name in chosen.only.split(","):
        section = PARTS[name](chosen.scale, out.parent / "accuracy")
        section.measured = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        report.save(section, kept / f"{name}.json")
        print(
            json.dumps({"part": name, "missed": [check.what for check in section.checks if not check.is_met]}),
            flush=True,
        )
        # After every part, so that what was measured is not lost to a later one that fails.
        found = [section for part in PARTS if (section := report.load(kept / f"{part}.json"))]
        out.write_text(report.document(found, heading(), title="Accuracy of the verdicts"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
